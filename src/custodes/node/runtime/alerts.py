# SPDX-License-Identifier: AGPL-3.0-or-later
"""The watch over the cameras: turns conditions that last into alerts, and tells whoever the settings name.

Alerts and messages lie in the catalogue, so neither a restart nor a webhook that is away loses or repeats one.
"""

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.domain.alerts import EXPIRY, AlertKind
from custodes.errors import CustodesError, Kind
from custodes.node.config import load_settings
from custodes.node.queries import alerts as queries
from custodes.node.queries import cameras
from custodes.node.queries.alerts import Condition
from custodes.node.queries.machine import clock_state
from custodes.node.runtime.delivery import Channel, channels
from custodes.node.runtime.trends import Trends
from custodes.node.store import Store, tables

HOLD = 30 * SECOND
"""A condition must hold for so long to be an alert, and be gone for so long to be over."""
_TICK_S = 5.0
_FIRST_RETRY, _LONGEST_RETRY = 30 * SECOND, 3_600 * SECOND
_GIVEN_UP = 3 * 86_400 * SECOND
_REMEMBERED = 90 * 86_400 * SECOND
_BATCH = 50
_TITLES = {
    AlertKind.DOWN: "is down",
    AlertKind.DEGRADED: "records with trouble",
    AlertKind.TAMPER: "may have been tampered with",
    AlertKind.EXPIRED: "has gone dark",
    AlertKind.RECORDER: "does not report",
    AlertKind.MASKER: "does not report",
    AlertKind.CLOCK: "has a wrong clock",
    AlertKind.WITNESS: "is away",
    AlertKind.ALARM: "raises an alarm",
}
_Key = tuple[AlertKind, str]


@dataclass(slots=True)
class _Open:
    """An alert that has begun."""

    id: int
    condition: Condition
    told: bool


