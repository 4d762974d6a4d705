# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera``: add, list, remove."""

import argparse

from custodes.cli._shell import add_dir, add_json, show
from custodes.domain.ids import CameraId, check_id
from custodes.domain.video import StreamUrl
from custodes.node.acts import cameras as acts
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras
from custodes.node.queries.views import CameraView


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    add = commands.add_parser("add", help="make a camera known; it stays dark until it has a register entry")
    add.add_argument("--name", required=True)
    add.add_argument("--main", required=True, metavar="URL", help="rtsp:// address of the stream that is recorded")
    add.add_argument("--sub", required=True, metavar="URL", help="rtsp:// address of the stream that is masked")
    add.set_defaults(run=_add)
    for name, run, summary in (
        ("list", _list, "every camera with its state"),
        ("show", _show, "one camera with its register entry"),
        ("remove", _remove, "take a camera out of service"),
    ):
        command = commands.add_parser(name, help=summary)
        if run is not _list:
            command.add_argument("camera")
        command.set_defaults(run=run)
    for command in commands.choices.values():
        add_dir(command)
        add_json(command)


def _add(arguments: argparse.Namespace) -> int:
    store = Store(Layout(arguments.dir))
    camera = acts.add_camera(store, arguments.name, StreamUrl(arguments.main), StreamUrl(arguments.sub))
    text = f"{camera}\nNot recorded: it has no register entry. Next: custodes register add --camera {camera} …"
    show(arguments, {"camera": camera}, text)
    return 0


def _facts(view: CameraView) -> dict[str, object]:
    return {
        "camera": view.id,
        "name": view.name,
        "registered": view.entry is not None,
        "log_index": view.entry_index,
        "state": view.recording.value,
        "cause": view.cause,
    }


def _line(view: CameraView) -> str:
    return f"{view.id}  {view.recording.value:<10}  {view.name}{'  · ' if view.cause else ''}{view.cause}"


def _list(arguments: argparse.Namespace) -> int:
    found = cameras.all_cameras(Store(Layout(arguments.dir)))
    show(arguments, [_facts(view) for view in found], "\n".join(map(_line, found)) or "no cameras yet")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    view = cameras.camera(Store(Layout(arguments.dir)), check_id(arguments.camera))
    lines = [_line(view)]
    if view.entry:
        entry = view.entry
        lines += [f"purpose      {entry.purpose.value}", f"legal basis  {entry.legal_basis.value}"]
        lines += [f"owner        {entry.owner} ({entry.contact})", f"retention    {entry.retention_hours} h"]
        lines += [f"hours        {entry.schedule}", f"password     {entry.credentials.value}"]
    show(arguments, _facts(view), "\n".join(lines))
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    acts.remove_camera(Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera)))
    show(arguments, {"removed": arguments.camera}, "removed; what it recorded keeps its retention")
    return 0
