# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the steward is asked to certify: the candidate, joined with what was certified before.

A block of the candidate is taken only where it is known, where the detector finds nobody in the still, and, once
there is a certified reference, where it found nobody while any of its samples was taken. Everywhere else the certified
picture stays. What would look different is outlined, so that the steward looks exactly there: the detector may have
missed somebody who stood still all that time. A change in which somebody is found is hidden as a whole and not taken.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from custodes.clock import SECOND, Instant
from custodes.domain.video import Frame, SourceTime
from custodes.errors import unavailable
from custodes.video.mask import palette
from custodes.video.mask.candidate import Collector, Lately, Still
from custodes.video.mask.detector import Box, Detector, Kind
from custodes.video.mask.features import Features
from custodes.video.mask.grid import BLOCK, Bits, Grid, Planes, in_blocks, linked, widened
from custodes.video.mask.reference import Reference
from custodes.video.mask.silhouette import Mask, compose
from custodes.video.mask.tuning import Tuning

_CLOSER = 8
"""Changes that are looked at one by one, the largest first; any further ones are not taken."""
_CLOSER_SIDE = 6 * BLOCK
_OUTLINE = 5
_COLUMNS, _ROWS = 3, 2
_WIDE, _HIGH = 0.4, 0.6
"""Parts of the picture that are looked at enlarged, and their sides as shares of it; they overlap."""


@dataclass(frozen=True)
class Proposal:
    """``still``: what certifying makes the reference. ``taken``: blocks that come from the candidate.

    ``changed``: taken ones that look different from what was certified, or were not known; none at a first
    certification. ``hidden``: blocks that are masked in the steward's picture: not known, or changed but not taken.
    """

    still: Still
    taken: Bits
    changed: Bits
    hidden: Bits
    before: Reference | None

    def picture(self, grid: Grid) -> bytes:
        """I420 for the steward: masked where ``hidden``, with an outline around what is ``changed``."""
        outlined = Planes(
            *(_outlined(plane, index, self.changed, grid) for index, plane in enumerate(self.still.planes))
        )
        return compose(outlined, Mask(self.hidden, np.zeros(grid.shape, np.bool_)), grid)

    def reference(self, collector: Collector, grid: Grid, tuning: Tuning) -> Reference:
        """The reference that certifying makes, in the light of these seconds."""
        lately = collector.lately()
        fresh = Lately(lately.means, lately.fresh & self.taken)
        return Reference(self.still, fresh, self._spread(collector, grid), grid, tuning)

    def _spread(self, collector: Collector, grid: Grid) -> Features:
        """How far features stray at rest: as collected where taken, elsewhere as it was."""
        collected = collector.spread(self.still)
        if self.before is None:
            return collected
        kept = self.before.kept().spread
        return Features(
            *(
                np.where(grid.spread(self.taken, half=index > 1), new, old)
                for index, (new, old) in enumerate(zip(collected, kept, strict=True))
            )
        )


def propose(
    collector: Collector, before: Reference | None, detector: Detector, grid: Grid, tuning: Tuning, now: Instant
) -> Proposal | None:
    """Make the proposal; ``before``: what is certified of this scene. None while no block is known.

    ``CustodesError`` (UNAVAILABLE) if the detector fails.
    """
    still = collector.still()
    if not still.known.any():
        return None
    found = np.zeros(grid.shape, np.bool_)
    for left, top, right, bottom in [(0, 0, grid.width, grid.height), *parts(grid)]:
        for box in _people(detector, part_of(still.planes, left, top, right, bottom), now):
            place = grid.box(box.left + left, box.top + top, box.right + left, box.bottom + top, tuning.box_margin)
            found[place] = True
    if before is None:
        known = still.known & ~found
        nothing = np.zeros(grid.shape, np.bool_)
        return Proposal(Still(still.planes, known), known, nothing, ~known, None)
    certified, changed, faint = _compared(still, before, grid, tuning)
    changed = (changed | ~before.known) & still.known
    doubtful = found | collector.doubtful
    refused = _regions_with(changed, doubtful) | _seen_closer(still.planes, changed, detector, now, grid, tuning)
    taken = still.known & ~refused & ~doubtful & ~(faint & before.known)
    planes = joined(taken, still.planes, certified, grid)
    known = taken | before.known
    return Proposal(Still(planes, known), taken, changed & taken, ~known | (changed & ~taken), before)


def _compared(still: Still, before: Reference, grid: Grid, tuning: Tuning) -> tuple[Planes, Bits, Bits]:
    """The certified picture in the still's light; blocks that changed beyond doubt; blocks that differ faintly."""
    lit, then = relit(still, before, grid, tuning)
    # Unknown blocks are grey in the still; what they would change of their neighbours' features is no change.
    change = then.difference(joined(still.known, still.planes, lit, grid), lit)
    changed = in_blocks(widened(linked(change.weak, change.strong)))
    return lit, changed, in_blocks(change.weak) & ~changed


