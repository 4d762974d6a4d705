# SPDX-License-Identifier: AGPL-3.0-or-later
"""Learns what is usual of each camera's stream, so that a fall can be told from a setting."""

from collections import deque
from dataclasses import dataclass, field

import sqlalchemy as sa

from custodes.clock import SECOND
from custodes.node.queries.health import LEARNT
from custodes.node.store import Store, tables

_RISE, _FALL = 60, 2_000
"""Measurements (one in ten seconds) over which what is usual follows upwards, and downwards: ten minutes, half a day.

A stream that was throttled is remarked upon for hours; one that was set lower on purpose is usual a day later.
"""
_WINDOW = 300 * SECOND


_COUNTERS = ("lost", "connections")


@dataclass(slots=True)
class _Counter:
    """One of the recorder's counters, as it was in the last five minutes."""

    counts: deque[tuple[int, int]] = field(default_factory=deque)

    def lately(self, at: int, count: int) -> int:
        """What was counted in the window that ends now; a counter that began anew has counted nothing before."""
        if self.counts and count < self.counts[-1][1]:
            self.counts.clear()
        self.counts.append((at, count))
        while at - self.counts[0][0] > _WINDOW:
            self.counts.popleft()
        return count - self.counts[0][1]


class Trends:
    """Every camera's; ``update`` is called a few times a minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counters: dict[tuple[str, str], _Counter] = {}

    def update(self) -> None:
        """Learn from each measurement that is new."""
        known = {row.camera: row for row in self._store.read(sa.select(tables.camera_trends))}
        fresh = [
            row
            for row in self._store.read(sa.select(tables.camera_health))
            if row.camera not in known or row.at > known[row.camera].at
        ]
        if not fresh:
            return
        with self._store.begin() as connection:
            for row in fresh:
                values = self._learn(row, known.get(row.camera))
                tables.upsert(connection, tables.camera_trends, {"camera": row.camera}, values)

    def _learn(self, row: sa.Row[tuple[object, ...]], before: sa.Row[tuple[object, ...]] | None) -> dict[str, object]:
        stream = {"codec": row.codec, "width": row.width, "height": row.height}
        values: dict[str, object] = {"at": row.at, **stream}
        for name in _COUNTERS:
            counter = self._counters.setdefault((row.camera, name), _Counter())
            values[f"{name}_lately"] = counter.lately(row.at, getattr(row, name))
        same = before is not None and all(getattr(before, name) == value for name, value in stream.items())
        samples = before.samples if before is not None and same else 0
        receiving = row.since is not None and row.pictures_per_s > 0
        values["samples"] = samples + receiving
        for name in ("pictures_per_s", "bits_per_s"):
            usual = getattr(before, name) if samples else 0
            values[name] = _followed(usual, getattr(row, name), samples) if receiving else usual
        return values


def _followed(usual: int, now: int, samples: int) -> int:
    """The mean of the first measurements; then up quickly and down slowly."""
    pace = samples + 1 if samples < LEARNT else _RISE if now > usual else _FALL
    return usual + round((now - usual) / pace)
