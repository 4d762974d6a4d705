# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes status``: what every camera and the log are doing, and how long the disk will last."""

import argparse

from custodes.cli._shell import add_dir, add_json, show
from custodes.domain import times
from custodes.node.config import Layout
from custodes.node.queries import Store, alarms, cameras, log, storage
from custodes.node.queries.storage import Forecast


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``status``."""
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a camera, one for the log, one for the disk and one an alarm."""
    store = Store(Layout(arguments.dir))
    views, state = cameras.all_cameras(store), log.state(store)
    witnesses = ", ".join(state.witnesses) or "no witness yet"
    lines = [f"{view.name:<24} {view.recording.value:<10} {view.cause}".rstrip() for view in views]
    lines.append(f"log: {state.size} entries, {state.pending} pending, cosigned by {witnesses}")
    disk, raised = storage.forecast(store), alarms.going_on(store)
    lines.append(_disk(disk))
    lines += [f"ALARM: {alarm.kind}, {alarm.subject}: {alarm.detail}" for alarm in raised]
    facts = {
        "cameras": [{"camera": view.id, "state": view.recording.value, "cause": view.cause} for view in views],
        "log": {"size": state.size, "pending": state.pending, "witnesses": list(state.witnesses)},
        "storage": _disk_facts(disk),
        "alarms": [
            {"kind": alarm.kind, "subject": alarm.subject, "since": times.to_text(alarm.since), "detail": alarm.detail}
            for alarm in raised
        ],
    }
    show(arguments, facts, "\n".join(lines))
    return 0


def _disk(disk: Forecast) -> str:
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
