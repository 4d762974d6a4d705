# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes custody``: the operator's side of custody: custodians' keys, and documents that were carried by hand."""

import argparse
from dataclasses import asdict
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, read_file, show
from custodes.clock import Instant
from custodes.domain import times
from custodes.node.config import Layout
from custodes.node.queries import Store, drills, keys
from custodes.node.queries.drills import DrillView
from custodes.node.queries.keys import Coverage, DestructionView
from custodes.node.runtime.taking import take


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    shown = commands.add_parser(
        "keys", help="until when each custodian has published wrapping keys, and which are overdue to be destroyed"
    )
    shown.set_defaults(run=_keys)
    taken = commands.add_parser("take", help="file a signed document that was carried by hand, whatever its kind")
    taken.add_argument("document", type=Path)
    taken.set_defaults(run=_take)
    for command in commands.choices.values():
        add_dir(command)
        add_json(command)


def _keys(arguments: argparse.Namespace) -> int:
    store = Store(Layout(arguments.dir))
    found = keys.coverage(store, keys.hours_in_use(store))
    gone = keys.destruction(store)
    lines = [*map(_line, found), *map(_destroyed, gone)] or ["no camera is registered: no keys are needed yet"]
    drill = drills.last(store)
    lines.append(_drilled(drill))
    facts = {
        "published": [_facts(each) for each in found],
        "destroyed": [{**asdict(each), "since": _moment(each.since)} for each in gone],
        "drill": None if drill is None else {**asdict(drill), "began": _moment(drill.began)},
    }
    show(arguments, facts, "\n".join(lines))
    return 0


def _line(each: Coverage) -> str:
    until = "NONE for now" if each.until is None else f"until {times.to_text(each.until)[:10]}"
    return f"custodian {each.index} ({each.label}): keys for footage kept {each.hours} h: {until}"


def _destroyed(each: DestructionView) -> str:
    late = f", {each.overdue} OVERDUE since {times.to_text(each.since)[:10]}" if each.since is not None else ""
    return f"custodian {each.index} ({each.label}): {each.live} keys there, {each.destroyed} destroyed{late}"


def _drilled(drill: DrillView | None) -> str:
    if drill is None:
        return "no drill yet: custodians run custodes custodian drill"
    outcome = "could open" if drill.opened else f"{drill.k} are needed"
    return f"last drill on {times.to_text(drill.began)[:10]}: {drill.answered} of {drill.n} answered, {outcome}"


def _facts(each: Coverage) -> dict[str, object]:
    return {"custodian": each.index, "label": each.label, "hours": each.hours, "until": _moment(each.until)}


def _moment(instant: Instant | None) -> str | None:
    return None if instant is None else times.to_text(instant)


def _take(arguments: argparse.Namespace) -> int:
    kind = take(Store(Layout(arguments.dir)), read_file(arguments.document))
    show(arguments, {"filed": kind}, f"filed: {kind}")
    return 0
