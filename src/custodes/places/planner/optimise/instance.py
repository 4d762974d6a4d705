# SPDX-License-Identifier: AGPL-3.0-or-later
"""The task in whole numbers, as the solver, the certificate and its checker see it.

Everything is an integer, so that whoever checks a plan never rounds: euros, units of intrusion (square metres times
weight times years, in tenths), points of places, years counted from 0.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from custodes.errors import corrupt


@dataclass(frozen=True, slots=True)
class Column:
    """One thing that can be decided: this camera, looking so, in service from year ``first`` to year ``last``.

    ``cost[y]`` is what it takes out of year y's budget; ``intrusion`` what it adds over the whole plan. ``groups`` are
    the groups of points it covers while in service. Of the ``exclusive`` columns of one ``site`` (a camera that exists)
    exactly one is in service each year, if only the one that says it is gone; of others with one name before the ``@``
    at most one is chosen (a new camera is bought once).
    """

    name: str
    site: str
    exclusive: bool
    first: int
    last: int
    cost: tuple[int, ...]
    intrusion: int
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """A purpose: of its groups of points (number and size) at least ``need`` points from year ``start`` on."""

    name: str
    start: int
    need: int
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """The whole task. ``budget`` is per year and may be None for no limit; ``sizes[g]`` points are in group g."""

    years: int
    budget: tuple[int | None, ...]
    sizes: tuple[int, ...]
    demands: tuple[Demand, ...]
    columns: tuple[Column, ...]

    def years_of(self, demand: Demand) -> range:
        """Years in which a demand has to be checked: one, if nothing that helps it ever ends before the plan does."""
        groups = set(demand.groups)
        ends = any(each.last < self.years - 1 and groups & set(each.groups) for each in self.columns)
        return range(demand.start, self.years if ends else demand.start + 1)


def base(column: Column) -> str:
    """What a column is called without its years."""
    return column.name.rpartition("@")[0]


def covered(instance: Instance, demand: Demand, year: int, chosen: Sequence[Column]) -> int:
    """Points of the demand that the chosen columns cover in a year."""
    seen = {group for each in chosen if each.first <= year <= each.last for group in each.groups}
    return sum(instance.sizes[group] for group in demand.groups if group in seen)


def grouped(covers: Sequence[int], points: Sequence[str]) -> tuple[list[list[int]], dict[str, list[int]], list[int]]:
    """Join points that exactly the same options cover.

    ``covers[o]`` has bit p set where option o covers point p; ``points[p]`` is its purpose. Returns the groups of each
    option, the groups of each purpose and the sizes. Points that nothing covers are in no group.
    """
    by_point: dict[int, list[int]] = defaultdict(list)
    for option, cover in enumerate(covers):
        rest = cover
        while rest:
            low = rest & -rest
            by_point[low.bit_length() - 1].append(option)
            rest ^= low
    numbers: dict[tuple[str, tuple[int, ...]], int] = {}
    sizes: list[int] = []
    of_option: list[list[int]] = [[] for _ in covers]
    of_purpose: dict[str, list[int]] = defaultdict(list)
    for point, options in sorted(by_point.items()):
        key = (points[point], tuple(options))
        if key not in numbers:
            numbers[key] = len(sizes)
            sizes.append(0)
            of_purpose[key[0]].append(numbers[key])
            for option in options:
                of_option[option].append(numbers[key])
        sizes[numbers[key]] += 1
    return of_option, dict(of_purpose), sizes


def to_json(instance: Instance) -> dict[str, Any]:
    """The instance as plain JSON (``docs/format.md``, certificate of a plan)."""
    return {
        "years": instance.years,
        "budget": list(instance.budget),
        "sizes": list(instance.sizes),
        "demands": [
            {"name": each.name, "start": each.start, "need": each.need, "groups": list(each.groups)}
            for each in instance.demands
        ],
        "columns": [
            {
                "name": each.name,
                "site": each.site,
                "exclusive": each.exclusive,
                "first": each.first,
                "last": each.last,
                "cost": list(each.cost),
                "intrusion": each.intrusion,
                "groups": list(each.groups),
            }
            for each in instance.columns
        ],
    }


def from_json(source: Any) -> Instance:
    """Parse an instance; raises ``CustodesError`` (CORRUPT)."""
    try:
        instance = Instance(
            _whole(source["years"]),
            tuple(None if each is None else _whole(each) for each in source["budget"]),
            tuple(map(_whole, source["sizes"])),
            tuple(
                Demand(
                    str(each["name"]), _whole(each["start"]), _whole(each["need"]), tuple(map(_whole, each["groups"]))
                )
                for each in source["demands"]
            ),
            tuple(
                Column(
                    str(each["name"]),
                    str(each["site"]),
                    each["exclusive"] is True,
                    _whole(each["first"]),
                    _whole(each["last"]),
                    tuple(map(_whole, each["cost"])),
                    _whole(each["intrusion"]),
                    tuple(map(_whole, each["groups"])),
                )
                for each in source["columns"]
            ),
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise corrupt(f"certificate: the instance lacks or misspells {problem}") from None
    _check(instance)
    return instance


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise corrupt("certificate: numbers must be whole")
    return value


def _check(instance: Instance) -> None:
    groups = range(len(instance.sizes))
    names = [each.name for each in instance.columns]
    demands = [each.name for each in instance.demands]
    good = (
        1 <= instance.years <= 100
        and len(instance.budget) == instance.years
        and all(size > 0 for size in instance.sizes)
        and len(set(names)) == len(names)
        and len(set(demands)) == len(demands)
        and all(len(set(each.groups)) == len(each.groups) for each in instance.demands)
        and all(0 <= each.start < instance.years and set(each.groups) <= set(groups) for each in instance.demands)
        and all(
            0 <= each.first <= each.last < instance.years and len(each.cost) == instance.years and each.intrusion >= 0
            for each in instance.columns
        )
        and all(set(each.groups) <= set(groups) for each in instance.columns)
    )
    if not good:
        raise corrupt("certificate: the instance contradicts itself")
