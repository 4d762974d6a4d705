# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on custodians' wrapping keys: documents that custodians have signed are verified, kept and logged."""

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.ids import KeyId
from custodes.errors import conflict, denied
from custodes.node.store import Store, Transaction, custody_tables, names
from custodes.node.store.alarms import LAPSED, raise_alarm
from custodes.node.store.evidence import policy_of
from custodes.node.store.held import hold_named
from custodes.trust.custody import facts
from custodes.trust.custody.held import check_place, parse_held
from custodes.trust.custody.keys import parse_destroyed, parse_keys
from custodes.trust.seal.manifest import parse_opening


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
    with store.act(Act.KEYS_DESTROYED, facts.keys_destroyed(stated.custodian, stated.digest, len(stated.keys))) as tx:
        tx.connection.execute(
            custody_tables.key_destructions.insert().values(
                digest=stated.digest.hex(), custodian=stated.custodian, document=signed, filed=tx.now, seq=tx.seq
            )
        )
        for key in stated.keys:
            _note_destroyed(tx, stated.custodian, key)


def _note_destroyed(tx: Transaction, custodian: KeyId, key: KeyId) -> None:
    """Mark a key of the day or of a hold as gone."""
    known = False
    for rows in (custody_tables.wrapping_keys, custody_tables.hold_keys):
        own = sa.and_(rows.c.id == key, rows.c.custodian == custodian)
        there = sa.and_(own, rows.c.destroyed.is_(None))
        if tx.connection.execute(sa.update(rows).where(there).values(destroyed=tx.now)).rowcount:
            return
        known = known or tx.connection.execute(sa.select(rows.c.id).where(own)).first() is not None
    if known:
        raise conflict(f"that the key {key} was destroyed was stated already")
    raise denied(f"the key {key} was never published by this custodian")


def hold_shares(store: Store, signed: bytes) -> None:
    """File shares of held minutes that a custodian has wrapped anew.

    ``CustodesError``: NOT_FOUND for a hold or period that is not there, DENIED for shares that are not the custodian's
    or that the hold does not name, CONFLICT if they were filed before.
    """
    policy = policy_of(store)
    held = parse_held(signed, policy)
    hold = hold_named(store, held.hold)
    for share in held.shares:
        opening = parse_opening(store.objects.get(names.opening(share.period)), policy.recorder_keys)
        check_place(share, held.custodian, opening, policy)
        if not hold.names(opening):
            raise denied(f"the hold does not name {share.period}")
    digest, tables = held.digest.hex(), custody_tables
    with store.act(Act.SHARES_HELD, facts.shares_held(held.custodian, held.digest, len(held.shares))) as tx:
        tx.connection.execute(
            tables.held_shares.insert().values(
                digest=digest, custodian=held.custodian, document=signed, filed=tx.now, seq=tx.seq
            )
        )
        keys = tables.hold_keys
        if not tx.connection.execute(sa.select(keys.c.id).where(keys.c.id == held.key.id)).first():
            values = {"id": held.key.id, "hold": held.hold, "custodian": held.custodian}
            tx.connection.execute(keys.insert().values(**values))
        tx.connection.execute(
            tables.held_periods.insert(),
            [
                {
                    "custodian": held.custodian, "camera": share.period.camera, "start": share.period.start,
                    "term": share.period.term, "hold": held.hold, "document": digest,
                }
                for share in held.shares
            ],
        )  # fmt: skip


def keys_lapsed(store: Store, custodian: KeyId, hours: int, subject: str, detail: str) -> None:
    """State that a custodian has no published key for a retention in use; stated already: CONFLICT.

    Recording goes on under the custodian's long-lived key. ``subject`` and ``detail`` are the alarm's.
    """
    with store.act(Act.KEYS_LAPSED, facts.keys_lapsed(custodian, hours)) as tx:
        if not raise_alarm(tx.connection, LAPSED, subject, detail, tx.now, tx.seq):
            raise conflict("that these keys have run out was stated already")
