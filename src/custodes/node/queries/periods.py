# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sealed periods in the store."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId, PeriodId, Term
from custodes.node.queries.views import PeriodView
from custodes.node.store import Store, tables


def closed(store: Store) -> list[PeriodView]:
    """Every closed period, in order of time."""
    rows, entries = tables.periods.c, tables.log_entries.c
    found = store.read(
        sa.select(rows.camera, rows.start, rows.term, rows.ended, rows.size, entries.log_index)
        .select_from(tables.periods)
        .outerjoin(tables.log_entries, entries.seq == rows.seq)
        .order_by(rows.start, rows.camera)
    )
    return [
        PeriodView(
            PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term)),
            Instant(row.ended),
            row.size,
            row.log_index,
        )
        for row in found
    ]
