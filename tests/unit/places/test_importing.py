# SPDX-License-Identifier: AGPL-3.0-or-later
"""Other people's inventories: what is read, what is refused, and that no row disappears."""

import io
import json
import random
import sqlite3
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from custodes.clock import Instant
from custodes.demo.town import entry_of
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError
from custodes.places.register.export import geojson
from custodes.places.register.importing import mapping
from custodes.places.register.importing.cells import direction
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


# Tables


def test_every_line_of_a_messy_table_is_a_row_or_has_a_reason(tmp_path: Path) -> None:
    lines = [
        "Naziv;Geografska širina;Dužina;Tip;Smjer",
        "Trg bana Jelačića;45,8131;15,9775;PTZ;NE",
        "",
        ";;;;",
        "Žitnjak;nan;15,9;fiksna;90",
        "Črnomerec;15.97;45.81;fiksna;",
        "Maksimir;45.82;16.01;=HYPERLINK(1);",
        "Sesvete;45.83",
        '"Dubrava;45.83;16.05;fiksna;',
        "Jarun;45.78;15.92;fiksna;181",
        "Trešnjevka;95;15;fiksna;",
        "Sloboština;0;0;fiksna;",
        "Vrbik;;;fiksna;",
        "Siget;45.77;15.97;fiksna;",
    ]
    source = read(tmp_path, "\n".join(lines).encode("cp1250") + b"\n")
    inventory = source.inventory
    assert (inventory.form, source.mapping.delimiter, source.mapping.encoding) == ("CSV", ";", "cp1250")
    assert inventory.columns == {
        "latitude": "Geografska širina",
        "longitude": "Dužina",
        "name": "Naziv",
        "type": "Tip",
        "direction": "Smjer",
    }
    assert [row.line for row in inventory.rows] == [2, 10, 14]
    assert inventory.rows[0].name == "Trg bana Jelačića"
    assert (inventory.rows[0].latitude_e7, inventory.rows[0].direction) == (458131000, 45)
    assert rejected(source) == {
        3: "it is blank",
        4: "it is blank",
        5: "its position is not a number",
        6: "latitude and longitude are swapped",
        7: "the cell under 'Tip' holds a formula",
        8: "it has 2 cells and not 5",
        9: "a quotation mark that opens on it is never closed",
        11: "its latitude is beyond 90 degrees: is it swapped with the longitude?",
        12: "its position is 0, 0: that is none",
        13: "it has no position",
    }
    assert len(inventory.rows) + len(inventory.rejected) == len(lines) - 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_table_of_any_delimiter_and_encoding_is_read(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = "\r\n".join(delimiter.join(cells) for cells in (("name", "lat", "lon"), ("Café", "48.5", "-2.25")))
    (row,) = read(tmp_path, text.encode(encoding)).inventory.rows
    assert (row.name, row.latitude, row.longitude) == ("Café", 48.5, -2.25)


@pytest.mark.parametrize("cell", ['"48.5, -2.25"', "POINT(-2.25 48.5)", "SRID=4326;POINT (-2.25 48.5)"])
def test_a_position_in_one_column_is_found_by_what_it_holds(tmp_path: Path, cell: str) -> None:
    (row,) = read(tmp_path, f"where it is,which\n{cell},a\n").inventory.rows
    assert (row.latitude, row.longitude) == (48.5, -2.25)


@pytest.mark.parametrize("cell", ["=1+1", "@SUM(1)", "+cmd|' /C calc'!A0", "-SUM(1)", " =1"])
def test_a_formula_is_refused(tmp_path: Path, cell: str) -> None:
    found = read(tmp_path, f'name,lat,lon\n"{cell}",48,2\n+44 161 912,48,2\n-,48,2\n')
    assert rejected(found) == {2: "the cell under 'name' holds a formula"}


def test_a_quoted_text_over_several_lines_is_one_row_and_lines_go_on_to_be_counted(tmp_path: Path) -> None:
    source = read(tmp_path, 'name,lat,lon\n"by the\nbridge",48,2\nx,y,2\n')
    assert [(row.line, row.name) for row in source.inventory.rows] == [(2, "by the bridge")]
    assert list(rejected(source)) == [4]


def test_a_table_that_never_closes_its_quotation_marks_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "name,lat,lon\n" + '"a,1,2\n\n' * 500, "never closed")


