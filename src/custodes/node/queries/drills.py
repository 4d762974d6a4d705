# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drills: the one that is going on, and how the last one ended."""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import KeyId
from custodes.errors import not_found
from custodes.node.queries import keys
from custodes.node.store import Store, custody_tables
from custodes.node.store.drills import Begun, drill_of
from custodes.trust.custody.keys import DAY


@dataclass(frozen=True, slots=True)
class DrillView:
    """A drill: ``answered`` of ``n`` could open their shares; ``opened``: k of them, together, the secret."""

    digest: str
    began: Instant
    answered: int
    k: int
    n: int
    opened: bool


def material(store: Store) -> Begun:
    """What a new drill is dealt for."""
    return Begun(keys.hours_in_use(store), keys.usable(store), keys.destroyed(store))


def current(store: Store, asking: KeyId) -> bytes:
    """The newest drill of the last day, unless this custodian has answered it; else ``CustodesError`` (NOT_FOUND)."""
    rows, answers = custody_tables.drills.c, custody_tables.drill_answers.c
    done = sa.exists().where(answers.drill == rows.digest, answers.custodian == asking)
    newest = sa.select(rows.document).where(rows.began > store.clock.now() - DAY, ~done).order_by(rows.seq.desc())
    found = store.read(newest.limit(1))
    if not found:
        raise not_found("no drill is going on that you have not answered")
    return bytes(found[0].document)


def last(store: Store) -> DrillView | None:
    """The newest drill; None if there was none yet."""
    rows, answers = custody_tables.drills.c, custody_tables.drill_answers.c
    found = store.read(sa.select(rows.digest, rows.began).order_by(rows.seq.desc()).limit(1))
    if not found:
        return None
    digest = found[0].digest
    drill = drill_of(store, digest)
    opened = store.read(sa.select(answers.opened).where(answers.drill == digest))
    began = Instant(found[0].began)
    return DrillView(digest, began, len(opened), drill.k, drill.n, any(row.opened for row in opened))
