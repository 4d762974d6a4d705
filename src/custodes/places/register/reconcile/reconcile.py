# SPDX-License-Identifier: AGPL-3.0-or-later
"""The reconciliation of two lists: pairs that are sure, pairs for a person, and rows that only one list has."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custodes.errors import invalid
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile import order
from custodes.places.register.reconcile.evidence import Candidate, Evidence, candidates
from custodes.places.register.reconcile.outcome import Match, Reconciliation
from custodes.places.register.reconcile.pairing import Pair, assign, margins

_SURE = 1.4
"""Log odds (4 to 1): a pair is joined only if all other readings together are this much worse."""
_PERHAPS = -1.0
"""Two rows that nothing else claims are shown to a person from here on."""
_ROUNDS = 4
MAX_ROWS = 30_000
_OTHERS = 5


def reconcile(one: Sequence[InventoryRow], two: Sequence[InventoryRow]) -> Reconciliation:
    """Find which rows of two lists are the same camera; too many rows: ``CustodesError`` (INVALID)."""
    if max(len(one), len(two)) > MAX_ROWS:
        raise invalid(f"lists of more than {MAX_ROWS:,} rows are not reconciled: cut them by district")
    known = {(each.a, each.b): each for each in candidates(one, two)}
    evidence = Evidence(one, two)
    weights: dict[Pair, float] = {}
    best: list[Pair] = []
    certain: dict[Pair, float] = {}
    for _ in range(_ROUNDS):
        weights = {pair: evidence.weigh(each) for pair, each in known.items()}
        best = assign(weights)
        certain = margins(weights, best)
        evidence.learn([known[pair] for pair in best if certain[pair] >= _SURE], [known[pair].metres for pair in best])
    sure = [pair for pair in best if certain[pair] >= _SURE]
    in_order = order.tells(one, two, sure)
    if in_order:
        weights |= {pair: weights[pair] + more for pair, more in order.bonus(weights).items()}
        best = assign(weights)
        certain = margins(weights, best)
    return _outcome(_Weighed(evidence, known, weights), best, certain, (len(one), len(two)), in_order)


@dataclass(frozen=True, slots=True)
class _Weighed:
    evidence: Evidence
    known: Mapping[Pair, Candidate]
    weights: Mapping[Pair, float]

    def match(self, pair: Pair, margin: float, others: Sequence[int]) -> Match:
        found = self.known[pair]
        reasons = {name: round(odds, 2) for name, odds in self.evidence.reasons(found).items()}
        return Match(*pair, found.metres, margin, reasons, tuple(b for b in others if b != pair[1])[:_OTHERS])


def _outcome(
    weighed: _Weighed, best: list[Pair], certain: Mapping[Pair, float], sizes: tuple[int, int], in_order: bool
) -> Reconciliation:
    others: dict[int, list[int]] = defaultdict(list)
    for pair in sorted(weighed.weights, key=lambda pair: -weighed.weights[pair]):
        if weighed.weights[pair] > _PERHAPS:
            others[pair[0]].append(pair[1])
    rest = {a for a, _ in best}, {b for _, b in best}
    # Rows left over that nearly fit: shifted, so that the same assignment serves.
    near = {
        pair: weight - _PERHAPS
        for pair, weight in weighed.weights.items()
        if pair[0] not in rest[0] and pair[1] not in rest[1]
    }
    joined = [pair for pair in best if certain[pair] >= _SURE and not weighed.evidence.strays(weighed.known[pair])]
    doubtful = sorted(set(best) - set(joined)) + assign(near)
    seen = {a for a, _ in (*joined, *doubtful)}, {b for _, b in (*joined, *doubtful)}
    return Reconciliation(
        joined=tuple(weighed.match(pair, certain[pair], others[pair[0]]) for pair in joined),
        queued=tuple(weighed.match(pair, certain.get(pair, 0.0), others[pair[0]]) for pair in doubtful),
        only_a=tuple(a for a in range(sizes[0]) if a not in seen[0]),
        only_b=tuple(b for b in range(sizes[1]) if b not in seen[1]),
        spread_m=weighed.evidence.spread_m,
        in_order=in_order,
    )