def test_a_table_without_positions_names_its_columns(tmp_path: Path) -> None:
    refused(tmp_path, "name,easting,northing\nx,3,4\n", "there are: name, easting, northing")


def test_projected_coordinates_are_refused_line_by_line(tmp_path: Path) -> None:
    assert rejected(read(tmp_path, "name,x,y\na,381234.5,394321.1\n")) == {2: "its position is not in degrees (WGS 84)"}


def test_a_mapping_reads_what_cannot_be_guessed_and_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    given = mapping.Mapping({"latitude": "a", "longitude": "b", "name": "c"}, "~", "cp1250")
    assert mapping.decode(given.encode()) == given
    source = read(tmp_path, "a~b~c\n1~2~Šeš\n".encode("cp1250"), given=given)
    assert [(row.latitude, row.longitude, row.name) for row in source.inventory.rows] == [(1.0, 2.0, "Šeš")]
    assert source.mapping == given


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"v":2}',
        b'{"v":1,"columns":{"height":"x"}}',
        b'{"v":1,"columns":{"name":3}}',
        b'{"v":1,"delimiter":";;"}',
        b'{"v":1,"encoding":"rot13"}',
        b'{"v":1,"encoding":["utf-8"]}',
    ],
)
def test_a_mapping_file_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(CustodesError):
        mapping.decode(data)


def test_a_mapping_that_names_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="no column 'z'"):
        read(tmp_path, "a,b\n1,2\n", given=mapping.Mapping({"latitude": "z", "longitude": "b"}))


@pytest.mark.parametrize(
    ("text", "degrees"), [("90", 90), ("-90°", 270), ("360", 0), ("NNW", 338), ("south-west", 225), ("N;E", None)]
)
def test_directions_are_degrees_or_points_of_the_compass(text: str, degrees: int | None) -> None:
    assert direction(text) == degrees


# Other forms


def test_our_own_export_is_read_back(tmp_path: Path) -> None:
    name, make = entry_of(1)
    entry = make(CameraId("a" * 26), name, Instant(1_790_000_000_000_000_000), bytes(16))
    (row,) = read(tmp_path, geojson([(entry, 7)])).inventory.rows
    assert (row.name, row.operator, row.direction, row.kind) == (entry.name, entry.owner, entry.direction, "fixed")
    assert (row.latitude_e7, row.longitude_e7) == (entry.latitude_e7, entry.longitude_e7)


def test_features_that_are_no_usable_points_are_listed(tmp_path: Path) -> None:
    shapes: list[object] = [
        {"type": "Point", "coordinates": [2.0, 48.0]},
        {"type": "LineString", "coordinates": [[2.0, 48.0], [3.0, 48.0]]},
        None,
        {"type": "Point", "coordinates": [float("nan"), 48.0]},
        {"type": "Point", "coordinates": ["2", 48.0]},
        {"type": "Point", "coordinates": [2.0, 148.0]},
        {"type": "Point", "coordinates": [10**400, 1]},
    ]
    features: list[object] = [{"type": "Feature", "properties": {}, "geometry": shape} for shape in shapes]
    source = read(tmp_path, json.dumps({"type": "FeatureCollection", "features": [*features, 7]}))
    assert [row.line for row in source.inventory.rows] == [1]
    assert list(rejected(source)) == [2, 3, 4, 5, 6, 7, 8]


