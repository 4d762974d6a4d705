# SPDX-License-Identifier: AGPL-3.0-or-later
"""KML (OGC 12-007) and KMZ: placemarks that are points."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from custodes.errors import corrupt, invalid
from custodes.places.register.importing.cells import number
from custodes.places.register.importing.limits import Archive, local, parse_xml
from custodes.places.register.importing.records import Record


def read_kmz(archive: Archive) -> Iterator[Record]:
    """The placemarks of the archive's first KML file."""
    documents = [name for name in archive.names if name.lower().endswith(".kml")]
    if not documents:
        raise corrupt("the KMZ archive has no KML file")
    return read_kml(parse_xml(archive.read(documents[0])))


def read_kml(root: Element) -> Iterator[Record]:
    """One record per placemark; its line is its place among them."""
    if local(root) != "kml":
        raise invalid("the file is XML and neither KML nor OpenStreetMap")
    placemarks = (each for each in root.iter() if local(each) == "Placemark")
    for line, placemark in enumerate(placemarks, 1):
        yield _record(line, placemark)


def _record(line: int, placemark: Element) -> Record:
    fields: dict[str, str] = {}
    points = []
    own = {id(each) for each in placemark}
    for each in placemark.iter():
        match local(each):
            case "name" | "description" | "address" | "phoneNumber" as name if id(each) in own:
                fields[name] = each.text or ""
            case "SimpleData":
                fields[each.get("name") or "SimpleData"] = each.text or ""
            case "Data":
                value = next((below.text for below in each if local(below) == "value"), "")
                fields[each.get("name") or "Data"] = value or ""
            case "Point":
                points.append(next((below.text or "" for below in each if local(below) == "coordinates"), ""))
    if len(points) != 1:
        return Record(line, fields, problem="it is no point" if not points else "it is several points")
    # "longitude,latitude[,altitude]"
    pair = [number(part) for part in points[0].strip().split(",")]
    if not 2 <= len(pair) <= 3 or pair[0] is None or pair[1] is None:
        return Record(
            line, fields, problem="its position is not a number" if points[0].strip() else "it has no position"
        )
    return Record(line, fields, (pair[1], pair[0]))
