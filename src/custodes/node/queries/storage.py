# SPDX-License-Identifier: AGPL-3.0-or-later
"""Storage: how much each camera writes, and whether the disk is large enough for what was declared."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.errors import unavailable
from custodes.node.config import load_settings
from custodes.node.queries import cameras
from custodes.node.store import Store, tables

_DAY = 24 * 3600 * SECOND


@dataclass(frozen=True, slots=True)
class CameraStorage:
    """One camera. ``per_day``: octets it wrote in the last 24 hours, scaled up if it has recorded for less.

    ``grows_days``: for how long what is stored still grows, until as much goes as comes.
    """

    camera: CameraId
    name: str
    per_day: int
    retention_hours: int
    grows_days: float

    @property
    def at_most(self) -> int:
        """Octets at the end of the growth."""
        return self.per_day * self.retention_hours // 24


@dataclass(frozen=True, slots=True)
class Forecast:
    """The store's disk, in octets. ``full_in_days``: None if what was declared has room."""

    capacity: int
    free: int
    reserve: int
    cameras: tuple[CameraStorage, ...]
    full_in_days: float | None

    @property
    def per_day(self) -> int:
        """What all cameras together write in a day."""
        return sum(camera.per_day for camera in self.cameras)

    @property
    def at_most(self) -> int:
        """What all cameras together will take up."""
        return sum(camera.at_most for camera in self.cameras)


def forecast(store: Store) -> Forecast:
    """Project the last 24 hours; a disk that cannot be looked at: ``CustodesError`` (UNAVAILABLE)."""
    try:
        disk = shutil.disk_usage(store.layout.store)
    except OSError as problem:
        raise unavailable(f"{store.layout.store} cannot be looked at: {problem.strerror}") from None
    written = _last_day(store)
    found = []
    for view in cameras.all_cameras(store):
        if view.entry is not None:
            octets, oldest = written.get(view.id, (0, store.clock.now()))
            found.append(_camera(store, view.id, view.name, view.entry.retention_hours, octets, oldest))
    reserve = load_settings(store.layout).storage.reserve_mb * 1_000_000
    full = days_until_full(disk.free - reserve, [(each.per_day, each.grows_days) for each in found])
    return Forecast(disk.total, disk.free, reserve, tuple(found), full)


def days_until_full(room: int, growing: Sequence[tuple[int, float]]) -> float | None:
    """When ``room`` is used up if each of ``growing`` takes so much a day for so many days; None if never."""
    if room <= 0:
        return 0.0
    passed, left = 0.0, float(room)
    pending = sorted(growing, key=lambda pair: pair[1])
    for number, (_, until) in enumerate(pending):
        rate = sum(per_day for per_day, _ in pending[number:])
        if rate * (until - passed) > left:
            return passed + left / rate
        left -= rate * (until - passed)
        passed = until
    return None


def _last_day(store: Store) -> dict[str, tuple[int, int]]:
    """Per camera what it wrote in the last day, sealed and masked, and since when in that day."""
    since = store.clock.now() - _DAY
    totals: dict[str, tuple[int, int]] = {}
    for table in (tables.periods, tables.masked_minutes):
        rows = store.read(
            sa.select(
                table.c.camera, sa.func.sum(table.c.size).label("size"), sa.func.min(table.c.start).label("first")
            )
            .where(table.c.ended > since, table.c.start > since)
            .group_by(table.c.camera)
        )
        for row in rows:
            size, first = totals.get(row.camera, (0, store.clock.now()))
            totals[row.camera] = size + int(row.size), min(first, int(row.first))
    return totals


def _camera(store: Store, camera: CameraId, name: str, hours: int, octets: int, since: int) -> CameraStorage:
    now = store.clock.now()
    # A camera that has just begun is not judged by its first seconds.
    span = min(_DAY, max(now - since, 60 * SECOND))
    rows = tables.periods.c
    oldest = store.read(sa.select(sa.func.min(rows.start)).where(rows.camera == camera))[0][0]
    age = 0.0 if oldest is None else (now - Instant(oldest)) / _DAY
    return CameraStorage(camera, name, octets * _DAY // span, hours, max(0.0, hours / 24 - age))
