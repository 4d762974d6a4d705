# SPDX-License-Identifier: AGPL-3.0-or-later
"""Inventories: what a list says of cameras that exist. Their rows are not cameras of ours and record nothing."""

from dataclasses import dataclass, field

_E7 = 10_000_000


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """One row of a list.

    ``line`` is where it stands in its source: the line of a text table, the row of a sheet, the place of a feature
    among its like, counted from 1. The position is WGS 84 in units of 1e-7 degree; ``direction`` is whole degrees
    clockwise from north; ``original`` is every field as the source has it.
    """

    line: int
    latitude_e7: int
    longitude_e7: int
    name: str = ""
    kind: str = ""
    direction: int | None = None
    operator: str = ""
    original: dict[str, str] = field(default_factory=dict)

    @property
    def latitude(self) -> float:
        """Degrees."""
        return self.latitude_e7 / _E7

    @property
    def longitude(self) -> float:
        """Degrees."""
        return self.longitude_e7 / _E7


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be used: where it stands and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was read of a file: ``columns`` says which column was taken for what (empty where the format says it)."""

    form: str
    rows: tuple[InventoryRow, ...]
    rejected: tuple[Rejected, ...]
    columns: dict[str, str]
