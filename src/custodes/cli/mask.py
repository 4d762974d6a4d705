# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes mask``: the steward's certification."""

import argparse

from custodes.cli._shell import add_dir, add_json, show
from custodes.domain.ids import CameraId, check_id
from custodes.node.acts.masks import certify
from custodes.node.config import Layout
from custodes.node.queries import Store


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    command = commands.add_parser("certify", help="certify a camera's reference picture after looking at it")
    add_dir(command)
    add_json(command)
    command.add_argument("camera")
    command.set_defaults(run=_certify)


def _certify(arguments: argparse.Namespace) -> int:
    certify(Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera)), "steward at the command line")
    show(arguments, {"certified": arguments.camera}, "certified; the act is in the log")
    return 0
