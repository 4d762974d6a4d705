# SPDX-License-Identifier: AGPL-3.0-or-later
"""Any inventory, by what is in the file and not by what it is called."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from custodes.errors import corrupt, invalid
from custodes.places.register.importing import geojson, geopackage, kml, openstreetmap, sheet
from custodes.places.register.importing.limits import Archive, local, parse_xml, read_bounded
from custodes.places.register.importing.mapping import Mapping
from custodes.places.register.importing.records import build
from custodes.places.register.importing.table import read_table
from custodes.places.register.inventory import Inventory

_OSM = Mapping(openstreetmap.COLUMNS)


@dataclass(frozen=True, slots=True)
class Source:
    """An inventory with the SHA-256 of the file it was read from, and the mapping that reads it the same way again."""

    inventory: Inventory
    digest: str
    mapping: Mapping


def read_inventory(path: Path, given: Mapping | None = None) -> Source:
    """Read a file of any form that is known; one that cannot be used at all: ``CustodesError``."""
    data = read_bounded(path)
    inventory, mapping = _read(path, data, given)
    return Source(inventory, hashlib.sha256(data).hexdigest(), mapping)


def _read(path: Path, data: bytes, given: Mapping | None) -> tuple[Inventory, Mapping]:
    if data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        inventory = _archived(Archive(data), given)
    elif data[:16] == b"SQLite format 3\0":
        inventory = build("GPKG", geopackage.read_geopackage(path), given, placed=True)
    elif data[4:15] == b"\x0a\x09OSMHeader":
        inventory = build("OSM PBF", openstreetmap.read_pbf(path), given or _OSM, placed=True)
    elif _begins(data, b"<"):
        inventory = _marked_up(data, given)
    elif _begins(data, b"{", b"["):
        inventory = build("GeoJSON", geojson.read_geojson(data), given, placed=True)
    else:
        guessed, records = read_table(data, given)
        inventory = build("CSV", records, given, placed=False)
        return inventory, Mapping(inventory.columns, guessed.delimiter, guessed.encoding)
    return inventory, Mapping(inventory.columns)


def _begins(data: bytes, *marks: bytes) -> bool:
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(marks)


def _archived(archive: Archive, given: Mapping | None) -> Inventory:
    if "xl/workbook.xml" in archive.names:
        return build("XLSX", sheet.read_sheet(archive), given, placed=False)
    if any(name.lower().endswith(".kml") for name in archive.names):
        return build("KMZ", kml.read_kmz(archive), given, placed=True)
    raise corrupt("the archive is neither XLSX nor KMZ")


def _marked_up(data: bytes, given: Mapping | None) -> Inventory:
    if data.lstrip()[:100].lower().startswith((b"<!doctype html", b"<html")):
        raise invalid("the file is a web page, not an inventory")
    root = parse_xml(data)
    if local(root) == "osm":
        return build("OSM XML", openstreetmap.read_xml(root), given or _OSM, placed=True)
    return build("KML", kml.read_kml(root), given, placed=True)
