# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan's certificate, and a checker that needs nothing but whole numbers.

Two figures are published. ``searched_gap`` is what the solver's branch-and-bound search proved; to check it is to
search again. ``certified_gap`` is weaker and anybody recomputes it in a second: multipliers, one per row of the
relaxed task, give a bound that no plan can go below (weak duality of linear programs), in exact fractions. Whatever
multipliers somebody writes into a certificate, the bound that comes out is a true one; bad ones only make it weak.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from custodes.errors import corrupt
from custodes.places.planner.optimise.instance import Column, Demand, Instance, base, covered, from_json, to_json

SCALE = 1 << 20
"""Multipliers are whole multiples of 1/SCALE."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker found: the plan keeps every rule, its intrusion, and what nobody can go below."""

    objective: int
    bound: Fraction

    @property
    def gap(self) -> float:
        """Share of the objective that might be saved at most, as far as the bound tells."""
        if not self.objective:
            return 0.0
        return float(max(Fraction(0), 1 - self.bound / self.objective))


def certificate(
    instance: Instance, chosen: list[str], multipliers: dict[tuple[str | int, ...], float], searched_gap: float
) -> dict[str, Any]:
    """The document: the task, the plan, the multipliers, and the gap that the solver claims."""
    whole = {_key(name): round(value * SCALE) for name, value in multipliers.items() if round(value * SCALE)}
    document = {
        "v": 1,
        "instance": to_json(instance),
        "chosen": sorted(chosen),
        "multipliers": dict(sorted(whole.items())),
        "searched_gap": f"{searched_gap:.2e}",
    }
    checked = check(document)
    return document | {"objective": checked.objective, "certified_gap": f"{checked.gap:.4f}"}


def _key(name: tuple[str | int, ...]) -> str:
    return " ".join(map(str, name))


def check(document: Any) -> Checked:
    """Check a certificate; raises ``CustodesError`` (CORRUPT) naming the first rule that the plan breaks."""
    if not isinstance(document, dict) or document.get("v") != 1:
        raise corrupt("certificate: not a certificate of a plan, or of a version that is not known")
    instance = from_json(document.get("instance"))
    names = {each.name: each for each in instance.columns}
    chosen = document.get("chosen")
    if not isinstance(chosen, list) or not all(isinstance(each, str) and each in names for each in chosen):
        raise corrupt("certificate: the plan chooses something that is not in the task")
    if len(set(chosen)) != len(chosen):
        raise corrupt("certificate: the plan chooses something twice")
    plan = [names[each] for each in chosen]
    _feasible(instance, plan)
    objective = sum(each.intrusion for each in plan)
    if document.get("objective", objective) != objective:
        raise corrupt(f"certificate: the plan's intrusion is {objective}, not {document['objective']}")
    checked = Checked(objective, _bound(instance, document.get("multipliers")))
    if document.get("certified_gap", f"{checked.gap:.4f}") != f"{checked.gap:.4f}":
        raise corrupt(f"certificate: the multipliers prove a gap of {checked.gap:.4f}, not {document['certified_gap']}")
    return checked


def _feasible(instance: Instance, plan: list[Column]) -> None:
    for demand in instance.demands:
        for year in range(demand.start, instance.years):
            found = covered(instance, demand, year, plan)
            if found < demand.need:
                raise corrupt(f"certificate: {demand.name} has {found} of {demand.need} points in year {year + 1}")
    for year, limit in enumerate(instance.budget):
        spent = sum(each.cost[year] for each in plan)
        if limit is not None and spent > limit:
            raise corrupt(f"certificate: year {year + 1} costs {spent} euros, its budget is {limit}")
    for site in {each.site for each in instance.columns if each.exclusive}:
        for year in range(instance.years):
            at_work = sum(each.exclusive and each.site == site and each.first <= year <= each.last for each in plan)
            if at_work != 1:
                raise corrupt(f"certificate: {site} is used {at_work} times in year {year + 1}")
    names = [base(each) for each in plan if not each.exclusive]
    if len(set(names)) != len(names):
        raise corrupt("certificate: a new camera is bought twice")


def _bound(instance: Instance, multipliers: Any) -> Fraction:
    """Lagrange's bound: sum of multiplier x right side, plus each unknown's reduced cost if negative."""
    if not isinstance(multipliers, dict) or not all(type(value) is int for value in multipliers.values()):
        raise corrupt("certificate: the multipliers must be whole numbers by row")
    known = set()
    total = 0
    reduced: dict[Any, int] = defaultdict(int)
    for number, each in enumerate(instance.columns):
        reduced[number] = each.intrusion * SCALE
    for name, sense, right, row in _rows(instance):
        known.add(name)
        multiplier = multipliers.get(name, 0)
        if (sense == ">" and multiplier < 0) or (sense == "<" and multiplier > 0):
            multiplier = 0  # of the wrong sign it proves nothing
        if multiplier:
            total += multiplier * right
            for unknown, value in row.items():
                reduced[unknown] -= multiplier * value
    if not set(multipliers) <= known:
        raise corrupt("certificate: a multiplier is for a row that the task does not have")
    return Fraction(total + sum(min(0, value) for value in reduced.values()), SCALE)


def _rows(instance: Instance) -> Iterator[tuple[str, str, int, dict[Any, int]]]:
    """Every row of the relaxed task: name, sense, right side, coefficients (columns by number, groups by name)."""
    by_group: dict[int, list[int]] = defaultdict(list)
    sites: dict[str, list[int]] = defaultdict(list)
    bought: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(instance.columns):
        for group in each.groups:
            by_group[group].append(number)
        (sites[each.site] if each.exclusive else bought[base(each)]).append(number)
    for demand in instance.demands:
        for year in instance.years_of(demand):
            yield from _coverage(instance, demand, year, by_group)
    for year, limit in enumerate(instance.budget):
        if limit is not None:
            yield f"budget {year}", "<", limit, {n: each.cost[year] for n, each in enumerate(instance.columns)}
    for site, numbers in sites.items():
        for year in range(instance.years):
            at_work = [n for n in numbers if instance.columns[n].first <= year <= instance.columns[n].last]
            yield f"site {site} {year}", "=", 1, dict.fromkeys(at_work, 1)
    for name, numbers in bought.items():
        yield f"once {name}", "<", 1, dict.fromkeys(numbers, 1)


def _coverage(
    instance: Instance, demand: Demand, year: int, by_group: dict[int, list[int]]
) -> Iterator[tuple[str, str, int, dict[Any, int]]]:
    counts: dict[Any, int] = {}
    for group in demand.groups:
        helpers = [n for n in by_group[group] if instance.columns[n].first <= year <= instance.columns[n].last]
        unknown = (demand.name, year, group)
        yield f"cover {demand.name} {year} {group}", ">", 0, dict.fromkeys(helpers, 1) | {unknown: -1}
        counts[unknown] = instance.sizes[group]
    yield f"need {demand.name} {year}", ">", demand.need, counts
