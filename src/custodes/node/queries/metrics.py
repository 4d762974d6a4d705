# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a monitoring system may know: cameras and machines. Nothing about people, activity or viewings."""

from dataclasses import dataclass
from pathlib import Path

from custodes.errors import CustodesError
from custodes.node.config import load_settings
from custodes.node.queries import alerts, health, log, machine
from custodes.node.queries.health import CameraHealth
from custodes.node.queries.machine import ClockState
from custodes.node.queries.views import LogState
from custodes.node.store import Store
from custodes.node.store.keys import read_key


@dataclass(frozen=True, slots=True)
class MetricsFacts:
    """Everything that ``/metrics`` says. ``log`` is None while there is no checkpoint yet."""

    cameras: list[CameraHealth]
    log: LogState | None
    missing_witnesses: int
    clock: ClockState
    open_alerts: int
    undelivered: int


def facts(store: Store) -> MetricsFacts:
    """Gather them."""
    try:
        state, missing = log.state(store), len(log.missing_witnesses(store))
    except CustodesError:
        state, missing = None, 0
    return MetricsFacts(
        cameras=health.every(store),
        log=state,
        missing_witnesses=missing,
        clock=machine.clock_state(store.clock.now()),
        open_alerts=len(alerts.open_alerts(store)),
        undelivered=sum(each.count for each in alerts.undelivered(store)),
    )


def token(store: Store) -> bytes:
    """The bearer token that others than this machine must show; empty: there is none, and they are refused.

    A token file that cannot be used raises ``CustodesError``.
    """
    path = load_settings(store.layout).metrics.token_file
    return read_key(Path(path)).strip() if path else b""