def relit(still: Still, before: Reference, grid: Grid, tuning: Tuning) -> tuple[Planes, Reference]:
    """What was certified, in the light of the still, and the reference in that light."""
    kept = before.kept()
    lately = Lately([grid.means(plane) for plane in still.planes], still.known)
    then = Reference(kept.still, lately, kept.spread, grid, tuning)
    return then.lit(still.planes, ~still.known, SECOND), then


def joined(blocks: Bits, one: Planes, other: Planes, grid: Grid) -> Planes:
    """The one picture in these blocks, the other elsewhere."""
    return Planes(
        *(
            np.ascontiguousarray(np.where(grid.spread(blocks, half=index > 0), plane, like))
            for index, (plane, like) in enumerate(zip(one, other, strict=True))
        )
    )


def parts(grid: Grid) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom (pixels, even) of six overlapping parts of the picture, to be looked at enlarged.

    The detector finds three times as many of the small figures so.
    """
    wide, high = round(grid.width * _WIDE) // 2 * 2, round(grid.height * _HIGH) // 2 * 2
    lefts = [(grid.width - wide) * column // (_COLUMNS - 1) // 2 * 2 for column in range(_COLUMNS)]
    tops = [(grid.height - high) * row // (_ROWS - 1) // 2 * 2 for row in range(_ROWS)]
    return [(left, top, left + wide, top + high) for top in tops for left in lefts]


def part_of(planes: Planes, left: int, top: int, right: int, bottom: int) -> Planes:
    """A rectangle of a picture; pixels, even."""
    rows, columns = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
    return Planes(planes.y[top:bottom, left:right], planes.u[rows, columns], planes.v[rows, columns])


def _people(detector: Detector, planes: Planes, now: Instant) -> list[Box]:
    height, width = planes.y.shape
    frame = Frame(width, height, b"".join(plane.tobytes() for plane in planes), now, SourceTime(0, 0))
    try:
        boxes = detector.detect(frame)
    except Exception as error:
        raise unavailable("the person detector does not work: no reference can be made") from error
    return [box for box in boxes if box.kind is Kind.PERSON]


def _regions_with(blocks: Bits, marked: Bits) -> Bits:
    """The connected regions of ``blocks`` (eight neighbours) that hold any of ``marked``."""
    labels = np.asarray(cv2.connectedComponents(blocks.view(np.uint8), connectivity=8)[1])
    return np.isin(labels, np.unique(labels[marked & blocks])) & blocks


def _seen_closer(planes: Planes, changed: Bits, detector: Detector, now: Instant, grid: Grid, tuning: Tuning) -> Bits:
    """Look at every change by itself, enlarged, as the detector misses small figures; return those to be refused."""
    _, labels, facts, _ = cv2.connectedComponentsWithStats(changed.view(np.uint8), connectivity=8)
    order = 1 + np.argsort(-np.asarray(facts)[1:, cv2.CC_STAT_AREA], kind="stable")
    refused = np.isin(np.asarray(labels), order[_CLOSER:]) & changed
    for label in order[:_CLOSER]:
        left, top, right, bottom = _around(facts[label], grid)
        cut = part_of(planes, left, top, right, bottom)
        region = np.asarray(labels) == label
        for box in _people(detector, cut, now):
            place = grid.box(box.left + left, box.top + top, box.right + left, box.bottom + top, tuning.box_margin)
            if region[place].any():
                refused |= region
    return refused


def _around(facts: np.ndarray, grid: Grid) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (pixels, even) of a component with as much around it again, nearly square."""
    x, y, wide, high = (
        int(facts[part]) * BLOCK for part in (cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP, cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT)
    )
    half = max(wide, high, _CLOSER_SIDE // 2) * 3 // 4 // 2 * 2
    left, right = max(x + wide // 2 - half, 0), min(x + wide // 2 + half, grid.width)
    top, bottom = max(y + high // 2 - half, 0), min(y + high // 2 + half, grid.height)
    return left, top, right, bottom


def _outlined(plane: np.ndarray, index: int, changed: Bits, grid: Grid) -> np.ndarray:
    half = index > 0
    marks = grid.spread(changed, half).astype(np.uint8)
    side = _OUTLINE // 2 + 1 if half else _OUTLINE
    edge = marks - np.asarray(cv2.erode(marks, np.ones((side, side), np.uint8)))
    return np.where(edge > 0, np.uint8(palette.CHANGED[index]), plane)
