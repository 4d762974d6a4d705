# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which column of a table means what: guessed from its heading and contents, or as a mapping file says."""

import json
import re
import unicodedata
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field

from custodes.errors import invalid
from custodes.places.register.importing.cells import position_of

ROLES = ("latitude", "longitude", "position", "name", "type", "direction", "operator")
ENCODINGS = ("utf-8", "utf-16", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "iso8859-2", "iso8859-15")
# In the order in which they are preferred. Written without accents, in lower case, words apart.
_HEADINGS = {
    "latitude": "latitude|lat|wgs84 lat|lat wgs84|gps lat|point y|y|breitengrad|breite|geogr breite|latitud|latitudine"
    "|zemljopisna sirina|geografska sirina|sirina|szerokosc|zemepisna sirka|leveysaste|breddegrad|latitude deg",
    "longitude": "longitude|lon|lng|long|wgs84 lon|lon wgs84|gps lon|gps lng|point x|x|laengengrad|langengrad|lange"
    "|laenge|geogr lange|longitud|longitudine|zemljopisna duzina|geografska duzina|duzina|zemljopisna duljina|duljina"
    "|dlugosc|zemepisna delka|pituusaste|lengdegrad|longitude deg",
    "position": "coordinates|coordinate|coords|koordinate|koordinaten|lat lon|latlon|latlng|lat lng|geo point"
    "|geo point 2d|gps|geom|geometry|wkt|the geom",
    "name": "name|camera name|location|location name|title|site|site name|place|address|street|naziv|lokacija|adresa"
    "|ulica|bezeichnung|standort|ort|strasse|nom|adresse|emplacement|nombre|ubicacion|nazwa|lokalizacja|nazev|nimi"
    "|osoite|camera|camera location|description|opis",
    "type": "camera type|type|osm camera type|kind|art|typ|kameratyp|vrsta|tip|tipo|rodzaj|tyyppi|surveillance type",
    "direction": "camera direction|direction|osm camera direction|bearing|azimuth|heading|orientation|richtung"
    "|blickrichtung|smjer|azimut|kierunek|suunta",
    "operator": "operator|owner|operated by|managed by|contractor|osm operator|betreiber|eigentumer|vlasnik"
    "|upravitelj|operateur|exploitant|proprietaire|operador|propietario|wlasciciel|provozovatel|omistaja",
}


@dataclass(frozen=True, slots=True)
class Mapping:
    """``columns`` maps a role to a column's heading. Of text tables: ``delimiter``, ``encoding``; empty: guess."""

    columns: dict[str, str] = field(default_factory=dict)
    delimiter: str = ""
    encoding: str = ""

    def encode(self) -> bytes:
        """The mapping file (docs/format.md)."""
        value = {"v": 1, "columns": self.columns, "delimiter": self.delimiter, "encoding": self.encoding}
        return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


def decode(data: bytes) -> Mapping:
    """Read a mapping file; anything else: ``CustodesError`` (INVALID)."""
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise invalid("the mapping file is not JSON") from None
    if not isinstance(value, dict) or value.get("v") != 1 or set(value) - {"v", "columns", "delimiter", "encoding"}:
        raise invalid("the mapping file has members v (1), columns, delimiter and encoding")
    columns, delimiter, encoding = value.get("columns", {}), value.get("delimiter", ""), value.get("encoding", "")
    if not isinstance(columns, dict) or set(columns) - set(ROLES):
        raise invalid(f"the mapping file's columns are some of {', '.join(ROLES)}")
    if not all(isinstance(heading, str) for heading in columns.values()):
        raise invalid("the mapping file names each column by its heading")
    if not isinstance(delimiter, str) or len(delimiter) > 1 or delimiter in ("\r", "\n", '"', "\0"):
        raise invalid("the mapping file's delimiter is one character")
    if encoding and encoding not in ENCODINGS:
        raise invalid(f"the mapping file's encoding is one of {', '.join(ENCODINGS)}")
    return Mapping(dict(columns), delimiter, encoding)


def heading(text: str) -> str:
    """A heading in lower case, without accents, words apart by one blank."""
    plain = unicodedata.normalize("NFKD", text[:200].casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).replace("ß", "ss")
    return " ".join(re.findall(r"[a-z0-9]+", plain.replace("đ", "d").replace("ł", "l")))


def settle(
    headings: Sequence[str], sample: Sequence[Dict[str, str]], given: Mapping | None, *, placed: bool
) -> dict[str, str]:
    """Which heading has which role. ``placed``: the format itself says where a row is.

    With a mapping nothing is guessed. A heading that is not there, or no position: ``CustodesError`` (INVALID).
    """
    if given is not None and given.columns:
        missing = [name for name in given.columns.values() if name not in headings]
        if missing:
            raise invalid(f"the file has no column {missing[0][:80]!r}, which the mapping names")
        found = dict(given.columns)
    else:
        found = _guess(headings, sample)
    if placed:
        return {role: name for role, name in found.items() if role not in ("latitude", "longitude", "position")}
    if "position" not in found and not {"latitude", "longitude"} <= set(found):
        shown = ", ".join(name[:40] for name in headings[:20])
        raise invalid(
            f"no column was recognised as latitude and longitude; there are: {shown} (name them by --mapping)"
        )
    return found


def _guess(headings: Sequence[str], sample: Sequence[Dict[str, str]]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for name in headings:
        plain.setdefault(heading(name), name)
    found: dict[str, str] = {}
    for role, words in _HEADINGS.items():
        named = [plain[word] for word in words.split("|") if word in plain and plain[word] not in found.values()]
        if named:
            found[role] = named[0]
    if {"latitude", "longitude"} <= set(found):
        found.pop("position", None)
        return found
    for role in ("latitude", "longitude"):
        found.pop(role, None)
    # A column of coordinate pairs, whatever it is called.
    for name in [found.pop("position", ""), *headings]:
        values = [row[name] for row in sample if row.get(name)]
        if values and 2 * sum(position_of(value) is not None for value in values) > len(values):
            found = {role: column for role, column in found.items() if column != name} | {"position": name}
            break
    return found
