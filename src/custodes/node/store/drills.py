# SPDX-License-Identifier: AGPL-3.0-or-later
"""What acts and queries read of drills."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.domain.ids import KeyId
from custodes.errors import not_found
from custodes.node.store import custody_tables
from custodes.node.store.store import Store
from custodes.trust.custody.drill import Drill, parse_drill
from custodes.trust.custody.keys import Keyring, parse_keys
from custodes.trust.custody.policy import Policy


@dataclass(frozen=True, slots=True)
class Begun:
    """What a drill is dealt for: the retentions in use, documents of keys, and keys that are gone."""

    hours: Sequence[int]
    documents: Sequence[bytes]
    gone: Sequence[KeyId]


def keyring_of(begun: Begun, policy: Policy) -> Keyring:
    """The published keys, verified; raises ``CustodesError`` (CORRUPT) if the catalogue holds a changed document."""
    return Keyring(tuple(parse_keys(document, policy) for document in begun.documents), frozenset(begun.gone))


def drill_of(store: Store, digest: str) -> Drill:
    """A drill by its digest; unknown: ``CustodesError`` (NOT_FOUND)."""
    rows = custody_tables.drills.c
    found = store.read(sa.select(rows.document).where(rows.digest == digest))
    if not found:
        raise not_found("there is no such drill")
    return parse_drill(bytes(found[0].document))
