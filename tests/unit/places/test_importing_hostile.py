# SPDX-License-Identifier: AGPL-3.0-or-later
"""Inventories that are made to do harm, and such as are merely broken: refused in one line."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from tests.inventory_files import KML, POINT, archive, package, read, refused, workbook

from custodes.errors import CustodesError
from custodes.places.register.importing.read import read_inventory


@pytest.mark.parametrize("name", ["../evil.kml", "/etc/evil.kml", "a/../../evil.kml", "..\\evil.kml", "C:evil.kml"])
def test_an_archive_with_a_name_that_leads_out_of_it_is_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path, archive({"doc.kml": KML.format(""), name: "x"}), "leads out")


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    refused(tmp_path, archive({"doc.kml": bytes(40 << 20)}), "ZIP bomb")


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(archive({"doc.kml": b"<kml>" + b"x" * 5000 + b"</kml>"}))
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 10)
    refused(tmp_path, bytes(data), "damaged|bomb")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE kml [<!ENTITY a "b">]>',
        '<!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE kml SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_a_document_type_or_an_entity_in_xml_is_refused(tmp_path: Path, declaration: str) -> None:
    text = declaration + KML.format(POINT.format("&a;", "1,2"))
    refused(tmp_path, text, "entities")
    refused(tmp_path, archive({"doc.kml": text}), "entities")
    refused(tmp_path, text.replace("kml", "osm"), "entities")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\0\1\2\3",
        b"PK\x03\x04 and nothing",
        b"SQLite format 3\0" + bytes(84),
        b"<kml>",
        b"<html><body>404</body></html>",
        b"{",
        b'{"type":"Topology"}',
        b'{"a":' * 100_000,
        b"\0\0\0\x0d\n\x09OSMHeader\x18\x05",
        archive({"readme.txt": "x"}),
        workbook('<row r="2"/><row r="1"/>'),
        workbook('<row r="1"><c t="str"><v>lat</v></c></row><row r="9999999"/>'),
    ],
    ids=lambda data: str(data[:8]),
)
def test_a_file_that_is_no_inventory_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    refused(tmp_path, data, r"\w")


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(CustodesError, match="cannot be read"):
            read_inventory(path)


SEEDS = [
    b"name,lat,lon\nGate,48.5,2.5\n",
    KML.format(POINT.format("Gate", "2.5,48.5")).encode(),
    b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":null}]}',
    workbook(
        '<row r="1"><c r="A1" t="str"><v>lat</v></c><c t="str"><v>lon</v></c></row><row r="2"><c><v>1</v></c></row>'
    ),
]


CHANGES = strategies.lists(strategies.tuples(strategies.integers(0, 999), strategies.binary(max_size=3)), max_size=6)


@given(strategies.sampled_from(SEEDS), CHANGES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path: Path, seed: bytes, changes: list[tuple[int, bytes]]
) -> None:
    data = seed
    for at, patch in changes:
        place = at % len(data)
        data = data[:place] + patch + data[place + 1 :]
    try:
        found = read(tmp_path, data).inventory
    except CustodesError:
        return
    assert all(-900_000_000 <= row.latitude_e7 <= 900_000_000 for row in found.rows)


def test_a_damaged_geopackage_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole, dice = package(tmp_path / "a.gpkg").read_bytes(), random.Random(4)
    outcomes = set()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 40)):
            # Names and statements of the schema stand in the first pages, where damage hurts.
            data[dice.randrange(16, 8192)] = dice.randrange(256)
        try:
            outcomes.add(read(tmp_path, bytes(data)).inventory.form)
        except CustodesError as problem:
            outcomes.add(problem.kind.value)
    assert outcomes == {"GPKG", "corrupt"} or outcomes == {"GPKG", "corrupt", "invalid"}
