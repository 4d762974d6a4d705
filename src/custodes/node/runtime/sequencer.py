# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sequencer: gives pending acts their place in the public log, gets the checkpoint witnessed, closes minutes."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId, Term
from custodes.errors import CustodesError, Kind, corrupt
from custodes.node.acts import periods
from custodes.node.config import Layout
from custodes.node.queries import custody
from custodes.node.store import Store, minutes, names, tables
from custodes.node.store.keys import read_key
from custodes.trust.custody.minute import closed_minute
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.note import Ed25519Signer, MlDsa44Signer, Signer, parse_vkey
from custodes.trust.tlog.source import http_post
from custodes.trust.tlog.store import FolderTiles, write_durably
from custodes.trust.tlog.tiles import CHECKPOINT
from custodes.trust.tlog.witness import WitnessClient

_LOOK_S = 0.1
_BATCH = 1_000
_MINUTE = 60 * SECOND
_WITNESS_RETRY = 2 * SECOND
_UNWITNESSED = 10 * SECOND


def log_signers(store: Store, origin: str) -> list[Signer]:
    """The log's keys: Ed25519 first, then ML-DSA-44 (two seeds of 32 bytes in one file)."""
    seeds = read_key(store.layout.keys / "log.key")
    return [Ed25519Signer(origin, seeds[:32]), MlDsa44Signer(origin, seeds[32:], store.clock)]


@dataclass(slots=True)
class _WitnessTurn:
    """One witness: the size it has cosigned last, and when to ask again after a failure."""

    client: WitnessClient
    size: int = -1
    retry: int = 0


class _UnpublishedHead(FolderTiles):
    """The log's tiles as they are served; its newest checkpoint lies apart until it may be published."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.log)
        self._head = layout.head

    def read(self, path: str) -> bytes | None:
        if path != CHECKPOINT:
            return super().read(path)
        return self._head.read_bytes() if self._head.exists() else None

    def write(self, path: str, data: bytes) -> None:
        if path != CHECKPOINT:
            super().write(path, data)
        else:
            write_durably(self._head, data)


class Sequencer:
    """The only writer of the log."""

    def __init__(self, store: Store) -> None:
        self._store = store
        origin = store.read(sa.select(tables.deployments.c.origin))[0].origin
        self.log = Log(_UnpublishedHead(store.layout), log_signers(store, origin))
        self._witnesses = [_WitnessTurn(client) for client in _witness_clients(store)]
        self._closed: int = store.clock.now() // _MINUTE
        self._published = b""
        self._waiting_since: int | None = None

    def run(self, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Sequence until ``stop``; what is pending then is logged before it returns."""
        self.step()
        ready()
        while not stop.wait(_LOOK_S):
            try:
                self.step()
            except CustodesError as problem:
                if problem.kind is not Kind.UNAVAILABLE:
                    raise
                # The catalogue's or the log's disk is full: acts wait, recording does not.
        self.commit_minute()
        self.step()
        self.log.close()

    def step(self) -> None:
        """Log what is pending and get it witnessed. A failure leaves everything to the next step."""
        if self._store.clock.now() // _MINUTE > self._closed:
            self._closed = self._store.clock.now() // _MINUTE
            self.commit_minute()
        self.integrate()
        for witness in self._witnesses:
            self._ask(witness)
        self._publish()

    def integrate(self) -> int:
        """Append pending entries and note their indexes; returns how many entries got one.

        A crash after the append and before the rows are updated leaves entries that are in the log and still pending:
        they are the first of the pending ones, in order, and are recognised by their bytes.
        """
        entries = tables.log_entries.c
        numbered = self._store.read(sa.select(sa.func.max(entries.log_index)))[0][0]
        first = 0 if numbered is None else numbered + 1
        pending = self._store.read(
            sa.select(entries.seq, entries.data).where(entries.log_index.is_(None)).order_by(entries.seq).limit(_BATCH)
        )
        done = self.log.size - first
        if done < 0:
            raise corrupt("the log lacks entries that the catalogue knows: restore both from one backup")
        for offset, row in enumerate(pending[:done]):
            if self.log.entry(first + offset) != row.data:
                raise corrupt("the log holds an entry that the catalogue does not: restore both from one backup")
        if done > len(pending):
            raise corrupt("the log holds an entry that the catalogue does not: restore both from one backup")
        if not pending:
            return 0
        if done < len(pending):
            self.log.append([row.data for row in pending[done:]])
        with self._store.begin() as connection:
            for offset, row in enumerate(pending):
                connection.execute(
                    sa.update(tables.log_entries).where(entries.seq == row.seq).values(log_index=first + offset)
                )
        return len(pending)

    def commit_minute(self) -> None:
        """Commit to every period that was closed and is not committed to yet."""
        rows = tables.periods.c
        uncommitted = self._store.read(
            sa.select(rows.camera, rows.start, rows.term).where(rows.seq.is_(None), rows.deletion.is_(None))
        )
        closed: dict[PeriodId, bytes] = {}
        for row in uncommitted:
            period = PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term))
            try:
                closed[period] = self._store.objects.get(names.closing(period))
            except CustodesError as problem:
                # One object that was taken away must not stop the log; its minute stays uncommitted for all to see.
                sys.stderr.write(f"a minute cannot be committed to: {problem}\n")
        if closed:
            minute = closed_minute(list(closed.values()))
            # A crash before the act: a list that nothing refers to, and the next minute commits to its periods.
            minutes.keep(self._store, minute)
            periods.commit_periods(self._store, minute.root, list(closed))

    def _ask(self, witness: _WitnessTurn) -> None:
        """Bring one witness up to date and take its cosignatures."""
        now = self._store.clock.now()
        size = self.log.size
        if witness.size == size or now < witness.retry:
            return
        try:
            witness.size = witness.client.cosign(self.log)
        except CustodesError:
            # Recording and viewing go on; grants wait until the witness answers (design, guarantee 4).
            witness.retry = now + _WITNESS_RETRY

    def _publish(self) -> None:
        """Publish the newest checkpoint once the policy's witnesses have seen it, or after ten seconds without them.

        So whoever fetches the log finds a checkpoint that satisfies the policy, unless the witnesses are away; then
        the log still shows what it holds, and everybody sees that nobody vouches for it.
        """
        layout, head = self._store.layout, self.log.checkpoint()
        if head == self._published:
            return
        try:
            custody.tlog_policy(self._store).satisfied(SignedCheckpoint.parse(head))
        except CustodesError:
            now = self._store.clock.monotonic()
            self._waiting_since = now if self._waiting_since is None else self._waiting_since
            if now - self._waiting_since < _UNWITNESSED:
                return
        else:
            self._waiting_since = None
            # A crash before this write: receipts go on under the previous witnessed checkpoint.
            write_durably(layout.witnessed, head)
        # A crash before this write: the previous checkpoint stays published; its tiles are all there.
        write_durably(layout.log / CHECKPOINT, head)
        self._published = head


def _witness_clients(store: Store) -> list[WitnessClient]:
    """The witnesses of the file ``witnesses``: per line an address and the witness's verifier keys."""
    clients = []
    for line in store.layout.witnesses.read_text().splitlines():
        url, *keys = line.split()
        clients.append(WitnessClient([parse_vkey(key) for key in keys], http_post(f"{url.rstrip('/')}/add-checkpoint")))
    return clients
