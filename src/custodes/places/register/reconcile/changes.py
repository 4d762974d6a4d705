# SPDX-License-Identifier: AGPL-3.0-or-later
"""Two lists as one, each field with the row it comes from; and what a newer list has changed."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from custodes.domain.inventories import Pair
from custodes.places.register.inventory import InventoryRow

_FIELDS = ("position", "name", "type", "direction", "operator")
_DEGREE_M = 111_195.0
_MOVED_M, _MOVED_SPREADS = 10.0, 4.0


@dataclass(frozen=True, slots=True)
class Changes:
    """Lines of the newer list that are new, lines of the older one that are gone, and pairs that changed."""

    added: tuple[int, ...]
    removed: tuple[int, ...]
    moved: tuple[Pair, ...]
    renamed: tuple[Pair, ...]


def changes(
    one: Mapping[int, InventoryRow],
    two: Mapping[int, InventoryRow],
    joined: Sequence[Pair],
    waiting: Iterable[Pair],
    spread_m: float,
) -> Changes:
    """What the second list has changed in the first; rows of pairs that wait for a person are neither new nor gone.

    Moved: further than 10 m and than four times what both lists differ by anyway. Renamed: the names are not the same
    text.
    """
    busy = (*joined, *waiting)
    taken = {a for a, _ in busy}, {b for _, b in busy}
    far = max(_MOVED_M, _MOVED_SPREADS * spread_m)
    return Changes(
        added=tuple(line for line in two if line not in taken[1]),
        removed=tuple(line for line in one if line not in taken[0]),
        moved=tuple((a, b) for a, b in joined if metres(one[a], two[b]) > far),
        renamed=tuple((a, b) for a, b in joined if one[a].name.casefold() != two[b].name.casefold()),
    )


def metres(one: InventoryRow, two: InventoryRow) -> float:
    """How far two rows of one place are apart."""
    north = two.latitude - one.latitude
    east = (two.longitude - one.longitude + 180) % 360 - 180
    return math.hypot(north, east * math.cos(math.radians(one.latitude))) * _DEGREE_M


def merged(
    sides: tuple[str, str],
    one: Mapping[int, InventoryRow],
    two: Mapping[int, InventoryRow],
    joined: Iterable[Pair],
) -> bytes:
    """Both lists as one GeoJSON FeatureCollection (RFC 7946).

    ``sides`` are the inventories' ids. The second list's value counts where it has one, else the first's; ``sources``
    says of each field which inventory and line it comes from.
    """
    partner = dict(joined)
    features = []
    for line, row in one.items():
        other = partner.get(line)
        second = (None, None) if other is None else (other, two[other])
        features.append(_feature(sides, (line, row), second))
    rest = set(two) - set(partner.values())
    features += [_feature(sides, (None, None), (line, two[line])) for line in two if line in rest]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


_Side = tuple[int | None, InventoryRow | None]


def _feature(sides: tuple[str, str], first: _Side, second: _Side) -> dict[str, Any]:
    found: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for field in _FIELDS:
        for inventory, (line, row) in ((sides[1], second), (sides[0], first)):
            value = None if row is None else _value(row, field)
            if value not in (None, ""):
                found[field], sources[field] = value, {"inventory": inventory, "line": line}
                break
    position = found.pop("position")
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": position},
        "properties": {**found, "sources": sources},
    }


def _value(row: InventoryRow, field: str) -> Any:
    match field:
        case "position":
            return [row.longitude, row.latitude]
        case "type":
            return row.kind
        case "direction":
            return row.direction
        case "operator":
            return row.operator
        case _:
            return row.name
