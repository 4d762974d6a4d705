# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes log``: checkpoint and proofs of a node's log, and a witness that anyone can run for others' logs."""

import argparse
import json
import sys
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, port, read_file, show, write_file
from custodes.desk import witness
from custodes.errors import invalid


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of the group."""
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    checkpoint = commands.add_parser("checkpoint", help="print the log's current checkpoint, a signed note")
    add_dir(checkpoint)
    add_json(checkpoint)
    checkpoint.set_defaults(run=_checkpoint)
    prove = commands.add_parser("prove", help="print the receipt (tlog-proof) of an entry, and write the entry")
    add_dir(prove)
    prove.add_argument("index", type=int)
    prove.add_argument("--entry", type=Path, metavar="FILE", help="where to write the entry's bytes")
    prove.set_defaults(run=_prove)
    serve = commands.add_parser("witness", help="cosign the logs of others, with keys and state of your own")
    add_dir(serve, "the witness's own folder")
    serve.add_argument("--name", help="makes the keys, the first time: the witness's name, for example witness.example")
    serve.add_argument("--trust", type=Path, action="append", default=[], metavar="VKEYS", help="a log's vkey file")
    serve.add_argument("--port", type=port, help="answer on this port of 127.0.0.1 until Ctrl-C (0: any free one)")
    serve.set_defaults(run=_witness)


def _checkpoint(arguments: argparse.Namespace) -> int:
    from custodes.node.config import Layout
    from custodes.node.queries import Store, log

    state = log.state(Store(Layout(arguments.dir)))
    facts = {"origin": state.origin, "size": state.size, "witnesses": list(state.witnesses)}
    show(arguments, {**facts, "checkpoint": state.checkpoint}, state.checkpoint.rstrip("\n"))
    return 0


def _prove(arguments: argparse.Namespace) -> int:
    from custodes.node.config import Layout
    from custodes.node.queries import Store, log

    entry, receipt = log.proof(Store(Layout(arguments.dir)), arguments.index)
    if arguments.entry:
        write_file(arguments.entry, entry)
    sys.stdout.write(receipt.decode())
    return 0


def _witness(arguments: argparse.Namespace) -> int:
    if arguments.name:
        vkeys = witness.init(arguments.dir, arguments.name)
        if arguments.port is None:
            print("\n".join(vkeys))
    for path in arguments.trust:
        try:
            lines = read_file(path).decode().splitlines()
        except UnicodeDecodeError:
            raise invalid(f"{path} is not a file of verifier keys") from None
        witness.trust_log(arguments.dir, lines)
    if arguments.port is not None:
        from custodes.node.runtime.supervisor import stop_on_signals

        stop = stop_on_signals()
        witness.serve(arguments.dir, arguments.port, lambda url: print(json.dumps({"url": url}), flush=True), stop)
    return 0
