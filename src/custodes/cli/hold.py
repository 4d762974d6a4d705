# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes hold``: keep named minutes from being deleted, until somebody lets them go."""

import argparse

from custodes.cli._shell import add_dir, add_json, instant, show
from custodes.domain import times
from custodes.domain.ids import CameraId, check_id
from custodes.node.acts import holds as acts
from custodes.node.config import Layout
from custodes.node.queries import Store, holds
from custodes.node.queries.holds import HoldView


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    add = commands.add_parser("add", help="keep what a camera recorded in a window that is over")
    add.add_argument("--camera", required=True)
    add.add_argument("--from", dest="start", required=True, metavar="T", help="for example 2026-11-23T14:05:00Z")
    add.add_argument("--until", required=True, metavar="T")
    add.add_argument("--reason-ref", required=True, metavar="TEXT", help="a reference, for example a case number")
    add.set_defaults(run=_add)
    commands.add_parser("list", help="every hold, with what it keeps").set_defaults(run=_list)
    release = commands.add_parser("release", help="let held minutes be deleted when they are due")
    release.add_argument("hold")
    release.set_defaults(run=_release)
    for command in commands.choices.values():
        add_dir(command)
        add_json(command)


def _add(arguments: argparse.Namespace) -> int:
    store = Store(Layout(arguments.dir))
    camera = CameraId(check_id(arguments.camera))
    made = acts.add_hold(store, camera, instant(arguments.start), instant(arguments.until), arguments.reason_ref)
    view = holds.hold(store, made)
    text = f"{made}\nkept until it is released: {view.periods} periods"
    if view.going:
        text += f"; {view.going} more were being deleted already and are lost"
    show(arguments, _facts(view), text)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    found = holds.all_holds(Store(Layout(arguments.dir)))
    show(arguments, [_facts(view) for view in found], "\n".join(map(_line, found)) or "no holds")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    acts.release_hold(Store(Layout(arguments.dir)), check_id(arguments.hold))
    show(arguments, {"released": arguments.hold}, "released; what is due goes with the next round")
    return 0


def _facts(view: HoldView) -> dict[str, object]:
    return {
        "hold": view.id,
        "camera": view.camera,
        "from": times.to_text(view.start),
        "until": times.to_text(view.until),
        "reason_ref": view.reason,
        "released": None if view.released is None else times.to_text(view.released),
        "periods": view.periods,
        "being_deleted": view.going,
    }


def _line(view: HoldView) -> str:
    state = "released" if view.released else f"{view.periods} periods"
    window = f"{times.to_text(view.start)[:19]}Z to {times.to_text(view.until)[:19]}Z"
    return f"{view.id}  {view.camera}  {window}  {state:<14}  {view.reason}"
