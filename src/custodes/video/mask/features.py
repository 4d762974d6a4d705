# SPDX-License-Identifier: AGPL-3.0-or-later
"""What pictures are compared by: luma in fine and in coarse detail, and both chroma planes.

Fine luma finds small and sharp things. Coarse luma and chroma average leaves and noise away, so they find a person in
front of a tree that sways, and clothes of nearly the ground's brightness.
"""

from typing import NamedTuple

import cv2
import numpy as np

from custodes.video.mask.grid import Bytes, Planes


class Features(NamedTuple):
    """Fine and coarse luma (height x width), and coarse U and V (half of each)."""

    fine: Bytes
    coarse: Bytes
    u: Bytes
    v: Bytes


def features(planes: Planes) -> Features:
    """Return the features of a picture."""
    return Features(_mean(planes.y, 3), _mean(planes.y, 9), _mean(planes.u, 3), _mean(planes.v, 3))


def _mean(plane: Bytes, side: int) -> Bytes:
    return np.asarray(cv2.blur(plane, (side, side)), np.uint8)
