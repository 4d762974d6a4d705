# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodians' wrapping keys: what is published and witnessed, and how long it lasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError, not_found
from custodes.node.queries import log, register
from custodes.node.store import Store, custody_tables, tables
from custodes.node.store.evidence import policy_of


@dataclass(frozen=True, slots=True)
class Coverage:
    """Until when a custodian's published keys last, without a hole from now on, for footage kept for ``hours``.

    ``until`` is None if there is no key for today. ``index`` and ``label`` are those of the current set.
    """

    custodian: KeyId
    index: int
    label: str
    hours: int
    until: Instant | None


def hours_in_use(store: Store) -> list[int]:
    """The retentions (hours) that register entries declare which have not expired, in order."""
    now = store.clock.now()
    return sorted({entry.retention_hours for entry, _ in register.entries(store) if entry.expires > now})


def _witnessed(store: Store) -> sa.ColumnElement[bool]:
    """True for documents of keys whose log entry was witnessed."""
    try:
        size = log.witnessed_checkpoint(store).size
    except CustodesError:
        size = 0
    entries, documents = tables.log_entries.c, custody_tables.custodian_keys.c
    return sa.exists().where(entries.seq == documents.seq, entries.log_index < size)


def usable(store: Store) -> list[bytes]:
    """The witnessed documents that still have keys for now or later, as signed, in the order they were filed."""
    documents, keys = custody_tables.custodian_keys, custody_tables.wrapping_keys.c
    lasting = sa.exists().where(keys.document == documents.c.digest, keys.until > store.clock.now())
    found = store.read(sa.select(documents.c.document).where(lasting, _witnessed(store)).order_by(documents.c.seq))
    return [bytes(row.document) for row in found]


def coverage(store: Store, hours: Sequence[int]) -> list[Coverage]:
    """How long every custodian's witnessed keys last for each of these retentions."""
    keys, now = custody_tables.wrapping_keys, store.clock.now()
    query = (
        sa.select(keys.c.custodian, keys.c.hours, keys.c.start, keys.c.until)
        .join(custody_tables.custodian_keys, custody_tables.custodian_keys.c.digest == keys.c.document)
        .where(keys.c.until > now, _witnessed(store))
        .order_by(keys.c.start)
    )
    rows = store.read(query)
    found = []
    for member in policy_of(store).custodians[-1].members:
        for wanted in hours:
            spans = [
                (row.start, row.until) for row in rows if row.custodian == member.identity.id and row.hours >= wanted
            ]
            found.append(Coverage(member.identity.id, member.index, member.label, wanted, _lasting(spans, now)))
    return found


def _lasting(spans: Sequence[tuple[int, int]], now: Instant) -> Instant | None:
    """Until when ``spans``, in the order of their beginnings, follow on each other from ``now`` on."""
    reached: int = now
    for start, until in spans:
        if start <= reached < until:
            reached = until
    return Instant(reached) if reached > now else None


def document(store: Store, digest: str) -> bytes:
    """A document of published keys, as signed; unknown: ``CustodesError`` (NOT_FOUND)."""
    documents = custody_tables.custodian_keys.c
    rows = store.read(sa.select(documents.document).where(documents.digest == digest))
    if not rows:
        raise not_found("there is no such document of keys")
    return bytes(rows[0].document)


def index(store: Store) -> JsonObject:
    """What the public is told: ``hours`` in use, and ``documents`` with digest, custodian and the end of their keys."""
    documents, keys = custody_tables.custodian_keys, custody_tables.wrapping_keys
    rows = store.read(
        sa.select(documents.c.digest, documents.c.custodian, sa.func.max(keys.c.until).label("until"))
        .join(keys, keys.c.document == documents.c.digest)
        .group_by(documents.c.digest)
        .order_by(documents.c.seq)
    )
    found: list[Json] = [
        {"digest": row.digest, "custodian": row.custodian, "until": times.to_text(Instant(row.until))} for row in rows
    ]
    return {"v": 1, "hours": [*hours_in_use(store)], "documents": found}
