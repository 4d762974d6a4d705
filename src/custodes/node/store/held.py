# SPDX-License-Identifier: AGPL-3.0-or-later
"""What must not be deleted: conditions on rows with ``camera``, ``start`` and ``ended`` (periods, masked minutes)."""

import sqlalchemy as sa

from custodes.clock import SECOND
from custodes.node.store import tables

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
