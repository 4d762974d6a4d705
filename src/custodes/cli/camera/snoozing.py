# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera snooze``: keep a camera's alerts back for a while."""

import argparse
from typing import Any

from custodes.cli._shell import instant, show
from custodes.domain import times
from custodes.domain.alerts import AlertKind
from custodes.domain.ids import CameraId, check_id
from custodes.node.acts.alerts import snooze
from custodes.node.config import Layout
from custodes.node.queries import Store


def configure(commands: Any) -> None:
    """Add the action to the group ``camera`` (argparse's own type of the group has no public name)."""
    command = commands.add_parser("snooze", help="keep a camera's alerts back until a time; the act is logged")
    command.add_argument("camera")
    command.add_argument("--until", required=True, metavar="T", help="for example 2026-11-23T14:05:00Z")
    command.add_argument("--kind", choices=[kind.value for kind in AlertKind], help="default: every kind")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Snooze and say until when."""
    kind, until = AlertKind(arguments.kind) if arguments.kind else None, instant(arguments.until)
    snooze(Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera)), kind, until)
    facts = {"camera": arguments.camera, "kind": arguments.kind, "until": times.to_text(until)}
    what = f"of kind {arguments.kind}" if arguments.kind else "of every kind"
    show(arguments, facts, f"alerts {what} are kept back until {arguments.until}; the act is in the log")
    return 0
