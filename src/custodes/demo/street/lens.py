# SPDX-License-Identifier: AGPL-3.0-or-later
"""The camera: a pinhole with a shifted lens, so that verticals stay vertical as in an architect's drawing.

World axes in metres: X to the right, Y up, Z away from the camera; the ground is Y = 0 and the camera stands at
(0, height, 0) looking along Z. Picture axes in pixels: x to the right, y down, origin at the top left.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDTH = 1280
HEIGHT = 720


@dataclass(frozen=True, slots=True)
class Lens:
    """``focal`` in pixels, ``height`` of the camera in metres, ``horizon`` as a picture row."""

    focal: float
    height: float
    horizon: float
    centre: float = WIDTH / 2

    def scale(self, z: float) -> float:
        """Pixels per metre across the line of sight at depth ``z``."""
        return self.focal / z

    def project(self, points: Floats) -> Floats:
        """World points (..., 3) to picture points (..., 2)."""
        scale = self.focal / points[..., 2]
        picture = np.empty((*points.shape[:-1], 2))
        picture[..., 0] = self.centre + points[..., 0] * scale
        picture[..., 1] = self.horizon + (self.height - points[..., 1]) * scale
        return picture

    def ground(self, x: float, z: float) -> tuple[float, float]:
        """Picture position of a point on the ground."""
        scale = self.focal / z
        return self.centre + x * scale, self.horizon + self.height * scale

    def depth_of_row(self, row: Floats) -> Floats:
        """Depth in metres of the ground seen in picture rows below the horizon."""
        return self.focal * self.height / np.maximum(row - self.horizon, 1e-3)

    def enlarged(self, factor: float) -> "Lens":
        """The same view on a canvas ``factor`` times as large."""
        return replace(self, focal=self.focal * factor, horizon=self.horizon * factor, centre=self.centre * factor)
