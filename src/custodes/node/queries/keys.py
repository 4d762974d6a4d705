# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodians' wrapping keys: what is published and witnessed, and how long it lasts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError, not_found
from custodes.node.queries import log, register
from custodes.node.store import Store, custody_tables, tables
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.keys import GRACE


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


@dataclass(frozen=True, slots=True)
class DestructionView:
    """One custodian's keys: ``live`` are published and not destroyed, ``overdue`` of them should be since ``since``."""

    index: int
    label: str
    live: int
    destroyed: int
    overdue: int
    since: Instant | None


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


def _usable(store: Store, what: sa.Column[Any]) -> list[Any]:
    documents, keys = custody_tables.custodian_keys.c, custody_tables.wrapping_keys.c
    lasting = sa.exists().where(keys.document == documents.digest, keys.until > store.clock.now())
    found = store.read(sa.select(what).where(lasting, _witnessed(store)).order_by(documents.seq))
    return [row[0] for row in found]


def usable(store: Store) -> list[bytes]:
    """The witnessed documents that still have keys for now or later, as signed, in the order they were filed."""
    return [bytes(document) for document in _usable(store, custody_tables.custodian_keys.c.document)]


def usable_digests(store: Store) -> list[str]:
    """The digests (hexadecimal) of the documents that ``usable`` returns: to see whether they are others by now."""
    return _usable(store, custody_tables.custodian_keys.c.digest)


def coverage(store: Store, hours: Sequence[int]) -> list[Coverage]:
    """How long every custodian's witnessed keys last for each of these retentions."""
    keys, now = custody_tables.wrapping_keys, store.clock.now()
    query = (
        sa.select(keys.c.custodian, keys.c.hours, keys.c.start, keys.c.until)
        .join(custody_tables.custodian_keys, custody_tables.custodian_keys.c.digest == keys.c.document)
        .where(keys.c.until > now, keys.c.destroyed.is_(None), _witnessed(store))
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
    """A document of published keys or a statement of destruction, as signed; unknown: ``CustodesError`` (NOT_FOUND)."""
    for table in (custody_tables.custodian_keys, custody_tables.key_destructions):
        rows = store.read(sa.select(table.c.document).where(table.c.digest == digest))
        if rows:
            return bytes(rows[0].document)
    raise not_found("there is no such document of keys")


def destroyed(store: Store) -> list[KeyId]:
    """Keys whose days are not over and that were destroyed all the same: nothing must be sealed to them."""
    keys = custody_tables.wrapping_keys.c
    rows = store.read(
        sa.select(keys.id).where(keys.until > store.clock.now(), keys.destroyed.is_not(None)).order_by(keys.id)
    )
    return [KeyId(row.id) for row in rows]


def destruction(store: Store) -> list[DestructionView]:
    """How far every custodian that has ever published keys has destroyed what is due."""
    keys, now = custody_tables.wrapping_keys.c, store.clock.now()
    late = sa.and_(keys.destroyed.is_(None), keys.due + GRACE < now)
    rows = store.read(
        sa.select(
            keys.custodian,
            sa.func.count(keys.destroyed).label("gone"),
            sa.func.count().label("all"),
            sa.func.sum(sa.case((late, 1), else_=0)).label("overdue"),
            sa.func.min(sa.case((late, keys.due))).label("since"),
        ).group_by(keys.custodian)
    )
    policy, held, found = policy_of(store), _held_too_long(store), []
    for row in rows:
        member = policy.custodian(KeyId(row.custodian))
        ends = [end for end in (row.since, *held.get(row.custodian, ())) if end is not None]
        since, overdue = Instant(min(ends)) if ends else None, row.overdue + len(held.get(row.custodian, ()))
        index, label = (member.index, member.label) if member else (0, "a former custodian")
        found.append(DestructionView(index, label, row.all - row.gone, row.gone, overdue, since))
    return sorted(found, key=lambda view: view.index)


def _held_too_long(store: Store) -> dict[str, list[int]]:
    """Per custodian when the holds were released whose keys should have been destroyed by now."""
    keys, holds, found = custody_tables.hold_keys.c, tables.holds.c, defaultdict(list)
    rows = store.read(
        sa.select(keys.custodian, holds.released)
        .join(tables.holds, holds.id == keys.hold)
        .where(keys.destroyed.is_(None), holds.released < store.clock.now() - GRACE)
    )
    for row in rows:
        found[row.custodian].append(row.released)
    return found


def index(store: Store) -> JsonObject:
    """What the public is told.

    ``hours`` in use, ``documents`` with digest, custodian and the end of their keys, ``destructions`` (digests of the
    statements), and ``overdue``: which custodian has not stated the destruction of how many keys, since when.
    """
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
    stated = custody_tables.key_destructions.c
    gone: list[Json] = [row.digest for row in store.read(sa.select(stated.digest).order_by(stated.seq))]
    overdue: list[Json] = [
        {"index": each.index, "label": each.label, "keys": each.overdue, "since": times.to_text(each.since)}
        for each in destruction(store)
        if each.since is not None
    ]
    return {
        "v": 1, "hours": [*hours_in_use(store)], "documents": found, "destructions": gone, "overdue": overdue,
    }  # fmt: skip
