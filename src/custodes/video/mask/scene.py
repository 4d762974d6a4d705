# SPDX-License-Identifier: AGPL-3.0-or-later
"""Notices that the camera looks at another scene: moved, turned, its lens covered, the light gone."""

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.grid import Bits, Grid, Planes, in_blocks
from custodes.video.mask.reference import Change
from custodes.video.mask.tuning import Tuning

_SETTLED = 0.8
"""Share of ``moved_share`` and ``moved_shift`` below which the scene counts as the old one again."""
_CHECK_EVERY = SECOND
_CLEAR = 0.12
"""Response of the phase correlation below which its answer means nothing (OpenCV: 1 is a perfect match)."""
_TWICE = 2


class SceneWatch:
    """Compares picture and reference as a whole. ``zones``: the share of the picture that it does not see."""

    def __init__(self, grid: Grid, tuning: Tuning, zones: float = 0.0) -> None:
        self._grid, self._tuning = grid, tuning
        self._seen = max(1.0 - zones, 1e-9)
        self._size = (grid.width // 2, grid.height // 2)
        self._window = np.asarray(cv2.createHanningWindow(self._size, cv2.CV_32F), np.float32)
        self._since_check = _CHECK_EVERY
        self._shifts = 0
        self._settled_for = 0
        self.moved_for: int | None = None
        """Nanoseconds since the scene was lost; None while it is the certified one."""

    def judge(self, change: Change, planes: Planes, lit: Planes, masked: Bits, elapsed: int) -> bool:
        """Return whether the picture must be covered; ``elapsed`` in ns since the last picture."""
        share = self._grid.share(in_blocks(change.strong)) / self._seen
        self._since_check += elapsed
        if self._since_check >= _CHECK_EVERY:
            self._since_check = 0
            self._shifts = min(self._shifts + 1, _TWICE) if self._shifted(planes, lit, masked) else 0
        lost = share > self._tuning.moved_share or self._shifts >= _TWICE
        if self.moved_for is None:
            self.moved_for = 0 if lost else None
            self._settled_for = 0
            return lost
        self.moved_for += elapsed
        settled = share < _SETTLED * self._tuning.moved_share and not self._shifts
        self._settled_for = self._settled_for + elapsed if settled else 0
        if self._settled_for >= self._tuning.moved_recovery:
            self.moved_for = None
        return self.moved_for is not None

    def _shifted(self, planes: Planes, lit: Planes, masked: Bits) -> bool:
        """Whether what is not masked lies elsewhere than in the reference."""
        live = planes.y.copy()
        cv2.copyTo(lit.y, self._grid.spread(masked).view(np.uint8), live)
        small = [
            np.asarray(cv2.resize(plane, self._size, interpolation=cv2.INTER_AREA), np.float32)
            for plane in (lit.y, live)
        ]
        (right, down), response = cv2.phaseCorrelate(small[0], small[1], self._window)
        limit = self._tuning.moved_shift * (1.0 if self.moved_for is None else _SETTLED)
        return response > _CLEAR and 2 * float(np.hypot(right, down)) > limit
