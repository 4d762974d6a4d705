# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register``: cameras on the public register, and inventories of what exists."""

import argparse

from custodes.cli.register import entries, importing, reconciling


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    entries.configure(
        commands.add_parser("add", help="publish a camera's register entry in the log; then it may record"),
        commands.add_parser("renew", help="publish a camera's entry again with later dates and nothing else changed"),
        commands.add_parser("export", help="the whole register as GeoJSON"),
    )
    importing.configure(
        commands.add_parser("import", help="keep a list of cameras that exist, from a file of any form"),
        commands.add_parser("inventories", help="the lists that were imported"),
    )
    reconciling.configure(commands.add_parser("reconcile", help="find which rows of two lists are the same camera"))
