# SPDX-License-Identifier: AGPL-3.0-or-later
"""From options without years to columns with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from custodes.places.planner.optimise.dominance import Option, undominated
from custodes.places.planner.optimise.instance import Column, Demand, Instance, grouped


@dataclass(frozen=True, slots=True)
class Task:
    """What a plan has to do. ``needs`` is (purpose, first year, points needed); ``points[p]`` is point p's purpose."""

    years: int
    budget: tuple[int | None, ...]
    removal: int
    needs: tuple[tuple[str, int, int], ...]
    points: tuple[str, ...]


def build(task: Task, options: Sequence[Option]) -> tuple[Instance, list[Option]]:
    """The instance of a task, and the options that were left after dominance reduction."""
    kept = undominated(options)
    of_option, of_purpose, sizes = grouped([each.cover for each in kept], task.points)
    columns: list[Column] = []
    for option, groups in zip(kept, of_option, strict=True):
        columns += _timed(task, option, tuple(groups))
    for site in sorted({each.site for each in kept if each.exclusive}):
        gone = Option(f"{site}:gone", site, True, False, task.removal, 0, 0, 0)
        columns += [_column(task, gone, year, task.years - 1) for year in range(task.years)]
    demands = tuple(Demand(name, start, need, tuple(of_purpose.get(name, ()))) for name, start, need in task.needs)
    return Instance(task.years, task.budget, tuple(sizes), demands, tuple(columns)), kept


def _timed(task: Task, option: Option, groups: tuple[int, ...]) -> list[Column]:
    """A camera that stands serves from the first year until some year; anything else from some year to the end."""
    last = task.years - 1
    spans = [(0, end) for end in range(task.years)] if option.standing else [(year, last) for year in range(task.years)]
    return [_column(task, option, first, end, groups) for first, end in spans]


def _column(task: Task, option: Option, first: int, last: int, groups: tuple[int, ...] = ()) -> Column:
    cost = tuple(
        (option.once if year == first else 0) + (option.yearly if first <= year <= last else 0)
        for year in range(task.years)
    )
    years = last - first + 1
    name = f"{option.name}@{last if option.standing else first}"
    return Column(name, option.site, option.exclusive, first, last, cost, option.intrusion * years, groups)
