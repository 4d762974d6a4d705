# SPDX-License-Identifier: AGPL-3.0-or-later
"""Inventories of every form, made for a test."""

import io
import sqlite3
import struct
import zipfile
from pathlib import Path

import pytest

from custodes.errors import CustodesError
from custodes.places.register.importing import mapping
from custodes.places.register.importing.read import Source, read_inventory

KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
POINT = "<Placemark><name>{}</name><Point><coordinates>{}</coordinates></Point></Placemark>"
SHEET = '<worksheet xmlns="x"><sheetData>{}</sheetData></worksheet>'


def read(folder: Path, data: bytes | str, name: str = "list", given: mapping.Mapping | None = None) -> Source:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_inventory(path, given)


def rejected(source: Source) -> dict[int, str]:
    return {each.line: each.reason for each in source.inventory.rejected}


def refused(folder: Path, data: bytes | str, words: str) -> None:
    """The whole file is refused in one line that holds ``words``."""
    with pytest.raises(CustodesError, match=words) as problem:
        read(folder, data)
    assert "\n" not in problem.value.message


def archive(members: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return buffer.getvalue()


def workbook(rows: str, shared: str = "") -> bytes:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    members: dict[str, bytes | str] = {
        "xl/workbook.xml": f'<workbook xmlns:r="{relation}"><sheets><sheet name="A" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<R><Relationship Id="rId1" Target="worksheets/one.xml"/></R>',
        "xl/worksheets/one.xml": SHEET.format(rows),
    }
    if shared:
        members["xl/sharedStrings.xml"] = f"<sst>{shared}</sst>"
    return archive(members)


def package(path: Path, system: int = 4326, view: bool = False) -> Path:
    with sqlite3.connect(path) as made:
        made.executescript(
            "CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT);"
            "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
            "CREATE TABLE gpkg_spatial_ref_sys (srs_id INTEGER, organization_coordsys_id INTEGER);"
            "INSERT INTO gpkg_contents VALUES ('cameras', 'features');"
            "INSERT INTO gpkg_geometry_columns VALUES ('cameras', 'geom', 1);"
        )
        made.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (1, ?)", (system,))
        if view:
            made.execute("CREATE VIEW cameras AS SELECT 1 AS geom")
        else:
            made.execute("CREATE TABLE cameras (fid INTEGER PRIMARY KEY, name TEXT, geom BLOB)")
            point = b"GP\0\x01" + struct.pack("<i", 4326) + struct.pack("<BIdd", 1, 1, 2.5, 48.5)
            made.executemany(
                "INSERT INTO cameras (name, geom) VALUES (?, ?)", [("Gate", point), ("x", b"GP"), ("y", None)]
            )
    made.close()
    return path
