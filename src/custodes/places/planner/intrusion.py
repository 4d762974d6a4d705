# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a view takes from others: ground, homes, places to protect. Additive per camera."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from custodes.places.planner.density import Ladder
from custodes.places.planner.geometry.town import Town, Use
from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import Seen, ground, seen_by

WEIGHTS: Mapping[Use, float] = {
    Use.HOME: 20.0,
    Use.SCHOOL: 10.0,
    Use.WORSHIP: 10.0,
    Use.CLINIC: 10.0,
    Use.PLAYGROUND: 10.0,
    Use.SQUARE: 1.0,
}
"""Units per metre of home façade, and per square metre of the others, on top of 1 per square metre of any ground.

They are a proposal: a plan states its own, and the report shows what others would change."""


@dataclass
class Touched:
    """What one view films. Lengths in metres, areas in square metres; levels are the ladder's, or ''."""

    area: float
    ground: Any
    homes: float = 0.0
    homes_by_level: dict[str, float] = field(default_factory=dict)
    places: dict[str, float] = field(default_factory=dict)
    by_use: dict[Use, float] = field(default_factory=dict)
    level_by_place: dict[str, str] = field(default_factory=dict)

    def weighed(self, weights: Mapping[Use, float]) -> float:
        """Units of intrusion of this view while it is in service."""
        protected = sum(weights.get(use, 0.0) * area for use, area in self.by_use.items())
        return self.area + weights.get(Use.HOME, 0.0) * self.homes + protected


class Measure:
    """Measures views of one town by one ladder, each view once."""

    def __init__(self, town: Town, ladder: Ladder) -> None:
        self.town, self.ladder = town, ladder
        self._known: dict[View, Touched] = {}

    def __call__(self, view: View) -> Touched:
        """What the view films."""
        if view not in self._known:
            self._known[view] = touched(view, self.town, self.ladder)
        return self._known[view]


def touched(view: View, town: Town, ladder: Ladder) -> Touched:
    """Measure what a view films."""
    seen = seen_by(view, town.walls)
    filmed = ground(view, town.walls, seen)
    found = Touched(float(filmed.area), filmed)
    _homes(view, town, seen, ladder, found)
    tree, places = town.place_tree, town.places
    areas: dict[Use, float] = defaultdict(float)
    for number in tree.query(filmed, predicate="intersects"):
        place = places[number]
        part = shapely.intersection(place.ground, filmed)
        if part.area <= 0:
            continue
        found.places[place.ref] = float(part.area)
        areas[place.use] += float(part.area)
        nearest = shapely.get_coordinates(shapely.shortest_line(part, shapely.Point(view.x, view.y)))[:1]
        found.level_by_place[place.ref] = ladder.level(float(view.density(nearest)[0]))
    found.by_use = dict(areas)
    return found


def _homes(view: View, town: Town, seen: Seen, ladder: Ladder, found: Touched) -> None:
    """Lengths of home façades in the view, each piece at the density of its middle."""
    use = town.wall_use
    after = np.roll(seen.corners, -1, axis=0)
    for corner, following, label in zip(seen.corners, after, seen.label, strict=True):
        if label < 0 or use[label] is not Use.HOME:
            continue
        low, high = view.between_sides(corner, following)
        length = float(np.hypot(*(following - corner))) * (high - low)
        if length <= 0:
            continue
        middle = corner + (following - corner) * (low + high) / 2
        level = ladder.level(float(view.density(middle.reshape(1, 2))[0]))
        found.homes += length
        found.homes_by_level[level] = found.homes_by_level.get(level, 0.0) + length
