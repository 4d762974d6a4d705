# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on custodians' wrapping keys: documents that custodians have signed are verified, kept and logged."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.ids import KeyId
from custodes.errors import conflict, denied
from custodes.node.store import Store, custody_tables
from custodes.node.store.alarms import LAPSED, raise_alarm
from custodes.node.store.evidence import policy_of
from custodes.trust.custody import facts
from custodes.trust.custody.keys import parse_destroyed, parse_keys


def publish_keys(store: Store, signed: bytes) -> None:
    """File a custodian's document of wrapping keys for days to come.

    ``CustodesError``: DENIED if nobody of the current set signed it or its last key is over, CORRUPT if it does not
    hold, CONFLICT if it, or a key in it, was published before.
    """
    policy = policy_of(store)
    batch = parse_keys(signed, policy)
    if policy.custodians[-1].holder(batch.custodian) is None:
        raise denied("the keys are of a custodian who is not in the current set")
    if all(key.until <= store.clock.now() for key in batch.keys):
        raise denied("all of these keys are for days that are over")
    logged = facts.keys_published(batch.custodian, batch.digest, len(batch.keys))
    digest = batch.digest.hex()
    with store.act(Act.KEYS_PUBLISHED, logged) as tx:
        tx.connection.execute(
            custody_tables.custodian_keys.insert().values(
                digest=digest, custodian=batch.custodian, document=signed, filed=tx.now, seq=tx.seq
            )
        )
        tx.connection.execute(
            custody_tables.wrapping_keys.insert(),
            [
                {
                    "id": key.id, "document": digest, "custodian": batch.custodian,
                    "hours": key.hours, "start": key.start, "until": key.until, "due": key.due,
                }
                for key in batch.keys
            ],
        )  # fmt: skip


def destroy_keys(store: Store, signed: bytes) -> None:
    """File a custodian's statement that the private halves of published keys were destroyed.

    ``CustodesError``: DENIED for a key that this custodian has not published, CONFLICT for one that was stated before.
    """
    stated = parse_destroyed(signed, policy_of(store))
    rows = custody_tables.wrapping_keys
    with store.act(Act.KEYS_DESTROYED, facts.keys_destroyed(stated.custodian, stated.digest, len(stated.keys))) as tx:
        tx.connection.execute(
            custody_tables.key_destructions.insert().values(
                digest=stated.digest.hex(), custodian=stated.custodian, document=signed, filed=tx.now, seq=tx.seq
            )
        )
        for key in stated.keys:
            own = sa.and_(rows.c.id == key, rows.c.custodian == stated.custodian)
            if not tx.connection.execute(sa.select(rows.c.id).where(own)).first():
                raise denied(f"the key {key} was never published by this custodian")
            there = sa.and_(own, rows.c.destroyed.is_(None))
            if not tx.connection.execute(sa.update(rows).where(there).values(destroyed=tx.now)).rowcount:
                raise conflict(f"that the key {key} was destroyed was stated already")


def keys_lapsed(store: Store, custodian: KeyId, hours: int, subject: str, detail: str) -> None:
    """State that a custodian has no published key for a retention in use; stated already: CONFLICT.

    Recording goes on under the custodian's long-lived key. ``subject`` and ``detail`` are the alarm's.
    """
    with store.act(Act.KEYS_LAPSED, facts.keys_lapsed(custodian, hours)) as tx:
        if not raise_alarm(tx.connection, LAPSED, subject, detail, tx.now, tx.seq):
            raise conflict("that these keys have run out was stated already")
