# SPDX-License-Identifier: AGPL-3.0-or-later
"""What comes of a reconciliation. Apart from how it is found, so that keeping one needs no numerical library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """Rows ``a`` and ``b`` (places in the lists, from 0) are one camera, or may be.

    ``margin``: by how much, in log odds, this reading is better than the best one without the pair. ``reasons``: log
    odds by kind of evidence. ``others``: rows of the second list that come into question for ``a`` too, best first.
    """

    a: int
    b: int
    metres: float
    margin: float
    reasons: dict[str, float]
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome. ``only_a`` and ``only_b`` are rows with neither a sure nor a doubtful partner."""

    joined: tuple[Match, ...]
    queued: tuple[Match, ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    spread_m: float
    in_order: bool
