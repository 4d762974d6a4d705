# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much speaks for two rows being one camera: log odds from distance, name, type, direction and operator.

After Fellegi and Sunter (1969): a thing that agrees weighs log(how often it does in pairs that belong together / how
often by chance). The first of the two is learned from the pairs themselves, in a few rounds; so is how far apart the
lists put the same camera.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.names import NameEvidence, words_of

REACH_M = 250.0
"""Rows that are further apart are never compared."""
_EARTH_M = 6_371_008.8
_MOST = 24  # candidates per row
_FLOOR_M, _CEILING_M = 1.5, 30.0
_MOVED_M, _MOVED_SHARE = 60.0, 0.02
_STRAY, _STRAY_M = 3.5, 10.0  # spreads, metres
_TURN = 30
_NEIGHBOURS = 4
_CELL_M = 100.0
_THIN = 1e-6  # rows per square metre: at least one per square kilometre
_TRUST = 12.0  # pairs' worth of belief in what is usual, before anything is learned


@dataclass(frozen=True, slots=True)
class Candidate:
    """Row ``a`` of the one list and row ``b`` of the other may be one camera (places in the lists, from 0)."""

    a: int
    b: int
    metres: float


def positions(rows: Sequence[InventoryRow]) -> NDArray[np.float64]:
    """Rows as points on the globe, in metres."""
    degrees = np.radians(np.array([(row.latitude, row.longitude) for row in rows], dtype=np.float64).reshape(-1, 2))
    flat = np.cos(degrees[:, 0])
    where = (flat * np.cos(degrees[:, 1]), flat * np.sin(degrees[:, 1]), np.sin(degrees[:, 0]))
    return np.asarray(np.stack(where, axis=1) * _EARTH_M, dtype=np.float64)


def candidates(one: Sequence[InventoryRow], two: Sequence[InventoryRow]) -> list[Candidate]:
    """Every pair of rows within reach, at most the nearest few of each row."""
    if not one or not two:
        return []
    tree = cKDTree(positions(two))
    metres, places = tree.query(positions(one), k=min(_MOST, len(two)), distance_upper_bound=REACH_M)
    shape = (len(one), -1)
    found = []
    for a, (row, near) in enumerate(zip(np.reshape(metres, shape), np.reshape(places, shape), strict=True)):
        found += [Candidate(a, int(b), float(d)) for d, b in zip(row, near, strict=True) if math.isfinite(d)]
    return found


