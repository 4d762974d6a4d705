# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on originals."""

from collections.abc import Sequence

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.ids import PeriodId
from custodes.node.store import Store, tables


def commit_periods(store: Store, root: bytes, closed: Sequence[PeriodId]) -> None:
    """Commit to closed periods: ``root`` is the Merkle root over their closing manifests, in that order."""
    with store.act(Act.PERIODS_COMMITTED, {"root": root.hex(), "count": len(closed)}) as tx:
        rows = tables.periods.c
        for period in closed:
            tx.connection.execute(
                sa.update(tables.periods)
                .where(rows.camera == period.camera, rows.start == period.start, rows.term == period.term)
                .values(seq=tx.seq)
            )