def test_a_geojson_of_another_reference_system_is_refused(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3067"}}
    refused(tmp_path, json.dumps({"type": "FeatureCollection", "crs": crs, "features": []}), "WGS 84")


def test_placemarks_are_read_from_kml_and_kmz(tmp_path: Path) -> None:
    data = "<ExtendedData><Data name='owner'><value>Town</value></Data></ExtendedData>"
    marks = POINT.format("Gate", "2.5,48.5,0").replace("<Point>", f"{data}<Point>") + POINT.format("Bad", "nan,1")
    for each in (KML.format(marks), archive({"doc.kml": KML.format(marks), "files/icon.png": b"x"})):
        source = read(tmp_path, each)
        assert [(row.name, row.operator, row.latitude) for row in source.inventory.rows] == [("Gate", "Town", 48.5)]
        assert list(rejected(source)) == [2]


def test_a_sheet_is_read_and_a_formula_or_a_gap_in_it_is_listed(tmp_path: Path) -> None:
    text = "".join(f'<c t="s"><v>{place}</v></c>' for place in range(3))
    rows = (
        f'<row r="1">{text}</row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>Gate</t></is></c><c r="B2"><v>48.5</v></c>'
        '<c r="C2"><v>2</v></c></row>'
        '<row r="4"><c r="A4" t="str"><v>x</v></c><c r="B4"><f>1+1</f><v>2</v></c><c r="C4"><v>2</v></c></row>'
        '<row r="5"><c r="A5" t="s"><v>99</v></c><c r="B5"><v>1</v></c><c r="C5"><v>2</v></c></row>'
    )
    source = read(tmp_path, workbook(rows, "<si><t>name</t></si><si><r><t>lat</t></r></si><si><t>lon</t></si>"))
    assert [(row.line, row.name, row.latitude) for row in source.inventory.rows] == [(2, "Gate", 48.5)]
    assert rejected(source) == {
        3: "it is blank",
        4: "cell B4 holds a formula",
        5: "a cell refers to a text that is not there",
    }


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


def test_a_geopackage_is_read(tmp_path: Path) -> None:
    source = read_inventory(package(tmp_path / "a.gpkg"))
    assert [(row.name, row.latitude, row.longitude) for row in source.inventory.rows] == [("Gate", 48.5, 2.5)]
    assert rejected(source) == {2: "it is no point", 3: "it has no position"}


def test_a_geopackage_of_another_reference_system_or_made_of_views_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="WGS 84"):
        read_inventory(package(tmp_path / "a.gpkg", 3857))
    with pytest.raises(CustodesError, match="no table of features"):
        read_inventory(package(tmp_path / "b.gpkg", view=True))


def test_openstreetmap_is_read_by_its_tags(tmp_path: Path) -> None:
    tags = '<tag k="man_made" v="surveillance"/>'
    source = read(
        tmp_path,
        f'<osm><node id="1" lat="48.5" lon="2.5">{tags}<tag k="camera:type" v="dome"/>'
        '<tag k="direction" v="90"/></node>'
        f'<node id="2" lat="48.5" lon="2.5"><tag k="highway" v="crossing"/></node><way id="3">{tags}</way>'
        f'<node id="4" lat="48.5" lon="2.5">{tags}<tag k="surveillance:type" v="guard"/></node></osm>',
    )
    assert [(row.kind, row.direction) for row in source.inventory.rows] == [("dome", 90)]
    assert rejected(source) == {2: "it is a way or an area, not a point", 3: "it is no camera: guard"}


def test_a_pbf_file_is_read_by_its_tags(tmp_path: Path) -> None:
    osmium = pytest.importorskip("osmium", reason="osmium is not installed")
    path = tmp_path / "town.osm.pbf"
    with osmium.SimpleWriter(str(path)) as writer:
        for number, tags in enumerate(({"man_made": "surveillance", "revolving": "yes"}, {"man_made": "mast"}), 1):
            writer.add_node(osmium.osm.mutable.Node(id=number, version=1, location=(2.5, 48.5), tags=tags))
    source = read_inventory(path)
    assert source.inventory.form == "OSM PBF"
    assert [(row.kind, row.longitude) for row in source.inventory.rows] == [("panning", 2.5)]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CustodesError, match="damaged"):
        read_inventory(path)


# Hostile files


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
