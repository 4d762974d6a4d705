# SPDX-License-Identifier: AGPL-3.0-or-later
"""Everything that a view consists of before anybody walks into it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from custodes.demo.street.crowd import Script
from custodes.demo.street.lens import Lens

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Plate:
    """A picture, or a part of one, in planes, all less ``sprite.PEDESTAL``. U and V have half size."""

    y: Bytes
    u: Bytes
    v: Bytes


@dataclass(frozen=True, slots=True)
class Screen:
    """Something fixed that hides whoever is farther away than ``depth``: its coverage (0..255) in a rectangle whose
    top left corner (x, y) and size are even."""

    x: int
    y: int
    cover: Bytes
    depth: float


@dataclass(frozen=True, slots=True)
class Crown:
    """A tree's foliage, moving: for each phase of its sway the rectangle it stirs, in sun and under cloud, and what it
    covers. ``period`` in seconds, ``start`` a phase in cycles."""

    x: int
    y: int
    depth: float
    sunny: tuple[Plate, ...]
    overcast: tuple[Plate, ...]
    covers: tuple[Bytes, ...]
    period: float
    start: float


@dataclass(frozen=True, slots=True)
class Scenery:
    """One view. ``sun`` points to the sun (X, Y, Z); ``lit`` is the share of sunlight that reaches the ground, at a
    quarter of the picture's size, 0..1."""

    lens: Lens
    sun: tuple[float, float, float]
    sunny: Plate
    overcast: Plate
    lit: NDArray[np.float32]
    screens: tuple[Screen, ...]
    crowns: tuple[Crown, ...]
    script: Script


def sway(crown: Crown, t: float) -> tuple[int, int, float]:
    """The two phases between which the foliage is at ``t`` seconds, and how far from the first to the second."""
    count = len(crown.covers)
    cycles = crown.start + t / crown.period + 0.11 * math.sin(2 * math.pi * t / 17.3) + 0.07 * math.sin(t / 2.9)
    where = (cycles % 1.0) * count
    first = int(where) % count
    return first, (first + 1) % count, where - math.floor(where)
