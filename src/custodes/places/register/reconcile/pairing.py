# SPDX-License-Identifier: AGPL-3.0-or-later
"""One-to-one assignment of weighed candidates, and how sure each of its pairs is."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

Pair = tuple[int, int]
_DENSE = 4_000_000  # cells of a table
_CLEAR = 4.0  # log odds from which a pair is sure whatever else there is
_OTHERS = 6
_AROUND = 30
"""Rows of the one list whose assignment may change when a pair is put in question."""


def assign(weights: Mapping[Pair, float]) -> list[Pair]:
    """The one-to-one assignment with the largest sum of weights; pairs that weigh nothing or less are left out.

    Solved for each group of rows that share candidates (``scipy.optimize.linear_sum_assignment``).
    """
    usable = {pair: weight for pair, weight in weights.items() if weight > 0}
    return sorted(pair for group in _groups(usable) for pair in _solve(group)[1])


def margins(weights: Mapping[Pair, float], pairs: Sequence[Pair]) -> dict[Pair, float]:
    """How much the best assignment loses if it must do without a pair, for each of ``pairs``, which are the best.

    A pair with a good other reading of its neighbourhood has a small margin, however well both rows fit; with several,
    a smaller one.
    """
    usable = {pair: weight for pair, weight in weights.items() if weight > 0}
    by_a: dict[int, list[Pair]] = defaultdict(list)
    by_b: dict[int, list[Pair]] = defaultdict(list)
    for pair in usable:
        by_a[pair[0]].append(pair)
        by_b[pair[1]].append(pair)
    chosen = dict(pairs)
    taken = {b: a for a, b in pairs}
    found = {}
    for pair in pairs:
        rows = _around(pair, by_a, by_b)
        free = {
            other: usable[other]
            for a in rows
            for other in by_a[a]
            if taken.get(other[1]) is None or taken[other[1]] in rows
        }
        best = sum(usable[(a, chosen[a])] for a in rows if a in chosen)
        del free[pair]
        found[pair] = max(best - _solve(free)[0], 0.0)
        if found[pair] < _CLEAR:
            found[pair] = _against_all(pair[0], free, best)
    return found


def _against_all(a: int, free: Mapping[Pair, float], best: float) -> float:
    """The margin against all other readings of row ``a`` together: each of its next best partners, and none."""
    rest = {pair: weight for pair, weight in free.items() if pair[0] != a}
    losses = [best - _solve(rest)[0]]
    others = sorted((pair for pair in free if pair[0] == a), key=lambda pair: -free[pair])[:_OTHERS]
    for pair in others:
        without = {other: weight for other, weight in rest.items() if other[1] != pair[1]}
        losses.append(best - free[pair] - _solve(without)[0])
    return max(-math.log(sum(math.exp(-loss) for loss in losses)), 0.0)


def _around(pair: Pair, by_a: Mapping[int, list[Pair]], by_b: Mapping[int, list[Pair]]) -> set[int]:
    """Rows of the one list that share candidates with a pair, directly or through others, nearest first."""
    rows, edge = {pair[0]}, [pair[0]]
    while edge and len(rows) < _AROUND:
        following = [a for row in edge for _, b in by_a[row] for a, _ in by_b[b]]
        edge = [a for a in dict.fromkeys(following) if a not in rows][: _AROUND - len(rows)]
        rows.update(edge)
    return rows


def _groups(weights: Mapping[Pair, float]) -> list[dict[Pair, float]]:
    """Candidates that share no row, apart."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(node: tuple[str, int]) -> tuple[str, int]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in weights:
        parent[root(("a", a))] = root(("b", b))
    found: dict[tuple[str, int], dict[Pair, float]] = defaultdict(dict)
    for pair, weight in weights.items():
        found[root(("a", pair[0]))][pair] = weight
    return list(found.values())


def _solve(weights: Mapping[Pair, float]) -> tuple[float, list[Pair]]:
    if not weights:
        return 0.0, []
    rows = {a: place for place, a in enumerate(sorted({a for a, _ in weights}))}
    columns = {b: place for place, b in enumerate(sorted({b for _, b in weights}))}
    cells = [(rows[a], columns[b], weight) for (a, b), weight in weights.items()]
    solve = _sparse if len(rows) * len(columns) > _DENSE else _dense
    chosen = solve(cells, len(rows), len(columns))
    pairs = [(a, b) for a, b in weights if (rows[a], columns[b]) in chosen]
    return sum(weights[pair] for pair in pairs), pairs


_Cells = Sequence[tuple[int, int, float]]


def _dense(cells: _Cells, rows: int, columns: int) -> set[Pair]:
    table = np.zeros((rows, columns))
    for row, column, weight in cells:
        table[row, column] = weight
    return set(zip(*(found.tolist() for found in linear_sum_assignment(table, maximize=True)), strict=True))


def _sparse(cells: _Cells, rows: int, columns: int) -> set[Pair]:
    """For groups whose table would not fit into memory. Each row has a column of its own for staying alone."""
    most = max(weight for _, _, weight in cells) + 1
    costs = [most - weight for _, _, weight in cells] + [most] * rows
    places = (
        [row for row, _, _ in cells] + [*range(rows)],
        [column for _, column, _ in cells] + [*range(columns, columns + rows)],
    )
    table = csr_matrix((costs, places), shape=(rows, columns + rows))
    return set(zip(*(found.tolist() for found in min_weight_full_bipartite_matching(table)), strict=True))
