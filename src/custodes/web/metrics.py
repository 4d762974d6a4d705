# SPDX-License-Identifier: AGPL-3.0-or-later
"""``/metrics`` for Prometheus: text format 0.0.4. For this machine, or with a token; never for the public."""

import hmac
import ipaddress
from collections.abc import Callable, Iterable

from fastapi import APIRouter, Request
from starlette.responses import Response

from custodes.clock import SECOND
from custodes.domain.video import Tamper
from custodes.errors import denied
from custodes.node.queries import metrics
from custodes.node.queries.health import CameraHealth, Measured
from custodes.node.queries.metrics import MetricsFacts
from custodes.node.queries.views import RecordingState
from custodes.web.security import services_of

router = APIRouter()
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HERE = {"localhost", "127.0.0.1", "::1"}
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/metrics")
def page(request: Request) -> Response:
    """Every metric; else 403."""
    store = services_of(request).store
    if not _is_from_here(request):
        known, shown = metrics.token(store), request.headers.get("authorization", "").encode("latin-1")
        if not known or not hmac.compare_digest(shown, b"Bearer " + known):
            raise denied("metrics are for this machine, or for whoever has the token of the settings")
    return Response(exposition(metrics.facts(store)), media_type=MEDIA_TYPE)


def _is_from_here(request: Request) -> bool:
    """Whether a program on this machine asks, by this machine's own name, and no proxy passes it on for others."""
    if any(name in request.headers for name in _PASSED_ON) or request.url.hostname not in _HERE:
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


Sample = tuple[dict[str, str], int | float | None]


def _family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> list[str]:
    """One metric with its samples; those without a value are left out."""
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for labels, value in samples:
        if value is not None:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{shown}}} {value}" if shown else f"{name} {value}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


_MEASURED: tuple[tuple[str, str, str, Callable[[Measured], int | float | None]], ...] = (
    ("pictures_per_second", "gauge", "Pictures received a second.", lambda m: m.pictures_per_s / 1000),
    ("bits_per_second", "gauge", "Bits of video received a second.", lambda m: m.bits_per_s),
    ("pictures_total", "counter", "Pictures received since the recorder started.", lambda m: m.pictures),
    ("received_bytes_total", "counter", "Bytes of video received since the recorder started.", lambda m: m.octets),
    ("written_bytes_total", "counter", "Sealed bytes made durable since the recorder started.", lambda m: m.written),
    ("lost_packets_total", "counter", "RTP packets that did not arrive since the recorder started.", lambda m: m.lost),
    ("connections_total", "counter", "Connections made since the recorder started.", lambda m: m.connections),
    ("waiting_bytes", "gauge", "Bytes received and not on the disk yet.", lambda m: m.waiting),
    ("sync_seconds", "gauge", "Longest time that a piece took to become durable.", lambda m: m.sync_ms / 1000),
    (
        "clock_offset_seconds",
        "gauge",
        "The camera's clock less ours; absent where it sends none.",
        lambda m: None if m.clock_offset_ms is None else m.clock_offset_ms / 1000,
    ),
    ("measured_timestamp_seconds", "gauge", "When the recorder reported last.", lambda m: m.at // SECOND),
)


def exposition(facts: MetricsFacts) -> str:
    """Write the facts in Prometheus's text format 0.0.4."""
    lines = [*_camera_lines(facts.cameras), *_node_lines(facts)]
    return "\n".join(lines) + "\n"


def _camera_lines(cameras: list[CameraHealth]) -> list[str]:
    lines = _family(
        "custodes_camera_state",
        "gauge",
        "1 for the state that a camera is in.",
        (
            ({"camera": one.view.id, "state": state.value}, int(one.state is state))
            for one in cameras
            for state in RecordingState
        ),
    )
    lines += _family(
        "custodes_camera_tamper",
        "gauge",
        "1 for what is wrong with a camera's view.",
        (
            ({"camera": one.view.id, "state": tamper.name.lower()}, int(one.seen.tamper is tamper))
            for one in cameras
            if one.seen is not None
            for tamper in Tamper
        ),
    )
    lines += _family(
        "custodes_camera_register_expiry_timestamp_seconds",
        "gauge",
        "When the camera's register entry expires.",
        (({"camera": one.view.id}, one.view.entry.expires // SECOND) for one in cameras if one.view.entry),
    )
    for name, kind, meaning, value in _MEASURED:
        samples: list[Sample] = [
            ({"camera": one.view.id}, value(one.measured)) for one in cameras if one.measured is not None
        ]
        lines += _family(f"custodes_camera_{name}", kind, meaning, samples)
    return lines


def _node_lines(facts: MetricsFacts) -> list[str]:
    log, clock = facts.log, facts.clock
    single: tuple[tuple[str, str, int | float | None], ...] = (
        ("log_entries", "Entries of the public log.", None if log is None else log.size),
        ("log_pending_entries", "Entries that wait for their place.", None if log is None else log.pending),
        ("log_missing_witnesses", "Witnesses that have not signed the newest checkpoint.", facts.missing_witnesses),
        (
            "clock_synchronised",
            "1 if this machine's clock is synchronised; absent if the system does not say.",
            None if clock.synchronised is None else int(clock.synchronised),
        ),
        (
            "clock_error_seconds",
            "The kernel's estimate of its clock's error.",
            None if clock.error_us is None else clock.error_us / 1e6,
        ),
        ("alerts_open", "Alerts that have begun and not ended.", facts.open_alerts),
        ("alert_messages_waiting", "Messages that could not be delivered yet.", facts.undelivered),
    )
    return [
        line for name, meaning, value in single for line in _family(f"custodes_{name}", "gauge", meaning, [({}, value)])
    ]
