# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files and inventories compared: read, reconciled, kept."""

from collections.abc import Sequence
from pathlib import Path

from custodes.domain.ids import check_id
from custodes.errors import CustodesError, unavailable
from custodes.node.acts.inventories import import_inventory, reconcile_inventories
from custodes.node.queries import inventories
from custodes.node.store import Store
from custodes.places.register.importing.read import read_inventory
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile.outcome import Reconciliation


def compare(one: Sequence[InventoryRow], two: Sequence[InventoryRow]) -> Reconciliation:
    """Reconcile two lists; without the numerical libraries: ``CustodesError`` (UNAVAILABLE)."""
    try:
        from custodes.places.register.reconcile.reconcile import reconcile
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library == "custodes":
            raise
        raise unavailable(f"reconciling needs {library}: install custodes[planner]") from None
    return reconcile(one, two)


def reconcile_and_keep(store: Store, one: str, two: str) -> str:
    """Reconcile two inventories, by id or by file, and keep the outcome; returns the reconciliation's id.

    A file stands for the inventory that was imported from it; it is imported if there is none.
    """
    sides = [inventories.inventory(store, _inventory(store, each)).id for each in (one, two)]
    lists = [inventories.rows(store, side) for side in sides]
    outcome = compare(*lists)
    lines = [row.line for row in lists[0]], [row.line for row in lists[1]]
    return reconcile_inventories(store, sides[0], sides[1], lines, outcome)


def _inventory(store: Store, which: str) -> str:
    try:
        return check_id(which)
    except CustodesError:
        path = Path(which)
    source = read_inventory(path)
    known = [each.id for each in inventories.inventories(store) if each.digest == source.digest]
    return known[0] if known else import_inventory(store, path.name, source)
