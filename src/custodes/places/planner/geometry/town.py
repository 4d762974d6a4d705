# SPDX-License-Identifier: AGPL-3.0-or-later
"""A town as the planner knows it: buildings, places to protect, streets, and the cameras that the map shows."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from custodes.errors import invalid
from custodes.places.planner.geometry.frame import Frame, Points
from custodes.places.planner.geometry.walls import Walls, walls_of

_LEAST = 0.5
"""Square metres: less is a slip of the pen."""


class Use(Enum):
    """What a building or a place is for, as far as cameras have no business there."""

    HOME = "home"
    SCHOOL = "school"
    WORSHIP = "worship"
    CLINIC = "clinic"
    PLAYGROUND = "playground"
    SQUARE = "square"
    OTHER = "other"


@dataclass(frozen=True)
class Building:
    """A footprint (valid shapely polygon, metres). ``ref`` is its name in the source, for example ``way/123``."""

    ref: str
    use: Use
    footprint: Any


@dataclass(frozen=True)
class Place:
    """A place to protect: its ground (shapely geometry, metres)."""

    ref: str
    name: str
    use: Use
    ground: Any


@dataclass(frozen=True)
class MappedCamera:
    """A camera as the map has it: longitude, latitude and tags."""

    ref: str
    longitude: float
    latitude: float
    tags: dict[str, str]


@dataclass(frozen=True)
class Town:
    """Everything in one plane. ``streets`` are pairs of indices into ``nodes`` (places where people can walk).

    ``notes`` says, a line each, what of the source was repaired, assumed or left out.
    """

    frame: Frame
    buildings: list[Building]
    places: list[Place]
    crossings: dict[str, tuple[float, float]]
    nodes: Points
    streets: list[tuple[int, int]]
    cameras: list[MappedCamera]
    notes: list[str]

    @cached_property
    def walls(self) -> Walls:
        """Outer walls of all buildings."""
        return walls_of([each.footprint for each in self.buildings])

    @cached_property
    def wall_use(self) -> list[Use]:
        """For each wall of ``walls.ends``: the use of the building it belongs to; homes win where two touch."""
        found = [Use.OTHER] * len(self.walls.ends)
        if not found:
            return found
        middle = shapely.points((self.walls.ends[:, :2] + self.walls.ends[:, 2:]) / 2)
        tree = shapely.STRtree([each.footprint for each in self.buildings])
        for wall, building in np.transpose(tree.query(middle, predicate="dwithin", distance=0.01)):
            use = self.buildings[building].use
            if use is Use.HOME or found[wall] is Use.OTHER:
                found[wall] = use
        return found

    @cached_property
    def place_tree(self) -> Any:
        """Index of the places' grounds (shapely STRtree), in the order of ``places``."""
        return shapely.STRtree([each.ground for each in self.places])

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Smallest and greatest x and y of all buildings."""
        west, south, east, north = shapely.total_bounds([each.footprint for each in self.buildings])
        return float(west), float(south), float(east), float(north)


def repaired(polygon: Any) -> Any:
    """A valid polygon or multipolygon out of one that may cross itself; raises ``CustodesError`` if nothing is left."""
    parts = [polygon] if shapely.is_valid(polygon) else shapely.get_parts(shapely.make_valid(polygon))
    flat = shapely.union_all([each for each in shapely.get_parts(parts) if each.geom_type == "Polygon"])
    if flat.area < _LEAST:
        raise invalid("the outline encloses nothing")
    return flat
