# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole check, camera by camera and day by day, in bounded memory."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from custodes.errors import CustodesError
from custodes.errors import Kind as ErrorKind
from custodes.node.runtime.fsck.findings import Finding, Kind, Report
from custodes.node.runtime.fsck.inventory import Day, days
from custodes.node.runtime.fsck.masked import MaskedCheck
from custodes.node.runtime.fsck.periods import PeriodCheck
from custodes.node.runtime.fsck.workbench import Bench, Options
from custodes.node.runtime.supervisor import only_one
from custodes.node.store import Store, minutes, names, tables
from custodes.trust.custody.minute import encode_minute

Progress = Callable[[int, int], None]
"""Told how many periods and masked minutes were checked, and how many there are about."""


@dataclass(frozen=True, slots=True)
class Checked:
    """``checked``: periods and masked minutes. ``open``: those left out because they are being written now."""

    checked: int
    open: int
    recording: bool


def fsck(store: Store, options: Options, report: Report, progress: Progress = lambda _done, _all: None) -> Checked:
    """Check the store and report every finding; with ``repair``, after mending it where that is possible.

    May run beside the recorder: what is being written is left out. Without one, a repair keeps recorders away until it
    is done, because both would close the same periods. Another check is running: ``CustodesError`` (CONFLICT).
    """
    with ExitStack() as claims:
        claims.callback(os.close, only_one(store.layout.root, "fsck"))
        bench = Bench(store, options)
        if options.repair and not bench.recording:
            claims.callback(os.close, only_one(store.layout.root, "recorder"))
        return _check(bench, report, progress)


def _check(bench: Bench, report: Report, progress: Progress) -> Checked:
    store = bench.store
    if bench.options.repair:
        for table in (tables.periods, tables.masked_minutes):
            with store.begin() as connection:
                table.create(connection, checkfirst=True)
    total = sum(
        int(store.read(sa.select(sa.func.count()).select_from(table))[0][0])
        for table in (tables.periods, tables.masked_minutes)
    )
    done = 0
    periods, masked = PeriodCheck(bench, report), MaskedCheck(bench, report)
    for day in days(store):
        _residue(bench, day, report)
        for period in sorted({*day.periods, *day.period_rows}):
            periods.check(period, day.periods.get(period, {}), day.period_rows.get(period))
            done += 1
            progress(done, total)
        for minute in sorted({*day.masked, *day.masked_rows}):
            masked.check(minute)
            done += 1
            progress(done, total)
    if not bench.options.quick:
        _lists(bench, report)
    return Checked(done, bench.open, bench.recording)


def _lists(bench: Bench, report: Report) -> None:
    """The lists of committed minutes: without them no period of them can be proved once one of them is deleted."""
    store, rows = bench.store, tables.periods.c
    for (seq,) in store.read(sa.select(rows.seq).where(rows.seq.is_not(None)).distinct()):
        try:
            root = minutes.root_of(store, seq)
            minute = minutes.minute_of(store, seq)
        except CustodesError as problem:
            if problem.kind is ErrorKind.UNAVAILABLE:
                raise
            if store.read(sa.select(rows.start).where(rows.seq == seq, rows.deletion.is_(None)).limit(1)):
                report(Finding(Kind.ALTERED, f"the minute committed to by act {seq}", str(problem)))
        else:
            name = names.minute(root)
            if not _is(store, name, encode_minute(minute)):
                finding = Finding(
                    Kind.MISSING, name, "the list of a committed minute; the rows still tell", harmless=True
                )
                report(bench.mended(finding, partial(minutes.keep, store, minute)))


def _is(store: Store, name: str, data: bytes) -> bool:
    return store.objects.exists(name) and store.objects.get(name) == data


def _residue(bench: Bench, day: Day, report: Report) -> None:
    """What a crash left half written, and what was never ours."""
    for name in day.unfinished:
        if bench.store.objects.local_path(name).exists() and not (bench.recording or bench.masking):
            finding = Finding(Kind.ORPHANED, name, "a crash has left it half written", harmless=True)
            report(bench.mended(finding, partial(bench.lose, name)))
    for name in day.foreign:
        finding = Finding(Kind.ORPHANED, name, "it is not the name of anything recorded")
        report(bench.mended(finding, partial(bench.lose, name)))
