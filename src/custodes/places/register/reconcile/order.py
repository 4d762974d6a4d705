# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether two lists go in the same order, and the readings that keep it.

A newer version of a list mostly keeps the older one's order, whatever became of its words and numbers. That is looked
for among the pairs that are sure without it; lists that are sorted by something that is compared anyway say nothing.
"""

import bisect
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.pairing import Pair

_FEWEST = 12
_KEPT = 0.9
_SORTED = 0.9
_IN_ORDER = 5.0
"""Log odds that keeping to the order speaks for a pair with, at most."""
_WINDOW = 40  # rows before and after a pair whose places may change when it is put in question


def tells(one: Sequence[InventoryRow], two: Sequence[InventoryRow], sure: Sequence[Pair]) -> bool:
    """True if the pairs that are sure anyway stand in the same order in both lists, and that is no accident."""
    if len(sure) < _FEWEST or _sorted(one) or _sorted(two):
        return False
    return len(longest(dict.fromkeys(sure, 1.0))) >= _KEPT * len(sure)


def longest(weights: Mapping[Pair, float]) -> set[Pair]:
    """The heaviest chain of pairs in which both places grow from pair to pair (weights above 0)."""
    # Ends of chains: ascending places in the second list, with ascending weight.
    ends: list[tuple[int, float, Pair | None]] = [(-1, 0.0, None)]
    before: dict[Pair, Pair | None] = {}
    for pair in sorted(weights, key=lambda pair: (pair[0], -pair[1])):
        at = bisect.bisect_left(ends, (pair[1],)) - 1
        total = ends[at][1] + weights[pair]
        before[pair] = ends[at][2]
        stop = at + 1
        while stop < len(ends) and ends[stop][1] <= total:
            stop += 1
        if stop > at + 1 or stop == len(ends) or ends[stop][0] > pair[1]:
            ends[at + 1 : stop] = [(pair[1], total, pair)]
    found, step = set(), ends[-1][2]
    while step is not None:
        found.add(step)
        step = before[step]
    return found


def bonus(weights: Mapping[Pair, float]) -> dict[Pair, float]:
    """Log odds that the order adds to the pairs that keep to it: little where another reading keeps to it as well."""
    usable = {pair: weight + _IN_ORDER for pair, weight in weights.items() if weight + _IN_ORDER > 0}
    chain = sorted(longest(usable))
    by_row: dict[int, list[Pair]] = defaultdict(list)
    for pair in usable:
        by_row[pair[0]].append(pair)
    found = {}
    for place, pair in enumerate(chain):
        inner = chain[max(place - _WINDOW, 0) : place + _WINDOW + 1]
        after = chain[place + _WINDOW + 1] if place + _WINDOW + 1 < len(chain) else None
        before = chain[place - _WINDOW - 1] if place > _WINDOW else (-1, -1)
        last = after or (max(by_row) + 1, max(b for _, b in usable) + 1)
        window = {
            other: usable[other]
            for row in range(before[0] + 1, last[0])
            for other in by_row.get(row, ())
            if other != pair and before[1] < other[1] < last[1]
        }
        margin = sum(usable[each] for each in inner) - sum(usable[each] for each in longest(window))
        found[pair] = min(max(margin, 0.0), _IN_ORDER)
    return found


def _sorted(rows: Sequence[InventoryRow]) -> bool:
    """True if a list is in the order of its names or of its positions, either way."""
    columns: tuple[Sequence[Any], ...] = (
        [row.name.casefold() for row in rows],
        [row.latitude_e7 for row in rows],
        [row.longitude_e7 for row in rows],
    )
    return any(map(_runs, columns))


def _runs(keys: Sequence[Any]) -> bool:
    steps = [(one, two) for one, two in pairwise(keys) if one != two]
    rising = sum(one < two for one, two in steps)
    return len(steps) >= _FEWEST and max(rising, len(steps) - rising) > _SORTED * len(steps)
