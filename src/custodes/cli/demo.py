# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes demo``: the whole system on this machine."""

import argparse
import json
import sys
from pathlib import Path

from custodes.cli._shell import decimal, port
from custodes.demo.layout import prepare
from custodes.demo.run import Run
from custodes.demo.system import Options, System
from custodes.errors import invalid
from custodes.node.runtime.supervisor import stop_on_signals


def configure(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``demo``."""
    parser.add_argument("--dir", type=Path, default=Path(".demo"), metavar="D", help="default: .demo; always made anew")
    parser.add_argument("--port", type=port, default=8080, metavar="P", help="default: 8080; 0: any free one")
    parser.add_argument("--cameras", type=int, default=3, metavar="N")
    parser.add_argument("--video", type=Path, action="append", default=[], metavar="FILE", help="instead of the street")
    parser.add_argument("--seconds", type=decimal, metavar="S", help="end by itself and print what was measured")
    parser.add_argument("--seed", type=int, default=1, help="of the rendered street")
    parser.add_argument("--json", action="store_true", help="print nothing but the last line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C or the end of ``--seconds``."""
    if not 1 <= arguments.cameras <= 16:
        raise invalid("--cameras must lie between 1 and 16")
    if arguments.seconds is not None and arguments.seconds < 45:
        raise invalid("--seconds must be at least 45: the first picture is shown after about 30")
    if arguments.seed < 0:
        raise invalid("--seed must not be negative")
    for video in arguments.video:
        if not video.is_file():
            raise invalid(f"{video} is not a file")
    stop = stop_on_signals()
    options = Options(arguments.port, arguments.cameras, tuple(arguments.video), arguments.seed)
    system = System(prepare(arguments.dir), options)
    say = (lambda line: print(line, file=sys.stderr)) if arguments.json else (lambda line: print(line, flush=True))
    measured = Run(system, say, arguments.seconds, stop).run()
    if measured is not None:
        print(json.dumps(measured))
    return 0
