# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds: which minutes are kept from being deleted, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, KeyId, PeriodId, Term
from custodes.errors import denied, not_found
from custodes.node.queries import log
from custodes.node.store import Store, custody_tables, names, tables
from custodes.node.store.evidence import policy_of
from custodes.node.store.held import hold_of
from custodes.trust.custody.held import MAX_PERIODS, build_hold


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


def held_shares(store: Store, periods: Iterable[PeriodId]) -> tuple[bytes, ...]:
    """The documents of shares that custodians have wrapped anew of any of these periods."""
    held, documents = custody_tables.held_periods.c, custody_tables.held_shares.c
    found: dict[str, bytes] = {}
    for camera, group in groupby(sorted(periods), key=lambda period: period.camera):
        starts = [period.start for period in group]
        rows = store.read(
            sa.select(documents.digest, documents.document)
            .where(documents.digest == held.document, documents.document.is_not(None))
            .where(held.camera == camera, held.start >= starts[0], held.start <= starts[-1])
            .distinct()
        )
        found |= {row.digest: bytes(row.document) for row in rows}
    return tuple(found[digest] for digest in sorted(found))


def index(store: Store, asking: KeyId) -> JsonObject:
    """The ids of all holds for a custodian's agent; anybody else who asks: ``CustodesError`` (DENIED)."""
    _demand_custodian(store, asking)
    rows = store.read(sa.select(tables.holds.c.id).order_by(tables.holds.c.seq))
    return {"v": 1, "holds": [row.id for row in rows]}


def shown(store: Store, name: str, asking: KeyId, since: Instant) -> bytes:
    """What a custodian is shown of a hold, with its periods from ``since`` on that it has not wrapped anew yet.

    At most 500 of them, none once it is released. Not witnessed yet: ``CustodesError`` (UNAVAILABLE).
    """
    _demand_custodian(store, asking)
    rows = store.read(sa.select(tables.holds).where(tables.holds.c.id == name))
    if not rows:
        raise not_found("there is no such hold")
    row = rows[0]
    released = None if row.released_seq is None else log.logged(store, row.released_seq)
    objects = store.objects
    parts = [
        (objects.get(names.opening(period)), objects.get(names.shares(period)))
        for period in ([] if row.released is not None else _open_periods(store, row, asking, since))
    ]
    return build_hold(hold_of(row), log.logged(store, row.seq), released, parts)


def _open_periods(store: Store, row: sa.Row[Any], custodian: KeyId, since: Instant) -> list[PeriodId]:
    periods, held = tables.periods.c, custody_tables.held_periods.c
    done = sa.exists().where(
        held.custodian == custodian, held.hold == row.id, held.camera == periods.camera,
        held.start == periods.start, held.term == periods.term,
    )  # fmt: skip
    found = store.read(
        sa.select(periods.start, periods.term)
        .where(periods.camera == row.camera, periods.start < row.until, periods.ended > row.start)
        .where(periods.start >= since, periods.deletion.is_(None), ~done)
        .order_by(periods.start, periods.term)
        .limit(MAX_PERIODS)
    )
    return [PeriodId(CameraId(row.camera), Instant(each.start), Term(each.term)) for each in found]


def _demand_custodian(store: Store, asking: KeyId) -> None:
    if policy_of(store).custodian(asking) is None:
        raise denied("holds are shown to custodians only")
