# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keeper's round, every ten seconds: finish what was begun, delete what is due, make room if the disk is short."""

import sys
import threading

from custodes.clock import SECOND, Instant
from custodes.errors import CustodesError, Kind
from custodes.node.acts.retention import Going, Reason, begin_deletion
from custodes.node.acts.storage import STORE, Trouble, storage_exhausted, storage_recovered
from custodes.node.config import Settings, load_settings
from custodes.node.runtime.keeper import selection
from custodes.node.runtime.keeper.deletion import carry_out, pending
from custodes.node.runtime.keeper.doubt import ClockDoubt
from custodes.node.runtime.keeper.room import Room, let_go, put_by, room
from custodes.node.store import Store
from custodes.node.store.alarms import CLOCK, DELETION, STORAGE, clear_alarm, going_on, raise_alarm

_LOOK_S = 10.0
_STRAYS_EVERY = 600 * SECOND
_STUCK = 4
"""With so many deletions unfinished no further one is begun: the disk does not let go of anything."""
_YOUNGEST = 600 * SECOND
"""What is younger never makes room, whatever the settings say: it may still be written."""


class Keeper:
    """Forgets in time. Only one may run in a data folder."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self._store = store
        self._settings = settings or load_settings(store.layout)
        self._strays_at: int | None = None
        self._clock = ClockDoubt(store)

    def run(self, stop: threading.Event) -> None:
        """Go round until ``stop``."""
        while not stop.is_set():
            if self.turn(stop):
                stop.wait(_LOOK_S)

    def turn(self, stop: threading.Event | None = None) -> bool:
        """One round that may fail; False if it should be tried again at once, because the ballast was let go."""
        try:
            self.step(stop)
        except CustodesError as problem:
            if problem.kind not in (Kind.UNAVAILABLE, Kind.CONFLICT):
                raise
            # The catalogue or the disk cannot be written now, or a hold came in between: the next round tries again.
            sys.stderr.write(f"{problem}\n")
            return not (self._look().short and let_go(self._store.layout))
        return True

    def step(self, stop: threading.Event | None = None) -> None:
        """One round. A failure leaves everything to the next."""
        stuck = self._finish()
        if not self._clock.believed():
            # Deleted is deleted: a clock that may be wrong must not decide what is due.
            self._alarm(CLOCK, "the clock was set ahead, and no witness has confirmed it: nothing is deleted")
            return
        self._alarm(CLOCK, "")
        while selection.note_due(self._store) == selection.BATCH and not _told(stop):
            pass
        while stuck < _STUCK and self._delete(Reason.RETENTION, Going(selection.due(self._store), self._strays())):
            if _told(stop):
                return
        self._make_room(stop, stuck)

    def _strays(self) -> selection.Strays:
        """Masked copies without an original, looked for now and then only: there are hardly any. Old gaps go too."""
        now = self._store.clock.monotonic()
        if self._strays_at is not None and now - self._strays_at < _STRAYS_EVERY:
            return ()
        selection.forget_gaps(self._store)
        found = selection.strays(self._store)
        if len(found) < selection.BATCH:
            self._strays_at = now
        return found

    def _finish(self) -> int:
        """Go on with what was begun and not done; returns how many deletions the disk does not let happen."""
        stuck = []
        for seq in pending(self._store):
            try:
                carry_out(self._store, seq)
            except CustodesError as problem:
                if problem.kind is not Kind.UNAVAILABLE:
                    raise
                stuck.append(str(problem))
        self._alarm(DELETION, stuck[0] if stuck else "")
        return len(stuck)

    def _alarm(self, kind: str, detail: str) -> None:
        """Raise an alarm, or end it where there is nothing to say."""
        now = self._store.clock.now()
        with self._store.begin() as connection:
            if detail:
                raise_alarm(connection, kind, STORE, detail, now)
            else:
                clear_alarm(connection, kind, STORE, now)

    def _delete(self, reason: Reason, going: Going) -> bool:
        """Delete one batch; False if there is nothing to delete."""
        if not going.periods and not going.strays:
            return False
        carry_out(self._store, begin_deletion(self._store, reason, going))
        return True

    def _make_room(self, stop: threading.Event | None, stuck: int) -> None:
        now = self._look()
        if now.short and now.writable and stuck < _STUCK:
            # Not more than is missing now: a file system may give the room back later, and deleted is deleted.
            left = now.missing
            while left > 0 and (freed := self._delete_oldest(left)) and not _told(stop):
                left -= freed
            now = self._look()
        self._state(now)
        if not now.missing:
            put_by(self._store.layout)

    def _look(self) -> Room:
        return room(self._store.layout, self._settings.storage.reserve_mb)

    def _delete_oldest(self, octets: int) -> int:
        """Delete at least so much if there is something; returns how much it was."""
        age = max(self._settings.storage.minimum_retention_hours * 3600 * SECOND, _YOUNGEST)
        chosen, size = selection.oldest(self._store, Instant(self._store.clock.now() - age), octets)
        return size if self._delete(Reason.ROOM, Going(chosen)) else 0

    def _state(self, now: Room) -> None:
        """Raise or end the alarm, with a log entry each."""
        alarmed = bool(self._store.read(going_on(STORAGE, STORE)))
        if not alarmed and (now.short or not now.writable):
            trouble = Trouble.FULL if now.writable else Trouble.READ_ONLY
            storage_exhausted(self._store, trouble, _detail(now))
        elif alarmed and now.writable and not now.missing:
            storage_recovered(self._store)


def _detail(now: Room) -> str:
    if not now.writable:
        return "the disk of the store is mounted read-only"
    free, reserve = now.free // 1_000_000, now.reserve // 1_000_000
    return f"{free} MB free, {reserve} MB are to be kept free, and nothing is old enough to be deleted"


def _told(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()


def keep(store: Store, stop: threading.Event) -> None:
    """Be the keeper of a node until ``stop``."""
    Keeper(store).run(stop)
