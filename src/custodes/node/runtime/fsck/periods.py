# SPDX-License-Identifier: AGPL-3.0-or-later
"""The check of one period: its four objects, its row, and what can be done about what is wrong."""

from collections.abc import Callable
from functools import partial

from custodes.domain import canonical
from custodes.domain.ids import PeriodId
from custodes.errors import CustodesError, corrupt
from custodes.errors import Kind as ErrorKind
from custodes.node.queries import custody
from custodes.node.runtime.fsck.findings import Finding, Kind, Report
from custodes.node.runtime.fsck.inventory import KINDS, Row, objects_of, row_of
from custodes.node.runtime.fsck.workbench import Bench
from custodes.node.store import names, tables
from custodes.trust.seal.manifest import (
    CloseReason,
    ClosingManifest,
    OpeningManifest,
    check_pair,
    parse_closing,
    parse_opening,
)
from custodes.trust.seal.period import recover
from custodes.trust.seal.shares import read_shares
from custodes.trust.verify.segment import verify_segment

_AGAIN = 3


class PeriodCheck:
    """Checks periods one by one and reports what it finds."""

    def __init__(self, bench: Bench, report: Report) -> None:
        self._bench = bench
        self._store = bench.store
        self._report = report

    def check(self, period: PeriodId, listed: dict[str, int], row: Row | None) -> None:
        """Check a period as it was listed; anything doubtful is looked at again as it is now."""
        if _complete(listed, row) and self._holds(period, row):
            return
        for _ in range(_AGAIN):
            before = row_of(self._store, tables.periods, period)
            objects = objects_of(self._store, period)
            now = row_of(self._store, tables.periods, period)
            # A deletion marks its row before it touches an object: so both belong together.
            if before == now:
                break
        if now is None or now.deletion is None:
            self._examine(period, objects, now)

    def _holds(self, period: PeriodId, row: Row | None) -> bool:
        """True if nothing contradicts what was listed, as far as the options demand to look."""
        if self._bench.options.quick:
            return True
        try:
            opening, closing = self._manifests(period)
            if row is None or not _same(row, closing):
                return False
            if self._bench.options.hashes:
                self._contents(period, opening)
        except CustodesError:
            return False
        return True

    def _manifests(self, period: PeriodId) -> tuple[OpeningManifest, ClosingManifest]:
        objects, recorders = self._store.objects, self._bench.recorders
        opening = parse_opening(objects.get(names.opening(period)), recorders)
        closing = parse_closing(objects.get(names.closing(period)), recorders)
        check_pair(opening, closing)
        if opening.period != period:
            raise corrupt("the manifests are those of another period")
        return opening, closing

    def _contents(self, period: PeriodId, opening: OpeningManifest) -> None:
        """Check shares and segment byte by byte; raises ``CustodesError`` (CORRUPT)."""
        objects = self._store.objects
        read_shares(canonical.load_object(objects.get(names.shares(period))), opening.sealed.digest, opening.shares)
        path = objects.local_path(names.segment(period))
        if path.exists():
            policy = custody.parsed_policy(self._store)
            documents = objects.get(names.opening(period)), objects.get(names.closing(period))
            verify_segment(path, *documents, policy).demand()

    def _examine(self, period: PeriodId, objects: dict[str, int], row: Row | None) -> None:
        new = self._bench.recording and self._bench.young(period.start)
        if new and (row is None or "closing" not in objects):
            self._bench.open += 1
        elif "opening" not in objects:
            self._without_opening(period, objects, row)
        elif "closing" not in objects:
            self._torn(period)
        else:
            self._closed(period, objects, row)

    def _without_opening(self, period: PeriodId, objects: dict[str, int], row: Row | None) -> None:
        if row is not None or "closing" in objects:
            self._say(Kind.MISSING, period, "its opening manifest is gone: it cannot be opened by anybody")
            return
        for kind in objects:
            # Shares come first: a crash right behind them promised nothing to anybody.
            harmless = set(objects) == {"shares"}
            finding = Finding(Kind.ORPHANED, KINDS[kind](period), "it belongs to no manifest", harmless=harmless)
            self._mend(finding, partial(self._bench.lose, finding.subject))

    def _torn(self, period: PeriodId) -> None:
        def close() -> None:
            objects = self._store.objects
            opening = objects.get(names.opening(period))
            try:
                with objects.local_path(names.segment(period)).open("rb") as stream:
                    closing = recover(opening, stream, self._bench.recorder, self._bench.recorders)
            except FileNotFoundError:
                closing = recover(opening, b"", self._bench.recorder, self._bench.recorders)
            if not objects.exists(names.closing(period)):  # the recorder may have come first
                objects.put(names.closing(period), closing)
            self._write_row(self._manifests(period)[1])

        finding = Finding(Kind.TORN, str(period), "it was never closed")
        self._mend(finding, close)

    def _closed(self, period: PeriodId, objects: dict[str, int], row: Row | None) -> None:
        try:
            opening, closing = self._manifests(period)
        except CustodesError as problem:
            self._failed(problem)
            self._say(Kind.ALTERED, period, str(problem))
            return
        if "shares" not in objects:
            self._say(Kind.MISSING, period, "its shares are gone: it cannot be opened by anybody")
        self._segment(period, objects.get("segment"), closing)
        if self._bench.options.hashes and "shares" in objects and objects.get("segment", 0) >= closing.length:
            try:
                self._contents(period, opening)
            except CustodesError as problem:
                self._failed(problem)
                self._say(Kind.ALTERED, period, str(problem))
        if row is None or not _same(row, closing):
            detail = "the catalogue does not know it" if row is None else "the catalogue says something else"
            self._mend(Finding(Kind.ROW, str(period), detail), lambda: self._write_row(closing))

    def _segment(self, period: PeriodId, size: int | None, closing: ClosingManifest) -> None:
        if size is None and closing.length:
            self._say(Kind.MISSING, period, f"its segment of {closing.length} bytes is gone")
        elif size is not None and size < closing.length:
            self._say(Kind.ALTERED, period, f"its segment has {size} of {closing.length} bytes")
        elif size is not None and size > closing.length:
            rest = size - closing.length
            finding = Finding(
                Kind.TORN,
                str(period),
                f"{rest} bytes behind its last whole record, promised to nobody",
                harmless=closing.reason is CloseReason.RECOVERED,
            )
            self._mend(finding, lambda: self._bench.cut(names.segment(period), closing.length))

    def _write_row(self, closing: ClosingManifest) -> None:
        period = closing.period
        key: dict[str, object] = {"camera": period.camera, "start": period.start, "term": period.term}
        values: dict[str, object] = {"ended": closing.ended, "size": closing.length, "closing": closing.digest}
        seq = self._bench.proofs.seq(closing.digest)
        with self._store.begin() as connection:
            tables.upsert(connection, tables.periods, key, {**values, "seq": seq, "due": None})

    def _say(self, kind: Kind, period: PeriodId, detail: str) -> None:
        self._report(Finding(kind, str(period), detail))

    def _mend(self, finding: Finding, mend: Callable[[], object]) -> None:
        self._report(self._bench.mended(finding, mend))

    def _failed(self, problem: CustodesError) -> None:
        if problem.kind is ErrorKind.UNAVAILABLE:
            raise problem


def _complete(listed: dict[str, int], row: Row | None) -> bool:
    """True if names and sizes are those of a closed, catalogued period."""
    if row is None or row.deletion is not None or not {"opening", "closing", "shares"} <= set(listed):
        return False
    return bool(listed.get("segment", 0) == row.size)


def _same(row: Row, closing: ClosingManifest) -> bool:
    return (row.ended, row.size, bytes(row.closing)) == (closing.ended, closing.length, closing.digest)
