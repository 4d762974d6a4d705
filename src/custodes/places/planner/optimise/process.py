# SPDX-License-Identifier: AGPL-3.0-or-later
"""The solver's own process: a program on standard input, its solution on standard output (numpy archives).

HiGHS lives here and nowhere else: it overruns its time limit now and then, and cannot share a process with other
solvers. The parent kills this process when its patience is over. Nothing else of ours is imported.

Purposes that share no camera are tied together by budgets alone. Without those rows the program falls apart; its blocks
are solved one by one. If together they keep the budgets, they are the optimum. If not, euros get a price (the budgets'
duals), the blocks are solved again, and what each costs at least goes into the whole program as one more row: the
search then begins at that bound (Lagrangian relaxation, by cutting planes).
"""

import io
import os
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt

_SMALL = 200
"""Unknowns of a block that is put together with others."""
_ROUNDS = 4
"""How often the blocks are asked, the first time without prices for what the budgets limit."""

Floats = npt.NDArray[np.float64]


@dataclass
class Rows:
    """A program: minimise cost · x, low ≤ A x ≤ high, 0 ≤ x ≤ upper, the first ``whole`` unknowns integers.

    ``start``, ``index``, ``value``: A by rows. ``links`` marks the rows that tie everything together.
    """

    cost: Floats
    upper: Floats
    whole: int
    low: Floats
    high: Floats
    start: npt.NDArray[np.int32]
    index: npt.NDArray[np.int32]
    value: Floats
    links: npt.NDArray[np.bool_]

    def part(self, rows: npt.NDArray[np.int64], unknowns: npt.NDArray[np.int64]) -> "Rows":
        """Only these rows and unknowns (rising; whole ones stay first)."""
        number = np.full(len(self.cost), -1, np.int32)
        number[unknowns] = np.arange(len(unknowns))
        spans = [np.arange(self.start[row], self.start[row + 1]) for row in rows]
        entries = np.concatenate(spans) if spans else np.zeros(0, int)
        start = np.cumsum([0, *(len(span) for span in spans)]).astype(np.int32)
        whole = int((unknowns < self.whole).sum())
        return Rows(self.cost[unknowns], self.upper[unknowns], whole, self.low[rows], self.high[rows], start,
                    number[self.index[entries]], self.value[entries], self.links[rows])  # fmt: skip

    def blocks(self) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Rows and unknowns of each block that no link ties to another."""
        parent = np.arange(len(self.cost))

        def root(node: int) -> int:
            while parent[node] != node:
                parent[node] = parent[parent[node]]
                node = int(parent[node])
            return node

        kept = np.flatnonzero(~self.links & (np.diff(self.start) > 0))
        for row in kept:
            first, *others = self.index[self.start[row] : self.start[row + 1]]
            for other in others:
                parent[root(int(other))] = root(int(first))
        roots = np.array([root(node) for node in range(len(self.cost))])
        of_row = roots[self.index[self.start[kept]]]
        # Small blocks are put together: to begin with one costs more than to solve it.
        sizes = dict(zip(*np.unique(roots, return_counts=True), strict=True))
        bins: dict[int, int] = {}
        used, home = _SMALL, -1
        for each, size in sizes.items():
            if size >= _SMALL:
                bins[int(each)] = int(each)
            else:
                home = home if used + size <= _SMALL else int(each)
                used = used + size if home != each else size
                bins[int(each)] = home
        roots, of_row = (np.array([bins[int(each)] for each in labels]) for labels in (roots, of_row))
        return [(kept[of_row == each], np.flatnonzero(roots == each)) for each in np.unique(roots)]

    def with_rows(self, rows: list[tuple[npt.NDArray[np.int64], Floats, float]]) -> "Rows":
        """The same with rows (unknowns, coefficients, least value) added."""
        lengths = [len(each[0]) for each in rows]
        start = np.concatenate([self.start, self.start[-1] + np.cumsum(lengths)]).astype(np.int32)
        index = np.concatenate([self.index, *(each[0] for each in rows)]).astype(np.int32)
        value = np.concatenate([self.value, *(each[1] for each in rows)])
        low = np.concatenate([self.low, [each[2] for each in rows]])
        high = np.concatenate([self.high, np.full(len(rows), np.inf)])
        links = np.concatenate([self.links, np.zeros(len(rows), bool)])
        return Rows(self.cost, self.upper, self.whole, low, high, start, index, value, links)

    def priced(self, duals: Floats) -> Floats:
        """Cost of the unknowns with the links' prices added, so that the blocks feel what they take from each other."""
        cost = self.cost.copy()
        for row in np.flatnonzero(self.links):
            span = slice(self.start[row], self.start[row + 1])
            np.subtract.at(cost, self.index[span], duals[row] * self.value[span])
        return cost

    def keeps(self, values: Floats) -> bool:
        """True if the links hold."""
        for row in np.flatnonzero(self.links):
            span = slice(self.start[row], self.start[row + 1])
            total = float(self.value[span] @ values[self.index[span]])
            if not self.low[row] - 1e-6 <= total <= self.high[row] + 1e-6:
                return False
        return True


