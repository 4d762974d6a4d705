# SPDX-License-Identifier: AGPL-3.0-or-later
"""The minutes that the log commits to: which closing manifests each is made of, however many of them still exist.

One object a minute, named by its Merkle root, written before the log entry. So each manifest can be proved as long as
it is kept, whatever retention the others had.
"""

import sqlalchemy as sa

from custodes.domain import canonical
from custodes.domain.ids import Digest
from custodes.errors import CustodesError, Kind, corrupt
from custodes.node.store import names, tables
from custodes.node.store.store import Store
from custodes.trust.custody.minute import Minute, encode_minute, parse_minute


def keep(store: Store, minute: Minute) -> None:
    """Write the object, durably."""
    store.objects.put(names.minute(minute.root), encode_minute(minute))


def root_of(store: Store, seq: int) -> Digest:
    """The root in the log entry ``seq``, which commits to a minute."""
    entries = tables.log_entries.c
    row = store.read(sa.select(entries.data).where(entries.seq == seq))[0]
    return Digest(canonical.hexadecimal(canonical.load_object(row.data), "root", 32))


def minute_of(store: Store, seq: int) -> Minute:
    """The minute that the log entry ``seq`` commits to.

    Without its object (an older version wrote none) it is what the catalogue's rows say. If neither leads to the root
    in the log, nothing of it can be proved: ``CustodesError`` (CORRUPT).
    """
    root = root_of(store, seq)
    try:
        minute = parse_minute(store.objects.get(names.minute(root)))
    except CustodesError as problem:
        if problem.kind is Kind.UNAVAILABLE:
            raise
    else:
        if minute.root == root:
            return minute
    rows = tables.periods.c
    together = store.read(sa.select(rows.closing).where(rows.seq == seq))
    minute = Minute(tuple(sorted(Digest(row.closing) for row in together)))
    if not together or minute.root != root:
        raise corrupt("the list of a minute's manifests is missing or was changed: what it proved cannot be proved")
    return minute
