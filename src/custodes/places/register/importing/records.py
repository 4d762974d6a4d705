# SPDX-License-Identifier: AGPL-3.0-or-later
"""From what a reader found to an inventory: columns settled, each record a row or a rejection."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from custodes.errors import invalid
from custodes.places.register.importing import cells
from custodes.places.register.importing.limits import MAX_COLUMNS, MAX_ROWS, too_many
from custodes.places.register.importing.mapping import Mapping, settle
from custodes.places.register.inventory import Inventory, InventoryRow, Rejected

_SAMPLE = 200
_FAR = 2.0  # degrees from the middle of the list
_NEAR = 0.5


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its fields, its position (latitude, longitude) where the format has one, and what is wrong
    with it, if the reader could tell.
    """

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    position: tuple[float, float] | None = None
    problem: str = ""


def build(form: str, records: Iterable[Record], given: Mapping | None, *, placed: bool) -> Inventory:
    """Make an inventory. ``placed``: the format says where a record is, not a column."""
    found: list[Record] = []
    for record in records:
        found.append(record)
        if len(found) > MAX_ROWS:
            raise too_many()
    headings = list(dict.fromkeys(name for record in found for name in record.fields))
    if len(headings) > MAX_COLUMNS:
        raise invalid(f"the file has more than {MAX_COLUMNS} columns")
    if not found:
        return Inventory(form, (), (), {})
    sample = [record.fields for record in found if record.fields][:_SAMPLE]
    columns = settle(headings, sample, given, placed=placed) if sample or placed else {}
    rows: list[InventoryRow] = []
    rejected: list[Rejected] = []
    for record in found:
        try:
            rows.append(_row(record, columns))
        except cells.RowError as problem:
            rejected.append(Rejected(record.line, str(problem)))
    kept, swapped = _swapped(rows)
    rejected = sorted((*rejected, *swapped), key=lambda each: each.line)
    return Inventory(form, tuple(kept), tuple(rejected), columns)


def _row(record: Record, columns: dict[str, str]) -> InventoryRow:
    if record.problem:
        raise cells.RowError(record.problem)
    if record.position is None:
        return cells.row(record.line, record.fields, columns)
    cells.check(record.fields)
    return cells.placed(record.line, record.fields, columns, *record.position)


def _swapped(rows: Sequence[InventoryRow]) -> tuple[list[InventoryRow], list[Rejected]]:
    """Rows far from all others that would lie among them with latitude and longitude changed over."""
    if len(rows) < 3:
        return list(rows), []
    middle = statistics.median(row.latitude for row in rows), statistics.median(row.longitude for row in rows)
    kept, swapped = [], []
    for row in rows:
        off = max(abs(row.latitude - middle[0]), abs(row.longitude - middle[1]))
        changed = max(abs(row.longitude - middle[0]), abs(row.latitude - middle[1]))
        if off > _FAR and changed < _NEAR:
            swapped.append(Rejected(row.line, "latitude and longitude are swapped"))
        else:
            kept.append(row)
    return kept, swapped
