# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes mask``: the steward's certification; hiding and recalling masked pictures; recorded files."""

import argparse

from custodes.cli import maskfile
from custodes.cli._shell import add_dir, add_json, instant, show
from custodes.domain import times
from custodes.domain.hiding import Verdict
from custodes.domain.ids import CameraId, check_id
from custodes.node.acts import masks as acts
from custodes.node.config import Layout
from custodes.node.queries import Store, hidden
from custodes.node.queries.hidden import HiddenView

_PERSON = "steward at the command line"


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    certify = commands.add_parser("certify", help="certify a camera's reference picture after looking at it")
    certify.set_defaults(run=_certify)
    hide = commands.add_parser("hide", help="somebody is visible: hide a camera's masked pictures from everybody")
    hide.add_argument("--from", dest="start", metavar="T", help="for example 2026-11-23T14:05:00Z; default: 30 s ago")
    hide.add_argument("--until", metavar="T", help="default: the live picture too, until `mask show`")
    hide.set_defaults(run=_hide)
    shown = commands.add_parser("show", help="show a hidden live picture again; what was recorded stays hidden")
    shown.set_defaults(run=_show)
    for command in (certify, hide, shown):
        command.add_argument("camera")
    commands.add_parser("hidden", help="every hidden stretch, and every recalled version").set_defaults(run=_list)
    for name, verdict, summary in (
        ("lift", Verdict.LIFTED, "nobody is visible in a hidden stretch: let it be played back again"),
        ("keep", Verdict.KEPT, "keep a hidden stretch hidden until it expires"),
    ):
        decide = commands.add_parser(name, help=summary)
        decide.add_argument("hidden")
        decide.set_defaults(run=_decide, verdict=verdict)
    recall = commands.add_parser("recall", help="hide for good what a version of the masker made; not to be undone")
    recall.add_argument("--version", required=True, metavar="V", help="as stamped on its pictures")
    recall.set_defaults(run=_recall)
    for command in commands.choices.values():
        add_dir(command)
        add_json(command)
    maskfile.add(commands)


def _store(arguments: argparse.Namespace) -> Store:
    return Store(Layout(arguments.dir))


def _certify(arguments: argparse.Namespace) -> int:
    acts.certify(_store(arguments), CameraId(check_id(arguments.camera)), _PERSON)
    show(arguments, {"certified": arguments.camera}, "certified; the act is in the log")
    return 0


def _hide(arguments: argparse.Namespace) -> int:
    start, until = (None if text is None else instant(text) for text in (arguments.start, arguments.until))
    store = _store(arguments)
    made = acts.hide(store, CameraId(check_id(arguments.camera)), _PERSON, start, until)
    view = next(each for each in hidden.every(store) if each.id == made)
    then = "the live picture too, until `custodes mask show`" if view.until is None else "until somebody lifts it"
    show(arguments, _facts(view), f"{made}\nhidden from everybody, {then}; the act is in the log")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    acts.show(_store(arguments), CameraId(check_id(arguments.camera)), _PERSON)
    show(arguments, {"shown": arguments.camera}, "the live picture is shown again; what was recorded stays hidden")
    return 0


def _decide(arguments: argparse.Namespace) -> int:
    acts.decide_hidden(_store(arguments), check_id(arguments.hidden), arguments.verdict, _PERSON)
    text = "it may be played back again" if arguments.verdict is Verdict.LIFTED else "it stays hidden until it expires"
    show(arguments, {"hidden": arguments.hidden, "verdict": arguments.verdict.value}, f"{text}; the act is in the log")
    return 0


def _recall(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    acts.recall(store, arguments.version, _PERSON)
    minutes = hidden.made_by(store, arguments.version)
    text = f"{minutes} stored minutes are hidden for good, and whatever this version still makes; the act is in the log"
    show(arguments, {"recalled": arguments.version, "minutes": minutes}, text)
    return 0


def _list(arguments: argparse.Namespace) -> int:
    store = _store(arguments)
    windows, recalls = hidden.every(store), hidden.recalls(store)
    lines = [_line(view) for view in windows]
    lines += [f"masker {each.masker} was recalled at {times.to_text(each.at)[:19]}Z" for each in recalls]
    facts = {
        "hidden": [_facts(view) for view in windows],
        "recalled": [{"version": each.masker, "at": times.to_text(each.at)} for each in recalls],
    }
    show(arguments, facts, "\n".join(lines) or "nothing is hidden")
    return 0


def _facts(view: HiddenView) -> dict[str, object]:
    return {
        "hidden": view.id,
        "camera": view.camera,
        "from": times.to_text(view.start),
        "until": None if view.until is None else times.to_text(view.until),
        "stage": view.stage.value,
    }


def _line(view: HiddenView) -> str:
    ends = "now" if view.until is None else f"{times.to_text(view.until)[:19]}Z"
    window = f"{times.to_text(view.start)[:19]}Z to {ends:<20}"
    return f"{view.id}  {view.camera}  {window}  {view.stage.value:<19}  {view.name}"
