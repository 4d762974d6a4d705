# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes subject``: a data subject asks for the footage of themselves (GDPR, article 15)."""

import argparse

from custodes.cli.subject import redacting, requests


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    requests.configure(commands)
    redacting.configure(commands)
