# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a cell says: numbers, positions, directions; and what makes a row unusable."""

import math
import re
from collections.abc import Mapping

from custodes.places.register.importing.limits import MAX_CELL
from custodes.places.register.inventory import InventoryRow

_NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,20})?(?:[eE][+-]?\d{1,2})?")
_PAIR = re.compile(r"\(?\s*([+-]?\d{1,3}\.\d+)\s*[,; ]\s*([+-]?\d{1,3}\.\d+)\s*\)?")
_WKT = re.compile(r"(?:SRID=4326;)?\s*POINT\s*(?:Z\s*)?\(\s*(\S+)\s+(\S+)(?:\s+\S+)?\s*\)", re.IGNORECASE)
_POINTS = ("n", "nne", "ne", "ene", "e", "ese", "se", "sse", "s", "ssw", "sw", "wsw", "w", "wnw", "nw", "nnw")
_WORDS = {"north": "n", "east": "e", "south": "s", "west": "w", "northeast": "ne", "southeast": "se"} | {
    "southwest": "sw",
    "northwest": "nw",
}
# What a spreadsheet would compute: with these, a list that is looked at in one could run a command.
_FORMULA = re.compile(r"\s*(?:[=＝@]|[+\-][\w.'$]*[(|!])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


class RowError(Exception):
    """Why a row cannot be used, for people."""


def number(text: str) -> float | None:
    """A finite decimal number with a point or a comma, else None."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    return float(plain.replace(",", ".")) if plain.isascii() and _NUMBER.fullmatch(plain) else None


def position_of(text: str) -> tuple[str, str] | None:
    """Latitude and longitude in one cell: ``lat, lon`` or WKT ``POINT (lon lat)``; None if it is neither."""
    if match := _WKT.fullmatch(text[:200].strip()):
        return match[2], match[1]
    if match := _PAIR.fullmatch(text[:200].strip()):
        return match[1], match[2]
    return None


def direction(text: str) -> int | None:
    """Whole degrees clockwise from north, from degrees or a point of the compass; None for anything else."""
    plain = text.strip().casefold().rstrip("°").replace("-", "" if text.strip()[:1].isalpha() else "-")
    plain = _WORDS.get(plain, plain)
    if plain in _POINTS:
        return round(_POINTS.index(plain) * 22.5) % 360
    degrees = number(plain)
    return round(degrees) % 360 if degrees is not None and -360 <= degrees <= 360 else None


def plain(text: str) -> str:
    """Text for people: no control characters, no runs of blanks."""
    return " ".join(_CONTROL.sub(" ", text).split())


def check(fields: Mapping[str, str]) -> None:
    """Raise ``RowError`` for cells that are no plain text."""
    for name, cell in fields.items():
        if len(cell) > MAX_CELL:
            raise RowError(f"a cell is longer than {MAX_CELL:,} characters")
        if _FORMULA.match(cell) and number(cell) is None:
            raise RowError(f"the cell under {plain(name)[:60]!r} holds a formula")


def row(line: int, fields: Mapping[str, str], columns: Mapping[str, str]) -> InventoryRow:
    """One usable row; anything else raises ``RowError``."""
    check(fields)
    if not any(cell.strip() for cell in fields.values()):
        raise RowError("it is blank")

    def cell_of(role: str) -> str:
        return fields.get(columns.get(role, ""), "")

    if "position" in columns:
        pair = position_of(cell_of("position"))
        if pair is None:
            raise RowError("it has no position" if not cell_of("position").strip() else "its position is not one")
    else:
        pair = cell_of("latitude"), cell_of("longitude")
    return placed(line, fields, columns, *(_degrees(text) for text in pair))


def placed(
    line: int, fields: Mapping[str, str], columns: Mapping[str, str], latitude: float, longitude: float
) -> InventoryRow:
    """One row whose position is known (degrees); outside the globe: ``RowError``."""
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise RowError("its position is not a number")
    if abs(latitude) > 90 and abs(latitude) <= 180 and abs(longitude) <= 90:
        raise RowError("its latitude is beyond 90 degrees: is it swapped with the longitude?")
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise RowError("its position is not in degrees (WGS 84)")
    if latitude == 0 and longitude == 0:
        raise RowError("its position is 0, 0: that is none")
    said = {role: fields.get(columns.get(role, ""), "") for role in ("name", "type", "direction", "operator")}
    return InventoryRow(
        line=line,
        latitude_e7=round(latitude * 1e7),
        longitude_e7=round(longitude * 1e7),
        name=plain(said["name"])[:300],
        kind=plain(said["type"]).casefold()[:60],
        direction=direction(said["direction"]),
        operator=plain(said["operator"])[:200],
        original=dict(fields),
    )


def _degrees(text: str) -> float:
    if not text.strip():
        raise RowError("it has no position")
    if text.strip().casefold() in ("nan", "inf", "-inf", "+inf", "infinity", "-infinity"):
        raise RowError("its position is not a number")
    found = number(text)
    if found is None:
        raise RowError(f"its position is not a number: {plain(text)[:40]!r}")
    return found
