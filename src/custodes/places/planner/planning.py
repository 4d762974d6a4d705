# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a declaration to a phased plan: candidates, reduction, solution, certificate, and what stands beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from custodes.errors import CustodesError, conflict, invalid
from custodes.places.planner.candidates import AT, Candidate, Ground, of_cameras, of_sites, options
from custodes.places.planner.declaration import Declaration
from custodes.places.planner.geometry.view import View
from custodes.places.planner.intrusion import Measure
from custodes.places.planner.inventory import Camera
from custodes.places.planner.optimise.build import Task, build
from custodes.places.planner.optimise.greedy import greedy
from custodes.places.planner.optimise.instance import Column, Instance, base
from custodes.places.planner.optimise.plan import Plan, curve, least_intrusive


@dataclass(frozen=True)
class Step:
    """One thing the plan does: at this site, in this calendar year, with this camera; euros over all years."""

    year: int
    site: str
    action: str
    cost: int
    view: View | None


@dataclass(frozen=True)
class Outcome:
    """The plan and its company. Intrusion is in units (square metres times weight), summed over the years."""

    plan: Plan
    steps: list[Step]
    by_year: list[list[Camera]]
    spent: list[int]
    kept: list[str]
    removed: list[str]
    today: float
    greedy_cost: int
    greedy_intrusion: float
    greedy_unmet: list[str]
    curve: list[tuple[int, float]]
    options: int
    undominated: int

    @property
    def intrusion(self) -> float:
        """Units over all years."""
        return self.plan.intrusion / 10


def plan(declaration: Declaration, cameras: Sequence[Camera], measure: Measure, seconds: float) -> Outcome:
    """Find the least intrusive plan; raises ``CustodesError`` in one line where there is none."""
    if not declaration.purposes:
        raise invalid("the declaration names no purpose: without one the only plan is to remove every camera")
    instance, candidates, counts = _instance(declaration, cameras, measure)
    found = least_intrusive(instance, seconds)
    rival, unmet = greedy(instance)
    views = {each.name: each for each in candidates}
    steps, by_year = _steps(declaration, found, views)
    return Outcome(
        found,
        steps,
        by_year,
        [sum(each.cost[year] for each in found.chosen) for year in range(instance.years)],
        sorted(each.site for each in found.chosen if _is_kept(each) and each.last == instance.years - 1),
        sorted(each.site for each in found.chosen if _action(each) == "gone"),
        sum(each.intrusion for each in instance.columns if _action(each) == "keep" and each.last == instance.years - 1)
        / 10,
        sum(sum(each.cost) for each in rival),
        sum(each.intrusion for each in rival) / 10,
        unmet,
        _curve(instance, seconds),
        *counts,
    )


def decide(declaration: Declaration, cameras: Sequence[Camera], measure: Measure, seconds: float) -> Plan:
    """The plan alone."""
    return least_intrusive(_instance(declaration, cameras, measure)[0], seconds)


def _instance(
    declaration: Declaration, cameras: Sequence[Camera], measure: Measure
) -> tuple[Instance, list[Candidate], tuple[int, int]]:
    purposes, town = declaration.purposes, measure.town
    ground = Ground(purposes, [each.points(town.walls) for each in purposes])
    costs, lenses = declaration.costs, declaration.lenses
    candidates = of_cameras(cameras, lenses, declaration.bearings, costs)
    candidates += of_sites(declaration.sites, lenses, declaration.bearings, costs)
    names = [each.name for each in candidates]
    if len(set(names)) != len(names) or any("@" in name for name in names):
        raise conflict("two cameras, sites or lenses have the same name, or one with @ in it: give each its own")
    found = options(candidates, ground, town.walls, lambda view: measure(view).weighed(declaration.weights))
    needs = tuple(
        (each.name, each.start, math.ceil(each.share * len(points) - 1e-9))
        for each, points in zip(purposes, ground.points, strict=True)
    )
    task = Task(len(declaration.budgets), declaration.budgets, costs.remove, needs, ground.owner)
    instance, kept = build(task, found)
    return instance, candidates, (len(candidates), len(kept))


def _curve(instance: Instance, seconds: float) -> list[tuple[int, float]]:
    try:
        return [(euros, units / 10) for euros, units in curve(instance, seconds)]
    except CustodesError:
        return []  # the plan stands without it; the report says that it is missing


def _action(column: Column) -> str:
    return base(column).removeprefix(column.site + ":")


def _is_kept(column: Column) -> bool:
    return _action(column).split(AT)[0] == "keep"


def _steps(
    declaration: Declaration, found: Plan, candidates: dict[str, Candidate]
) -> tuple[list[Step], list[list[Camera]]]:
    """What is done when, and the cameras in service each year."""
    steps, by_year = [], [list[Camera]() for _ in declaration.budgets]
    for each in found.chosen:
        candidate = candidates.get(base(each).split(AT)[0])
        view = candidate.view if candidate else None
        action = _action(each)
        if action == "gone":
            action = "remove"
        elif not each.exclusive:
            action = f"new: {action}"
        if view is not None:
            camera = Camera(each.site, action, view, ())
            for year in range(each.first, each.last + 1):
                by_year[year].append(camera)
        if action != "keep" or each.last < len(by_year) - 1:
            steps.append(Step(declaration.first_year + each.first, each.site, action, sum(each.cost), view))
    return sorted(steps, key=lambda step: (step.year, step.action, step.site)), by_year
