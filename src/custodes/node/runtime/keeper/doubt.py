# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether the clock may decide what is due: a wrong date must not delete a whole store."""

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.errors import CustodesError
from custodes.node.queries import log
from custodes.node.store import Store, tables

_STEP = 3_600 * SECOND
"""A clock that was set ahead by more than this is doubted."""
_SLEEP = 30 * 86_400 * SECOND
"""A machine that wakes up so long after its last log entry has been off for a month, or has a wrong clock."""
_AGREE = 3_600 * SECOND
"""A witness whose newest cosignature is not older than this confirms the clock."""


class ClockDoubt:
    """Doubts the clock when it was set far ahead, until a witness has cosigned at about the same time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wall, self._steady = store.clock.now(), store.clock.monotonic()
        newest = store.read(sa.select(sa.func.max(tables.log_entries.c.time)))[0][0]
        self._doubted = newest is not None and self._wall - newest > _SLEEP

    def believed(self) -> bool:
        """True if what is due may be deleted; call it at every round."""
        wall, steady = self._store.clock.now(), self._store.clock.monotonic()
        ahead = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        self._doubted = (self._doubted or ahead > _STEP) and not self._confirmed(wall)
        return not self._doubted

    def _confirmed(self, now: Instant) -> bool:
        try:
            seen = log.state(self._store).witnessed_at
        except CustodesError:
            return False
        return seen is not None and abs(now - seen) < _AGREE
