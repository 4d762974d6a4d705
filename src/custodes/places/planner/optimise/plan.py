# SPDX-License-Identifier: AGPL-3.0-or-later
"""Solve an instance: the least intrusive plan with its certificate, and what to say where there is none."""

from dataclasses import dataclass, replace
from typing import Any

from custodes.errors import CustodesError, conflict
from custodes.places.planner.optimise.certificate import certificate
from custodes.places.planner.optimise.instance import Column, Instance
from custodes.places.planner.optimise.milp import program
from custodes.places.planner.optimise.solver import InfeasibleError, Solution, solved

_DRAWN = 1e-3
"""Gap of the points of the curve."""


@dataclass(frozen=True)
class Plan:
    """The chosen columns, the solver's gap, and the certificate."""

    chosen: tuple[Column, ...]
    gap: float
    certificate: dict[str, Any]

    @property
    def intrusion(self) -> int:
        """Units of intrusion over all years."""
        return sum(each.intrusion for each in self.chosen)

    @property
    def cost(self) -> int:
        """Euros over all years."""
        return sum(sum(each.cost) for each in self.chosen)


def least_intrusive(instance: Instance, seconds: float) -> Plan:
    """The plan; raises ``CustodesError`` (CONFLICT) that names the purpose and the money that are in the way."""
    if not instance.columns:
        if any(each.need for each in instance.demands):
            raise conflict("there is no candidate that sees any of the declared places: add sites or lenses")
        return Plan((), 0.0, certificate(instance, [], {}, 0.0))
    _coverable(instance)
    whole = program(instance)
    try:
        found = solved(whole, seconds=seconds)
    except InfeasibleError:
        raise conflict(_why(instance, seconds)) from None
    relaxed = solved(whole, seconds=seconds, whole=False)
    multipliers = {row[0]: float(value) for row, value in zip(whole.rows, relaxed.duals, strict=True)}
    chosen = _chosen(instance, found)
    return Plan(chosen, found.gap, certificate(instance, [each.name for each in chosen], multipliers, found.gap))


def _chosen(instance: Instance, found: Solution) -> tuple[Column, ...]:
    return tuple(each for each, value in zip(instance.columns, found.values, strict=False) if value > 0.5)


def _coverable(instance: Instance) -> None:
    """Refuse purposes that all candidates together cannot meet."""
    for demand in instance.demands:
        best = sum(instance.sizes[group] for group in demand.groups)
        if best < demand.need:
            raise conflict(
                f"{demand.name} cannot be met at any price: all candidates together see {best} of the {demand.need}"
                " points it needs at that density; add sites or lenses near it, or ask for less"
            )


def _why(instance: Instance, seconds: float) -> str:
    """Say which purpose the budgets cannot pay for, and what it would take."""
    more = program(instance)
    more.cost = [0.0] * len(more.cost)
    for name, row, _, _ in more.rows:
        if name[0] == "budget":
            row[more.unknown(1.0, 1e12)] = -1.0
    extra = solved(more, seconds=seconds).values[len(instance.columns) :]
    slack = [float(each) for each in extra[-sum(limit is not None for limit in instance.budget) :]]
    years = [year for year, limit in enumerate(instance.budget) if limit is not None]
    said = ", ".join(
        f"{round(euros):,} more in year {year + 1}" for year, euros in zip(years, slack, strict=True) if euros > 0.5
    )
    return f"the budgets do not pay for {_unmet(instance, seconds)}: all purposes together need at least {said} (euros)"


def _unmet(instance: Instance, seconds: float) -> str:
    """The fewest purposes whose absence would make the budgets enough."""
    fewer = program(instance)
    fewer.cost = [0.0] * len(fewer.cost)
    given_up: dict[str, int] = {}
    for name, row, low, _ in fewer.rows:
        if name[0] == "need":
            unknown = given_up.get(str(name[1]))
            if unknown is None:
                unknown = given_up[str(name[1])] = fewer.unknown(1.0)
            row[unknown] = low
    try:
        values = solved(fewer, seconds=seconds).values
    except CustodesError:
        return "the cameras that stand already"
    return " and ".join(name for name, unknown in given_up.items() if values[unknown] > 1e-6)


def cheapest(instance: Instance, seconds: float) -> int:
    """Euros that the purposes cost at least, intrusion left aside."""
    found = solved(program(instance, by_cost=True), seconds=seconds)
    return sum(sum(each.cost) for each in _chosen(instance, found))


def curve(instance: Instance, seconds: float, steps: int = 5) -> list[tuple[int, int]]:
    """(Euros, intrusion) of the least intrusive plans from the one with no limit on money down to the cheapest.

    A drawing needs no more than a thousandth; a point that the time does not suffice for is a plan all the same.
    """
    free = replace(instance, budget=(None,) * instance.years)
    least = cheapest(free, seconds)
    points: list[tuple[int, int]] = []
    cap: int | None = None
    while True:
        chosen = _chosen(free, solved(program(free, cap=cap), seconds=seconds, gap=_DRAWN))
        euros = sum(sum(each.cost) for each in chosen)
        points.append((euros, sum(each.intrusion for each in chosen)))
        step = max(1, (points[0][0] - least) // (steps - 1))
        cap = least + (euros - 1 - least) // step * step
        if euros <= least:
            return sorted(set(points))
