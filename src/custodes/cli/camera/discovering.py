# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera discover``."""

import argparse

from custodes.cli._shell import decimal, show
from custodes.errors import invalid
from custodes.video.ingest.onvif.discovery import discover


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``discover``."""
    parser.add_argument("--timeout", type=decimal, default=3.0, metavar="S", help="seconds to wait for answers")
    where = "ask this machine only (may be repeated)"
    parser.add_argument("--address", action="append", default=[], metavar="HOST[:PORT]", help=where)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line per device that answered."""
    if not 0.1 <= arguments.timeout <= 60:
        raise invalid("--timeout lies between 0.1 and 60 seconds")
    found = discover(arguments.timeout, arguments.address)
    lines = [
        f"{each.place!s:<24} {each.name}{'  · ' if each.hardware else ''}{each.hardware}" for each in found.devices
    ]
    lines += [f"skipped: {count} times {reason}" for reason, count in found.skipped.items()]
    devices = [{"address": str(each.place), "name": each.name, "hardware": each.hardware} for each in found.devices]
    show(arguments, {"devices": devices, "skipped": found.skipped}, "\n".join(lines) or "no camera has answered")
    return 0
