# SPDX-License-Identifier: AGPL-3.0-or-later
"""What may be deleted now: periods that are due, the oldest ones if room is needed, masked copies on their own."""

from collections.abc import Sequence

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, Digest, PeriodId, Term
from custodes.domain.register import decode_entry
from custodes.errors import CustodesError, Kind
from custodes.node.queries import custody, register
from custodes.node.store import Store, names, tables
from custodes.node.store.held import has_original, held
from custodes.trust.seal.manifest import parse_opening

BATCH = 2_000
"""Periods to one deletion: a minute of two thousand cameras; what is held in memory at once."""
_HOUR = 3600 * SECOND
_LONGEST = 24 * 366
"""The longest retention that can be declared, in hours."""

Named = Sequence[tuple[PeriodId, Digest]]
"""Periods with the digests of their closing manifests."""
Strays = Sequence[tuple[CameraId, int, int]]
"""Masked minutes: camera, start, term."""


def note_due(store: Store) -> int:
    """Read, from the signed opening manifests, until when periods are kept that were not looked at yet.

    Returns how many there were; at most ``BATCH`` at a time.
    """
    rows = tables.periods
    fresh = store.read(
        sa.select(rows.c.camera, rows.c.start, rows.c.term, rows.c.ended).where(rows.c.due.is_(None)).limit(BATCH)
    )
    recorders = custody.parsed_policy(store).recorder_keys if fresh else {}
    values = []
    for row in fresh:
        period = PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term))
        try:
            opening = parse_opening(store.objects.get(names.opening(period)), recorders)
            hours = opening.sealed.header.retention_hours
        except CustodesError as problem:
            if problem.kind is Kind.UNAVAILABLE:
                raise
            # Without its opening manifest nobody can open the period; how long it is kept then says the register.
            hours = declared_hours(store, period.camera)
        values.append({"of": row.camera, "at": row.start, "turn": row.term, "when": row.ended + hours * _HOUR})
    if values:
        named = sa.and_(
            rows.c.camera == sa.bindparam("of"), rows.c.start == sa.bindparam("at"), rows.c.term == sa.bindparam("turn")
        )
        with store.begin() as connection:
            connection.execute(sa.update(rows).where(named).values(due=sa.bindparam("when")), values)
    return len(values)


def declared_hours(store: Store, camera: CameraId) -> int:
    """The retention in a camera's newest register entry; without one the longest that there is."""
    try:
        return decode_entry(register.document(store, camera)).retention_hours
    except CustodesError as problem:
        if problem.kind is Kind.UNAVAILABLE:
            raise
        return _LONGEST


def due(store: Store) -> Named:
    """The periods whose retention has ended, the longest overdue first."""
    rows = tables.periods
    query = sa.select(rows).where(rows.c.due <= store.clock.now(), rows.c.deletion.is_(None), ~held(rows))
    return [_named(row) for row in store.read(query.order_by(rows.c.due).limit(BATCH))]


def oldest(store: Store, before: Instant, octets: int) -> tuple[Named, int]:
    """The oldest periods, of all cameras, that ended before ``before``, for ``octets`` of room; and their size."""
    rows = tables.periods
    query = sa.select(rows).where(rows.c.ended < before, rows.c.deletion.is_(None), ~held(rows))
    chosen, size = [], 0
    for row in store.read(query.order_by(rows.c.ended).limit(BATCH)):
        if size >= octets:
            break
        chosen.append(_named(row))
        size += row.size
    return chosen, size


def strays(store: Store) -> Strays:
    """Masked minutes that never had an original, or whose original is gone, and that are older than is declared."""
    rows = tables.masked_minutes
    found: list[tuple[CameraId, int, int]] = []
    for (camera,) in store.read(sa.select(tables.cameras.c.id)):
        before = store.clock.now() - declared_hours(store, CameraId(camera)) * _HOUR
        query = sa.select(rows.c.start, rows.c.term).where(
            rows.c.camera == camera,
            rows.c.start < before,
            rows.c.ended <= before,
            rows.c.deletion.is_(None),
            ~has_original(gone_too=True),
            ~held(rows),
        )
        found += [(CameraId(camera), row.start, row.term) for row in store.read(query.limit(BATCH - len(found)))]
        if len(found) >= BATCH:
            break
    return found


def forget_gaps(store: Store) -> None:
    """Drop the rows of gaps that are older than anything that is kept of their camera; the manifests named them."""
    rows = tables.gaps.c
    for (camera,) in store.read(sa.select(tables.cameras.c.id)):
        before = store.clock.now() - declared_hours(store, CameraId(camera)) * _HOUR
        with store.begin() as connection:
            connection.execute(sa.delete(tables.gaps).where(rows.camera == camera, rows.ended < before))


def _named(row: sa.Row[tuple[object, ...]]) -> tuple[PeriodId, Digest]:
    return PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term)), Digest(row.closing)
