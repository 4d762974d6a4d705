# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera edit`` and ``remove``."""

import argparse
from pathlib import Path

from custodes.cli._shell import read_file, show
from custodes.cli.camera.account import add_account, login_of, warn_of_passwords
from custodes.domain import zones
from custodes.domain.ids import CameraId, check_id
from custodes.errors import invalid
from custodes.node.acts import cameras as acts
from custodes.node.acts.zones import set_zones
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras
from custodes.node.runtime.onboarding import Edit
from custodes.node.runtime.onboarding import edit as edit_one
from custodes.node.runtime.replacing import replace_by_random


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``edit``."""
    parser.add_argument("camera")
    parser.add_argument("--name", default="")
    parser.add_argument("--main", default="", metavar="URL")
    parser.add_argument("--sub", default="", metavar="URL")
    parser.add_argument("--transport", choices=["tcp", "udp"], default="")
    parser.add_argument("--onvif", default="", metavar="HOST[:PORT]", help="where the camera answers to ONVIF")
    add_account(parser)
    parser.add_argument("--replace-password", action="store_true", help="give the device a random one, by ONVIF")
    what = "privacy zones: a JSON list of polygons of corners [x, y] in shares of the picture, 0 to 1; [] for none"
    parser.add_argument("--zones", type=Path, metavar="FILE", help=what)
    parser.set_defaults(run=edit)


def edit(arguments: argparse.Namespace) -> int:
    """Change what was named, then replace the password if that was asked for."""
    wanted = Edit(
        arguments.name, arguments.main, arguments.sub, arguments.transport, arguments.onvif, login_of(arguments)
    )
    if wanted == Edit() and not arguments.replace_password and arguments.zones is None:
        raise invalid("nothing to change was named (see --help)")
    zoned = None if arguments.zones is None else zones.parse(read_file(arguments.zones))
    store, camera = Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera))
    if wanted != Edit():
        edit_one(store, camera, wanted)
    if zoned is not None:
        set_zones(store, camera, zoned)
    if arguments.replace_password:
        replace_by_random(store, camera)
    state = cameras.settings(store, camera).credentials
    warn_of_passwords(arguments.main, arguments.sub)
    facts: dict[str, object] = {"camera": camera, "credentials": state.value}
    text = f"changed; {state.value}"
    if zoned is not None:
        facts["zones"], text = len(zoned), f"{text}; {len(zoned)} privacy zones, in force within a second"
    show(arguments, facts, text)
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Take a camera out of service."""
    acts.remove_camera(Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera)))
    show(arguments, {"removed": arguments.camera}, "removed; what it recorded keeps its retention")
    return 0
