# SPDX-License-Identifier: AGPL-3.0-or-later
"""Inventories of existing cameras, and how their reconciliations stand."""

import json
from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.inventories import Decision, Pair, Standing, settled
from custodes.errors import not_found
from custodes.node.store import Store, inventory_tables
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile import changes


@dataclass(frozen=True, slots=True)
class InventoryView:
    """One list as it was imported."""

    id: str
    name: str
    form: str
    digest: str
    rows: int
    rejected: int
    imported: Instant


@dataclass(frozen=True, slots=True)
class PairView:
    """Two rows that are, or may be, one camera. ``reasons``: log odds by kind of evidence; ``others``: other rows of
    the second inventory that come into question.
    """

    one: InventoryRow
    two: InventoryRow
    standing: Standing
    decision: Decision | None
    metres: float
    reasons: dict[str, float]
    others: tuple[InventoryRow, ...]

    @property
    def pair(self) -> Pair:
        """The lines."""
        return self.one.line, self.two.line


@dataclass(frozen=True, slots=True)
class ReconciliationView:
    """A reconciliation as it stands now: the inventories' rows by line, and every pair that is or was in question."""

    id: str
    one: InventoryView
    two: InventoryView
    made: Instant
    undone: bool
    spread_m: float
    in_order: bool
    rows: tuple[dict[int, InventoryRow], dict[int, InventoryRow]]
    pairs: tuple[PairView, ...]

    @property
    def joined(self) -> list[PairView]:
        """Pairs that are one camera."""
        return [pair for pair in self.pairs if pair.standing is Standing.JOINED]

    @property
    def queued(self) -> list[PairView]:
        """Pairs that wait for a person."""
        return [pair for pair in self.pairs if pair.standing is Standing.QUEUED]

    @property
    def decided(self) -> list[PairView]:
        """Pairs that a person has decided."""
        return [pair for pair in self.pairs if pair.decision in (Decision.ACCEPTED, Decision.REJECTED)]

    def changes(self) -> changes.Changes:
        """What the second inventory has changed in the first."""
        pairs = [each.pair for each in self.joined]
        return changes.changes(*self.rows, pairs, [each.pair for each in self.queued], self.spread_m)

    def merged(self) -> bytes:
        """Both inventories as one, as GeoJSON, each field with the row it comes from."""
        return changes.merged((self.one.id, self.two.id), *self.rows, [each.pair for each in self.joined])


def inventories(store: Store) -> list[InventoryView]:
    """Every list that was imported, newest first."""
    table, rows = inventory_tables.inventories.c, inventory_tables.inventory_rows.c
    counted = sa.select(rows.inventory, sa.func.count().label("number")).group_by(rows.inventory).subquery()
    found = store.read(
        sa.select(inventory_tables.inventories, counted.c.number)
        .join(counted, counted.c.inventory == table.id)
        .order_by(table.seq.desc())
    )
    return [
        InventoryView(
            row.id, row.name, row.form, row.digest, row.number, len(json.loads(row.rejected)), Instant(row.imported)
        )
        for row in found
    ]


def inventory(store: Store, which: str) -> InventoryView:
    """One list; not there: ``CustodesError`` (NOT_FOUND)."""
    found = next((each for each in inventories(store) if each.id == which), None)
    if found is None:
        raise not_found("there is no such inventory: `custodes register inventories` lists them")
    return found


def rows(store: Store, which: str) -> list[InventoryRow]:
    """The rows of a list, in its order."""
    table = inventory_tables.inventory_rows.c
    found = store.read(sa.select(inventory_tables.inventory_rows).where(table.inventory == which).order_by(table.line))
    return [
        InventoryRow(
            row.line,
            row.latitude_e7,
            row.longitude_e7,
            row.name,
            row.kind,
            row.direction,
            row.operator,
            json.loads(row.original),
        )
        for row in found
    ]


def reconciliations(store: Store) -> list[ReconciliationView]:
    """Every reconciliation that was not undone, newest first."""
    made = inventory_tables.reconciliations.c
    found = store.read(sa.select(made.id).where(made.undone.is_(None)).order_by(made.seq.desc()))
    return [reconciliation(store, row.id) for row in found]


def reconciliation(store: Store, which: str) -> ReconciliationView:
    """One reconciliation; not there: ``CustodesError`` (NOT_FOUND)."""
    found = store.read(
        sa.select(inventory_tables.reconciliations).where(inventory_tables.reconciliations.c.id == which)
    )
    if not found:
        raise not_found("there is no such reconciliation")
    row = found[0]
    sides = tuple({each.line: each for each in rows(store, side)} for side in (row.one, row.two))
    both = (sides[0], sides[1])
    return ReconciliationView(
        id=row.id,
        one=inventory(store, row.one),
        two=inventory(store, row.two),
        made=Instant(row.made),
        undone=row.undone is not None,
        spread_m=row.spread_mm / 1000,
        in_order=row.in_order,
        rows=both,
        pairs=tuple(_pairs(store, which, both)),
    )


def _pairs(store: Store, which: str, sides: tuple[dict[int, InventoryRow], dict[int, InventoryRow]]) -> list[PairView]:
    pairs, made = inventory_tables.reconciliation_pairs, inventory_tables.pair_decisions
    proposed = store.read(sa.select(pairs).where(pairs.c.reconciliation == which).order_by(pairs.c.one, pairs.c.two))
    decisions = store.read(sa.select(made).where(made.c.reconciliation == which).order_by(made.c.seq))
    said = [((row.one, row.two), Decision(row.decision)) for row in decisions]
    newest = dict(said)
    standing = settled({(row.one, row.two): Standing(row.standing) for row in proposed}, said)
    known = {(row.one, row.two): row for row in proposed}
    found = []
    for pair, stands in sorted(standing.items()):
        one, two, row = sides[0][pair[0]], sides[1][pair[1]], known.get(pair)
        reasons = {} if row is None else {name: odds / 100 for name, odds in json.loads(row.reasons).items()}
        others = [] if row is None else json.loads(row.others)
        metres = changes.metres(one, two)
        others_rows = tuple(sides[1][line] for line in others)
        found.append(PairView(one, two, stands, newest.get(pair), metres, reasons, others_rows))
    return found
