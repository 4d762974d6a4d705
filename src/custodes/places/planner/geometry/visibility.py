# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a camera sees of the ground and of the walls around it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from custodes.places.planner.geometry import _sweep
from custodes.places.planner.geometry.frame import Points
from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.walls import Walls


@dataclass(frozen=True)
class Seen:
    """The visible region between the walls.

    ``corners`` (n × 2, metres) are in order; ``label[i]`` says what the edge from corner i on is: the number of a wall,
    or one of ``_sweep``'s constants. The region ignores tilt: what stands upright in the view is seen at some height.
    """

    corners: Points
    label: npt.NDArray[np.int32]

    @property
    def area(self) -> float:
        """Square metres."""
        x, y = self.corners[:, 0] - self.corners[0, 0], self.corners[:, 1] - self.corners[0, 1]
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)

    def polygon(self) -> Any:
        """The region as a valid shapely geometry."""
        return shapely.make_valid(shapely.Polygon(self.corners))


def seen_by(view: View, walls: Walls) -> Seen:
    """The exact region of the plane that the view's sector and range leave and no building hides."""
    begin, width = view.sector
    numbers = _sweep.near(view.x, view.y, view.reach, *_grid(walls))
    corners, label = _sweep.sweep(view.x, view.y, view.reach, begin, width, walls.pieces, walls.wall, numbers)
    return Seen(corners + np.array([view.x, view.y]), label)


def ground(view: View, walls: Walls, seen: Seen | None = None) -> Any:
    """The filmed ground (shapely): the visible region without what tilt and height leave out of the picture."""
    region = (seen or seen_by(view, walls)).polygon()
    picture = view.picture_on_ground()
    return region if picture is None else shapely.intersection(region, shapely.Polygon(picture))


def sees(view: View, points: Points, walls: Walls) -> npt.NDArray[np.bool_]:
    """For each point of the ground (n × 2): whether it is in the picture and the line of sight is free."""
    inside = view.contains(points)
    found = inside.copy()
    if inside.any():
        found[inside] = _sweep.free(view.x, view.y, points[inside], *_grid(walls))
    return found


def _grid(walls: Walls) -> tuple[Any, ...]:
    return walls.pieces, walls.first, walls.origin, walls.columns, walls.rows, walls.cell


def outside(point: Points, walls: Walls, limit: float = 3.0, gap: float = 0.2) -> Points | None:
    """Where a camera really hangs that a map draws inside a building: ``gap`` metres before the nearest outer wall.

    Returns the point itself if it is in the open, None if the building's edge is more than ``limit`` metres away.
    """
    spot = shapely.Point(point)
    if not shapely.intersects(walls.blocks, spot):
        return point
    rim = shapely.boundary(walls.blocks)
    if shapely.distance(rim, spot) > limit:
        return None
    edges = walls.ends
    along = edges[:, 2:] - edges[:, :2]
    length = np.hypot(along[:, 0], along[:, 1])
    share = np.clip(np.einsum("ij,ij->i", point - edges[:, :2], along) / length**2, 0, 1)
    foot = edges[:, :2] + along * share[:, None]
    outward = np.column_stack([along[:, 1], -along[:, 0]]) / length[:, None]
    distance = np.hypot(*(foot - point).T)
    for number in np.argsort(distance)[:8]:
        tried: Points = foot[number] + outward[number] * gap
        if distance[number] <= limit and not shapely.intersects(walls.blocks, shapely.Point(tried)):
            return tried
    return None
