# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows that the recorder and the masker owe the catalogue.

Recording never waits for the database: rows are queued and written by a thread of their own. What a crash leaves
unwritten, recovery rebuilds from the objects (periods) or is reported again (states).
"""

import queue
import sys
import threading
from collections.abc import Callable
from typing import TypeAlias

import sqlalchemy as sa

from custodes.errors import CustodesError, Kind
from custodes.node.store import Store

Row: TypeAlias = Callable[[sa.Connection], None]

_RETRY_S = 1.0
_BATCH = 200


class Bookkeeper:
    """Writes rows in the order they were noted, many to a transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: queue.SimpleQueue[Row | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bookkeeper", daemon=True)
        self._thread.start()

    def note(self, row: Row) -> None:
        """Queue a row; returns at once."""
        self._rows.put(row)

    def close(self) -> None:
        """Write what is queued, then stop. If the catalogue cannot be written, recovery will catch up."""
        self._stopping.set()
        self._rows.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (row := self._rows.get()) is not None:
            batch, ended = [row], False
            while not self._rows.empty() and len(batch) < _BATCH:
                following = self._rows.get()
                if following is None:
                    ended = True
                    break
                batch.append(following)
            self._write(batch)
            if ended:
                return

    def _write(self, batch: list[Row]) -> None:
        while True:
            try:
                with self._store.begin() as connection:
                    for row in batch:
                        row(connection)
            except CustodesError as problem:
                if problem.kind is not Kind.UNAVAILABLE:
                    self._part(batch, problem)
                    return
                # The catalogue is locked or its disk is full: recording goes on, the rows wait.
                if self._stopping.wait(_RETRY_S):
                    return
            else:
                return

    def _part(self, batch: list[Row], problem: CustodesError) -> None:
        """One row that the catalogue will never take must not keep the others from it."""
        if len(batch) == 1:
            sys.stderr.write(f"left out of the catalogue: {problem}\n")
            return
        for row in batch:
            self._write([row])
