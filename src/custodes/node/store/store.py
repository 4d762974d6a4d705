# SPDX-License-Identifier: AGPL-3.0-or-later
"""The store: catalogue, objects and server key of one node, opened once per process."""

import hmac
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from custodes.clock import Clock, Instant, SystemClock
from custodes.domain.acts import Act, LogEntry
from custodes.domain.canonical import JsonObject
from custodes.errors import conflict, corrupt, not_found, unavailable
from custodes.node.config import Layout
from custodes.node.store import tables
from custodes.node.store.keys import read_key
from custodes.node.store.objects import DiskObjects
from custodes.node.store.schema import check_schema
from custodes.trust.tlog.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Transaction:
    """An open transaction; ``seq`` is the log entry written in it."""

    connection: sa.Connection
    seq: int
    now: Instant


class Store:
    """Everything that acts, queries and the runtime keep. Only they may hold one."""

    def __init__(
        self, layout: Layout, clock: Clock | None = None, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        if not layout.catalog.exists():
            raise not_found(f"{layout.root} is not a Custodes data folder: run `custodes init` first")
        self.layout = layout
        self.clock = clock or SystemClock()
        self.entropy = entropy
        self.objects = DiskObjects(layout.store)
        self.engine = open_catalog(layout.catalog)
        try:
            check_schema(self.engine)
        except sa.exc.OperationalError as problem:
            raise unavailable(f"{layout.catalog} cannot be opened: {problem.orig}") from None
        except sa.exc.DatabaseError as problem:
            raise corrupt(f"{layout.catalog} is not a catalogue: {problem.orig}") from None
        self._server_key = read_key(layout.keys / "server.key")
        # A key has one use: the one for fingerprints is another.
        self._mark_key = HKDF(SHA256(), 32, None, b"custodes marks").derive(self._server_key)

    def close(self) -> None:
        """Let go of the catalogue."""
        self.engine.dispose()

    @contextmanager
    def act(self, act: Act, facts: JsonObject) -> Iterator[Transaction]:
        """Open the transaction of one accountable act: its rows and its pending log entry stand or fall together.

        A crash before the commit leaves no trace of the act; after it, the sequencer will log the act.
        """
        now = self.clock.now()
        data = LogEntry(act, now, facts).encode()
        with self.begin() as connection:
            seq = connection.execute(
                tables.log_entries.insert().values(act=act.value, time=now, data=data, leaf=leaf_hash(data))
            ).inserted_primary_key
            assert seq is not None  # noqa: S101 - SQLAlchemy returns a key for every inserted row
            yield Transaction(connection, int(seq[0]), now)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction that is no act: states and indexes that the runtime keeps.

        ``CustodesError``: UNAVAILABLE if the catalogue is locked or its disk is full, CONFLICT if a row is there
        already or refers to nothing.
        """
        try:
            with self.engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
                yield connection
        except sa.exc.OperationalError as problem:
            raise unavailable(f"the catalogue cannot be written: {problem.orig}") from None
        except sa.exc.IntegrityError as problem:
            raise conflict(f"the catalogue does not take this: {problem.orig}") from None

    def read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """Run a query; a catalogue that cannot be read now: ``CustodesError`` (UNAVAILABLE)."""
        try:
            with self.engine.connect() as connection:
                return connection.execute(query).all()
        except sa.exc.OperationalError as problem:
            raise unavailable(f"the catalogue cannot be read: {problem.orig}") from None

    def encrypt(self, data: bytes, context: str) -> bytes:
        """Encrypt under the server key: one Cobblestone-256 message (C2SP), bound to ``context``."""
        encryptor = Cobblestone256Encryptor(self._server_key, context.encode())
        return encryptor.update(data) + encryptor.finalize()

    def mark(self, data: str, context: str) -> str:
        """A keyed fingerprint: equal things are found again, and the catalogue alone tells nothing of them."""
        return hmac.new(self._mark_key, f"{context} {data}".encode(), "sha256").hexdigest()

    def decrypt(self, message: bytes, context: str) -> bytes:
        """Undo ``encrypt``; a changed message or another context raises ``CustodesError`` (CORRUPT)."""
        try:
            decryptor = Cobblestone256Decryptor(self._server_key, context.encode())
            return decryptor.update(message) + decryptor.finalize()
        except (InvalidTag, ValueError):
            raise corrupt("an object of the store was altered or belongs elsewhere") from None


def open_catalog(path: Path) -> sa.Engine:
    """Open the SQLite catalogue."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # WAL lets readers go on beside one writer; with NORMAL a power cut would lose the last acts.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later fails at once when another process wrote in between,
        # whatever the time-out; one that will write takes the lock at its beginning.
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine
