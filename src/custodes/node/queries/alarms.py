# SPDX-License-Identifier: AGPL-3.0-or-later
"""Alarms that are going on."""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.node.store import Store, tables


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Something that somebody should see to; ``subject`` is a camera's id, or what else of the node it is about."""

    kind: str
    subject: str
    since: Instant
    detail: str


def going_on(store: Store) -> list[AlarmView]:
    """Every alarm that has not ended, the oldest first."""
    rows = tables.alarms
    found = store.read(sa.select(rows).where(rows.c.ended.is_(None)).order_by(rows.c.since, rows.c.kind))
    return [AlarmView(row.kind, row.subject, Instant(row.since), row.detail) for row in found]
