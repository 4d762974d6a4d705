# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plan that everybody makes: most coverage per euro first, blind to intrusion. It stands beside ours."""

from custodes.places.planner.optimise.instance import Column, Demand, Instance, base, covered


def greedy(instance: Instance) -> tuple[list[Column], list[str]]:
    """Choose year by year, for the demands due, what adds most missing points per euro while the budget lasts.

    Cameras that exist stay as they are unless that cannot be paid for. Returns the columns and the demands left unmet.
    """
    last = instance.years - 1
    plan = [
        each for each in instance.columns if each.exclusive and (each.first, each.last) == (0, last) and _kept(each)
    ]
    left = [
        None if limit is None else limit - sum(each.cost[year] for each in plan)
        for year, limit in enumerate(instance.budget)
    ]
    new = [each for each in instance.columns if not each.exclusive]
    for year in range(instance.years):
        for demand in (each for each in instance.demands if each.start == year):
            while covered(instance, demand, year, plan) < demand.need:
                best = _best(instance, demand, [each for each in new if each.first <= year], plan, left)
                if best is None:
                    break
                plan.append(best)
                left = [None if rest is None else rest - cost for rest, cost in zip(left, best.cost, strict=True)]
                new = [each for each in new if base(each) != base(best)]
    unmet = [each.name for each in instance.demands if covered(instance, each, last, plan) < each.need]
    return plan, unmet


def _kept(column: Column) -> bool:
    return base(column).endswith(":keep")


def _best(
    instance: Instance, demand: Demand, columns: list[Column], plan: list[Column], left: list[int | None]
) -> Column | None:
    """The affordable column that adds most points of the demand per euro."""
    seen = {group for each in plan for group in each.groups}
    missing = {group: instance.sizes[group] for group in demand.groups if group not in seen}
    best, worth = None, 0.0
    for each in columns:
        if any(rest is not None and cost > rest for rest, cost in zip(left, each.cost, strict=True)):
            continue
        gain = sum(missing.get(group, 0) for group in each.groups) / max(1, sum(each.cost))
        if gain > worth:
            best, worth = each, gain
    return best
