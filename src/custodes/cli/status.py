# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes status``: how every camera, the log, the disk and this machine are."""

import argparse

from custodes.cli._shell import add_dir, add_json, show
from custodes.clock import Instant
from custodes.domain import times
from custodes.errors import CustodesError
from custodes.node.config import Layout, load_settings
from custodes.node.queries import Store, alarms, alerts, health, log, machine, storage
from custodes.node.queries.alerts import AlertView, Undelivered
from custodes.node.queries.health import CameraHealth, Measured, Seen, lasting
from custodes.node.queries.machine import ClockState
from custodes.node.queries.storage import Forecast
from custodes.node.queries.views import LogState
from custodes.node.runtime.delivery import channels


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``status``."""
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print some lines for each camera, and one each for log, clock, processes and alerts."""
    layout = Layout(arguments.dir)
    store = Store(layout)
    now = store.clock.now()
    cameras, state, running = health.every(store), log.state(store), machine.processes(layout)
    clock, opened, waiting = machine.clock_state(now), alerts.open_alerts(store), alerts.undelivered(store)
    missing, (ways, problem) = log.missing_witnesses(store), _ways(layout)
    lines = [line for each in cameras for line in _lines(each, now)]
    lines += [_log_line(state, missing), _clock_line(clock), *_process_line(running), *_alert_lines(opened, waiting)]
    disk, raised = storage.forecast(store), alarms.going_on(store)
    lines.append(_disk_line(disk))
    lines += [f"ALARM: {each.kind}, {each.subject}: {each.detail}" for each in raised]
    told = f"told by {' and '.join(ways)}" if ways else "told to nobody"
    lines.append(f"alerts: {problem or told}")
    facts = {
        "cameras": [_facts(each, now) for each in cameras],
        "log": {
            "size": state.size,
            "pending": state.pending,
            "witnesses": list(state.witnesses),
            "missing_witnesses": missing,
        },
        "clock": {"synchronised": clock.synchronised, "error_us": clock.error_us, "problem": clock.problem},
        "processes": running,
        "storage": _disk_facts(disk),
        "alarms": [
            {"kind": each.kind, "subject": each.subject, "since": times.to_text(each.since), "detail": each.detail}
            for each in raised
        ],
        "alerts": [_alert_facts(each) for each in opened],
        "channels": ways,
        "channels_problem": problem or None,
        "undelivered": [{"channel": each.channel, "messages": each.count, "failure": each.failure} for each in waiting],
    }
    show(arguments, facts, "\n".join(lines))
    return 0


def _ways(layout: Layout) -> tuple[list[str], str]:
    """How alerts leave, and why they cannot."""
    try:
        return [each.name for each in channels(load_settings(layout).alerts)], ""
    except CustodesError as problem:
        return [], f"nobody can be told: {problem}"


def _facts(one: CameraHealth, now: Instant) -> dict[str, object]:
    expires = one.view.entry.expires if one.view.entry else None
    return {
        "camera": one.view.id,
        "name": one.view.name,
        "state": one.state.value,
        "cause": "; ".join(one.causes),
        "causes": list(one.causes),
        "since": times.to_text(one.since),
        "expires": times.to_text(expires) if expires is not None else None,
        "warning": _warning(one, now) or None,
        "measured": _measured_facts(one.measured) if one.measured else None,
        "view": _view_facts(one.seen) if one.seen else None,
    }


def _measured_facts(found: Measured) -> dict[str, object]:
    return {
        "at": times.to_text(found.at),
        "connected_since": times.to_text(found.since) if found.since is not None else None,
        "connections": found.connections,
        "pictures_per_s": found.pictures_per_s / 1000,
        "bits_per_s": found.bits_per_s,
        "lost": found.lost,
        "lost_lately": found.lost_lately,
        "waiting": found.waiting,
        "sync_ms": found.sync_ms,
        "clock_offset_ms": found.clock_offset_ms,
        "codec": found.codec,
        "width": found.width,
        "height": found.height,
    }


