# SPDX-License-Identifier: AGPL-3.0-or-later
"""Outer walls of all buildings, in a grid that compiled code can search."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from custodes.places.planner.geometry.frame import Points

_CELL = 20.0
"""Metres: width of a cell, and the longest piece of a wall."""

Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Walls:
    """Pieces of walls, each at most a cell long, sorted by the cell of their middle.

    ``pieces`` is n × 4 (ax, ay, bx, by), the building on the left. ``wall`` is the wall that a piece is part of;
    ``ends`` holds the walls themselves (m × 4). ``first[cell]`` to ``first[cell + 1]`` are a cell's pieces; cells run
    along x first; ``origin`` is the corner of cell 0.
    """

    pieces: Points
    wall: Numbers
    ends: Points
    first: Numbers
    origin: Points
    columns: int
    rows: int
    blocks: Any
    """The union of the footprints (a shapely geometry); outlines do not cross and no wall is inside a building."""

    @property
    def cell(self) -> float:
        """Width of a cell in metres."""
        return _CELL


def walls_of(footprints: list[Any]) -> Walls:
    """Join the footprints (valid shapely polygons) and sort the pieces of their outlines into a grid."""
    blocks = shapely.union_all(footprints) if footprints else shapely.MultiPolygon()
    ends = _outlines(blocks)
    pieces, wall = _cut(ends)
    if not len(pieces):
        return Walls(pieces, wall, ends, np.zeros(2, np.int32), np.zeros(2), 1, 1, blocks)
    middle = (pieces[:, :2] + pieces[:, 2:]) / 2
    origin = middle.min(axis=0)
    places = ((middle - origin) // _CELL).astype(np.int64)
    columns, rows = (int(each) + 1 for each in places.max(axis=0))
    cell = places[:, 1] * columns + places[:, 0]
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], np.arange(columns * rows + 1)).astype(np.int32)
    return Walls(pieces[order], wall[order], ends, first, origin, columns, rows, blocks)


def _outlines(blocks: Any) -> Points:
    """Edges of all outlines; outer ones run counter-clockwise, courtyards clockwise: the building is on the left."""
    found = [np.zeros((0, 4))]
    for polygon in shapely.get_parts(blocks):
        if polygon.geom_type != "Polygon" or polygon.is_empty:
            continue
        turned = shapely.orient_polygons(polygon)
        for ring in (turned.exterior, *turned.interiors):
            corners = shapely.get_coordinates(ring)
            edges = np.hstack([corners[:-1], corners[1:]])
            found.append(edges[np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]) > 1e-9])
    return np.vstack(found)


def _cut(ends: Points) -> tuple[Points, Numbers]:
    """Cut walls that are longer than a cell into equal pieces."""
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    parts = np.maximum(1, np.ceil(length / _CELL)).astype(np.int64)
    wall = np.repeat(np.arange(len(ends)), parts)
    number = np.arange(len(wall)) - np.repeat(np.cumsum(parts) - parts, parts)
    share = np.column_stack([number / parts[wall], (number + 1) / parts[wall]])
    begin, along = ends[wall, :2], ends[wall, 2:] - ends[wall, :2]
    return np.hstack([begin + along * share[:, :1], begin + along * share[:, 1:]]), wall.astype(np.int32)
