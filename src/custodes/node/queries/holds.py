# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds: which minutes are kept from being deleted, and why."""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.errors import not_found
from custodes.node.store import Store, tables


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold; ``periods`` of [start, until) are there now, ``going`` more were being deleted already."""

    id: str
    camera: CameraId
    start: Instant
    until: Instant
    reason: str
    released: Instant | None
    periods: int
    going: int


def all_holds(store: Store) -> list[HoldView]:
    """Every hold, those that were released too, in the order they were made."""
    return [_view(store, row) for row in store.read(sa.select(tables.holds).order_by(tables.holds.c.seq))]


def hold(store: Store, name: str) -> HoldView:
    """One hold; unknown: ``CustodesError`` (NOT_FOUND)."""
    rows = store.read(sa.select(tables.holds).where(tables.holds.c.id == name))
    if not rows:
        raise not_found("there is no such hold")
    return _view(store, rows[0])


def _view(store: Store, row: sa.Row[tuple[object, ...]]) -> HoldView:
    rows = tables.periods.c
    inside = sa.and_(rows.camera == row.camera, rows.start < row.until, rows.ended > row.start)
    found = store.read(sa.select(rows.deletion).where(inside))
    going = sum(each.deletion is not None for each in found)
    released = None if row.released is None else Instant(row.released)
    return HoldView(
        row.id,
        CameraId(row.camera),
        Instant(row.start),
        Instant(row.until),
        row.reason,
        released,
        len(found) - going,
        going,
    )
