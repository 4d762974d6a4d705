# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on inventories: what is known to exist, and which rows of two lists are one camera."""

import json
from collections.abc import Sequence

import sqlalchemy as sa

from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import new_id
from custodes.domain.inventories import Decision, Pair, Standing, settled
from custodes.errors import conflict, invalid, not_found
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, inventory_tables
from custodes.places.register.importing.read import Source
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.outcome import Match, Reconciliation


def import_inventory(store: Store, name: str, source: Source) -> str:
    """Keep a list of existing cameras, each row with its source; returns its id. They are no cameras of ours.

    ``name`` is the file's, for people; the log has the file's hash and counts. No usable row: ``CustodesError``
    (INVALID).
    """
    inventory = source.inventory
    if not inventory.rows:
        raise invalid("there is no usable row in it, so nothing was imported")
    made = new_id(store.entropy(16))
    facts: JsonObject = {
        "inventory": made,
        "file": source.digest,
        "rows": len(inventory.rows),
        "rejected": len(inventory.rejected),
    }
    with store.act(Act.INVENTORY_IMPORTED, facts) as tx:
        rejected = [[each.line, each.reason] for each in inventory.rejected]
        tx.connection.execute(
            inventory_tables.inventories.insert().values(
                id=made,
                digest=source.digest,
                name=name,
                form=inventory.form,
                mapping=source.mapping.encode(),
                rejected=json.dumps(rejected, ensure_ascii=False).encode(),
                imported=tx.now,
                seq=tx.seq,
            )
        )
        tx.connection.execute(inventory_tables.inventory_rows.insert(), [_row(made, row) for row in inventory.rows])
    return made


def reconcile_inventories(
    store: Store, one: str, two: str, lines: tuple[Sequence[int], Sequence[int]], outcome: Reconciliation
) -> str:
    """Keep which rows of two inventories were found to be one camera; returns the reconciliation's id.

    ``lines`` are those of both inventories, in the order in which they were compared.
    """
    if one == two:
        raise invalid("an inventory is not reconciled with itself")
    made = new_id(store.entropy(16))
    facts: JsonObject = {
        "reconciliation": made,
        "one": one,
        "two": two,
        "joined": len(outcome.joined),
        "queued": len(outcome.queued),
    }
    with store.act(Act.INVENTORIES_RECONCILED, facts) as tx:
        tx.connection.execute(
            inventory_tables.reconciliations.insert().values(
                id=made,
                one=one,
                two=two,
                made=tx.now,
                spread_mm=round(outcome.spread_m * 1000),
                in_order=outcome.in_order,
                seq=tx.seq,
            )
        )
        pairs = [_pair(made, lines, match, Standing.JOINED) for match in outcome.joined]
        pairs += [_pair(made, lines, match, Standing.QUEUED) for match in outcome.queued]
        if pairs:
            tx.connection.execute(inventory_tables.reconciliation_pairs.insert(), pairs)
    return made


def decide_pair(store: Store, reconciliation: str, pair: Pair, decision: Decision, person: str) -> None:
    """A person says whether two rows are one camera, or takes that back. ``person`` is a random id or a role.

    ``CustodesError``: NOT_FOUND for rows or a reconciliation that are not there, CONFLICT if the pair stands so already
    or one of its rows is joined with another.
    """
    salt = store.entropy(16)
    by = commitment(salt, person, str(pair[0]), str(pair[1]))
    facts: JsonObject = {"reconciliation": reconciliation, "decision": decision.value, "by": by}
    with store.act(Act.PAIR_DECIDED, facts) as tx:
        sides = _sides(tx.connection, reconciliation)
        for inventory, line in zip(sides, pair, strict=True):
            rows = inventory_tables.inventory_rows.c
            known = sa.select(rows.line).where(rows.inventory == inventory, rows.line == line)
            if not tx.connection.execute(known).first():
                raise not_found(f"the inventory {inventory} has no row at line {line}")
        _refuse_contradiction(tx.connection, reconciliation, pair, decision)
        tx.connection.execute(
            inventory_tables.pair_decisions.insert().values(
                seq=tx.seq,
                reconciliation=reconciliation,
                one=pair[0],
                two=pair[1],
                decision=decision.value,
                at=tx.now,
                salt=salt,
            )
        )


def undo_reconciliation(store: Store, reconciliation: str) -> None:
    """Take a whole reconciliation back: its inventories stand apart again. What was decided stays on record."""
    with store.act(Act.RECONCILIATION_UNDONE, {"reconciliation": reconciliation}) as tx:
        _sides(tx.connection, reconciliation)
        which = inventory_tables.reconciliations.c.id == reconciliation
        tx.connection.execute(sa.update(inventory_tables.reconciliations).where(which).values(undone=tx.now))


def _sides(connection: sa.Connection, reconciliation: str) -> tuple[str, str]:
    made = inventory_tables.reconciliations.c
    found = connection.execute(sa.select(made.one, made.two, made.undone).where(made.id == reconciliation)).first()
    if found is None:
        raise not_found("there is no such reconciliation")
    if found.undone is not None:
        raise conflict("the reconciliation was undone")
    return found.one, found.two


def _refuse_contradiction(connection: sa.Connection, reconciliation: str, pair: Pair, decision: Decision) -> None:
    pairs, decisions = inventory_tables.reconciliation_pairs.c, inventory_tables.pair_decisions.c
    proposed = {
        (row.one, row.two): Standing(row.standing)
        for row in connection.execute(
            sa.select(pairs.one, pairs.two, pairs.standing).where(pairs.reconciliation == reconciliation)
        )
    }
    made = [
        ((row.one, row.two), Decision(row.decision))
        for row in connection.execute(
            sa.select(decisions.one, decisions.two, decisions.decision)
            .where(decisions.reconciliation == reconciliation)
            .order_by(decisions.seq)
        )
    ]
    newest = dict(made).get(pair)
    if newest is decision or (decision is Decision.REOPENED and newest is None):
        said = "there is no decision on this pair to take back"
        raise conflict(said if newest is None else f"the pair is {newest.value} already")
    if decision is Decision.REJECTED and pair not in proposed and newest is None:
        raise conflict("these two rows were never held to be one camera")
    after = settled(proposed, [*made, (pair, decision)])
    if after[pair] is not Standing.JOINED:
        return
    for other, standing in after.items():
        if other != pair and standing is Standing.JOINED and (other[0] == pair[0] or other[1] == pair[1]):
            raise conflict(f"one of these rows is joined already: reject the pair {other[0]}-{other[1]} first")


def _row(inventory: str, row: InventoryRow) -> dict[str, object]:
    return {
        "inventory": inventory,
        "line": row.line,
        "latitude_e7": row.latitude_e7,
        "longitude_e7": row.longitude_e7,
        "name": row.name,
        "kind": row.kind,
        "direction": row.direction,
        "operator": row.operator,
        "original": json.dumps(row.original, ensure_ascii=False).encode(),
    }


def _pair(
    reconciliation: str, lines: tuple[Sequence[int], Sequence[int]], match: Match, standing: Standing
) -> dict[str, object]:
    return {
        "reconciliation": reconciliation,
        "one": lines[0][match.a],
        "two": lines[1][match.b],
        "standing": standing.value,
        "distance_mm": round(match.metres * 1000),
        "margin": round(match.margin * 1000),
        "reasons": json.dumps({name: round(odds * 100) for name, odds in match.reasons.items()}).encode(),
        "others": json.dumps([lines[1][place] for place in match.others]).encode(),
    }
