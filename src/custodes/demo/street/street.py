# SPDX-License-Identifier: AGPL-3.0-or-later
"""The street as a camera sees it, picture by picture, and the truth about each picture."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street import light
from custodes.demo.street.cast import Cast, Figure, Shadow
from custodes.demo.street.crowd import Crowd, Kind
from custodes.demo.street.lens import HEIGHT, WIDTH
from custodes.demo.street.scenery import Crown, Plate, Scenery, sway
from custodes.demo.street.scenes import build
from custodes.demo.street.sprite import Stamp

Bytes = NDArray[np.uint8]
Outline = NDArray[np.bool_]

RATE: Final = 25
"""Pictures per second."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """What is seen of one person: boolean arrays (height, width), true where at least half of the pixel is theirs.

    ``body`` includes the head, clothes and what they carry or push; not the bicycle and not the shadow.
    """

    body: Outline
    head: Outline
    kind: Kind


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One picture taken apart. ``picture`` and ``clean`` are I420 (3/2 * height, width), with the same light, trees and
    noise; ``clean`` has neither persons nor vehicles. ``vehicles`` are outlines like those of persons."""

    picture: Bytes
    clean: Bytes
    persons: tuple[Person, ...]
    vehicles: tuple[Outline, ...]


class Street:
    """One camera's view of the street, 1280x720 at 25 pictures per second.

    Every picture depends on ``seed``, ``view`` and its index alone. ``view % 3`` chooses the place (0 a square, 1 a
    shopping street, 2 a tram stop), the rest varies with seed and view. ``crowd``: how many times as many passers-by
    as usual.
    """

    def __init__(self, seed: int, view: int, crowd: float = 1.0) -> None:
        if seed < 0 or view < 0:
            raise ValueError("seed and view must not be negative")
        self._scenery: Scenery = build(seed, view)
        self._crowd = Crowd(seed, view, self._scenery.script.crowded(crowd))
        self._cast = Cast(self._scenery)
        self._mixed: tuple[float, Bytes] | None = None
        lot = np.random.default_rng((seed, view, 90))
        self._shift = float(lot.random())
        self._dice = (seed * 1_000_003 + view) * 2 + 1
        self._grain = light.noise_tile(lot, HEIGHT, WIDTH, light.NOISE_SIGMA)
        self._tint = light.noise_tile(lot, HEIGHT // 2, WIDTH // 2, 0.6)

    def picture(self, index: int) -> Bytes:
        """Picture ``index``: I420, uint8 (1080, 1280), limited range, BT.709."""
        sunshine = self._sunshine(index)
        picture, planes = self._background(index, sunshine)
        self._people(planes, self._figures(index, sunshine))
        self._noise(planes, index)
        return picture

    def truth(self, index: int, width: int = 640, height: int = 360) -> Truth:
        """Picture ``index`` reduced to ``width`` x ``height`` (both even, area averaged per plane) and its parts."""
        if width % 2 or height % 2:
            raise ValueError("width and height must be even")
        sunshine = self._sunshine(index)
        clean, planes = self._background(index, sunshine)
        picture = clean.copy()
        self._noise(planes, index)
        planes = _planes(picture)
        figures = self._figures(index, sunshine)
        self._people(planes, figures)
        self._noise(planes, index)
        persons, vehicles = self._outlines(figures, index, (width, height))
        return Truth(_reduced(picture, width, height), _reduced(clean, width, height), persons, vehicles)

    @property
    def crowd(self) -> Crowd:
        """The timetable, for those who want to know where people are rather than how they look."""
        return self._crowd

    def _sunshine(self, index: int) -> float:
        # In steps far below one luma step, so that the background need not be mixed anew for every picture.
        return round(light.sunshine(index / RATE, self._shift) * 256) / 256

    def _figures(self, index: int, sunshine: float) -> list[Figure]:
        t = index / RATE
        return self._cast.figures(self._crowd.people(t), self._crowd.vehicles(t), sunshine, t)

    def _background(self, index: int, sunshine: float) -> tuple[Bytes, Plate]:
        if self._mixed is None or self._mixed[0] != sunshine:
            background = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
            _blend(self._scenery.sunny, self._scenery.overcast, sunshine, _planes(background))
            self._mixed = (sunshine, background)
        picture = self._mixed[1].copy()
        planes = _planes(picture)
        for crown in self._scenery.crowns:
            _stir(planes, crown, index / RATE, sunshine)
        return picture, planes

    def _people(self, planes: Plate, figures: list[Figure]) -> None:
        for figure in figures:
            if figure.shadow is not None:
                _darken(planes.y, figure.shadow)
        for figure in figures:
            _paste(planes, figure.stamp)

    def _noise(self, planes: Plate, index: int) -> None:
        row, column = light.noise_window(self._dice, index)
        cv2.add(planes.y, self._grain[row : row + HEIGHT, column : column + WIDTH], dst=planes.y)
        for number, plane in enumerate((planes.u, planes.v)):
            row, column = light.noise_window(self._dice + 2 + number, index)
            tile = self._tint[row : row + HEIGHT // 2, column : column + WIDTH // 2]
            cv2.add(plane, tile, dst=plane)

    def _outlines(
        self, figures: list[Figure], index: int, size: tuple[int, int]
    ) -> tuple[tuple[Person, ...], tuple[Outline, ...]]:
        persons: list[tuple[Bytes, Bytes, Kind]] = []
        vehicles: list[Bytes] = []
        for figure in figures:
            for plane in (*(p for body, head, _ in persons for p in (body, head)), *vehicles):
                _hide(plane, figure.stamp)
            layers = self._cast.layers(figure, index / RATE)
            if figure.kind is not None and layers.body is not None and layers.head is not None:
                persons.append((layers.body, layers.head, figure.kind))
            if layers.gear is not None:
                vehicles.append(layers.gear)
        seen = [Person(_half(body, size), _half(head, size), kind) for body, head, kind in persons]
        outlines = [_half(plane, size) for plane in vehicles]
        return tuple(p for p in seen if p.body.any()), tuple(v for v in outlines if v.any())


def _planes(picture: Bytes) -> Plate:
    """Views of the three planes of an I420 picture."""
    chroma = picture[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return Plate(picture[:HEIGHT], chroma[0], chroma[1])


def _blend(sunny: Plate, overcast: Plate, share: float, into: Plate) -> None:
    for one, other, out in (
        (sunny.y, overcast.y, into.y),
        (sunny.u, overcast.u, into.u),
        (sunny.v, overcast.v, into.v),
    ):
        cv2.addWeighted(one, share, other, 1 - share, 0, dst=out)


def _stir(planes: Plate, crown: Crown, t: float, sunshine: float) -> None:
    """Put the foliage of this instant into its rectangle: luma between two phases, all between sun and cloud."""
    first, second, share = sway(crown, t)
    bright, dull = (
        np.asarray(cv2.addWeighted(side[first].y, 1 - share, side[second].y, share, 0), np.uint8)
        for side in (crown.sunny, crown.overcast)
    )
    one, other = crown.sunny[first], crown.overcast[first]
    _mix(bright, dull, sunshine, planes.y, crown.x, crown.y)
    _mix(one.u, other.u, sunshine, planes.u, crown.x // 2, crown.y // 2)
    _mix(one.v, other.v, sunshine, planes.v, crown.x // 2, crown.y // 2)


def _mix(sunny: Bytes, overcast: Bytes, sunshine: float, plane: Bytes, x: int, y: int) -> None:
    height, width = sunny.shape
    cv2.addWeighted(sunny, sunshine, overcast, 1 - sunshine, 0, dst=plane[y : y + height, x : x + width])


def _darken(plane: Bytes, shadow: Shadow) -> None:
    height, width = shadow.strength.shape
    region = plane[shadow.y : shadow.y + height, shadow.x : shadow.x + width]
    cv2.multiply(region, cv2.bitwise_not(shadow.strength), dst=region, scale=1 / 255)


def _paste(planes: Plate, stamp: Stamp) -> None:
    u, v, cover = stamp.chroma
    _over(planes.y, stamp.luma, stamp.cover, stamp.x, stamp.y)
    _over(planes.u, u, cover, stamp.x // 2, stamp.y // 2)
    _over(planes.v, v, cover, stamp.x // 2, stamp.y // 2)


def _over(plane: Bytes, colour: Bytes, cover: Bytes, x: int, y: int) -> None:
    height, width = cover.shape
    region = plane[y : y + height, x : x + width]
    cv2.multiply(region, cv2.bitwise_not(cover), dst=region, scale=1 / 255)
    cv2.add(region, colour, dst=region)


def _hide(plane: Bytes, stamp: Stamp) -> None:
    height, width = stamp.cover.shape
    region = plane[stamp.y : stamp.y + height, stamp.x : stamp.x + width]
    cv2.multiply(region, cv2.bitwise_not(stamp.cover), dst=region, scale=1 / 255)


def _reduced(picture: Bytes, width: int, height: int) -> Bytes:
    planes = _planes(picture)
    y = cv2.resize(planes.y, (width, height), interpolation=cv2.INTER_AREA)
    chroma = [cv2.resize(p, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for p in (planes.u, planes.v)]
    return np.concatenate([y.reshape(-1), *(c.reshape(-1) for c in chroma)]).reshape(height * 3 // 2, width)


def _half(plane: Bytes, size: tuple[int, int]) -> Outline:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA) >= 128, np.bool_)
