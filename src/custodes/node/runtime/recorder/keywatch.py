# SPDX-License-Identifier: AGPL-3.0-or-later
"""The coordinator's look at custodians' wrapping keys: what the shards seal to, and alarms long before it runs out.

A custodian without a key for today stops nothing: shares go under that custodian's long-lived key, which is never
destroyed. That this happens is an alarm and a log entry.
"""

import sys
import time

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError
from custodes.node.acts.keys import keys_lapsed
from custodes.node.queries import keys
from custodes.node.queries.alarms import going_on
from custodes.node.queries.keys import Coverage, DestructionView
from custodes.node.runtime.recorder import wire
from custodes.node.store import Store
from custodes.node.store.alarms import KEYS, LAPSED, OVERDUE, clear_alarm, raise_alarm
from custodes.trust.custody.keys import WARN

_JUDGE_S = 15.0
_PATIENCE_S = 30.0
"""What is wrong for less is none of anybody's business: at the start, entries and keys are witnessed one by one."""
_SAY_AGAIN_S = 60.0


class KeyWatch:
    """Looks with every step of the coordinator. ``order`` is what a shard is told first of all.

    ``patience_s``: how long something must be wrong before there is an alarm.
    """

    def __init__(self, store: Store, patience_s: float = _PATIENCE_S) -> None:
        self._store = store
        self._patience_s = patience_s
        self._judged = self._said = -_SAY_AGAIN_S
        self._known: tuple[list[str], list[KeyId]] = ([], [])
        self._since: dict[tuple[str, str], float] = {}
        self.order = wire.Keys(canonical.dumps({"documents": [], "gone": []}))

    def look(self) -> bool:
        """Judge what is published; True if ``order`` has changed, so that every shard is to be told.

        Whatever is wrong with keys or catalogue stops no recording: it is said, and looked at again.
        """
        changed = False
        try:
            changed = self._gather()
            if time.monotonic() - self._judged >= _JUDGE_S:
                self._judged = time.monotonic()
                self._judge()
        except CustodesError as problem:
            if time.monotonic() - self._said >= _SAY_AGAIN_S:
                self._said = time.monotonic()
                sys.stderr.write(f"custodians' keys cannot be looked at: {problem}\n")
        return changed

    def _gather(self) -> bool:
        found = keys.usable_digests(self._store), keys.destroyed(self._store)
        if found == self._known:
            return False
        documents: list[canonical.Json] = [canonical.load_object(each) for each in keys.usable(self._store)]
        self.order = wire.Keys(canonical.dumps({"documents": documents, "gone": [*found[1]]}))
        self._known = found
        return True

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
        tick = time.monotonic()
        self._since = {key: self._since.get(key, tick) for key in wanted.keys() - raised}
        for kind, which in sorted(key for key, since in self._since.items() if tick - since >= self._patience_s):
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
