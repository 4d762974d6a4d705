# SPDX-License-Identifier: AGPL-3.0-or-later
"""The colours of masks and covers, and how to recognise them in a picture that was encoded and decoded again.

Values are Y, Cb, Cr of BT.709, limited range. They are calm to look at and lie where the light of streets and rooms
does not go: strong violet for people and for whatever changed, petrol for vehicles, dark petrol for privacy zones.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = NDArray[np.bool_]


class Colour(NamedTuple):
    """One colour, 8 bit per component."""

    y: int
    u: int
    v: int


PERSON = Colour(99, 180, 152)
VEHICLE = Colour(103, 146, 72)
ZONE = Colour(66, 146, 72)
COVER = Colour(38, 132, 126)
CHANGED = Colour(170, 46, 168)
"""The outline, in the steward's picture, of what has changed since it was last certified: amber."""

_LUMA_SLACK = 40
_CHROMA_SLACK = 20
_COVER_SLACK = 10


def mask_pixels(i420: bytes, width: int, height: int) -> Bits:
    """Return, per luma pixel (height x width), whether a mask's colour is shown; forgiving to compression at edges."""
    luma, chroma = width * height, (width // 2) * (height // 2)
    flat = np.frombuffer(i420, np.uint8)
    y = flat[:luma].reshape(height, width).astype(np.int16)
    u = flat[luma : luma + chroma].reshape(height // 2, width // 2).astype(np.int16)
    v = flat[luma + chroma :].reshape(height // 2, width // 2).astype(np.int16)
    found = np.zeros((height, width), np.bool_)
    for colour in (PERSON, VEHICLE, ZONE):
        near = (np.abs(u - colour.u) <= _CHROMA_SLACK) & (np.abs(v - colour.v) <= _CHROMA_SLACK)
        found |= near.repeat(2, 0).repeat(2, 1) & (np.abs(y - colour.y) <= _LUMA_SLACK)
    return found


def is_covered(i420: bytes, width: int, height: int) -> bool:
    """True if the whole picture is the constant colour of a cover."""
    flat = np.frombuffer(i420, np.uint8)
    luma, chroma = width * height, width * height // 4
    planes = (flat[:luma], flat[luma : luma + chroma], flat[luma + chroma :])
    return all(
        int(plane.min()) >= level - _COVER_SLACK and int(plane.max()) <= level + _COVER_SLACK
        for plane, level in zip(planes, COVER, strict=True)
    )
