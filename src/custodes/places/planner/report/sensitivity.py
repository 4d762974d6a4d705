# SPDX-License-Identifier: AGPL-3.0-or-later
"""What would come out if somebody had decided or assumed otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import shapely

from custodes.places.planner.declaration import Declaration
from custodes.places.planner.geometry.town import Use
from custodes.places.planner.intrusion import Measure
from custodes.places.planner.inventory import Camera
from custodes.places.planner.planning import Outcome, decide


@dataclass(frozen=True, slots=True)
class Variation:
    """A changed assumption, what is so without the change, and what with it."""

    assumption: str
    today: str
    varied: str


def of_ranges(cameras: Sequence[Camera], measure: Measure, weights: Mapping[Use, float]) -> list[Variation]:
    """Ground filmed and intrusion, were every camera to see a quarter less or further."""
    said = [_measured(cameras, measure, weights, factor) for factor in (1.0, 0.75, 1.25)]
    return [
        Variation("every camera sees 25 % less far", said[0], said[1]),
        Variation("every camera sees 25 % further", said[0], said[2]),
    ]


def _measured(cameras: Sequence[Camera], measure: Measure, weights: Mapping[Use, float], factor: float) -> str:
    views = [replace(each.view, reach=min(2_000.0, max(1.0, each.view.reach * factor))) for each in cameras]
    found = [measure(view) for view in views]
    area = shapely.union_all([each.ground for each in found]).area
    return f"{area:,.0f} m² filmed, {sum(each.weighed(weights) for each in found):,.0f} units"


def of_plan(
    declared: Declaration, cameras: Sequence[Camera], measure: Measure, outcome: Outcome, seconds: float
) -> list[Variation]:
    """The plan, were homes or all places to protect to weigh half or twice as much."""
    base = {each.name for each in outcome.plan.chosen}
    found = []
    for said, uses in (("homes", {Use.HOME}), ("all places but homes", set(Use) - {Use.HOME})):
        for word, factor in (("half", 0.5), ("twice", 2.0)):
            weights = {use: weight * (factor if use in uses else 1) for use, weight in declared.weights.items()}
            other = decide(replace(declared, weights=weights), cameras, measure, seconds)
            changed = len(base ^ {each.name for each in other.chosen})
            same = "the same plan" if not changed else f"{changed} decisions differ, {other.cost:,} euros"
            found.append(Variation(f"{said} weigh {word} as much", f"{outcome.plan.cost:,} euros", same))
    return found