class Alerter:
    """Compares what is with what was told. ``step`` is called every few seconds."""

    def __init__(self, store: Store, ways: Sequence[Channel]) -> None:
        self._store, self._ways = store, ways
        self._seen: dict[_Key, tuple[int, Condition]] = {}
        self._gone: dict[_Key, int] = {}
        self._silent: tuple[int, Condition, set[str]] | None = None
        self._deployment = store.read(sa.select(tables.deployments.c.id))[0].id
        with store.begin() as connection:
            # What waits for a way that the settings no longer name would wait for ever.
            gone = tables.alert_messages.c.channel.not_in([way.name for way in ways])
            connection.execute(sa.delete(tables.alert_messages).where(gone))

    def step(self, found: list[Condition]) -> None:
        """Begin and end alerts, and queue what is to be told of it, in one transaction."""
        now, tick = self._store.clock.now(), self._store.clock.monotonic()
        current = {(each.kind, each.subject): each for each in found}
        opened = self._opened(current)
        self._seen = {key: self._seen.get(key, (tick, each)) for key, each in current.items() if key not in opened}
        self._gone = {key: self._gone.get(key, tick) for key in opened if key not in current}
        begun = [each for first, each in self._seen.values() if tick - first >= HOLD]
        ended = [opened[key] for key, first in self._gone.items() if tick - first >= HOLD]
        snoozes = queries.snoozed(self._store)
        late = [each for key, each in opened.items() if key in current and not each.told]
        awake = [each for each in late if not _is_snoozed(each.condition, snoozes)]
        if not begun and not ended and not awake:
            return
        events: list[dict[str, object]] = [_event("begin", each.condition, None) for each in awake]
        with self._store.begin() as connection:
            for condition in begun:
                told = not _is_snoozed(condition, snoozes)
                connection.execute(tables.alerts.insert().values(**_row(condition), told=told))
                events += [_event("begin", condition, None)] if told else []
            for each in ended:
                self._end(connection, each.id, now)
                silent = not each.told or _is_replaced(each.condition, current)
                events += [] if silent else [_event("end", each.condition, now)]
            which = tables.alerts.c.id.in_([each.id for each in awake])
            connection.execute(sa.update(tables.alerts).where(which).values(told=True))
            self._queue(connection, events, now)
            connection.execute(sa.delete(tables.alerts).where(tables.alerts.c.ended < now - _REMEMBERED))

    def _opened(self, current: dict[_Key, Condition]) -> dict[_Key, _Open]:
        alert = tables.alerts
        found = {}
        names = {each.id: each.name for each in cameras.all_cameras(self._store)}
        for row in self._store.read(sa.select(alert).where(alert.c.ended.is_(None))):
            key = (AlertKind(row.kind), row.subject)
            name = current[key].name if key in current else names.get(row.subject, row.subject)
            condition = Condition(*key, name, row.cause, Instant(row.since))
            found[key] = _Open(row.id, condition, row.told)
        return found

    @staticmethod
    def _end(connection: sa.Connection, identifier: int, now: Instant) -> None:
        connection.execute(sa.update(tables.alerts).where(tables.alerts.c.id == identifier).values(ended=now))

    def _body(self, events: list[dict[str, object]], now: Instant) -> bytes:
        return json.dumps(
            {"v": 1, "deployment": self._deployment, "sent": times.to_text(now), "alerts": events}
        ).encode()

    def speechless(self, problem: CustodesError | None) -> None:
        """The catalogue cannot be read or written (None: it can again): nothing can be queued, so it is told at once.

        Told when it has lasted for half a minute, once for each way that takes it, from memory alone.
        """
        now, tick = self._store.clock.now(), self._store.clock.monotonic()
        if problem is not None and self._silent is None:
            cause = f"{problem.message}: acts and viewing wait"
            self._silent = tick, Condition(AlertKind.ALARM, "catalogue", "the catalogue", cause, now), set()
        if self._silent is None:
            return
        since, condition, told = self._silent
        if problem is None:
            self._silent = None
            self._tell(_event("end", condition, now), now, [way for way in self._ways if way.name in told])
        elif tick - since >= HOLD:
            if not told:
                sys.stderr.write(f"{condition.name}: {condition.cause}\n")
            left = [way for way in self._ways if way.name not in told]
            told |= {"", *self._tell(_event("begin", condition, None), now, left)}

    def _tell(self, event: dict[str, object], now: Instant, ways: Sequence[Channel]) -> list[str]:
        """Deliver an event without the catalogue; returns the ways that took it."""
        taken = []
        for way in ways:
            try:
                way.deliver(self._body([event], now))
            except CustodesError as problem:
                sys.stderr.write(f"{way.name}: {problem}\n")
            else:
                taken.append(way.name)
        return taken

    def _queue(self, connection: sa.Connection, events: list[dict[str, object]], now: Instant) -> None:
        for way in self._ways:
            for at in range(0, len(events), _BATCH):
                data = self._body(events[at : at + _BATCH], now)
                values = {"channel": way.name, "body": data, "created": now, "attempts": 0, "due": now, "failure": ""}
                connection.execute(tables.alert_messages.insert().values(**values))

    def deliver(self) -> None:
        """Hand over the oldest message of each way that is due; one that fails waits, and those behind it."""
        message = tables.alert_messages
        for way in self._ways:
            of_way = sa.select(message).where(message.c.channel == way.name).order_by(message.c.id).limit(1)
            for row in self._store.read(of_way):
                if row.due <= self._store.clock.now():
                    self._try(way, row)

    def _try(self, way: Channel, row: sa.Row[tuple[object, ...]]) -> None:
        message = tables.alert_messages
        this = message.c.id == row.id
        try:
            way.deliver(row.body)
        except CustodesError as problem:
            now = self._store.clock.now()
            pause = min(_FIRST_RETRY * 2 ** min(row.attempts, 10), _LONGEST_RETRY)
            values = {"attempts": row.attempts + 1, "due": now + pause, "failure": problem.message}
            given_up = now - row.created > _GIVEN_UP
            done = sa.delete(message).where(this) if given_up else sa.update(message).where(this).values(**values)
        else:
            # A crash before this is committed: the message is sent once more, never lost.
            done = sa.delete(message).where(this)
        with self._store.begin() as connection:
            connection.execute(done)


def _row(condition: Condition) -> dict[str, object]:
    kind, since = condition.kind.value, condition.since
    return {"kind": kind, "subject": condition.subject, "cause": condition.cause, "since": since}


def _event(what: str, condition: Condition, ended: Instant | None) -> dict[str, object]:
    kind, over = condition.kind, what == "end"
    title = _TITLES.get(kind, "must be registered again soon")
    return {
        "event": what,
        "kind": kind.value,
        "subject": condition.subject,
        "name": condition.name,
        "title": f"{'over: ' if over else ''}{condition.name} {title}",
        "cause": condition.cause,
        "since": times.to_text(condition.since),
        "ended": times.to_text(ended) if ended is not None else None,
    }


def _is_snoozed(condition: Condition, snoozes: dict[tuple[str, str], Instant]) -> bool:
    return any((condition.subject, kind) in snoozes for kind in ("", condition.kind.value))


def _is_replaced(condition: Condition, current: dict[_Key, Condition]) -> bool:
    """Whether an expiry that is nearer has taken its place."""
    return condition.kind in EXPIRY and any((kind, condition.subject) in current for kind in EXPIRY)


def watch(store: Store, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Watch over every camera until ``stop``: the watch process's whole life."""
    alerter, trends = Alerter(store, channels(load_settings(store.layout).alerts)), Trends(store)
    ready()
    while not stop.wait(_TICK_S):
        try:
            trends.update()
            alerter.step(queries.conditions(store, clock_state(store.clock.now())))
            alerter.deliver()
        except CustodesError as problem:
            if problem.kind is not Kind.UNAVAILABLE:
                raise
            # The catalogue cannot be read or written now: everything is looked at again in five seconds.
            alerter.speechless(problem)
        else:
            alerter.speechless(None)
