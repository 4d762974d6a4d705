# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much of the street's people the served pictures showed, measured against the exact truth.

A person is exposed in a picture when more than 5 % of the pixels of the head or of the visible body are. A pixel is
exposed where the true person and the clean background differ by more than 12 luma steps and the picture served is
nearer to the person than to everything that the empty place may look like there: foliage sways, and lens and codec
displace an edge by a pixel (``docs/adr/0016``). A pixel that shows a mask's constant colour shows nothing, whichever of
the two that colour is nearer to, so it is not counted; mask colours are recognised in the served picture itself, never
taken from the masker.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from custodes.demo.street import Truth
from custodes.video.mask.palette import is_covered as is_covered
from custodes.video.mask.palette import mask_pixels

LUMA_STEPS = 12
EXPOSED_SHARE = 0.05
NEAR_PX = 24
_PIXEL = np.ones((3, 3), np.uint8)

Bits = NDArray[np.bool_]


@dataclass(slots=True)
class Exposure:
    """Counts over pictures. Areas are pixels of pictures that are not wholly covered."""

    pictures: int = 0
    covered: int = 0
    person_frames: int = 0
    exposed: int = 0
    area: int = 0
    false_masked: int = 0

    def add(self, other: "Exposure") -> None:
        """Add another camera's counts."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One served picture that is not covered: whether each person of the truth is exposed, in the truth's order, which
    pixels show a mask, and which of those are more than 24 px away from every person and vehicle (height x width)."""

    exposed: tuple[bool, ...]
    masked: Bits
    false_masked: Bits


def judge(served: bytes, truth: Truth, width: int, height: int) -> Verdict:
    """Compare one served picture (I420), not covered, with the truth."""
    luma = width * height
    shown = np.frombuffer(served, np.uint8)[:luma].reshape(height, width).astype(np.int16)
    person = truth.picture.reshape(-1)[:luma].reshape(height, width).astype(np.int16)
    clean = truth.clean.reshape(-1)[:luma].reshape(height, width).astype(np.int16)
    masked = mask_pixels(served, width, height)
    low, high = cv2.erode(truth.darkest, _PIXEL).astype(np.int16), cv2.dilate(truth.brightest, _PIXEL).astype(np.int16)
    off_place = np.maximum(np.maximum(low - shown, shown - high), 0)
    leaked = (np.abs(person - clean) > LUMA_STEPS) & (np.abs(shown - person) < off_place) & ~masked
    exposed = tuple(_shares(leaked, each.head) or _shares(leaked, each.body) for each in truth.persons)
    far = _far([each.body for each in truth.persons], truth.vehicles, masked)
    return Verdict(exposed, masked, masked & far)


def measure(count: Exposure, served: bytes, truth: Truth, width: int, height: int) -> None:
    """Add one served picture that is not covered."""
    verdict = judge(served, truth, width, height)
    count.person_frames += len(verdict.exposed)
    count.exposed += sum(verdict.exposed)
    count.area += width * height
    count.false_masked += int(verdict.false_masked.sum())


def _shares(leaked: Bits, part: Bits) -> bool:
    return bool(np.count_nonzero(leaked & part) > EXPOSED_SHARE * np.count_nonzero(part))


def _far(persons: Iterable[Bits], vehicles: Iterable[Bits], like: Bits) -> Bits:
    """Where the nearest true person or vehicle is more than 24 px away."""
    free = np.ones(like.shape, np.uint8)
    for outline in (*persons, *vehicles):
        free[outline] = 0
    if free.all():
        return np.ones(like.shape, np.bool_)
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5) > NEAR_PX)
