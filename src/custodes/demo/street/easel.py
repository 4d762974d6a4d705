# SPDX-License-Identifier: AGPL-3.0-or-later
"""A canvas of twice the picture's size, on which the scenery is painted once: colour and sunlight apart.

``colour`` is what things are painted in (sRGB), ``sun`` how much sunlight falls on them, ``dim`` how much of all light
reaches corners, and ``solid`` where there is anything before the sky. ``finish`` brings them together, once for a sunny
and once for a cloudy moment.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.lens import HEIGHT, WIDTH, Floats, Lens
from custodes.demo.street.palette import Rgb, mixed, yuv_planes
from custodes.demo.street.scenery import Plate, Screen
from custodes.demo.street.sprite import PEDESTAL

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]
Span = tuple[float, float]
Points = Sequence[tuple[float, float, float]] | Floats

FINE: Final = 2
SHIFT: Final = 4
HAZE: Final = (214, 216, 214)
SHADE: Final = np.array([0.615, 0.645, 0.70], np.float32)
"""Light from the sky alone."""
SUNLIGHT: Final = np.array([0.49, 0.44, 0.355], np.float32)
_CLOUD_SHADE: Final = 1.03
_CLOUD_SUN: Final = 0.58


class Easel:
    """Paints in world coordinates through a lens."""

    def __init__(self, lens: Lens, sun: tuple[float, float, float]) -> None:
        self.lens = lens
        self.fine = lens.enlarged(FINE)
        self.sun_at = np.array(sun) / np.linalg.norm(sun)
        size = (HEIGHT * FINE, WIDTH * FINE)
        self.colour = np.zeros((*size, 3), np.uint8)
        self.sun = np.zeros(size, np.uint8)
        self.solid = np.zeros(size, np.uint8)
        self.dim = np.full((HEIGHT, WIDTH), 255, np.uint8)
        self.screens: list[Screen] = []
        self._mask: Bytes | None = None

    def facing(self, x: float, y: float, z: float) -> float:
        """How much sun a surface with this normal gets, 0..1 (1 at 50° or steeper)."""
        normal = np.array([x, y, z]) / np.sqrt(x * x + y * y + z * z)
        return float(np.clip(normal @ self.sun_at / 0.64, 0.0, 1.0))

    def fill(self, points: Points, colour: Rgb, sun: float, haze: float = 0.0) -> None:
        """A flat polygon of world points. ``haze`` is the share of distance in its colour."""
        self.fill_flat(self.fine.project(np.asarray(points, float)), colour, sun, haze)

    def upright(self, x: Span, y: Span, z: float, colour: Rgb, sun: float, haze: float = 0.0) -> None:
        """A rectangle that looks at the camera, at depth ``z``."""
        self.fill([(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)], colour, sun, haze)

    def level(self, x: Span, y: float, z: Span, colour: Rgb, sun: float, haze: float = 0.0) -> None:
        """A level rectangle at height ``y``."""
        self.fill([(x[0], y, z[0]), (x[1], y, z[0]), (x[1], y, z[1]), (x[0], y, z[1])], colour, sun, haze)

    def fill_flat(self, flat: Floats, colour: Rgb, sun: float, haze: float = 0.0) -> None:
        """A polygon in pixels of the canvas."""
        fixed = np.rint((flat - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(self.colour, [fixed], mixed(colour, HAZE, haze), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.sun, [fixed], (round(sun * 255),), cv2.LINE_AA, SHIFT)
        for canvas in (self.solid, self._mask):
            if canvas is not None:
                cv2.fillPoly(canvas, [fixed], (255,), cv2.LINE_AA, SHIFT)

    def line(self, points: Points, colour: Rgb, width: float, sun: float) -> None:
        """An open line, ``width`` metres thick at its mean depth."""
        world = np.asarray(points, float)
        fixed = np.rint((self.fine.project(world) - 0.5) * (1 << SHIFT)).astype(np.int32)
        thick = max(1, round(width * self.fine.scale(float(world[:, 2].mean()))))
        cv2.polylines(self.colour, [fixed], False, colour, thick, cv2.LINE_AA, SHIFT)
        cv2.polylines(self.sun, [fixed], False, (round(sun * 255),), thick, cv2.LINE_AA, SHIFT)
        for canvas in (self.solid, self._mask):
            if canvas is not None:
                cv2.polylines(canvas, [fixed], False, (255,), thick, cv2.LINE_AA, SHIFT)

    def hang(self, picture: Bytes, corners: Points, sun: float, haze: float = 0.0, cover: Bytes | None = None) -> None:
        """A picture on a flat rectangle of the world: corners top left, top right, bottom right, bottom left."""
        height, width = picture.shape[:2]
        source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
        flat = self.fine.project(np.asarray(corners, float)).astype(np.float32) - 0.5
        low = np.maximum(np.floor(flat.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(np.ceil(flat.max(axis=0)).astype(int) + 2, [WIDTH * FINE, HEIGHT * FINE])
        if (high <= low).any():
            return
        size = (int(high[0] - low[0]), int(high[1] - low[1]))
        matrix = cv2.getPerspectiveTransform(source, flat - low.astype(np.float32))
        paint = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if haze:
            paint = cv2.addWeighted(paint, 1 - haze, np.full_like(paint, 1) * np.array(HAZE, np.uint8), haze, 0)
        mask = np.zeros((size[1], size[0]), np.uint8)
        if cover is None:
            fixed = np.rint((flat - low) * (1 << SHIFT)).astype(np.int32)
            cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_AA, SHIFT)
        else:
            mask = np.asarray(cv2.warpPerspective(cover, matrix, size), np.uint8)
        area = (slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))
        over(self.colour[area], np.asarray(paint, np.uint8), mask)
        over(self.sun[area], np.full_like(mask, round(sun * 255)), mask)
        for canvas in (self.solid, self._mask):
            if canvas is not None:
                np.maximum(canvas[area], mask, out=canvas[area])

    def box(
        self, x: float, y: float, z: float, size: tuple[float, float, float], colour: Rgb, sun: float = 1.0
    ) -> None:
        """A cuboid: ``x`` its middle, ``y`` its underside, ``z`` its near side; ``size`` across, up, away."""
        w, h, d = size
        left, right, top, far = x - w / 2, x + w / 2, y + h, z + d
        if left > 0:
            side = [(left, y, z), (left, top, z), (left, top, far), (left, y, far)]
            self.fill(side, colour, self.facing(-1, 0, 0) * sun)
        elif right < 0:
            side = [(right, y, z), (right, top, z), (right, top, far), (right, y, far)]
            self.fill(side, colour, self.facing(1, 0, 0) * sun)
        if top < self.lens.height:
            self.level((left, right), top, (z, far), colour, self.facing(0, 1, 0) * sun)
        self.upright((left, right), (y, top), z, colour, self.facing(0, 0, -1) * sun)

    def post(self, x: float, z: float, rise: tuple[float, float], radius: float, colour: Rgb, sun: float = 1.0) -> None:
        """An upright cylinder, shaded round, from height ``rise[0]`` to ``rise[1]``."""
        for low, high, light in ((-1.0, -0.5, 0.55), (-0.5, 0.1, 0.95), (0.1, 0.6, 0.6), (0.6, 1.0, 0.2)):
            a, b = x + low * radius, x + high * radius
            self.upright((a, b), (rise[0], rise[1]), z, colour, light * sun)

    def corner(self, points: Points, strength: float, soft: int) -> None:
        """Less light of any kind on a polygon with soft edges: under things, along walls."""
        flat = self.lens.project(np.asarray(points, float))
        self.dim = _dimmed(self.dim, [flat], strength, soft)

    @contextmanager
    def thing(self, depth: float) -> Iterator[None]:
        """What is painted inside hides people farther away than ``depth``."""
        self._mask = np.zeros_like(self.solid)
        yield
        mask, self._mask = self._mask, None
        x, y, w, h = cv2.boundingRect(mask)
        x0, y0 = x // (2 * FINE) * 2, y // (2 * FINE) * 2
        x1, y1 = min(WIDTH, ((x + w) // FINE + 3) // 2 * 2), min(HEIGHT, ((y + h) // FINE + 3) // 2 * 2)
        part = mask[y0 * FINE : y1 * FINE, x0 * FINE : x1 * FINE]
        if part.size:
            small = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
            self.screens.append(Screen(x0, y0, np.asarray(small, np.uint8), depth))

    def finish(self, sky: Floats32) -> tuple[Plate, Plate]:
        """The picture in sun and under a cloud; ``sky`` (HEIGHT, WIDTH, 3) stands behind everything."""
        size = (WIDTH, HEIGHT)
        colour = np.asarray(cv2.resize(self.colour, size, interpolation=cv2.INTER_AREA), np.float32)
        sun = np.asarray(cv2.resize(self.sun, size, interpolation=cv2.INTER_AREA), np.float32)[..., None] / 255
        solid = np.asarray(cv2.resize(self.solid, size, interpolation=cv2.INTER_AREA), np.float32)[..., None] / 255
        colour *= self.dim[..., None].astype(np.float32) / 255
        plates = []
        for shade, share, veil in ((1.0, 1.0, 0.0), (_CLOUD_SHADE, _CLOUD_SUN, 0.35)):
            lit = colour * (SHADE * shade + SUNLIGHT * share * sun)
            dull = sky + veil * (np.array([196, 200, 204], np.float32) - sky)
            plates.append(plate(np.asarray(lit * solid + dull * (1 - solid), np.float32)))
        return plates[0], plates[1]

    def sunlit_ground(self) -> Floats32:
        """The share of sunlight, smoothed, at a quarter of the picture's size."""
        small = cv2.resize(self.sun, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
        level = np.asarray(cv2.blur(small, (7, 3)), np.float32) / 255
        return np.minimum(level / max(self.facing(0, 1, 0), 1e-3), 1.0)


def plate(picture: Floats32) -> Plate:
    """An sRGB picture as planes, less PEDESTAL."""
    y, u, v = (np.clip(np.rint(p), 16, 240).astype(np.uint8) - PEDESTAL for p in yuv_planes(picture))
    return Plate(y, u, v)


def over(canvas: Bytes, paint: Bytes, mask: Bytes) -> None:
    """Paint through a mask (0..255), in place."""
    cover = mask if canvas.ndim == 2 else cv2.merge([mask] * 3)
    kept = cv2.multiply(canvas, cv2.bitwise_not(cover), scale=1 / 255)
    canvas[:] = cv2.add(kept, cv2.multiply(paint, cover, scale=1 / 255))


def _dimmed(canvas: Bytes, shapes: list[Floats], strength: float, soft: int) -> Bytes:
    mask = np.zeros(canvas.shape, np.uint8)
    for shape in shapes:
        cv2.fillPoly(mask, [np.rint(shape * 16).astype(np.int32)], (round(255 * strength),), cv2.LINE_AA, 4)
    if soft > 1:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft / 2), np.uint8)
    return np.asarray(cv2.multiply(canvas, cv2.bitwise_not(mask), scale=1 / 255), np.uint8)


def cast_shadows(easel: Easel, shapes: list[Floats], soft: float, strength: float = 1.0) -> None:
    """Take the sun from ground polygons (picture pixels, one shade where they overlap), edges ``soft`` pixels wide."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for shape in shapes:
        cv2.fillPoly(mask, [np.rint(shape * 16).astype(np.int32)], (round(255 * strength),), cv2.LINE_AA, 4)
    if soft:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.uint8)
    big = cv2.resize(cv2.bitwise_not(mask), (WIDTH * FINE, HEIGHT * FINE), interpolation=cv2.INTER_LINEAR)
    easel.sun = np.asarray(cv2.multiply(easel.sun, big, scale=1 / 255), np.uint8)
