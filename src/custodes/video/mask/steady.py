# SPDX-License-Identifier: AGPL-3.0-or-later
"""Puts the pictures of a mast that shakes back in their place before they are compared.

What is shown comes from the reference and does not shake; only where masks are drawn depends on this. Looked for only
while much differs, and ever less often where that was for nothing (a crowd does not shake).
"""

import cv2
import numpy as np

from custodes.clock import SECOND
from custodes.video.mask.grid import Bits, Bytes, Grid, Planes, in_blocks
from custodes.video.mask.tuning import Tuning

_AGAIN, _LATEST = SECOND, 8 * SECOND
_LATELY, _LATELY_SHARE = 10 * SECOND, 0.2
"""For how long a mast is taken to shake, and what part of ``shake_share`` is enough then."""
_BETTER = 0.5
"""Share of the changed cells that may be left, the first time."""
_CLEAR = 0.12
"""Response of the phase correlation below which its answer means nothing (OpenCV: 1 is a perfect match)."""
_NOTHING = 0.3
"""Pixels that are no shake."""


class Steady:
    """Finds small shifts of the whole picture."""

    def __init__(self, grid: Grid, tuning: Tuning) -> None:
        self._grid, self._tuning = grid, tuning
        self._size = (max(grid.width // 2, 2), max(grid.height // 2, 2))
        self._window = np.asarray(cv2.createHanningWindow(self._size, cv2.CV_32F), np.float32)
        self._wait, self._shaking, self._again = 0, 0, _AGAIN

    def steadied(self, planes: Planes, lit: Planes, changed: Bits, elapsed: int) -> Planes | None:
        """The picture moved to where the reference has it; None if it need not or cannot be.

        ``changed``: cells that differ; ``elapsed`` in ns since the last picture.
        """
        self._wait, self._shaking = max(self._wait - elapsed, 0), max(self._shaking - elapsed, 0)
        least = self._tuning.shake_share * (_LATELY_SHARE if self._shaking else 1.0)
        if self._wait or self._grid.share(in_blocks(changed)) < least:
            return None
        small = [
            np.asarray(cv2.resize(plane, self._size, interpolation=cv2.INTER_AREA), np.float32)
            for plane in (lit.y, planes.y)
        ]
        (right, down), response = cv2.phaseCorrelate(small[0], small[1], self._window)
        if response < _CLEAR or not _NOTHING < 2 * float(np.hypot(right, down)) <= self._tuning.shake:
            self._put_off()
            return None
        return Planes(
            *(_moved(plane, part * right, part * down) for plane, part in zip(planes, (2, 1, 1), strict=True))
        )

    def fits(self, before: Bits, after: Bits) -> bool:
        """Whether far fewer cells differ now that the picture was moved; any fewer, if it has shaken lately."""
        most = np.count_nonzero(before) * (1.0 if self._shaking else _BETTER)
        if np.count_nonzero(after) >= most:
            self._put_off()
            return False
        self._shaking, self._again = _LATELY, _AGAIN
        return True

    def _put_off(self) -> None:
        """It was for nothing: look again later, and ever later."""
        if not self._shaking:
            self._wait, self._again = self._again, min(2 * self._again, _LATEST)


def _moved(plane: Bytes, right: float, down: float) -> Bytes:
    back = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = (plane.shape[1], plane.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, back, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