def _view_facts(seen: Seen) -> dict[str, object]:
    return {
        "at": times.to_text(seen.at),
        "tamper": seen.tamper.name.lower() if seen.tamper else None,
        "tamper_since": times.to_text(seen.tamper_since) if seen.tamper else None,
        "infrared": seen.infrared,
        "cover": seen.cover.name if seen.cover else None,
    }


def _alert_facts(alert: AlertView) -> dict[str, object]:
    since = times.to_text(alert.since)
    return {
        "kind": alert.kind.value, "subject": alert.subject, "cause": alert.cause, "since": since,
        "snoozed": not alert.told,
    }  # fmt: skip


def _warning(one: CameraHealth, now: Instant) -> str:
    return next((cause for _, cause in alerts.expiry(one, now)), "")


def _lines(one: CameraHealth, now: Instant) -> list[str]:
    first, *others = one.causes or ("",)
    lines = [f"{one.view.name:<24} {one.state.value:<10} {first}".rstrip()]
    lines += [f"{'':<35} {cause}" for cause in others]
    warning = _warning(one, now)
    if warning and warning not in one.causes and one.view.entry is not None and one.view.entry.expires > now:
        lines.append(f"{'':<35} {warning}")
    found = one.measured
    if found is not None and found.since is not None:
        facts = [f"{found.pictures_per_s / 1000:.1f} pictures/s", f"{found.bits_per_s // 1000:,} kbit/s"]
        facts += [f"{found.lost} lost", f"connected for {lasting(now - found.since)}"]
        if found.clock_offset_ms is not None:
            facts.append(f"clock {found.clock_offset_ms:+,} ms")
        if one.seen is not None and one.seen.infrared:
            facts.append("night mode")
        lines.append(f"{'':<35} {', '.join(facts)}")
    return lines


def _log_line(state: LogState, missing: list[str]) -> str:
    witnesses = ", ".join(state.witnesses) or "no witness yet"
    away = f"; not by {', '.join(missing)}" if missing and state.witnesses else ""
    return f"log: {state.size} entries, {state.pending} pending, cosigned by {witnesses}{away}"


def _clock_line(clock: ClockState) -> str:
    if clock.problem:
        return f"clock: {clock.problem}"
    if clock.synchronised is None:
        return "clock: the system does not say whether it is synchronised"
    return f"clock: synchronised, to {(clock.error_us or 0) / 1000:.1f} ms by the kernel's estimate"


def _process_line(running: dict[str, bool]) -> list[str]:
    said = ", ".join(f"{name}{'' if runs else ' (not running)'}" for name, runs in running.items())
    return [f"processes: {said}"] if said else []


def _alert_lines(opened: list[AlertView], waiting: list[Undelivered]) -> list[str]:
    quiet = sum(not each.told for each in opened)
    lines = [f"alerts: {len(opened)} open{f', {quiet} of them snoozed' if quiet else ''}"]
    for each in waiting:
        why = f": {each.failure}" if each.failure else ""
        lines.append(f"alerts: {each.count} message{'s' if each.count > 1 else ''} wait for the {each.channel}{why}")
    return lines


def _disk_line(disk: Forecast) -> str:
    lasts = "there is room for what is declared"
    if disk.full_in_days is not None:
        lasts = f"full in {disk.full_in_days:.1f} days; the oldest will have to make room"
    return f"storage: {disk.free / 1e9:.1f} GB free, {disk.per_day / 1e9:.1f} GB a day, {lasts}"


def _disk_facts(disk: Forecast) -> dict[str, object]:
    return {
        "capacity": disk.capacity,
        "free": disk.free,
        "reserve": disk.reserve,
        "per_day": disk.per_day,
        "at_most": disk.at_most,
        "full_in_days": disk.full_in_days,
        "cameras": [
            {"camera": each.camera, "per_day": each.per_day, "at_most": each.at_most, "grows_days": each.grows_days}
            for each in disk.cameras
        ],
    }
