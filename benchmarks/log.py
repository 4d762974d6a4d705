# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public log: entries per second against pymerkle, from an act to its witnessed checkpoint, verifying a million.

Ours appends batches of 1,000, as the sequencer does: entries and tiles synced to the disk, then a checkpoint signed
with Ed25519 and ML-DSA-44. The peer, pymerkle's SQLite tree, takes the same batches (committed) and computes its root;
it signs and publishes nothing. Both must come to the same root. ``sequenced_per_s`` is the whole way: pending acts out
of the catalogue, into the log, and their places back. From an act (a viewing begun, in the catalogue of a real node) to
the published checkpoint that a witness in a process of its own has cosigned, it is wall-clock time, at 20 acts per
second. Verification is that of ``custodes verify log`` over the folder of tiles.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import sqlalchemy as sa
from pymerkle import SqliteTree

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.witnessed import deployment

from custodes.clock import Instant, SystemClock
from custodes.domain.acts import Act, LogEntry
from custodes.domain.video import StreamUrl
from custodes.node.acts import cameras, viewing
from custodes.node.config import Layout
from custodes.node.runtime.sequencer import Sequencer
from custodes.node.store import Store, tables
from custodes.trust.seal.custodians import Custodian
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.note import Ed25519Signer, MlDsa44Signer
from custodes.trust.tlog.source import open_source
from custodes.trust.verify.log import verify_log

BATCH, ENTRIES, VERIFIED = 1_000, 100_000, 1_000_000
ACTS, ACTS_PER_S, BACKLOG = 200, 20, 20_000
NAME = "benchmark.invalid/log"
URL = StreamUrl("rtsp://127.0.0.1/")


def entry(number: int) -> bytes:
    """An entry as the log holds most of: a viewing, with its commitment."""
    about = {"what": "live", "of": number.to_bytes(32, "big").hex()}
    return LogEntry(Act.VIEWING_BEGUN, Instant(1_790_000_000_000_000_000 + number), about).encode()


def per_second(append: Callable[[Sequence[bytes]], object], batches: Sequence[Sequence[bytes]]) -> float:
    """Entries per second of wall-clock time."""
    before = time.perf_counter()
    for batch in batches:
        append(batch)
    return sum(map(len, batches)) / (time.perf_counter() - before)


def appended(folder: Path) -> dict[str, object]:
    """Both logs take the same batches; then ours grows to a million and is verified."""
    batches = [[entry(first + n) for n in range(BATCH)] for first in range(0, ENTRIES, BATCH)]
    signers = [Ed25519Signer(NAME, os.urandom(32)), MlDsa44Signer(NAME, os.urandom(32), SystemClock())]
    log = Log(FolderTiles(folder / "log"), signers)
    ours = per_second(log.append, batches)
    with SqliteTree(str(folder / "peer.db")) as tree:
        peer = per_second(lambda batch: (tree.append_entries(batch), tree.get_root()), batches)
        assert tree.get_root() == SignedCheckpoint.parse(log.checkpoint()).checkpoint.root
    for first in range(ENTRIES, VERIFIED, 10 * BATCH):
        log.append([entry(first + n) for n in range(10 * BATCH)])
    log.close()
    before = time.perf_counter()
    report = verify_log(open_source(str(folder / "log")), [signer.key for signer in signers])
    took = time.perf_counter() - before
    assert report.ok
    assert report.signed
    assert report.signed.checkpoint.size == VERIFIED
    facts = {"entries_per_s": round(ours), "verify_1m_s": round(took, 1)}
    return {**facts, "peer": "pymerkle", "peer_entries_per_s": round(peer), "ratio": round(ours / peer, 2)}


def offices() -> list[Custodian]:
    """Three custodians; nothing is sealed here."""
    keys = ((SigningKey.generate().public, WrappingKey.generate().public) for _ in range(3))
    return [Custodian(number, f"office {number}", *pair) for number, pair in enumerate(keys, 1)]


def published(layout: Layout) -> int:
    """The size that the published checkpoint states; what is published first is witnessed."""
    path = layout.log / "checkpoint"
    return int(path.read_bytes().split(b"\n", 2)[1]) if path.exists() else 0


class Watch(threading.Thread):
    """Notes when each act's entry, ``ACTS`` of them after the first ``size`` entries, is covered."""

    def __init__(self, layout: Layout, size: int) -> None:
        super().__init__()
        self._layout, self._size = layout, size
        self.seen: list[float] = []

    def run(self) -> None:
        """Look two hundred times a second."""
        while len(self.seen) < ACTS:
            covered = published(self._layout) - self._size
            self.seen += [time.perf_counter()] * (covered - len(self.seen))
            time.sleep(0.005)


def acted(store: Store, layout: Layout) -> int:
    """The 95th percentile of the milliseconds from the beginning of an act to the checkpoint that covers it."""
    camera = cameras.add_camera(store, "Gate", URL, URL)
    done = store.read(sa.select(sa.func.count()).select_from(tables.log_entries))[0][0]
    while published(layout) < done:
        time.sleep(0.1)
    watch = Watch(layout, published(layout))
    watch.start()
    start, began = time.perf_counter(), []
    for number in range(ACTS):
        time.sleep(max(0.0, start + number / ACTS_PER_S - time.perf_counter()))
        began.append(time.perf_counter())
        viewing.begin_viewing(store, "person", camera, "live")
    watch.join()
    delays = sorted(seen - at for at, seen in zip(began, watch.seen, strict=True))
    return round(delays[len(delays) * 95 // 100] * 1000)


def sequenced(store: Store, sequencer: Sequencer) -> int:
    """Entries per second that the sequencer takes out of the catalogue into the log."""
    with store.begin() as connection:
        for number in range(BACKLOG):
            row = {"act": Act.VIEWING_BEGUN.value, "time": number, "data": entry(number), "leaf": bytes(32)}
            connection.execute(tables.log_entries.insert().values(**row))
    before = time.perf_counter()
    while sequencer.integrate():
        pass
    return round(BACKLOG / (time.perf_counter() - before))


def of_a_node(folder: Path) -> dict[str, object]:
    """What a node's sequencer does."""
    with deployment(folder, offices()) as (layout, store):
        stop, ready = threading.Event(), threading.Event()
        sequencer = Sequencer(store)
        thread = threading.Thread(target=sequencer.run, args=(stop, ready.set))
        thread.start()
        ready.wait()
        p95 = acted(store, layout)
        stop.set()
        thread.join()
        sequencer = Sequencer(store)
        facts = {"act_to_checkpoint_ms_p95": p95, "sequenced_per_s": sequenced(store, sequencer)}
        sequencer.log.close()
    return facts


def main() -> None:
    """Measure and print one JSON line."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        print(json.dumps({**appended(Path(first)), **of_a_node(Path(second))}))


if __name__ == "__main__":
    main()
