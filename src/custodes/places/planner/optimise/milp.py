# SPDX-License-Identifier: AGPL-3.0-or-later
"""The instance as a mixed-integer linear program: arrays for the solver, names for the certificate."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from custodes.places.planner.optimise.instance import Instance, base

RowName = tuple[str | int, ...]


@dataclass
class Program:
    """Minimise cost · x with low ≤ A x ≤ high and 0 ≤ x ≤ upper; the first ``whole`` unknowns are integers.

    Each row is kept as (name, {unknown: coefficient}, low, high).
    """

    cost: list[float]
    upper: list[float]
    whole: int
    rows: list[tuple[RowName, dict[int, float], float, float]] = field(default_factory=list)

    def unknown(self, cost: float = 0.0, upper: float = 1.0) -> int:
        """Add an unknown that need not be whole."""
        self.cost.append(cost)
        self.upper.append(upper)
        return len(self.cost) - 1

    def arrays(self) -> dict[str, Any]:
        """Rows as compressed sparse rows, all as numpy arrays."""
        start = np.cumsum([0, *(len(row[1]) for row in self.rows)]).astype(np.int32)
        return {
            "cost": np.array(self.cost, float),
            "upper": np.array(self.upper, float),
            "whole": np.array([self.whole], np.int32),
            "low": np.array([row[2] for row in self.rows], float),
            "high": np.array([row[3] for row in self.rows], float),
            "start": start,
            "index": np.array([key for row in self.rows for key in row[1]], np.int32),
            "links": np.array([row[0][0] in ("budget", "cap") for row in self.rows], bool),
            "value": np.array([value for row in self.rows for value in row[1].values()], float),
        }


def program(instance: Instance, *, cap: int | None = None, by_cost: bool = False) -> Program:
    """The least intrusive plan, or with ``by_cost`` the cheapest; ``cap`` limits the euros of all years together.

    Unknowns: one 0/1 per column; per demand, year and group, how much of the group counts as covered (0 to 1).
    """
    columns = instance.columns
    goal = [float(sum(each.cost) if by_cost else each.intrusion) for each in columns]
    made = Program(goal, [1.0] * len(columns), len(columns))
    by_group: dict[int, list[int]] = defaultdict(list)
    for number, each in enumerate(columns):
        for group in each.groups:
            by_group[group].append(number)
    for demand in instance.demands:
        for year in instance.years_of(demand):
            counts: dict[int, float] = {}
            for group in demand.groups:
                helpers = [each for each in by_group[group] if columns[each].first <= year <= columns[each].last]
                if not helpers:
                    continue
                counted = made.unknown()
                row = dict.fromkeys(helpers, 1.0) | {counted: -1.0}
                made.rows.append((("cover", demand.name, year, group), row, 0.0, np.inf))
                counts[counted] = float(instance.sizes[group])
            made.rows.append((("need", demand.name, year), counts, float(demand.need), np.inf))
    _sites(instance, made)
    for year, limit in enumerate(instance.budget):
        spent = {number: float(each.cost[year]) for number, each in enumerate(columns) if each.cost[year]}
        if limit is not None:
            made.rows.append((("budget", year), spent, -np.inf, float(limit)))
    if cap is not None:
        total = {number: float(sum(each.cost)) for number, each in enumerate(columns)}
        made.rows.append((("cap",), total, -np.inf, float(cap)))
    return made


def _sites(instance: Instance, made: Program) -> None:
    by_site: dict[str, list[int]] = defaultdict(list)
    bought: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(instance.columns):
        (by_site[each.site] if each.exclusive else bought[base(each)]).append(number)
    for site, numbers in sorted(by_site.items()):
        for year in range(instance.years):
            at_work = [n for n in numbers if instance.columns[n].first <= year <= instance.columns[n].last]
            made.rows.append((("site", site, year), dict.fromkeys(at_work, 1.0), 1.0, 1.0))
    for name, numbers in sorted(bought.items()):
        if len(numbers) > 1:
            made.rows.append((("once", name), dict.fromkeys(numbers, 1.0), -np.inf, 1.0))
