# SPDX-License-Identifier: AGPL-3.0-or-later
"""The steward's part at the operator's: take a request in, show one masked still, decide, close."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from custodes.cli._shell import add_dir, add_json, instant, show, write_file
from custodes.domain import times
from custodes.domain.ids import CameraId, check_id
from custodes.domain.subjects import Decision, Extension
from custodes.errors import invalid
from custodes.node.acts import subjects as acts
from custodes.node.config import Layout
from custodes.node.queries import Store, subjects
from custodes.node.queries.subjects import SubjectView

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_PERSON = "steward at the command line"


def configure(commands: "Commands") -> None:
    """Add the commands of this part."""
    receive = commands.add_parser("receive", help="take a request in: the footage is held, the legal clock begins")
    receive.add_argument("--camera", required=True)
    receive.add_argument("--from", dest="start", required=True, metavar="T", help="for example 2026-11-23T14:05:00Z")
    receive.add_argument("--until", required=True, metavar="T")
    receive.add_argument("--reference", required=True, metavar="TEXT", help="your own file number, never a name")
    receive.set_defaults(run=_receive)
    added = [receive, commands.add_parser("list", help="every request, the most urgent first")]
    added[-1].set_defaults(run=_list)
    still = commands.add_parser("still", help="write one masked still, to show to the subject once you know who it is")
    still.add_argument("--at", required=True, metavar="T")
    still.add_argument("--out", type=Path, required=True, metavar="JPEG")
    point = commands.add_parser("point", help="record where in the still the subject says they stood")
    point.add_argument("--point", required=True, metavar="X,Y", help="thousandths of the still's width and height")
    extend = commands.add_parser("extend", help="two more months, within the first one; tell the subject why")
    extend.add_argument("--ground", required=True, choices=[each.value for each in Extension])
    decide = commands.add_parser("decide", help="accept or refuse")
    decide.add_argument("--decision", required=True, choices=[each.value for each in Decision])
    close = commands.add_parser("close", help="the answer is out: the footage is no longer held")
    for command, run in ((still, _still), (point, _point), (extend, _extend), (decide, _decide), (close, _close)):
        command.add_argument("request")
        command.set_defaults(run=run)
        added.append(command)
    for command in added:
        add_dir(command)
        add_json(command)


def _store(arguments: argparse.Namespace) -> Store:
    return Store(Layout(arguments.dir))


def _receive(arguments: argparse.Namespace) -> int:
    store, camera = _store(arguments), CameraId(check_id(arguments.camera))
    name = acts.receive(store, camera, instant(arguments.start), instant(arguments.until), arguments.reference)
    view = subjects.subject(store, name)
    text = f"{name}\nreceived; the answer is due before {_day(view)}, {view.days_left} days from now\n"
    show(arguments, _facts(view), text + f"held until it is closed: {view.hold.periods} periods")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    found = subjects.all_subjects(_store(arguments))
    show(arguments, [_facts(view) for view in found], "\n".join(map(_line, found)) or "no requests")
    return 0


def _still(arguments: argparse.Namespace) -> int:
    store, name = _store(arguments), check_id(arguments.request)
    acts.show_still(store, name, instant(arguments.at), _PERSON)
    write_file(arguments.out, subjects.still(store, name))
    show(arguments, {"still": str(arguments.out)}, f"{arguments.out}\nshow it to the subject, and then delete it")
    return 0


def _point(arguments: argparse.Namespace) -> int:
    acts.point_out(_store(arguments), check_id(arguments.request), *thousandths(arguments.point))
    return _done(arguments, "recorded")


def _extend(arguments: argparse.Namespace) -> int:
    acts.extend(_store(arguments), check_id(arguments.request), Extension(arguments.ground))
    return _done(arguments, "extended by two months; the subject must be told why, within the first")


def _decide(arguments: argparse.Namespace) -> int:
    decision = Decision(arguments.decision)
    acts.decide(_store(arguments), check_id(arguments.request), decision)
    return _done(arguments, f"decided: {decision.meaning}; the footage is held until you close the request")


def _close(arguments: argparse.Namespace) -> int:
    acts.close(_store(arguments), check_id(arguments.request))
    return _done(arguments, "closed; what is due goes with the next round")


def _done(arguments: argparse.Namespace, text: str) -> int:
    show(arguments, _facts(subjects.subject(_store(arguments), check_id(arguments.request))), text)
    return 0


def thousandths(text: str) -> tuple[int, int]:
    """Parse ``X,Y``."""
    x, comma, y = text.partition(",")
    if not (comma and x.isascii() and x.isdigit() and y.isascii() and y.isdigit() and max(len(x), len(y)) <= 3):
        raise invalid(f"{text} is not a point like 412,630: thousandths of the picture's width and height")
    return int(x), int(y)


def _facts(view: SubjectView) -> dict[str, object]:
    return {
        "request": view.id,
        "camera": view.camera,
        "from": times.to_text(view.start),
        "until": times.to_text(view.until),
        "reference": view.reference,
        "received": times.to_text(view.received),
        "state": view.state.name.lower(),
        "due": times.to_text(view.due),
        "days_left": view.days_left,
        "still_at": None if view.still_at is None else times.to_text(view.still_at),
        "point": view.point,
        "extension": None if view.extension is None else view.extension.value,
        "decision": None if view.decision is None else view.decision.value,
        "hold": view.hold.id,
    }


def _line(view: SubjectView) -> str:
    clock = "" if view.days_left is None else f"{_left(view.days_left)} (before {_day(view)})"
    return f"{view.id}  {view.reference}  {view.state.value:<21}  {clock}".rstrip()


def _left(days: int) -> str:
    return f"{days} days left" if days >= 0 else f"OVERDUE by {-days} days"


def _day(view: SubjectView) -> str:
    return times.to_text(view.due)[:16].replace("T", " ") + " UTC"
