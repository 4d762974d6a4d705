# SPDX-License-Identifier: AGPL-3.0-or-later
"""OpenStreetMap, as XML or PBF: what is tagged ``man_made=surveillance``, with the tags of the wiki's page on it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

from custodes.errors import corrupt, invalid, unavailable
from custodes.places.register.importing.cells import number
from custodes.places.register.importing.limits import local
from custodes.places.register.importing.records import Record

COLUMNS = {"name": "name", "type": "camera:type", "direction": "camera:direction", "operator": "operator"}
_WAY = "it is a way or an area, not a point"


def read_xml(root: Element) -> Iterator[Record]:
    """One record per object that is surveillance; its line is its place among them."""
    line = 0
    for each in root:
        if local(each) not in ("node", "way", "relation"):
            continue
        tags = {tag.get("k") or "": tag.get("v") or "" for tag in each if local(tag) == "tag"}
        if tags.get("man_made") != "surveillance":
            continue
        line += 1
        if local(each) != "node":
            yield Record(line, _fields(tags), problem=_WAY)
            continue
        latitude, longitude = (number(each.get(name) or "") for name in ("lat", "lon"))
        if latitude is None or longitude is None:
            yield Record(line, _fields(tags), problem="its position is not a number")
        else:
            yield _record(line, tags, latitude, longitude)


def read_pbf(path: Path) -> Iterator[Record]:
    """One record per object that is surveillance; its line is its place among them."""
    try:
        import osmium
    except ModuleNotFoundError:
        raise unavailable("reading PBF needs osmium: install custodes[planner]") from None
    line = 0
    try:
        # Ways and relations are told of, their nodes are not looked for.
        for each in osmium.FileProcessor(str(path)).with_filter(osmium.filter.KeyFilter("man_made")):
            tags = dict(each.tags)
            if tags.get("man_made") != "surveillance":
                continue
            line += 1
            if not isinstance(each, osmium.osm.Node):
                yield Record(line, _fields(tags), problem=_WAY)
            elif not each.location.valid():
                yield Record(line, _fields(tags), problem="it has no position")
            else:
                yield _record(line, tags, each.location.lat, each.location.lon)
    except (RuntimeError, ValueError):
        raise corrupt("the PBF file is damaged") from None
    except OSError:
        raise invalid(f"{path} cannot be read") from None


def _record(line: int, tags: Mapping[str, str], latitude: float, longitude: float) -> Record:
    if tags.get("surveillance:type", "camera") in ("guard", "gunshot_detector"):
        return Record(line, _fields(tags), problem=f"it is no camera: {tags['surveillance:type']}")
    return Record(line, _fields(tags), (latitude, longitude))


def _fields(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags, with older spellings of what is looked for added beside them."""
    fields = dict(tags)
    if "camera:type" not in fields and tags.get("revolving") == "yes":
        fields["camera:type"] = "panning"
    for name in ("camera:direction", "direction"):
        if name in tags:
            fields.setdefault("camera:direction", tags[name])
    fields.setdefault("name", tags.get("description", ""))
    return dict.fromkeys(COLUMNS.values(), "") | fields
