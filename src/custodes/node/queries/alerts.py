# SPDX-License-Identifier: AGPL-3.0-or-later
"""What somebody should be told of: conditions as they are now, alerts that were begun, and messages not delivered.

Alerts are about cameras and machines; there is none about people.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.alerts import AlertKind
from custodes.errors import CustodesError
from custodes.node.queries import health, log
from custodes.node.queries.health import CameraHealth
from custodes.node.queries.machine import ClockState
from custodes.node.queries.views import RecordingState
from custodes.node.store import Store, tables

_DAY = 86_400 * SECOND
_CONNECTING = 120 * SECOND
"""Who has been connecting for this long is down."""
NODE = "node"
"""The subject of what is not about one camera."""


_WARNINGS = ((1, AlertKind.EXPIRING_1), (7, AlertKind.EXPIRING_7), (30, AlertKind.EXPIRING_30))


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be. ``subject``: a camera's id, a witness, or ``NODE``; ``name`` is said."""

    kind: AlertKind
    subject: str
    name: str
    cause: str
    since: Instant


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert that was begun. ``told`` is False while it is snoozed."""

    kind: AlertKind
    subject: str
    cause: str
    since: Instant
    told: bool


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Messages of one channel that wait; ``failure`` is why the oldest was not taken, empty if it was not tried."""

    channel: str
    count: int
    oldest: Instant
    failure: str


def conditions(store: Store, clock: ClockState) -> list[Condition]:
    """Everything that is not as it should be, now."""
    cameras = health.every(store)
    now = store.clock.now()
    found = [condition for each in cameras for condition in _of_camera(each, now)]
    found += _silent(cameras, now)
    if clock.problem:
        found.append(Condition(AlertKind.CLOCK, NODE, "this machine", clock.problem, now))
    return [*found, *_witnesses(store, now), *_alarms(store)]


def _of_camera(one: CameraHealth, now: Instant) -> Iterator[Condition]:
    view = one.view

    def said(kind: AlertKind, cause: str, since: Instant) -> Condition:
        return Condition(kind, view.id, view.name, cause, since)

    yield from (said(kind, cause, now) for kind, cause in expiry(one, now))
    match one.state:
        case RecordingState.DOWN:
            yield said(AlertKind.DOWN, "; ".join(one.causes), one.since)
        case RecordingState.CONNECTING if now - one.since > _CONNECTING:
            yield said(AlertKind.DOWN, "it has been connecting for minutes", one.since)
        case RecordingState.DEGRADED:
            tamper = one.seen.tamper if one.seen is not None and not health.masker_silent(one.seen, now) else None
            if one.seen is not None and tamper is not None:
                yield said(AlertKind.TAMPER, tamper.value, one.seen.tamper_since)
            apart = [cause for cause in one.causes if tamper is None or cause != tamper.value]
            causes = [cause for cause in apart if not cause.startswith(health.MASKER_SILENT)]
            if causes:
                yield said(AlertKind.DEGRADED, "; ".join(causes), one.since)
    if one.state in (RecordingState.DOWN, RecordingState.CONNECTING):
        # It comes and goes too quickly to be called down: so that it is told of all the same.
        yield from (said(AlertKind.DEGRADED, cause, now) for cause in health.unsteady(one.measured))


def expiry(one: CameraHealth, now: Instant) -> list[tuple[AlertKind, str]]:
    """The warning that is due for the end of a camera's register entry: at most one."""
    entry = one.view.entry
    if entry is None:
        return []
    if entry.expires <= now:
        return [(AlertKind.EXPIRED, "its register entry has expired: it no longer records")]
    for days, kind in _WARNINGS:
        if entry.expires - now <= days * _DAY:
            return [(kind, f"its register entry expires in {health.lasting(entry.expires - now)}")]
    return []


def _silent(cameras: list[CameraHealth], now: Instant) -> Iterator[Condition]:
    """One condition for each kind of process, however many cameras it looks after."""
    unheard = [each for each in cameras if each.state is RecordingState.UNKNOWN]
    unseen = [
        each
        for each in cameras
        if each.seen is not None and health.masker_silent(each.seen, now) and each.state is RecordingState.DEGRADED
    ]
    for kind, silent in ((AlertKind.RECORDER, unheard), (AlertKind.MASKER, unseen)):
        if silent:
            cause = f"nothing was reported for 30 seconds of {len(silent)} of {len(cameras)} cameras"
            yield Condition(kind, NODE, f"the {kind.value}", cause, min(each.since for each in silent))


def _witnesses(store: Store, now: Instant) -> list[Condition]:
    try:
        missing = log.missing_witnesses(store)
    except CustodesError:
        return []  # the log has no checkpoint yet
    cause = "it has not signed the newest checkpoint: grants may have to wait"
    return [Condition(AlertKind.WITNESS, name, f"witness {name}", cause, now) for name in missing]


def _alarms(store: Store) -> list[Condition]:
    """What the node's other parts raise."""
    rows = store.read(sa.select(tables.alarms).where(tables.alarms.c.ended.is_(None)))
    return [
        Condition(AlertKind.ALARM, f"{row.kind} {row.subject}", f"{row.kind} {row.subject}", row.detail, row.since)
        for row in rows
    ]


def open_alerts(store: Store) -> list[AlertView]:
    """Alerts that have begun and not ended, the newest first."""
    alert = tables.alerts.c
    rows = store.read(sa.select(tables.alerts).where(alert.ended.is_(None)).order_by(alert.id.desc()))
    return [AlertView(AlertKind(row.kind), row.subject, row.cause, Instant(row.since), row.told) for row in rows]


def undelivered(store: Store) -> list[Undelivered]:
    """Per channel the messages that nobody has taken yet."""
    message = tables.alert_messages.c
    rows = store.read(sa.select(message.channel, message.created, message.failure).order_by(message.id))
    found: dict[str, Undelivered] = {}
    for row in rows:
        first = found.get(row.channel) or Undelivered(row.channel, 0, Instant(row.created), row.failure)
        found[row.channel] = Undelivered(row.channel, first.count + 1, first.oldest, first.failure)
    return list(found.values())


def snoozed(store: Store) -> dict[tuple[str, str], Instant]:
    """Until when which camera's alerts of which kind (empty: every kind) are kept back."""
    snooze = tables.snoozes.c
    rows = store.read(sa.select(tables.snoozes).where(snooze.until > store.clock.now()))
    return {(row.camera, row.kind): Instant(row.until) for row in rows}
