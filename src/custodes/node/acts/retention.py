# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts of forgetting: what is deleted is announced first, and its end is stated.

Between the two the rows say which periods and masked minutes are going (``deletion``), so whoever comes after a crash
knows what to go on with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from custodes.clock import SECOND
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, Digest, PeriodId
from custodes.errors import conflict
from custodes.node.store import Store, Transaction, custody_tables, tables
from custodes.node.store.held import has_original, held
from custodes.trust.custody.minute import Minute

_AROUND = 600 * SECOND
"""How far from a period's start its masked copies begin, at most."""


class Reason(Enum):
    """Why footage goes: its retention has ended, or what is newer needs the room."""

    RETENTION = "retention"
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Going:
    """Periods to delete, with the digests of their closing manifests; and masked minutes without an original.

    The masked copies of the periods need not be named: they go with the last of their originals.
    """

    periods: Sequence[tuple[PeriodId, Digest]]
    strays: Sequence[tuple[CameraId, int, int]] = ()


def begin_deletion(store: Store, reason: Reason, going: Going) -> int:
    """Announce a deletion and mark its rows; returns the entry's ``seq``, by which the rows are found.

    The entry holds the Merkle root (RFC 6962, 2.1) over the digests of the closing manifests, in rising order. If any
    of the periods has been held or marked since it was chosen: ``CustodesError`` (CONFLICT), and nothing is marked.
    """
    root = Minute(tuple(sorted({digest for _, digest in going.periods}))).root
    facts: JsonObject = {"reason": reason.value, "root": root.hex(), "count": len(going.periods)}
    with store.act(Act.RETENTION_DUE, facts) as tx:
        _mark_periods(tx, going.periods)
        _mark_copies(tx, going)
        tx.connection.execute(
            tables.deletions.insert().values(seq=tx.seq, reason=reason.value, root=root, periods=len(going.periods))
        )
    return tx.seq


def finish_deletion(store: Store, seq: int) -> None:
    """State that the objects of a deletion are gone, and drop their rows.

    ``masked`` in the entry is the number of masked minutes that went along. One that is done already:
    ``CustodesError`` (CONFLICT).
    """
    deletions, minutes = tables.deletions, tables.masked_minutes
    rows = store.read(sa.select(deletions).where(deletions.c.seq == seq, deletions.c.done.is_(None)))
    if not rows:
        raise conflict("this deletion is done, or was never announced")
    counted = sa.select(sa.func.count()).select_from(minutes).where(minutes.c.deletion == seq)
    masked = int(store.read(counted)[0][0])
    facts: JsonObject = {"root": bytes(rows[0].root).hex(), "count": rows[0].periods, "masked": masked}
    with store.act(Act.RETENTION_DONE, facts) as tx:
        _forget_held(tx, seq)
        for table in (tables.periods, minutes):
            tx.connection.execute(sa.delete(table).where(table.c.deletion == seq))
        going = sa.and_(deletions.c.seq == seq, deletions.c.done.is_(None))
        if not tx.connection.execute(sa.update(deletions).where(going).values(done=tx.now)).rowcount:
            raise conflict("this deletion is done")


def _forget_held(tx: Transaction, deletion: int) -> None:
    """Drop what custodians have wrapped anew of periods that are gone, and documents that hold nothing else."""
    rows, held, documents = tables.periods.c, custody_tables.held_periods, custody_tables.held_shares
    gone = sa.exists().where(
        rows.camera == held.c.camera, rows.start == held.c.start, rows.term == held.c.term, rows.deletion == deletion
    )
    tx.connection.execute(sa.delete(held).where(gone))
    left = sa.exists().where(held.c.document == documents.c.digest)
    tx.connection.execute(sa.update(documents).where(documents.c.document.is_not(None), ~left).values(document=None))


def _mark_periods(tx: Transaction, periods: Sequence[tuple[PeriodId, Digest]]) -> None:
    rows = tables.periods
    if periods:
        named = sa.and_(
            rows.c.camera == sa.bindparam("of"), rows.c.start == sa.bindparam("at"), rows.c.term == sa.bindparam("turn")
        )
        free = sa.and_(named, rows.c.deletion.is_(None), ~held(rows))
        values: list[dict[str, Any]] = [
            {"of": period.camera, "at": period.start, "turn": period.term} for period, _ in periods
        ]
        tx.connection.execute(sa.update(rows).where(free).values(deletion=tx.seq), values)
    marked = sa.select(sa.func.count()).select_from(rows).where(rows.c.deletion == tx.seq)
    if tx.connection.execute(marked).scalar_one() != len(periods):
        raise conflict("some of these periods are held now, or going already")


def _mark_copies(tx: Transaction, going: Going) -> None:
    """Mark the masked minutes of which no original stays, around the periods and as named."""
    rows = tables.masked_minutes
    spans: dict[CameraId, tuple[int, int]] = {}
    for period, _ in going.periods:
        first, last = spans.get(period.camera, (period.start, period.start))
        spans[period.camera] = min(first, period.start), max(last, period.start)
    around = [
        {"of": camera, "first": first - _AROUND, "last": last + _AROUND} for camera, (first, last) in spans.items()
    ]
    free = sa.and_(rows.c.deletion.is_(None), ~held(rows))
    if around:
        near = sa.and_(
            rows.c.camera == sa.bindparam("of"),
            rows.c.start >= sa.bindparam("first"),
            rows.c.start <= sa.bindparam("last"),
        )
        gone = sa.and_(has_original(gone_too=True), ~has_original(gone_too=False))
        tx.connection.execute(sa.update(rows).where(near, free, gone).values(deletion=tx.seq), around)
    strays = [{"of": camera, "at": start, "turn": term} for camera, start, term in going.strays]
    if strays:
        named = sa.and_(
            rows.c.camera == sa.bindparam("of"), rows.c.start == sa.bindparam("at"), rows.c.term == sa.bindparam("turn")
        )
        alone = ~has_original(gone_too=True)
        tx.connection.execute(sa.update(rows).where(named, free, alone).values(deletion=tx.seq), strays)
