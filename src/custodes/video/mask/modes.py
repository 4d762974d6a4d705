# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures with colour and pictures without (a camera's night mode, in infrared): each has a reference of its own.

While only the pictures with colour are certified, the ones without are compared with them as they are in grey. Where
infrared makes too much look different that does not hold, and they stay covered until they have been certified too.
"""

from enum import Enum

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.candidate import Still
from custodes.video.mask.features import Features
from custodes.video.mask.grid import Bits, Bytes, Grid, Planes
from custodes.video.mask.kept import Kept
from custodes.video.mask.reference import Reference
from custodes.video.mask.tuning import Tuning

_GREY = 128
_EVERY = SECOND
_LITTLE, _MUCH = 1.5, 2.5
"""Distance of the blocks' chroma from grey, in steps, below and above which a picture is one without or with colour."""
_BLACK = 30
"""Mean luma below which nothing can be said: in the dark everything is grey."""


class Mode(Enum):
    """Which kind of pictures; the values name the arrays of kept references."""

    COLOUR = "colour"
    GREY = "grey"


class ModeWatch:
    """Notices that a camera has gone over to the other kind of pictures.

    ``zones``: blocks that do not count, because a colour is burned into them.
    """

    def __init__(self, grid: Grid, tuning: Tuning, zones: Bits) -> None:
        self._grid, self._tuning = grid, tuning
        self._counts = ~zones
        self.mode: Mode | None = None
        """None until the first picture that tells."""
        self._other_for = self._unseen = 0

    def look(self, planes: Planes, elapsed: int) -> bool:
        """Take a picture into account; return whether the mode is another one now. ``elapsed`` in ns since the last."""
        self._unseen += elapsed
        if self.mode is not None and self._unseen < _EVERY:
            return False
        elapsed, self._unseen = self._unseen, 0
        seen = self._seen(planes)
        if seen is None or seen is self.mode:
            self._other_for = 0
            return False
        self._other_for += elapsed
        if self.mode is not None and self._other_for < self._tuning.mode_time:
            return False
        self.mode, self._other_for = seen, 0
        return True

    def _seen(self, planes: Planes) -> Mode | None:
        size = (self._grid.columns, self._grid.rows)
        y, u, v = (
            np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.int16)[self._counts]
            for plane in planes
        )
        if not y.size or float(y.mean()) < _BLACK:
            return None
        away = np.abs(u - _GREY) + np.abs(v - _GREY)
        # A bus in bright colours before grey walls says nothing of the camera.
        if float(np.percentile(away, 90)) < _LITTLE:
            return Mode.GREY
        return Mode.COLOUR if float(np.median(away)) > _MUCH else None


def in_grey(reference: Reference, grid: Grid, tuning: Tuning) -> Reference:
    """What was certified, without its colours."""
    kept = reference.kept()
    still = Still(_without_colour(kept.still.planes), kept.still.known)
    spread = Features(kept.spread.fine, kept.spread.coarse, *(np.zeros_like(each) for each in kept.spread[2:]))
    return Reference.restored(Kept(still, _without_colour(kept.texture), spread), grid, tuning)


def _without_colour(planes: Planes) -> Planes:
    grey: Bytes = np.full_like(planes.u, _GREY)
    return Planes(planes.y, grey, grey)
