# SPDX-License-Identifier: AGPL-3.0-or-later
"""From the timetable to the picture: each person and vehicle drawn, put in place, lit, and hidden by what is nearer."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street import figure as drawing
from custodes.demo.street import vehicles as traffic
from custodes.demo.street.crowd import Somebody, Vehicle
from custodes.demo.street.figure import Aspect, Outfit
from custodes.demo.street.lens import HEIGHT, WIDTH, Floats
from custodes.demo.street.poses import Pose
from custodes.demo.street.scenery import Scenery, sway
from custodes.demo.street.sprite import Place, Sprite, Stamp, coverage, draw, place, stamp, warp

Bytes = NDArray[np.uint8]
Planes = tuple[Bytes, ...]

_CACHE_BYTES: Final = 24 << 20
_TURNS: Final = 32
_DEPTHS: Final = 4
"""Sprites are drawn for depths in steps of 2^(1/4) and scaled down to the exact one."""
_IN_SHADE: Final = 0.80
_UNDER_CLOUD: Final = 0.88
_SHADOW: Final = 0.36
_CONTACT: Final = 0.42
_SILHOUETTES: Final = 1024
_UNMOVED: Final = np.eye(2, 3, dtype=np.float32)
_AROUND: Final = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_RING: Final = np.stack([np.cos(_AROUND), np.sin(_AROUND)], axis=1)


@dataclass(frozen=True, slots=True)
class Shadow:
    """How much to darken a rectangle at (x, y): 255 is black."""

    x: int
    y: int
    strength: Bytes


@dataclass(frozen=True, slots=True)
class Figure:
    """One person or vehicle, ready to be pasted; ``who`` is None for vehicles."""

    who: Somebody | None
    depth: float
    sprite: Sprite
    place: Place
    stamp: Stamp
    shadow: Shadow | None


@dataclass(frozen=True, slots=True)
class Layers:
    """Coverage (0..255) of the whole picture by a figure's parts, as far as fixed things do not hide them."""

    body: Bytes | None
    head: Bytes | None
    gear: Bytes | None


