# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera``: discover, add, edit, replace, list, show, remove, snooze."""

import argparse

from custodes.cli._shell import add_dir, add_json
from custodes.cli.camera import adding, changing, discovering, looking, snoozing


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    for name, module, summary in (
        ("discover", discovering, "look for ONVIF cameras on the network"),
        ("add", adding, "make cameras known; they stay dark until they have a register entry"),
        ("edit", changing, "change a camera's name, addresses or account"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        module.configure(command)
    replace = commands.add_parser("replace", help="put another device into a camera's place")
    adding.configure_replace(replace)
    for name, run, summary in (
        ("list", looking.list_all, "every camera with its state"),
        ("show", looking.show_one, "one camera with its device and its register entry"),
        ("remove", changing.remove, "take a camera out of service"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        if name != "list":
            command.add_argument("camera")
        command.set_defaults(run=run)
    snoozing.configure(commands)
    for name, command in commands.choices.items():
        if name != "discover":
            add_dir(command)
        add_json(command)
