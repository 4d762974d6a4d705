# SPDX-License-Identifier: AGPL-3.0-or-later
"""One camera's view: a pinhole above flat ground, or a panorama."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from custodes.errors import invalid
from custodes.places.planner.geometry.frame import Points

PANORAMA = 150.0
"""Degrees of horizontal view from which on a lens is treated as a panorama: by angle, without tilt or blind zone."""
_LIMITS = (
    ("field of view", "field_of_view", 1, 360),
    ("height", "height", 0, 200),
    ("range", "reach", 1, 2_000),
    ("pixels", "pixels", 1, 100_000),
)


@dataclass(frozen=True, slots=True)
class View:
    """Where a camera stands and what its lens takes in.

    ``x``, ``y``, ``height``, ``reach`` in metres; ``bearing`` of the optical axis in degrees clockwise from north;
    ``field_of_view`` horizontal, in degrees; ``pixels`` across the picture; ``tilt`` degrees of the axis below the
    horizontal, None where it is not known: then the upper edge of a 16:9 picture is taken to be at the horizon.
    """

    x: float
    y: float
    bearing: float
    field_of_view: float
    height: float
    reach: float
    pixels: int
    tilt: float | None = None
    aspect: float = 16 / 9

    def __post_init__(self) -> None:
        for name, member, low, high in _LIMITS:
            if not low <= getattr(self, member) <= high:
                raise invalid(f"{name} of a view must lie between {low} and {high}")
        if not all(map(math.isfinite, (self.x, self.y, self.bearing))):
            raise invalid("place and bearing of a view must be numbers")
        if not (self.tilt is None or 0 <= self.tilt <= 80):
            raise invalid("tilt of a view must lie between 0 and 80 degrees below the horizon")

    @property
    def panorama(self) -> bool:
        """True for dome, fisheye and unknown direction."""
        return self.field_of_view >= PANORAMA

    @property
    def _half(self) -> tuple[float, float]:
        """Tangents of half the horizontal and half the vertical field of view."""
        across = math.tan(math.radians(self.field_of_view) / 2)
        return across, across / self.aspect

    @property
    def slope(self) -> float:
        """Tilt in radians."""
        return math.atan(self._half[1]) if self.tilt is None else math.radians(self.tilt)

    @property
    def near(self) -> float:
        """Metres of ground before the camera that are below the picture."""
        if self.panorama:
            return 0.0
        lowest = self.slope + math.atan(self._half[1])
        return 0.0 if lowest >= math.pi / 2 else self.height / math.tan(lowest)

    @property
    def sector(self) -> tuple[float, float]:
        """First direction and width, in radians counter-clockwise from east: everything that can be in the picture.

        A tilted camera sees the ground at its feet under a wider angle than its lens has; the sector holds that.
        """
        half = math.radians(self.field_of_view) / 2
        if not self.panorama:
            closest = max(self.near, 1e-3)
            half = math.atan2(self._depth(closest) * self._half[0], closest) if self.height else half
            half = max(half, math.radians(self.field_of_view) / 2)
        return math.radians(90 - self.bearing) - half, min(2 * half, 2 * math.pi)

    def _depth(self, along: float) -> float:
        """Distance along the optical axis of a point of the ground ``along`` metres ahead."""
        return along * math.cos(self.slope) + self.height * math.sin(self.slope)

    def picture_on_ground(self) -> Points | None:
        """Corners of the part of the ground within reach that the picture's edges enclose; None for a panorama."""
        if self.panorama:
            return None
        highest = self.slope - math.atan(self._half[1])
        far = self.reach if highest <= 1e-9 else min(self.reach, self.height / math.tan(highest))
        near = min(self.near, far)
        corners = [(along, side * self._depth(along) * self._half[0]) for along, side in
                   ((near, 1), (near, -1), (far, -1), (far, 1))]  # fmt: skip
        axis = math.radians(90 - self.bearing)
        turn = np.array([[math.cos(axis), math.sin(axis)], [-math.sin(axis), math.cos(axis)]])
        placed: Points = np.array(corners) @ turn + np.array([self.x, self.y])
        return placed

    def _axes(self, points: Points) -> tuple[Points, Points]:
        """Metres ahead and to the left of the camera."""
        axis = math.radians(90 - self.bearing)
        x, y = points[:, 0] - self.x, points[:, 1] - self.y
        return x * math.cos(axis) + y * math.sin(axis), y * math.cos(axis) - x * math.sin(axis)

    def between_sides(self, begin: Points, end: Points) -> tuple[float, float]:
        """The part of a straight wall on the ground that the picture's left and right edges leave: shares from and to.

        What stands on the ground is in the picture at some height only where its foot is between the sides.
        """
        if self.panorama:
            return 0.0, 1.0
        ahead, left = self._axes(np.vstack([begin, end]))
        half = (ahead * math.cos(self.slope) + self.height * math.sin(self.slope)) * self._half[0]
        low, high = 0.0, 1.0
        for one, other in (half - left, half + left):  # how far inside each side begin and end are
            if one < 0 and other < 0:
                return 0.0, 0.0
            if one < 0:
                low = max(low, one / (one - other))
            elif other < 0:
                high = min(high, one / (one - other))
        return low, max(low, high)

    def contains(self, points: Points) -> npt.NDArray[np.bool_]:
        """For each point of the ground: whether it is in the picture and in reach, were there no buildings."""
        ahead, left = self._axes(points)
        near = np.hypot(ahead, left) <= self.reach
        if self.panorama:
            inside: npt.NDArray[np.bool_] = near & (
                np.abs(np.arctan2(left, ahead)) <= math.radians(self.field_of_view) / 2
            )
            return inside
        across, up = self._half
        depth = ahead * math.cos(self.slope) + self.height * math.sin(self.slope)
        below = self.height * math.cos(self.slope) - ahead * math.sin(self.slope)
        inside = near & (depth > 0) & (ahead > 0)
        return inside & (np.abs(left) <= depth * across) & (np.abs(below) <= depth * up + 1e-9)

    def density(self, points: Points) -> Points:
        """Pixels per metre across the optical axis at each point of the ground, as IEC 62676-4 means it."""
        ahead, left = self._axes(points)
        if self.panorama:
            slant = np.sqrt(ahead**2 + left**2 + self.height**2)
            spread: Points = self.pixels / (math.radians(self.field_of_view) * np.maximum(slant, 0.1))
            return spread
        depth = ahead * math.cos(self.slope) + self.height * math.sin(self.slope)
        found: Points = self.pixels / (2 * self._half[0] * np.maximum(depth, 0.1))
        return found
