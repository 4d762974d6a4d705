# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes status``: what every camera and the log are doing."""

import argparse

from custodes.cli._shell import add_dir, add_json, show
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras, log


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``status``."""
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a camera and one for the log."""
    store = Store(Layout(arguments.dir))
    views, state = cameras.all_cameras(store), log.state(store)
    witnesses = ", ".join(state.witnesses) or "no witness yet"
    lines = [f"{view.name:<24} {view.recording.value:<10} {view.cause}".rstrip() for view in views]
    lines.append(f"log: {state.size} entries, {state.pending} pending, cosigned by {witnesses}")
    facts = {
        "cameras": [{"camera": view.id, "state": view.recording.value, "cause": view.cause} for view in views],
        "log": {"size": state.size, "pending": state.pending, "witnesses": list(state.witnesses)},
    }
    show(arguments, facts, "\n".join(lines))
    return 0