class _Field:
    """Evidence of one attribute: whether both rows have it, and whether it is the same."""

    def __init__(self, one: Sequence[str], two: Sequence[str], agreeing: float) -> None:
        self._one, self._two = one, two
        share = [sum(map(bool, side)) / max(len(side), 1) for side in (one, two)]
        both = share[0] * share[1]
        # By chance: both have it, one of them, none.
        self._chance = (both, share[0] + share[1] - 2 * both, 1 - share[0] - share[1] + both)
        self._usual = agreeing
        values = Counter(value for value in (*one, *two) if value)
        self._frequency = {value: number / values.total() for value, number in values.items()}
        self.learn(())

    def learn(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Take from pairs that belong together how often the attribute is there and agrees."""
        seen, agreeing = [_TRUST * share for share in self._chance], _TRUST * self._usual
        for a, b in pairs:
            pattern = self._pattern(a, b)
            seen[pattern] += 1
            agreeing += pattern == 0 and self._one[a] == self._two[b]
        both = seen[0] - _TRUST * self._chance[0] + _TRUST
        self._agree = min(agreeing / both, 0.99)
        self._share = [number / sum(seen) for number in seen]

    def weigh(self, a: int, b: int) -> float:
        """Log odds."""
        pattern = self._pattern(a, b)
        odds = math.log((self._share[pattern] + 1e-3) / (self._chance[pattern] + 1e-3))
        if pattern:
            return odds
        common = self._frequency[self._one[a]]
        if self._one[a] == self._two[b]:
            return odds + math.log(self._agree / max(common, 0.02))
        return odds + math.log((1 - self._agree) / max(1 - common, 0.02))

    def _pattern(self, a: int, b: int) -> int:
        return 2 - bool(self._one[a]) - bool(self._two[b])


class Evidence:
    """Weighs pairs of two lists, and learns from those that are held to belong together."""

    def __init__(self, one: Sequence[InventoryRow], two: Sequence[InventoryRow]) -> None:
        self._directions = [row.direction for row in one], [row.direction for row in two]
        self._words = [words_of(row.name) for row in one], [words_of(row.name) for row in two]
        self._names = NameEvidence(row.name for row in (*one, *two))
        self._weighed: dict[tuple[int, int], float] = {}  # names, which no learning changes
        self._fields = {
            "type": _Field([row.kind for row in one], [row.kind for row in two], 0.85),
            "operator": _Field([_plain(row.operator) for row in one], [_plain(row.operator) for row in two], 0.85),
        }
        self._spread = _mutual(one, two)
        self._densities = _densities(two)

    @property
    def spread_m(self) -> float:
        """Standard deviation, along an axis, of how far apart both lists put the same camera."""
        return self._spread

    def learn(self, pairs: Sequence[Candidate], metres: Sequence[float]) -> None:
        """Learn from pairs that surely belong together, and from the distances of all that the assignment has.

        The sure ones alone would make both lists look closer to each other than they are.
        """
        if len(metres) >= 5:
            self._spread = _spread(metres)
        for each in self._fields.values():
            each.learn((pair.a, pair.b) for pair in pairs)

    def reasons(self, pair: Candidate) -> dict[str, float]:
        """What speaks for a pair (above 0) and against it, by kind of evidence."""
        found = {
            "distance": self._distance(pair),
            "name": self._name(pair),
            "direction": _turned(self._directions[0][pair.a], self._directions[1][pair.b]),
        }
        return found | {name: each.weigh(pair.a, pair.b) for name, each in self._fields.items()}

    def weigh(self, pair: Candidate) -> float:
        """All reasons together."""
        return sum(self.reasons(pair).values())

    def _name(self, pair: Candidate) -> float:
        known = self._weighed.get((pair.a, pair.b))
        if known is None:
            known = self._names.weigh(self._words[0][pair.a], self._words[1][pair.b])
            self._weighed[(pair.a, pair.b)] = known
        return known

    def strays(self, pair: Candidate) -> bool:
        """True if a pair is further apart than the lists explain and its names are not the same words.

        What was moved and renamed at once is for a person, however little else comes into question.
        """
        one, two = set(self._words[0][pair.a]), set(self._words[1][pair.b])
        return pair.metres > max(_STRAY * self._spread, _STRAY_M) and (not one or one != two)

    def _distance(self, pair: Candidate) -> float:
        near = _normal(pair.metres, self._spread)
        # Some cameras were moved along the street, and some rows were set on the map by hand.
        far = _normal(pair.metres, max(_MOVED_M, 2 * self._spread))
        return math.log(((1 - _MOVED_SHARE) * near + _MOVED_SHARE * far) / self._densities[pair.b])


def _spread(metres: Sequence[float] | NDArray[np.float64]) -> float:
    # The median distance of two normal deviates is 1.1774 standard deviations.
    return min(max(float(np.median(metres)) / 1.1774, _FLOOR_M), _CEILING_M)


def _mutual(one: Sequence[InventoryRow], two: Sequence[InventoryRow]) -> float:
    """A first idea of the spread: the distances of rows that are each other's nearest."""
    if not one or not two:
        return _CEILING_M
    here, there = positions(one), positions(two)
    metres, forth = cKDTree(there).query(here)
    back = cKDTree(here).query(there)[1]
    near = metres[(back[forth] == np.arange(len(one))) & (metres < REACH_M)]
    return _spread(near) if len(near) else _CEILING_M


def _normal(metres: float, spread: float) -> float:
    return math.exp(-(metres**2) / (2 * spread**2)) / (2 * math.pi * spread**2)


def _densities(rows: Sequence[InventoryRow]) -> NDArray[np.float64]:
    """Rows per square metre around each row, from the distance of its fourth neighbour.

    No more than where there are rows at all: what is close together competes for its partners anyway.
    """
    where = positions(rows)
    near = min(_NEIGHBOURS + 1, len(rows))
    if near < 2:
        return np.full(len(rows), _THIN)
    metres = np.asarray(cKDTree(where).query(where, k=near)[0], dtype=np.float64)[:, -1]
    cells = {tuple(np.floor(point / _CELL_M).astype(int)) for point in where}
    usual = max(len(rows) / (len(cells) * _CELL_M**2), _THIN)
    return np.clip((near - 1) / (np.pi * np.maximum(metres, 1.0) ** 2), _THIN, usual)


def _plain(operator: str) -> str:
    return " ".join(words_of(operator))


def _turned(one: int | None, two: int | None) -> float:
    """Log odds from the directions: twelfths of a circle by chance, four in five within one where it is the same."""
    if one is None or two is None:
        return 0.0
    apart = abs((one - two + 180) % 360 - 180)
    return math.log(0.8 / (2 * _TURN / 360)) if apart <= _TURN else math.log(0.2 / (1 - 2 * _TURN / 360))
