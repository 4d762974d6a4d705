# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shapes turned into small pictures with soft edges, and how these get onto the large one.

Colours are premultiplied by coverage. All planes are kept less ``PEDESTAL``: the noise that is added last carries it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.figure import Sketch, Tag
from custodes.demo.street.palette import yuv

Bytes = NDArray[np.uint8]
Floats32 = NDArray[np.float32]

PEDESTAL = 8
"""What the noise adds back on average."""
_FINE = 2
_LARGE = 40_000
"""Pixels from which on a sprite is drawn without supersampling: lines are smooth anyway."""
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Sprite:
    """A drawing at ``scale`` pixels per metre; ``origin`` is the pixel (x, y) of its point on the ground.

    ``luma`` and ``cover`` have full size, ``chroma`` (U, V, cover) half size. ``sketch`` is kept for ``coverage``.
    """

    scale: float
    origin: tuple[float, float]
    luma: Bytes
    cover: Bytes
    chroma: Bytes
    sketch: Sketch

    @property
    def size(self) -> int:
        """Bytes held."""
        return self.luma.nbytes + self.cover.nbytes + self.chroma.nbytes + self.sketch.points.nbytes


def draw(sketch: Sketch, scale: float) -> Sprite:
    """Rasterise at ``scale`` pixels per metre, supersampled."""
    low = np.floor(sketch.points.min(axis=0) * scale / 4) * 4 - 4
    high = np.ceil(sketch.points.max(axis=0) * scale / 4) * 4 + 4
    width, height = (int(v) for v in high - low)
    fine = _FINE if width * height < _LARGE else 1
    canvas = np.zeros((height * fine, width * fine, 4), np.uint8)
    colours = []
    for shape in sketch.inks:
        y, u, v = yuv(shape.colour)
        colours.append((y - PEDESTAL, u - PEDESTAL, v - PEDESTAL, 255))
    _fill(canvas, sketch, scale, low, colours, fine)
    full = canvas if fine == 1 else cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    half = cv2.resize(full, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    luma, _, _, cover = (np.asarray(p, np.uint8) for p in cv2.split(full))
    chroma = np.ascontiguousarray(np.asarray(half, np.uint8)[..., 1:])
    origin = (float(-low[0]), float(-low[1]))
    return Sprite(scale, origin, luma, cover, chroma, sketch)


def coverage(sprite: Sprite, tags: frozenset[Tag]) -> Bytes:
    """How much of each pixel belongs to parts with one of ``tags`` and is not hidden by other parts, 0..255."""
    height, width = sprite.cover.shape
    canvas = np.zeros((height * _FINE, width * _FINE), np.uint8)
    low = np.array([-sprite.origin[0], -sprite.origin[1]])
    shades = [(255 if shape.tag in tags else 0,) for shape in sprite.sketch.inks]
    _fill(canvas, sprite.sketch, sprite.scale, low, shades, _FINE)
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _fill(
    canvas: Bytes,
    sketch: Sketch,
    scale: float,
    low: NDArray[np.float64],
    colours: Sequence[tuple[int, ...]],
    fine: int,
) -> None:
    fixed = np.rint(((sketch.points * scale - low) * fine - 0.5) * (1 << _SHIFT)).astype(np.int32)
    for shape, colour in zip(sketch.inks, colours, strict=True):
        points = fixed[shape.start : shape.stop]
        if shape.form == "hull":
            cv2.fillConvexPoly(canvas, cv2.convexHull(points), colour, cv2.LINE_AA, _SHIFT)
        elif shape.form == "area":
            cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA, _SHIFT)
        else:
            thickness = max(1, round(shape.width * scale * fine))
            cv2.polylines(canvas, [points], True, colour, thickness, cv2.LINE_AA, _SHIFT)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A sprite scaled and moved to its place: even-aligned, clipped to the picture. Same planes as ``Sprite``."""

    x: int
    y: int
    luma: Bytes
    cover: Bytes
    chroma: tuple[Bytes, Bytes, Bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sprite goes: top left (even) and size (even) in the picture, and the 2x3 map from sprite pixels."""

    x: int
    y: int
    width: int
    height: int
    matrix: Floats32

    @property
    def whole(self) -> bool:
        """True if pixels fall on pixels, of luma and of chroma."""
        (k, _, x), (_, _, y) = self.matrix.tolist()
        return bool(k == 1 and x % 2 == 0 and y % 2 == 0)


def place(sprite: Sprite, at: tuple[float, float], scale: float, frame: tuple[int, int]) -> Place | None:
    """Fit the sprite's ground point to ``at`` in a picture of ``frame`` (width, height); None if nothing is seen."""
    k = scale / sprite.scale
    left, top = at[0] - sprite.origin[0] * k, at[1] - sprite.origin[1] * k
    height, width = sprite.cover.shape
    x0, y0 = max(0, int(left) // 2 * 2 - 2), max(0, int(top) // 2 * 2 - 2)
    x1 = min(frame[0], (int(left + width * k) // 2 + 2) * 2)
    y1 = min(frame[1], (int(top + height * k) // 2 + 2) * 2)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    # Pixel centres: centre c of the sprite lies at k * (c + 0.5) - 0.5.
    half = 0.5 * k - 0.5
    matrix = np.array([[k, 0, left - x0 + half], [0, k, top - y0 + half]], np.float32)
    return Place(x0, y0, x1 - x0, y1 - y0, matrix)


def warp(plane: Bytes, spot: Place) -> Bytes:
    """One full-size plane of the sprite on its place."""
    if spot.whole:
        return _moved(plane, spot, 1)
    return np.asarray(cv2.warpAffine(plane, spot.matrix, (spot.width, spot.height)), np.uint8)


def _moved(plane: Bytes, spot: Place, half: int) -> Bytes:
    """The plane (of half size if ``half`` is 2) moved by whole pixels and cut to the place."""
    height, width = plane.shape[:2]
    x, y = (int(v) // half for v in spot.matrix[:, 2])
    result = np.zeros((spot.height // half, spot.width // half, *plane.shape[2:]), np.uint8)
    right, bottom = min(result.shape[1], x + width), min(result.shape[0], y + height)
    left, top = max(0, x), max(0, y)
    result[top:bottom, left:right] = plane[top - y : bottom - y, left - x : right - x]
    return result


def stamp(sprite: Sprite, spot: Place) -> Stamp:
    """The whole sprite on its place."""
    if spot.whole:
        u, v, cover = (np.asarray(p, np.uint8) for p in cv2.split(_moved(sprite.chroma, spot, 2)))
        return Stamp(spot.x, spot.y, warp(sprite.luma, spot), warp(sprite.cover, spot), (u, v, cover))
    k = spot.matrix[0, 0]
    half = spot.matrix.copy()
    # The same map between planes of half size: centres again.
    for axis in (0, 1):
        offset = spot.matrix[axis, 2] - (0.5 * k - 0.5)
        half[axis, 2] = offset / 2 + 0.5 * k - 0.5
    chroma = cv2.warpAffine(sprite.chroma, half, (spot.width // 2, spot.height // 2))
    u, v, cover = (np.asarray(p, np.uint8) for p in cv2.split(chroma))
    return Stamp(spot.x, spot.y, warp(sprite.luma, spot), warp(sprite.cover, spot), (u, v, cover))
