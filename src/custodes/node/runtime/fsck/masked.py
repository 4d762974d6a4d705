# SPDX-License-Identifier: AGPL-3.0-or-later
"""The check of one masked minute: its object, its row, and the row made again from the object."""

import json
from collections.abc import Callable

import sqlalchemy as sa

from custodes.clock import MILLISECOND, SECOND
from custodes.domain.ids import PeriodId
from custodes.domain.video import Fragment
from custodes.errors import CustodesError, corrupt
from custodes.node.runtime.fsck.findings import Finding, Kind, Report
from custodes.node.runtime.fsck.inventory import Row, row_of
from custodes.node.runtime.fsck.workbench import Bench
from custodes.node.runtime.maskedfiles import MinuteIndex
from custodes.node.store import fragments, names, tables


class MaskedCheck:
    """Checks masked minutes one by one and reports what it finds. A minute is named like a period."""

    def __init__(self, bench: Bench, report: Report) -> None:
        self._bench = bench
        self._store = bench.store
        self._report = report

    def check(self, minute: PeriodId) -> None:
        """Check a minute as it is now."""
        name = names.masked(minute.camera, minute.start, minute.term)
        path = self._store.objects.local_path(name)
        row = row_of(self._store, tables.masked_minutes, minute)
        size = path.stat().st_size if path.exists() else None
        if row != row_of(self._store, tables.masked_minutes, minute) or (row is not None and row.deletion is not None):
            return  # it is growing, or going
        if self._bench.masking and self._bench.young(minute.start):
            self._bench.open += 1
        elif row is None:
            if size is not None:
                self._without_row(minute, name, size)
        elif size is None:
            detail = "its object is gone: nothing of it can be played"
            self._mend(Finding(Kind.MISSING, name, detail), lambda: self._drop(minute))
        elif size < _extent(row):
            detail = f"its object has {size} of {_extent(row)} bytes"
            self._mend(Finding(Kind.ALTERED, name, detail), lambda: self._write_row(minute))
        elif self._bench.options.hashes:
            self._contents(minute, name, row)

    def _without_row(self, minute: PeriodId, name: str, size: int) -> None:
        finding = Finding(Kind.ROW, name, "the catalogue does not know it")
        try:
            self._index(minute)
        except CustodesError:
            # A crash right after its beginning leaves an empty one.
            finding = Finding(Kind.ORPHANED, name, "it belongs to nothing and cannot be read", harmless=not size)
            self._mend(finding, lambda: self._bench.lose(name))
        else:
            self._mend(finding, lambda: self._write_row(minute))

    def _index(self, minute: PeriodId) -> MinuteIndex:
        """What its fragments say; one without any that can be read: ``CustodesError`` (CORRUPT)."""
        index, found = MinuteIndex(), False
        path = self._store.objects.local_path(names.masked(minute.camera, minute.start, minute.term))
        with path.open("rb") as stream:
            for offset, start_ms, message in fragments.in_object(stream):
                try:
                    fragment = self._fragment(minute, start_ms, message)
                except CustodesError:
                    break  # what follows a fragment that was changed is not believed either
                index.add(fragment, offset, len(message))
                found = True
        if not found:
            raise corrupt("no fragment of it can be read")
        return index

    def _fragment(self, minute: PeriodId, start_ms: int, message: bytes) -> Fragment:
        context = fragments.context(minute.camera, minute.start, minute.term, start_ms)
        return fragments.decode(minute.camera, self._store.decrypt(message, context))

    def _contents(self, minute: PeriodId, name: str, row: Row) -> None:
        for offset, length, start_ms, *_ in json.loads(row.fragments):
            try:
                self._fragment(minute, start_ms, self._store.objects.get(name, offset, length))
            except CustodesError:
                at = (start_ms * MILLISECOND - minute.start) // SECOND
                self._report(Finding(Kind.ALTERED, name, f"what it shows after {at} s was changed"))
                return

    def _write_row(self, minute: PeriodId) -> None:
        key: dict[str, object] = {"camera": minute.camera, "start": minute.start, "term": minute.term}
        values = self._index(minute).values()
        with self._store.begin() as connection:
            tables.upsert(connection, tables.masked_minutes, key, values)

    def _drop(self, minute: PeriodId) -> None:
        rows = tables.masked_minutes.c
        key = sa.and_(rows.camera == minute.camera, rows.start == minute.start, rows.term == minute.term)
        with self._store.begin() as connection:
            connection.execute(sa.delete(tables.masked_minutes).where(key))

    def _mend(self, finding: Finding, mend: Callable[[], object]) -> None:
        self._report(self._bench.mended(finding, mend))


def _extent(row: Row) -> int:
    """How far the fragments that a row lists reach into the object."""
    return max((offset + length for offset, length, *_ in json.loads(row.fragments)), default=0)
