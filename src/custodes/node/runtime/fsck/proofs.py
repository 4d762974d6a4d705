# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which log entry commits to which closing manifest, found in the lists of the minutes and the log's entries."""

import sqlite3

import sqlalchemy as sa

from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.ids import Digest
from custodes.errors import CustodesError, Kind
from custodes.node.store import Store, tables
from custodes.trust.custody.minute import parse_minute


class Proofs:
    """An index in a temporary file: there may be millions."""

    def __init__(self, store: Store) -> None:
        self._index = sqlite3.connect("")
        self._index.execute("CREATE TABLE entries (root BLOB PRIMARY KEY, seq INTEGER) WITHOUT ROWID")
        self._index.execute("CREATE TABLE closings (closing BLOB PRIMARY KEY, root BLOB) WITHOUT ROWID")
        entries = tables.log_entries.c
        for row in store.read(sa.select(entries.seq, entries.data).where(entries.act == Act.PERIODS_COMMITTED.value)):
            root = canonical.hexadecimal(canonical.load_object(row.data), "root", 32)
            self._index.execute("INSERT OR REPLACE INTO entries VALUES (?, ?)", (root, row.seq))
        for name in store.objects.names("minutes"):
            try:
                minute = parse_minute(store.objects.get(name))
            except CustodesError as problem:
                if problem.kind is Kind.UNAVAILABLE:
                    raise
                continue  # it was deleted since, or it was changed and proves nothing
            lines = ((closing, minute.root) for closing in minute.closings)
            self._index.executemany("INSERT OR REPLACE INTO closings VALUES (?, ?)", lines)

    def seq(self, closing: Digest) -> int | None:
        """The entry that commits to a closing manifest, None if none does."""
        query = "SELECT seq FROM closings JOIN entries USING (root) WHERE closing = ?"
        found = self._index.execute(query, (closing,)).fetchone()
        return None if found is None else int(found[0])

    def close(self) -> None:
        """Drop the temporary file."""
        self._index.close()
