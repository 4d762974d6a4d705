# SPDX-License-Identifier: AGPL-3.0-or-later
"""A shard's process, as its coordinator starts it: ``python -m custodes.node.runtime.recorder D``."""

import sys
from pathlib import Path

from custodes.errors import CustodesError
from custodes.node.config import Layout
from custodes.node.runtime.recorder.shard import run
from custodes.node.runtime.supervisor import harden, stop_on_signals

if __name__ == "__main__":
    harden()
    try:
        run(Layout(Path(sys.argv[1])), stop_on_signals())
    except CustodesError as problem:
        sys.stderr.write(f"recorder shard: {problem.message}\n")
        sys.exit(1)
