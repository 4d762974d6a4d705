# SPDX-License-Identifier: AGPL-3.0-or-later
"""From changes and detections to the blocks that are masked: widened, held, closed, and coarse.

Changes are widened by a cell of 8 pixels, held for a second and shown in blocks of 16.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.video.mask import palette
from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.grid import Bits, Grid, Planes, filled, in_blocks, linked, widened
from custodes.video.mask.reference import Change
from custodes.video.mask.tuning import Tuning


@dataclass(frozen=True)
class Mask:
    """Which blocks are masked, and which of those show a vehicle's colour."""

    blocks: Bits
    vehicles: Bits


class Silhouettes:
    """The mask of one camera over time."""

    def __init__(self, grid: Grid, tuning: Tuning) -> None:
        self._grid, self._tuning = grid, tuning
        self._boxes: list[Box] = []
        self._age = 0
        self._changed = np.zeros(grid.shape, np.int64)
        self._people = np.zeros(grid.shape, np.int64)
        self._vehicles = np.zeros(grid.shape, np.int64)

    @property
    def people(self) -> Bits:
        """Blocks in which the detector found a person or a cycle within the hold time."""
        return self._people > 0

    @property
    def found_anything(self) -> Bits:
        """Blocks in which the detector found anything within the hold time."""
        return (self._people > 0) | (self._vehicles > 0)

    @property
    def calm(self) -> bool:
        """Whether nothing changed and nothing was found within the hold time."""
        return not ((self._changed > 0).any() or self._people.any() or self._vehicles.any())

    def pass_time(self, elapsed: int) -> None:
        """Let holds run out by ``elapsed`` ns."""
        for hold in (self._changed, self._people, self._vehicles):
            np.maximum(hold - elapsed, 0, out=hold)

    def found(self, boxes: list[Box]) -> None:
        """Take over what the detector found in the newest picture."""
        self._boxes, self._age = boxes, 0
        for box in boxes:
            hold = self._vehicles if box.kind is Kind.VEHICLE else self._people
            hold[self._touched(box)] = self._tuning.hold_found

    def mask(self, change: Change, known: Bits, restless: Bits) -> Mask:
        """Return the mask for a picture; blocks the steward did not see (not ``known``) are always masked.

        A detection masks the part of its box that differs from the reference, even if only weakly; where nothing at all
        differs (a statue, a poster) the certified reference is all there is to see. In ``restless`` blocks (foliage)
        somebody may be made out in one picture and not in the next: there a silhouette is wider and stays longer.
        """
        seeds = in_blocks(widened(linked(change.weak, change.strong)))
        weak = in_blocks(change.weak).view(np.uint8)
        for box in self._boxes:
            touched = self._touched(box)
            left, top, wide, high = cv2.boundingRect(np.ascontiguousarray(weak[touched]))
            seeds[touched][top : top + high, left : left + wide] = True
        self._age += 1
        self._changed[seeds] = np.maximum(self._changed[seeds], self._tuning.hold)
        self._changed[widened(seeds & restless) & restless] = self._tuning.hold_restless
        blocks = filled((self._changed > 0) | ~known)
        return Mask(blocks, self._as_vehicles(blocks))

    def _touched(self, box: Box) -> tuple[slice, slice]:
        """The blocks in which what the box holds may be by now; it may have gone on since it was found."""
        margin = self._tuning.box_margin * (1 + self._age)
        return self._grid.box(box.left, box.top, box.right, box.bottom, margin)

    def _as_vehicles(self, blocks: Bits) -> Bits:
        """Whole silhouettes that lie mostly in vehicles' boxes and touch nobody's."""
        if not self._vehicles.any():
            return np.zeros(blocks.shape, np.bool_)
        count, labels = cv2.connectedComponents(blocks.view(np.uint8), connectivity=8)
        label = np.asarray(labels).ravel()
        size = np.bincount(label, minlength=count)
        vehicles = np.bincount(label, (self._vehicles > 0).ravel(), count)
        people = np.bincount(label, (self._people > 0).ravel(), count)
        chosen = (2 * vehicles >= size) & (people == 0)
        chosen[0] = False
        return np.asarray(chosen[label].reshape(blocks.shape))


def compose(background: Planes, mask: Mask, grid: Grid) -> bytes:
    """Return I420: the reference, and constant colours where it is masked. No live picture comes in here."""
    if not mask.blocks.any():
        return b"".join(plane.data for plane in background)
    painted = [plane.copy() for plane in background]
    for blocks, colour in ((mask.blocks & ~mask.vehicles, palette.PERSON), (mask.vehicles, palette.VEHICLE)):
        if blocks.any():
            luma, chroma = (grid.spread(blocks, half).view(np.uint8) for half in (False, True))
            for plane, marks, value in zip(painted, (luma, chroma, chroma), colour, strict=True):
                cv2.copyTo(np.full_like(plane, value), marks, plane)
    return b"".join(plane.data for plane in painted)


def solid(colour: palette.Colour, grid: Grid) -> bytes:
    """Return I420 of one colour."""
    luma = grid.width * grid.height
    return bytes([colour.y]) * luma + bytes([colour.u]) * (luma // 4) + bytes([colour.v]) * (luma // 4)
