# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is shown of a recorded file: the place without people, at the file's own size, in the light of the moment."""

import numpy as np

from custodes.clock import MILLISECOND
from custodes.video.mask import palette
from custodes.video.mask.grid import Floats, Planes
from custodes.video.mask.light import BLACK, GREY, Lighting
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.silhouette import Mask

_STEADY = 200 * MILLISECOND
"""Light is not shown to change more often than this: it costs time, and bits."""


class Backdrop:
    """``picture``: as stored; ``small``: the same, small and upright, whose light ``paint`` is told."""

    def __init__(self, picture: Planes, small: Planes, scaling: Scaling) -> None:
        self.scaling = scaling
        self._picture = picture
        self._means = np.clip(np.rint(scaling.grid.means(small.y)), 0, 255).astype(np.uint8)
        self._light: Lighting | None = None
        self._lit = picture
        self._lit_at = 0

    def paint(self, mask: Mask, light: Lighting, at: int) -> bytes:
        """Return I420 of the stored size: the backdrop in this light, constant colours where it is masked."""
        if self._light is None or (abs(at - self._lit_at) >= _STEADY and not light.near(self._light)):
            self._lit, self._light, self._lit_at = self._render(light), light, at
        pixels = self.scaling.stored(mask.blocks)
        vehicles = self.scaling.stored(mask.vehicles)
        parts = []
        for index, plane in enumerate(self._lit):
            painted = plane.copy()
            painted[pixels[min(index, 1)] > 0] = palette.PERSON[index]
            painted[(pixels[min(index, 1)] & vehicles[min(index, 1)]) > 0] = palette.VEHICLE[index]
            parts.append(painted.tobytes())
        return b"".join(parts)

    def _render(self, light: Lighting) -> Planes:
        smooth = self.scaling.smooth
        y, u, v = self._picture
        # The gain of colours is that of their block's luma, by exposure and place.
        level = np.maximum(self._means.astype(np.float32) - BLACK, 1)
        gain = smooth(np.asarray(light.curve[self._means] / level * light.gain, np.float32), half=True)
        return Planes(
            _bytes(light.curve[y] * smooth(light.gain) + BLACK),
            _bytes((u - GREY) * gain + (smooth(light.u, half=True) + GREY)),
            _bytes((v - GREY) * gain + (smooth(light.v, half=True) + GREY)),
        )


def _bytes(values: Floats) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