@dataclass
class Answer:
    """What HiGHS says: status, values, duals of the rows, objective and proven bound."""

    status: str
    values: Floats
    duals: Floats
    objective: float
    bound: float


def highs(rows: Rows, *, whole: bool, seconds: float, gap: float) -> Answer:
    """Have HiGHS solve it."""
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (("output_flag", False), ("time_limit", max(1.0, seconds)), ("mip_rel_gap", gap),
                        ("threads", 1), ("random_seed", 1)):  # fmt: skip
        solver.setOptionValue(name, value)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(rows.cost), len(rows.low)
    model.col_cost_, model.col_upper_, model.col_lower_ = rows.cost, rows.upper, np.zeros(len(rows.cost))
    model.row_lower_, model.row_upper_ = rows.low, rows.high
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = rows.start, rows.index, rows.value
    if whole:
        kinds = [highspy.HighsVarType.kContinuous] * model.num_col_
        kinds[: rows.whole] = [highspy.HighsVarType.kInteger] * rows.whole
        model.integrality_ = kinds
    solver.passModel(model)
    solver.run()
    info, solution = solver.getInfo(), solver.getSolution()
    bound = info.mip_dual_bound if whole else info.objective_function_value
    return Answer(
        solver.getModelStatus().name, np.array(solution.col_value), np.array(solution.row_dual),
        info.objective_function_value, bound,
    )  # fmt: skip


def solve(rows: Rows, *, whole: bool, seconds: float, gap: float) -> Answer:
    """Solve block by block where that is enough, else as a whole with what the blocks have taught."""
    deadline = time.monotonic() + seconds
    blocks = [each for each in rows.blocks() if len(each[0])] if whole else []
    if len(blocks) < 2:
        return highs(rows, whole=whole, seconds=seconds, gap=gap)
    taught = rows
    for turn in range(_ROUNDS):
        cost = rows.cost
        if turn:
            relaxed = highs(taught, whole=False, seconds=deadline - time.monotonic(), gap=gap)
            if relaxed.status != "kOptimal":
                break
            cost = rows.priced(relaxed.duals)
        values, cuts = np.zeros(len(rows.cost)), []
        for inside, unknowns in blocks:
            part = replace(rows.part(inside, unknowns), cost=cost[unknowns])
            found = highs(part, whole=True, seconds=deadline - time.monotonic(), gap=gap / 2)
            if found.status == "kInfeasible":
                return found
            if found.status != "kOptimal":  # out of time: what has been learnt so far must do
                return highs(taught, whole=True, seconds=deadline - time.monotonic(), gap=gap)
            values[unknowns] = found.values
            costly = part.cost != 0
            cuts.append((unknowns[costly], part.cost[costly], found.bound))
        if not turn and rows.keeps(values):
            return Answer("kOptimal", values, np.zeros(0), float(rows.cost @ values), sum(cut[2] for cut in cuts))
        taught = taught.with_rows(cuts)
    return highs(taught, whole=True, seconds=deadline - time.monotonic(), gap=gap)


def main() -> None:
    """One program in, one solution out."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the library prints is no answer
    source = np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False)
    names = ("low", "high", "start", "index", "value", "links")
    rows = Rows(source["cost"], source["upper"], int(source["whole"][0]), *(source[name] for name in names))
    whole, seconds, gap = bool(source["mode"][0]), float(source["mode"][1]), float(source["mode"][2])
    found = solve(rows, whole=whole, seconds=seconds, gap=gap)
    out = io.BytesIO()
    figures = np.array([found.objective, found.bound])
    np.savez(out, status=np.array([found.status]), values=found.values, duals=found.duals, figures=figures)
    answers.write(out.getvalue())
    answers.close()


if __name__ == "__main__":
    main()
