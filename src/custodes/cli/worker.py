# SPDX-License-Identifier: AGPL-3.0-or-later
"""The processes of a node, as ``run`` starts them: ``python -m custodes.cli.worker ROLE --dir D``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from custodes.errors import CustodesError
from custodes.node.config import Layout
from custodes.node.queries import Store
from custodes.node.runtime.supervisor import harden, only_one, stop_on_signals

ROLES = ("sequencer", "recorder", "masker", "keeper", "web", "watch")
_PATIENCE_S = 12.0
"""How long to wait for the lock of a predecessor that is about to end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one role until SIGTERM."""
    parser = argparse.ArgumentParser(prog="custodes.cli.worker")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--tour", type=Path)
    arguments = parser.parse_args(argv)
    harden()
    try:
        layout = Layout(arguments.dir)
        store = Store(layout)
        # Shards of a recorder that was killed still close their periods, and hold the lock until they have.
        lock = only_one(layout.root, arguments.role, _PATIENCE_S)
        _run(arguments, store, lock)
    except CustodesError as problem:
        sys.stderr.write(f"{arguments.role}: {problem.message}\n")
        return 1
    store.close()
    return 0


def _run(arguments: argparse.Namespace, store: Store, lock: int) -> None:
    # Each role imports its own wing only: the sequencer needs no video, the web no recorder.
    match arguments.role:
        case "sequencer":
            from custodes.node.runtime.sequencer import Sequencer

            Sequencer(store).run(stop_on_signals())
        case "recorder":
            from custodes.node.runtime.recorder.coordinator import record

            record(store, lock, stop_on_signals())
        case "masker":
            from custodes.node.runtime.maskers import mask

            mask(store, arguments.weights, stop_on_signals())
        case "watch":
            from custodes.node.runtime.alerts import watch

            watch(store, stop_on_signals())
        case "keeper":
            from custodes.node.runtime.keeper.keeper import keep

            keep(store, stop_on_signals())
        case _:
            from custodes.cli.serve import serve

            serve(store, arguments.host, arguments.port, arguments.tour)


if __name__ == "__main__":
    sys.exit(main())
