# SPDX-License-Identifier: AGPL-3.0-or-later
"""Colours of the street, and the one region of chroma that it never enters.

Colours are given as sRGB and painted as BT.709, limited range (ITU-R BT.709-6, 3 and 4; BT.1886 transfer implied).
"""

from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]
Yuv = tuple[int, int, int]
Floats32 = NDArray[np.float32]

FORBIDDEN_CHROMA: Final = (142, 142)
"""No pixel of any picture has U >= the first and V >= the second: saturated violet and magenta belong to the mask."""

_MATRIX: Final = np.array(
    [
        [0.182586, 0.614231, 0.062007],
        [-0.100644, -0.338572, 0.439216],
        [0.439216, -0.398942, -0.040274],
    ],
    np.float32,
)
_OFFSET: Final = np.array([16.0, 128.0, 128.0], np.float32)


@cache
def yuv(colour: Rgb) -> Yuv:
    """One sRGB colour as limited-range BT.709."""
    y, u, v = (_MATRIX @ np.array(colour, np.float32) + _OFFSET).round().astype(int)
    return int(y), int(u), int(v)


def yuv_planes(picture: Floats32) -> tuple[Floats32, Floats32, Floats32]:
    """An sRGB picture (h, w, 3), 0..255, as Y (h, w) and U, V (h/2, w/2), not yet rounded."""
    planes = picture @ _MATRIX.T + _OFFSET
    small = planes[..., 1:].reshape(picture.shape[0] // 2, 2, picture.shape[1] // 2, 2, 2).mean(axis=(1, 3))
    return planes[..., 0], small[..., 0], small[..., 1]


@lru_cache(maxsize=4096)
def toned(colour: Rgb, factor: float) -> Rgb:
    """The colour, lighter (> 1) or darker (< 1), clipped."""
    r, g, b = (max(0, min(255, round(c * factor))) for c in colour)
    return r, g, b


def mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    """``share`` of the other colour in the one."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(one, other, strict=True))
    return r, g, b


SKIN: Final[tuple[Rgb, ...]] = ((233, 198, 170), (214, 170, 138), (182, 134, 100), (134, 92, 66), (92, 62, 46))
HAIR: Final[tuple[Rgb, ...]] = (
    (38, 31, 28),
    (66, 48, 36),
    (104, 74, 48),
    (160, 122, 74),
    (168, 164, 158),
    (120, 60, 34),
)
# The last six of the tops and the last four of the bottoms are near the colours of paving and walls on purpose.
TOPS: Final[tuple[Rgb, ...]] = (
    (176, 62, 48),
    (38, 58, 84),
    (222, 178, 84),
    (62, 98, 84),
    (236, 230, 216),
    (46, 46, 50),
    (88, 120, 150),
    (196, 108, 66),
    (104, 112, 74),
    (148, 150, 150),
    (178, 168, 150),
    (160, 150, 136),
    (126, 122, 116),
    (196, 188, 174),
    (140, 134, 120),
)
BOTTOMS: Final[tuple[Rgb, ...]] = (
    (42, 48, 62),
    (58, 72, 98),
    (36, 36, 38),
    (92, 78, 62),
    (74, 80, 70),
    (150, 140, 122),
    (168, 158, 142),
    (128, 124, 118),
    (182, 174, 160),
)
SHOES: Final[tuple[Rgb, ...]] = ((34, 30, 28), (72, 52, 38), (216, 212, 204), (52, 54, 60))
BAGS: Final[tuple[Rgb, ...]] = ((120, 78, 44), (40, 44, 48), (196, 168, 120), (58, 84, 78), (164, 60, 46))
CARS: Final[tuple[Rgb, ...]] = (
    (206, 208, 206),
    (58, 64, 72),
    (34, 36, 40),
    (132, 44, 38),
    (52, 78, 104),
    (176, 172, 160),
    (226, 222, 210),
    (74, 94, 80),
)
