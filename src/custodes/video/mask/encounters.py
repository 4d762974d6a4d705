# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether whoever was found stood before the empty place, or is part of what is taken for it.

Somebody sits still and is found nine times out of ten: the tenth moments are all alike, and look like an empty place.
But then he looks the same when he is found. So some pictures in which somebody was found are kept, evenly over the
file's length, and compared with the scene in the end: where people look like the scene, the scene shows people.
"""

import numpy as np
from numpy.typing import NDArray

from custodes.video.mask.detector import Box, Kind
from custodes.video.mask.features import features
from custodes.video.mask.grid import Bits, Grid, Planes
from custodes.video.mask.samples import agreeing, relit
from custodes.video.mask.tuning import Tuning

_MOST = 48
_CORE = -0.15
"""The inner part of a box, where the person is and not what is beside."""
_DIFFERENT = 0.4
"""Share of the core that must differ from the scene."""
_SAME = 0.2
"""Share of the encounters in a block, from which on those that look like the scene are no mistakes of the detector."""


class Encounters:
    """Keeps pictures with the boxes of people in them."""

    def __init__(self, grid: Grid, margin: float) -> None:
        self._grid, self._margin = grid, margin
        self._kept: list[tuple[Planes, list[Box]]] = []
        self._seen, self._every = 0, 1

    def add(self, small: Planes, boxes: list[Box]) -> None:
        """Take note of a picture if anybody was found in it."""
        people = [box for box in boxes if box.kind is not Kind.VEHICLE]
        if not people:
            return
        if self._seen % self._every == 0:
            if len(self._kept) == _MOST:
                self._kept = self._kept[::2]
                self._every *= 2
            self._kept.append((small, people))
        self._seen += 1

    def in_scene(self, still: Planes, tuning: Tuning) -> Bits:
        """Blocks in which the scene itself shows who was found there."""
        same = np.zeros(self._grid.shape, np.int32)
        different = np.zeros(self._grid.shape, np.int32)
        centre = features(still)
        for small, people in self._kept:
            differs = ~agreeing(features(relit(small, still, self._grid)), centre, self._grid, tuning)
            for box in people:
                core = differs[self._grid.box(box.left, box.top, box.right, box.bottom, _CORE)]
                count: NDArray[np.int32] = different if core.size and core.mean() >= _DIFFERENT else same
                count[self._grid.box(box.left, box.top, box.right, box.bottom, self._margin)] += 1
        return np.asarray(same > np.maximum(_SAME * (same + different), 1))
