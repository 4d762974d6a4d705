# SPDX-License-Identifier: AGPL-3.0-or-later
"""Deletion, step by step, after the log entry ``retention.due``, which marks its rows in the same transaction.

1. The lists that prove the neighbours are made sure of. *Crash here:* nothing has gone; it is begun again.
2. The shares go, durably. *Crash here:* some of these periods can be opened by nobody any more, whatever becomes of the
   rest. From here on nothing can bring them back.
3. The segments go. *Crash here:* manifests and rows tell what there was; the rest follows.
4. The masked copies go. *Crash here:* as above; whoever plays one gets an error for some seconds.
5. The opening manifests go, then the closing ones: a recorder that starts in between looks for opening manifests
   without closing ones, and must find none. *Crash here:* the rows still name what is going.
6. Lists that prove nothing any more go. *Crash here:* the rows are still there.
7. Rows, together with the log entry ``retention.done``: both or neither.

Whatever was interrupted is found by its marks and gone through from the start: deleting what is gone is no matter.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId, Term
from custodes.errors import CustodesError, Kind
from custodes.node.acts.retention import finish_deletion
from custodes.node.store import Store, minutes, names, tables

_KINDS = (names.shares, names.segment, names.opening, names.closing)


def pending(store: Store) -> list[int]:
    """The deletions that were begun and are not done, in order."""
    rows = tables.deletions.c
    return [row.seq for row in store.read(sa.select(rows.seq).where(rows.done.is_(None)).order_by(rows.seq))]


def carry_out(store: Store, seq: int) -> None:
    """Do everything that a deletion still needs; a disk that fails: ``CustodesError`` (UNAVAILABLE)."""
    rows, copies = tables.periods.c, tables.masked_minutes.c
    periods = [
        PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term))
        for row in store.read(sa.select(rows.camera, rows.start, rows.term).where(rows.deletion == seq))
    ]
    masked = [
        names.masked(CameraId(row.camera), Instant(row.start), Term(row.term))
        for row in store.read(sa.select(copies.camera, copies.start, copies.term).where(copies.deletion == seq))
    ]
    committed = store.read(sa.select(rows.seq).where(rows.deletion == seq, rows.seq.is_not(None)).distinct())
    _keep_proofs(store, seq, [row.seq for row in committed])
    objects = store.objects
    objects.delete(map(names.shares, periods))
    objects.delete(map(names.segment, periods))
    objects.delete(masked)
    objects.delete(map(names.opening, periods))
    objects.delete(map(names.closing, periods))
    _drop_lists(store, seq, [row.seq for row in committed])
    _drop_folders(store, [*(kind(period) for period in periods for kind in _KINDS), *masked])
    finish_deletion(store, seq)


def _survivors(store: Store, deletion: int, commit: int) -> bool:
    """True if a period of a committed minute stays, or is left to another deletion."""
    rows = tables.periods.c
    others = sa.or_(rows.deletion.is_(None), rows.deletion != deletion)
    return bool(store.read(sa.select(rows.start).where(rows.seq == commit, others).limit(1)))


def _keep_proofs(store: Store, deletion: int, commits: Iterable[int]) -> None:
    for commit in commits:
        if _survivors(store, deletion, commit):
            try:
                minute = minutes.minute_of(store, commit)
                if not store.objects.exists(names.minute(minute.root)):
                    minutes.keep(store, minute)
            except CustodesError as problem:
                if problem.kind is not Kind.CORRUPT:
                    raise
                # Somebody has changed it; that must not be a way to keep footage for longer.
                sys.stderr.write(f"the rest of a committed minute cannot be proved: {problem}\n")


def _drop_lists(store: Store, deletion: int, commits: Iterable[int]) -> None:
    empty = [commit for commit in commits if not _survivors(store, deletion, commit)]
    store.objects.delete(names.minute(minutes.root_of(store, commit)) for commit in empty)


def _drop_folders(store: Store, gone: Iterable[str]) -> None:
    """Drop the folders of days that are over, if empty; today's may be about to be written into."""
    recent = datetime.fromtimestamp(store.clock.now() // SECOND - 2 * 86_400, UTC).strftime("%Y-%m-%d")
    for name in {name.rpartition("/")[0]: name for name in gone}.values():
        if name.split("/")[2] < recent:
            store.objects.drop_empty(name)
