# SPDX-License-Identifier: AGPL-3.0-or-later
"""Other people's inventories: what is read, what is refused, and that no row disappears."""

import json
from pathlib import Path

import pytest
from tests.inventory_files import KML, POINT, archive, package, read, refused, rejected, workbook

from custodes.clock import Instant
from custodes.demo.town import entry_of
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError
from custodes.places.register.export import geojson
from custodes.places.register.importing import mapping
from custodes.places.register.importing.cells import direction
from custodes.places.register.importing.read import read_inventory

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
