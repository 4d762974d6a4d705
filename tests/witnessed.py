# SPDX-License-Identifier: AGPL-3.0-or-later
"""A deployment for tests and benchmarks whose witness is a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from custodes.clock import SystemClock
from custodes.desk import witness
from custodes.domain.ids import Epoch
from custodes.node.config import Layout
from custodes.node.runtime.setup import Plan, WitnessAt, initialise
from custodes.node.store import Store
from custodes.trust.custody.policy import Requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.tlog.note import parse_vkeys


@contextmanager
def deployment(
    folder: Path, custodians: Sequence[Custodian], requesters: Sequence[Requester] = ()
) -> Iterator[tuple[Layout, Store]]:
    """Set a deployment up below ``folder``, two of the custodians needed; the witness ends with the block."""
    keys = parse_vkeys("\n".join(witness.init(folder / "witness", "witness.example/one")))
    command = [sys.executable, "-m", "custodes", "log", "witness", "--dir", str(folder / "witness"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            at = WitnessAt("one", tuple(keys), json.loads(process.stdout.readline())["url"])
            layout = Layout(folder / "node")
            initialise(layout, Plan(CustodianSet(Epoch(1), 2, tuple(custodians)), tuple(requesters), (at,)))
            witness.trust_log(folder / "witness", (layout.log / "vkey").read_text().splitlines())
            store = Store(layout, SystemClock())
            yield layout, store
            store.close()
        finally:
            process.terminate()
