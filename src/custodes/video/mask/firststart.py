# SPDX-License-Identifier: AGPL-3.0-or-later
"""What may be shown of a camera before the steward has looked, where its register entry permits that.

A reference is tried that nobody has confirmed. A block is shown once it has looked like it for ``first_time`` without
a change and without anybody or anything found in or beside it; until then it is masked. A block that keeps changing
begins again with what it looks like now, but never one that has been shown: who comes into it later is masked, and
stays so.

Somebody who is there from the beginning, does not move for all that time and is never found is shown: that is why
the register entry must say so, why the detector looks at parts of the picture enlarged as well, and why it is "not
confirmed".
"""

import numpy as np

from custodes.clock import SECOND
from custodes.domain.video import Frame
from custodes.video.mask.candidate import Collector, Still
from custodes.video.mask.detector import Box
from custodes.video.mask.grid import Bits, Grid, widened
from custodes.video.mask.proposal import Proposal, joined, part_of, parts, relit
from custodes.video.mask.reference import Reference
from custodes.video.mask.silhouette import Mask
from custodes.video.mask.tuning import Tuning

_MOST_PER_PICTURE = SECOND
"""Time in which there were no pictures does not count."""


class FirstStart:
    """The unconfirmed reference of one scene, and how long each block has looked like it."""

    def __init__(self, grid: Grid, tuning: Tuning) -> None:
        self._grid, self._tuning = grid, tuning
        self.reference: Reference | None = None
        self.shown = np.zeros(grid.shape, np.bool_)
        """Blocks that have proved themselves."""
        self._same_for = np.zeros(grid.shape, np.int64)
        self._since_renewal = 0
        self._parts, self._part = parts(grid), 0

    def next_part(self, frame: Frame) -> tuple[Frame, int, int]:
        """The part of the picture that is to be looked at enlarged this time, with its left and top in pixels."""
        left, top, right, bottom = self._parts[self._part]
        self._part = (self._part + 1) % len(self._parts)
        cut = part_of(self._grid.planes(frame.i420), left, top, right, bottom)
        picture = b"".join(plane.tobytes() for plane in cut)
        return Frame(right - left, bottom - top, picture, frame.received, frame.source), left, top

    def look(self, mask: Mask, found: Bits, elapsed: int) -> Mask:
        """Count the time for what did not change; return the mask with all that has not proved itself.

        ``mask``: what differs from the reference; ``found``: blocks in which anything was found; ``elapsed`` in ns.
        """
        elapsed = min(elapsed, _MOST_PER_PICTURE)
        self._since_renewal += elapsed
        self._same_for += elapsed
        self._same_for[widened(mask.blocks | found)] = 0
        if self.reference is not None:
            self.shown |= (self._same_for >= self._tuning.first_time) & self.reference.known
        return Mask(mask.blocks | ~self.shown, mask.vehicles & self.shown)

    def renew(self, collector: Collector) -> None:
        """Begin, or let blocks that keep changing begin again, with what the candidate knows by now."""
        if self.reference is not None and self._since_renewal < self._tuning.first_renew:
            return
        if collector.progress < 100:
            return
        self._since_renewal = 0
        still, before = collector.still(), self.reference
        nothing = np.zeros(self._grid.shape, np.bool_)
        if before is None:
            proposal = Proposal(still, still.known, nothing, nothing, None)
        else:
            keep = self.shown | (before.known & (self._same_for >= self._tuning.first_renew))
            taken = still.known & ~keep
            if not taken.any():
                return
            certified, _ = relit(still, before, self._grid, self._tuning)
            planes = joined(taken, still.planes, certified, self._grid)
            proposal = Proposal(Still(planes, taken | keep), taken, nothing, nothing, before)
            self._same_for[taken] = 0
        self.reference = proposal.reference(collector, self._grid, self._tuning)


def placed(boxes: list[Box], left: int, top: int) -> list[Box]:
    """Boxes found in a part of a picture, in the coordinates of the whole."""
    return [
        Box(each.kind, each.score, each.left + left, each.top + top, each.right + left, each.bottom + top)
        for each in boxes
    ]
