# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much of the street's people the served pictures showed, measured against the exact truth.

A person is exposed in a picture when more than 5 % of the pixels of the head or of the visible body are. A pixel is
exposed where the true person and the clean background differ by more than 12 luma steps and the picture served is
nearer to the person. A pixel that shows a mask's constant colour shows nothing, whichever of the two that colour is
nearer to, so it is not counted; mask colours are recognised in the served picture itself, never taken from the masker.
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


def measure(count: Exposure, served: bytes, truth: Truth, width: int, height: int) -> None:
    """Add one served picture that is not covered."""
    luma = width * height
    shown = np.frombuffer(served, np.uint8)[:luma].reshape(height, width).astype(np.int16)
    person = truth.picture.reshape(-1)[:luma].reshape(height, width).astype(np.int16)
    clean = truth.clean.reshape(-1)[:luma].reshape(height, width).astype(np.int16)
    masked = mask_pixels(served, width, height)
    leaked = (np.abs(person - clean) > LUMA_STEPS) & (np.abs(shown - person) < np.abs(shown - clean)) & ~masked
    for each in truth.persons:
        count.person_frames += 1
        parts = [part for part in (each.head, each.body) if part.any()]
        count.exposed += any(leaked[part].sum() > EXPOSED_SHARE * part.sum() for part in parts)
    count.area += luma
    count.false_masked += int((masked & _far([person.body for person in truth.persons], truth.vehicles, masked)).sum())


def _far(persons: Iterable[Bits], vehicles: Iterable[Bits], like: Bits) -> Bits:
    """Where the nearest true person or vehicle is more than 24 px away."""
    free = np.ones(like.shape, np.uint8)
    for outline in (*persons, *vehicles):
        free[outline] = 0
    if free.all():
        return np.ones(like.shape, np.bool_)
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5) > NEAR_PX)
