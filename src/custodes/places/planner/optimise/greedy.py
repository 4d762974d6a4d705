# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plan that everybody makes: most coverage per euro first, blind to intrusion. It stands beside ours."""

from custodes.places.planner.optimise.instance import Column, Demand, Instance, base, covered


def greedy(instance: Instance) -> tuple[list[Column], list[str]]:
    """Choose year by year, for the demands due, what adds most missing points per euro while the budget lasts.

    Cameras that exist all stay where the budgets can keep them all; else they go, but for those that are chosen.
    Returns the columns and the demands left unmet.
    """
    plan = _beginning(instance)
    for demand in sorted(instance.demands, key=lambda each: each.start):
        while covered(instance, demand, demand.start, plan) < demand.need:
            best = _best(instance, demand, plan)
            if best is None:
                break
            plan = best
    last = instance.years - 1
    return plan, [each.name for each in instance.demands if covered(instance, each, last, plan) < each.need]


def _beginning(instance: Instance) -> list[Column]:
    """Everything that exists kept to the end, or if that cannot be paid for, gone from the first year on."""
    last = instance.years - 1
    whole = [each for each in instance.columns if each.exclusive and (each.first, each.last) == (0, last)]
    kept, gone = ([each for each in whole if base(each) == f"{each.site}:{use}"] for use in ("keep", "gone"))
    return kept if _affordable(instance, kept) else gone


def _affordable(instance: Instance, plan: list[Column]) -> bool:
    return all(
        limit is None or sum(each.cost[year] for each in plan) <= limit for year, limit in enumerate(instance.budget)
    )


def _best(instance: Instance, demand: Demand, plan: list[Column]) -> list[Column] | None:
    """The plan with the affordable column added that brings most points of the demand per euro; None if none does."""
    have = covered(instance, demand, demand.start, plan)
    bought = {base(each) for each in plan}
    tried: list[tuple[float, Column]] = []
    for each in instance.columns:
        if (
            each.first > (0 if each.exclusive else demand.start)
            or each.last < instance.years - 1
            or base(each) in bought
        ):
            continue
        gain = covered(instance, demand, demand.start, [*_without(plan, each), each]) - have
        if gain > 0:
            tried.append((gain / max(1, sum(each.cost)), each))
    for _, each in sorted(tried, key=lambda item: (-item[0], item[1].name)):
        found = [*_without(plan, each), each]
        if _affordable(instance, found):
            return found
    return None


def _without(plan: list[Column], column: Column) -> list[Column]:
    """The plan without what stands at an exclusive column's site."""
    return [each for each in plan if not (column.exclusive and each.exclusive and each.site == column.site)]
