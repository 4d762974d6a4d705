# SPDX-License-Identifier: AGPL-3.0-or-later
"""The coordinator's look at custodians' wrapping keys: what the shards seal to, and alarms long before it runs out.

A custodian without a key for today stops nothing: shares go under that custodian's long-lived key, which is never
destroyed. That this happens is an alarm and a log entry.
"""

import time

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.node.acts.keys import keys_lapsed
from custodes.node.queries import keys
from custodes.node.queries.alarms import going_on
from custodes.node.queries.keys import Coverage, DestructionView
from custodes.node.runtime.recorder import wire
from custodes.node.store import Store
from custodes.node.store.alarms import KEYS, LAPSED, OVERDUE, clear_alarm, raise_alarm
from custodes.trust.custody.keys import WARN

_LOOK_S = 5.0


class KeyWatch:
    """Looks every few seconds. ``order`` is what a shard is told first of all."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0.0
        self.order = wire.Keys(canonical.dumps({"documents": [], "gone": []}))

    def look(self) -> bool:
        """Judge what is published; True if ``order`` has changed, so that every shard is to be told."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _LOOK_S
        documents: list[canonical.Json] = [canonical.load_object(each) for each in keys.usable(self._store)]
        order = wire.Keys(canonical.dumps({"documents": documents, "gone": [*keys.destroyed(self._store)]}))
        changed, self.order = order != self.order, order
        self._judge()
        return changed

    def _judge(self) -> None:
        """Raise what holds, clear what does not hold any more."""
        store, now = self._store, self._store.clock.now()
        wanted: dict[tuple[str, str], Coverage | DestructionView] = {
            (OVERDUE, f"custodian {each.index}"): each for each in keys.destruction(store) if each.overdue
        }
        for each in keys.coverage(store, keys.hours_in_use(store)):
            if each.until is None or each.until - now < WARN:
                which = f"custodian {each.index}, {each.hours} h"
                wanted[(LAPSED if each.until is None else KEYS, which)] = each
        raised = {(each.kind, each.subject) for each in going_on(store) if each.kind in (KEYS, LAPSED, OVERDUE)}
        for kind, which in raised - wanted.keys():
            with store.begin() as connection:
                clear_alarm(connection, kind, which, now)
        for kind, which in sorted(wanted.keys() - raised):
            self._raise(which, wanted[kind, which], now)

    def _raise(self, which: str, found: Coverage | DestructionView, now: Instant) -> None:
        if isinstance(found, DestructionView):
            detail = f"{found.label} has not stated the destruction of {found.overdue} keys that were due"
            with self._store.begin() as connection:
                raise_alarm(connection, OVERDUE, which, detail, now)
            return
        if found.until is None:
            detail = f"{found.label} has published no key for now: its shares go under a key that is never destroyed"
            keys_lapsed(self._store, found.custodian, found.hours, which, detail)
            return
        last = times.to_text(found.until)[:10]
        detail = f"the keys of {found.label} for footage kept {found.hours} h end on {last}"
        with self._store.begin() as connection:
            raise_alarm(connection, KEYS, which, detail, now)