class Cast:
    """Draws the figures of one view; keeps recent drawings."""

    def __init__(self, scenery: Scenery) -> None:
        self._scenery = scenery
        self._lens = scenery.lens
        self._sprites: OrderedDict[tuple[Outfit, Pose, int, int], Sprite] = OrderedDict()
        self._held = 0
        self._silhouettes: OrderedDict[tuple[Outfit, Pose, int], list[Floats]] = OrderedDict()
        x, y, z = scenery.sun
        self._sun = (x * 0.9, -y * 0.9)
        self._cast_by = (-x / y, -z / y)

    def figures(self, people: list[Somebody], vehicles: list[Vehicle], sunshine: float, t: float) -> list[Figure]:
        """Everybody and everything in the picture, the farthest first."""
        found = [self._person(p, sunshine, t) for p in people] + [self._vehicle(v, sunshine, t) for v in vehicles]
        return sorted((f for f in found if f is not None), key=lambda f: -f.depth)

    def layers(self, figure: Figure, t: float) -> Layers:
        """Take a figure apart."""

        def plane(cover: Bytes) -> Bytes:
            self._hide((cover,), (), figure.place, figure.depth, t)
            full = np.zeros((HEIGHT, WIDTH), np.uint8)
            spot = figure.place
            full[spot.y : spot.y + spot.height, spot.x : spot.x + spot.width] = cover
            return full

        if figure.who is None:
            return Layers(None, None, plane(warp(figure.sprite.cover, figure.place)))
        head = plane(warp(coverage(figure.sprite, frozenset({"head"})), figure.place))
        if figure.who.kind != "cycling":
            return Layers(plane(warp(figure.sprite.cover, figure.place)), head, None)
        body = plane(warp(coverage(figure.sprite, frozenset({"head", "body"})), figure.place))
        gear = plane(warp(coverage(figure.sprite, frozenset({"gear"})), figure.place))
        return Layers(body, head, gear)

    def _person(self, person: Somebody, sunshine: float, t: float) -> Figure | None:
        z = person.z
        at = self._lens.ground(person.x, z)
        scale = self._lens.scale(z)
        reach = 1.6 * scale
        if not (-reach < at[0] < WIDTH + reach and 0 < at[1] - 2.2 * scale < HEIGHT):
            return None
        sprite = self._sprite(person)
        spot = place(sprite, at, scale, (WIDTH, HEIGHT))
        if spot is None:
            return None
        lit = self._lit(at) * sunshine
        shape = stamp(sprite, spot)
        self._light(shape, lit, sunshine)
        self._hide((shape.luma, shape.cover), shape.chroma, spot, z, t)
        return Figure(person, z, sprite, spot, shape, self._person_shadow(person, lit, t))

    def _vehicle(self, vehicle: Vehicle, sunshine: float, t: float) -> Figure | None:
        at = self._lens.ground(vehicle.x, vehicle.z)
        scale = self._lens.scale(vehicle.z)
        reach = (traffic.length(vehicle.model) / 2 + 1) * scale
        if not -reach < at[0] < WIDTH + reach:
            return None
        # Drawn where it stands to the fraction of a pixel, so that it need not be resampled.
        even = (math.floor(at[0] / 2) * 2.0, math.floor(at[1] / 2) * 2.0)
        sketch = traffic.sketch(vehicle, self._lens)
        shift = np.array([at[0] - even[0], at[1] - even[1]], np.float32) / np.float32(scale)
        sprite = draw(replace(sketch, points=sketch.points + shift), scale)
        spot = place(sprite, even, scale, (WIDTH, HEIGHT))
        if spot is None:
            return None
        lit = self._lit(at) * sunshine
        shape = stamp(sprite, spot)
        self._light(shape, lit, sunshine)
        self._hide((shape.luma, shape.cover), shape.chroma, spot, vehicle.z, t)
        return Figure(None, vehicle.z, sprite, spot, shape, self._vehicle_shadow(vehicle, lit, t))

    def _sprite(self, person: Somebody) -> Sprite:
        # Seen from the side, a body shows less of its front: turn it as the line of sight is turned.
        turn = person.heading - math.atan2(-person.x, person.z)
        turns = round(turn / (2 * math.pi) * _TURNS) % _TURNS
        step = math.floor(math.log2(person.z) * _DEPTHS)
        key = (person.outfit, person.pose, turns, step)
        sprite = self._sprites.get(key)
        if sprite is not None:
            self._sprites.move_to_end(key)
            return sprite
        depth = 2 ** (step / _DEPTHS)
        aspect = Aspect(turns * 2 * math.pi / _TURNS, self._lens.height, depth, self._sun)
        sprite = draw(drawing.sketch(person.outfit, person.pose, aspect), self._lens.scale(depth))
        self._sprites[key] = sprite
        self._held += sprite.size
        while self._held > _CACHE_BYTES:
            self._held -= self._sprites.popitem(last=False)[1].size
        return sprite

    def _lit(self, at: tuple[float, float]) -> float:
        lit = self._scenery.lit
        row = min(max(int(at[1]) // 4, 0), lit.shape[0] - 1)
        column = min(max(int(at[0]) // 4, 0), lit.shape[1] - 1)
        return float(lit[row, column])

    @staticmethod
    def _light(shape: Stamp, lit: float, sunshine: float) -> None:
        open_sky = _UNDER_CLOUD + (_IN_SHADE - _UNDER_CLOUD) * sunshine
        gain = open_sky + (1.0 - _IN_SHADE) * lit
        cv2.convertScaleAbs(shape.luma, dst=shape.luma, alpha=min(gain, 1.0))

    def _hide(self, planes: Planes, chroma: Planes, spot: Place, depth: float, t: float) -> None:
        """Take away, in place, what fixed things before ``depth`` cover; ``chroma`` planes have half size."""
        right, bottom = spot.x + spot.width, spot.y + spot.height
        nearer = [(s.x, s.y, s.cover) for s in self._scenery.screens if s.depth < depth]
        nearer += [(c.x, c.y, c.covers[sway(c, t)[0]]) for c in self._scenery.crowns if c.depth < depth]
        for x, y, cover in nearer:
            height, width = cover.shape
            x0, x1 = max(x, spot.x), min(x + width, right)
            y0, y1 = max(y, spot.y), min(y + height, bottom)
            if x1 - x0 < 2 or y1 - y0 < 2:
                continue
            left = cv2.bitwise_not(cover[y0 - y : y1 - y, x0 - x : x1 - x])
            for plane in planes:
                region = plane[y0 - spot.y : y1 - spot.y, x0 - spot.x : x1 - spot.x]
                cv2.multiply(region, left, dst=region, scale=1 / 255)
            if chroma:
                left = cv2.resize(left, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            for plane in chroma:
                region = plane[(y0 - spot.y) // 2 : (y1 - spot.y) // 2, (x0 - spot.x) // 2 : (x1 - spot.x) // 2]
                cv2.multiply(region, left, dst=region, scale=1 / 255)

    def _person_shadow(self, person: Somebody, lit: float, t: float) -> Shadow | None:
        marks = [_spot(person)]
        if lit > 0.04:
            marks += self._silhouette(person.outfit, person.pose, round(person.heading / (2 * math.pi) * 2 * _TURNS))
        flat = np.concatenate(marks) + np.array([person.x, person.z])
        shapes = np.split(self._floor(flat), np.cumsum([len(m) for m in marks])[:-1])
        return self._shadow(shapes[1:], person.z, t, _SHADOW * lit, contact=shapes[0])

    def _silhouette(self, outfit: Outfit, pose: Pose, turns: int) -> list[Floats]:
        """Convex pieces of the shadow on the ground, (n, 2) each: metres X, Z from where the person is."""
        key = (outfit, pose, turns)
        found = self._silhouettes.get(key)
        if found is None:
            found = self._silhouettes[key] = self._thrown(*key)
            if len(self._silhouettes) > _SILHOUETTES:
                self._silhouettes.popitem(last=False)
        return found

    def _thrown(self, outfit: Outfit, pose: Pose, turns: int) -> list[Floats]:
        segments, radii = drawing.bones(outfit, pose)
        heading = turns * math.pi / _TURNS
        cos, sin = math.cos(heading), math.sin(heading)
        forward, left, up = segments[..., 0], segments[..., 1], segments[..., 2]
        across = forward * cos - left * sin + up * self._cast_by[0]
        away = forward * sin + left * cos + up * self._cast_by[1]
        rings = np.stack([across, away], axis=-1)[:, :, None, :] + radii[:, None, None, None] * _RING
        return [cv2.convexHull(r.reshape(-1, 2).astype(np.float32)).reshape(-1, 2).astype(float) for r in rings]

    def _vehicle_shadow(self, vehicle: Vehicle, lit: float, t: float) -> Shadow | None:
        corners = traffic.footprint(vehicle)
        flat = corners[:, ::2] + corners[:, 1:2] * np.array(self._cast_by)
        shape = self._floor(cv2.convexHull(flat.astype(np.float32)).reshape(-1, 2).astype(float))
        return self._shadow([shape], vehicle.z, t, 0.30 + 0.25 * lit, soft=5)

    def _floor(self, flat: Floats) -> Floats:
        """Picture points of points on the ground (X, Z)."""
        scale = self._lens.focal / np.maximum(flat[:, 1], 2.0)
        picture = np.empty_like(flat)
        picture[:, 0] = self._lens.centre + flat[:, 0] * scale
        picture[:, 1] = self._lens.horizon + self._lens.height * scale
        return picture

    def _shadow(
        self,
        shapes: list[Floats],
        depth: float,
        t: float,
        strength: float,
        *,
        soft: int = 3,
        contact: Floats | None = None,
    ) -> Shadow | None:
        every = np.concatenate(shapes if contact is None else [*shapes, contact])
        x0, y0 = (max(0, int(v) // 2 * 2 - 6) for v in every.min(axis=0))
        x1, y1 = (min(limit, int(v) // 2 * 2 + 8) for v, limit in zip(every.max(axis=0), (WIDTH, HEIGHT), strict=True))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        corner = np.array([x0, y0])
        if contact is not None:
            _fill(mask, contact - corner, round(255 * _CONTACT))
            mask = np.asarray(cv2.blur(mask, (7, 5)), np.uint8)
        for shape in shapes:
            _fill(mask, shape - corner, round(255 * strength))
        mask = np.asarray(cv2.blur(mask, (soft, soft)), np.uint8)
        self._hide((mask,), (), Place(x0, y0, x1 - x0, y1 - y0, _UNMOVED), depth, t)
        return Shadow(x0, y0, mask)


def _spot(person: Somebody) -> Floats:
    """The ground that the feet keep dark."""
    wide = 0.17 * person.outfit.stature
    return np.asarray(_RING * np.array([wide, 0.8 * wide]), float)


def _fill(mask: Bytes, points: Floats, value: float) -> None:
    cv2.fillConvexPoly(mask, np.rint(points * 16).astype(np.int32), (value,), cv2.LINE_AA, 4)
