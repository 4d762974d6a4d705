# SPDX-License-Identifier: AGPL-3.0-or-later
"""Degrees to metres and back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from custodes.errors import invalid

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """A plane that touches the WGS 84 ellipsoid at one point: transverse Mercator, scale 1 on its meridian.

    x is east, y is north, in metres. At x metres from the meridian lengths are too long by x²/(2·6,378,137²): 3 in a
    million at 15 km, so that areas and pixels per metre of a town are right to 0.001 %.
    """

    longitude: float
    latitude: float

    def __post_init__(self) -> None:
        if not (-180 <= self.longitude <= 180 and -85 <= self.latitude <= 85):
            raise invalid("the middle of the map must lie between 85° south and 85° north (longitude first?)")

    @cached_property
    def _there(self) -> Any:
        local = f"+proj=tmerc +lat_0={self.latitude} +lon_0={self.longitude} +k=1 +ellps=WGS84 +units=m"
        return Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def to_metres(self, degrees: Points) -> Points:
        """Longitude and latitude (n × 2) to x and y (n × 2)."""
        x, y = self._there.transform(degrees[:, 0], degrees[:, 1])
        return np.column_stack([x, y])

    def to_degrees(self, metres: Points) -> Points:
        """x and y (n × 2) to longitude and latitude (n × 2)."""
        longitude, latitude = self._there.transform(metres[:, 0], metres[:, 1], direction="INVERSE")
        return np.column_stack([longitude, latitude])
