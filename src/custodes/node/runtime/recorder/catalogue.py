# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last step of the write path: rows for periods whose report got lost with a process."""

import sys

import sqlalchemy as sa

from custodes.domain.ids import CameraId
from custodes.errors import CustodesError
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.recorder.segments import closed, recent
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.store import Store, names, tables
from custodes.trust.seal.manifest import parse_closing


def complete(store: Store, vault: Vault, books: Bookkeeper, camera: CameraId) -> None:
    """Note the rows of closed periods of a camera's last two days that the catalogue does not know.

    What is older was noted before, or is for ``custodes fsck``.
    """
    periods = tables.periods.c
    try:
        found = recent(vault, camera, ".closing")
        since = found[0].start if found else 0
        rows = store.read(
            sa.select(periods.start, periods.term).where(periods.camera == camera, periods.start >= since)
        )
        known = {(row.start, row.term) for row in rows}
        for period in found:
            if (period.start, period.term) not in known:
                manifest = parse_closing(vault.objects.get(names.closing(period)), vault.policy.recorder_keys)
                books.note(states.row(closed(manifest)))
    except CustodesError as problem:
        sys.stderr.write(f"{camera}: not all of its periods are in the catalogue: {problem}\n")
