# SPDX-License-Identifier: AGPL-3.0-or-later
"""What must not be deleted: conditions on rows with ``camera``, ``start`` and ``ended`` (periods, masked minutes)."""

from typing import Any

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.errors import not_found
from custodes.node.store import tables
from custodes.node.store.store import Store
from custodes.trust.custody.held import Hold

_LONGEST = 3600 * SECOND
"""No period lasts an hour; so a search by its start need not go back to the beginning."""


def held(table: sa.Table) -> sa.ColumnElement[bool]:
    """True for rows that a hold names which has not been released."""
    holds = tables.holds.c
    return sa.exists().where(
        holds.camera == table.c.camera,
        holds.released.is_(None),
        holds.start < table.c.ended,
        holds.until > table.c.start,
    )


def hold_of(row: sa.Row[Any]) -> Hold:
    """A row of ``holds`` as what the log has a commitment to."""
    return Hold(row.id, CameraId(row.camera), Instant(row.start), Instant(row.until), row.reason, bytes(row.salt))


def hold_named(store: Store, name: str) -> Hold:
    """A hold by its id, released or not; unknown: ``CustodesError`` (NOT_FOUND)."""
    rows = store.read(sa.select(tables.holds).where(tables.holds.c.id == name))
    if not rows:
        raise not_found("there is no such hold")
    return hold_of(rows[0])


def has_original(gone_too: bool) -> sa.ColumnElement[bool]:
    """True for masked minutes of which a part of the original is there; ``gone_too``: even if it is being deleted."""
    periods, minutes = tables.periods.c, tables.masked_minutes.c
    return sa.exists().where(
        periods.camera == minutes.camera,
        periods.start < minutes.ended,
        periods.start > minutes.start - _LONGEST,
        periods.ended > minutes.start,
        *(() if gone_too else (periods.deletion.is_(None),)),
    )
