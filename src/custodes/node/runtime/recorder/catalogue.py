# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last step of the write path: rows for periods whose report got lost with a process."""

import sys

import sqlalchemy as sa

from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, Kind
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.recorder.segments import closed, recent
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.store import Store, names, tables
from custodes.trust.seal.manifest import parse_closing


def complete(store: Store, vault: Vault, books: Bookkeeper, camera: CameraId) -> None:
    """Note the rows of closed periods of a camera's last two days that the catalogue does not know.

    What is older was noted before, or is for ``custodes fsck``. ``CustodesError`` (UNAVAILABLE) if catalogue or disk do
    not answer; one period that was damaged does not keep the others from it.
    """
    periods = tables.periods.c
    found = recent(vault, camera, ".closing")
    since = found[0].start if found else 0
    query = sa.select(periods.start, periods.term).where(periods.camera == camera, periods.start >= since)
    known = {(row.start, row.term) for row in store.read(query)}
    for period in found:
        if (period.start, period.term) in known:
            continue
        try:
            manifest = parse_closing(vault.objects.get(names.closing(period)), vault.policy.recorder_keys)
        except CustodesError as problem:
            if problem.kind is Kind.UNAVAILABLE:
                raise
            sys.stderr.write(f"{names.closing(period)} cannot be catalogued: {problem}\n")
        else:
            books.note(states.row(closed(manifest)))
