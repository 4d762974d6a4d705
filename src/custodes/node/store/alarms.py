# SPDX-License-Identifier: AGPL-3.0-or-later
"""Alarms: something about cameras or machines that somebody should see to, from when until when.

Whoever notices it raises it, again and again if that is simpler, and clears it when it is over.
"""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.node.store import tables

STORAGE = "storage"
"""Nothing can be deleted to make room, or the disk is read-only. Its subject is ``store``."""
CLOCK = "clock"
"""The clock was set ahead and may be wrong: nothing is deleted. Its subject is ``store``."""
DELETION = "deletion"
"""What is due cannot be deleted. Its subject is ``store``."""

KEYS = "keys"
"""A custodian's published wrapping keys end soon. Its subject is ``custodian <index>``."""
LAPSED = "lapsed keys"
"""A custodian has no published key for a retention in use. Its subject is ``custodian <index>, <hours> h``."""

OVERDUE = "overdue keys"
"""A custodian has not stated that keys which were due long ago are destroyed. Its subject is ``custodian <index>``."""


def raise_alarm(
    connection: sa.Connection, kind: str, subject: str, detail: str, now: Instant, seq: int | None = None
) -> bool:
    """Note that an alarm has begun; False if it was there already (its ``detail`` is brought up to date)."""
    rows = tables.alarms
    going = sa.and_(rows.c.kind == kind, rows.c.subject == subject, rows.c.ended.is_(None))
    if connection.execute(sa.update(rows).where(going).values(detail=detail)).rowcount:
        return False
    connection.execute(rows.insert().values(kind=kind, subject=subject, since=now, detail=detail, seq=seq))
    return True


def clear_alarm(connection: sa.Connection, kind: str, subject: str, now: Instant) -> bool:
    """Note that an alarm is over; False if there was none."""
    rows = tables.alarms
    going = sa.and_(rows.c.kind == kind, rows.c.subject == subject, rows.c.ended.is_(None))
    return bool(connection.execute(sa.update(rows).where(going).values(ended=now)).rowcount)


def going_on(kind: str, subject: str) -> sa.Select[tuple[int]]:
    """The query that finds since when an alarm is going on."""
    rows = tables.alarms.c
    return sa.select(rows.since).where(rows.kind == kind, rows.subject == subject, rows.ended.is_(None))
