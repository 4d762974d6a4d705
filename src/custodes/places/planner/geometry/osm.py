# SPDX-License-Identifier: AGPL-3.0-or-later
"""A town out of an OpenStreetMap extract (PBF or XML). Data © OpenStreetMap contributors, ODbL 1.0."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import shapely

from custodes.errors import CustodesError, corrupt, invalid
from custodes.places.planner.geometry.frame import Frame, Points
from custodes.places.planner.geometry.town import Building, MappedCamera, Place, Town, Use, repaired

_LARGEST = 300_000_000
"""Bytes: a town, not a country."""
_OPEN = {"roof", "carport", "underpass_entrance", "ruins", "construction", "no", "ship"}
"""Values of ``building`` that a camera sees through or under, or that float."""
_HOMES = {"apartments", "house", "residential", "detached", "semidetached_house", "terrace", "dormitory", "bungalow"}
_WALKED = {
    *{"footway", "pedestrian", "path", "steps", "living_street", "residential", "unclassified", "service", "cycleway"},
    *{"tertiary", "secondary", "primary", "track", "corridor"},
}
_USES = {
    ("amenity", "school"): Use.SCHOOL,
    ("amenity", "kindergarten"): Use.SCHOOL,
    ("amenity", "childcare"): Use.SCHOOL,
    ("building", "school"): Use.SCHOOL,
    ("building", "kindergarten"): Use.SCHOOL,
    ("amenity", "place_of_worship"): Use.WORSHIP,
    ("building", "church"): Use.WORSHIP,
    ("building", "chapel"): Use.WORSHIP,
    ("building", "cathedral"): Use.WORSHIP,
    ("building", "mosque"): Use.WORSHIP,
    ("building", "synagogue"): Use.WORSHIP,
    ("building", "temple"): Use.WORSHIP,
    ("amenity", "clinic"): Use.CLINIC,
    ("amenity", "hospital"): Use.CLINIC,
    ("amenity", "doctors"): Use.CLINIC,
    ("leisure", "playground"): Use.PLAYGROUND,
    ("place", "square"): Use.SQUARE,
}
_DOOR = 10.0
"""Metres: a place that the map has as a point is protected this far around it."""
_FORECOURT = 5.0
"""Metres: a place that the map has as an area is protected this far beyond its edge."""


class _Reading:
    """What has been read so far, in degrees."""

    def __init__(self) -> None:
        self.outlines: dict[str, tuple[dict[str, str], Any]] = {}
        self.open_ways: dict[str, tuple[dict[str, str], list[tuple[float, float]]]] = {}
        self.areas: list[tuple[str, str, Use, Any]] = []
        self.spots: list[tuple[str, str, Use, tuple[float, float]]] = []
        self.crossings: dict[str, tuple[float, float]] = {}
        self.cameras: list[MappedCamera] = []
        self.ways: list[list[tuple[int, float, float]]] = []
        self.notes: list[str] = []

    def node(self, thing: Any) -> None:
        """Cameras, crossings and places drawn as a point."""
        tags = {tag.k: tag.v for tag in thing.tags}
        where, ref = (thing.lon, thing.lat), f"node/{thing.id}"
        if tags.get("man_made") == "surveillance" and tags.get("surveillance:type", "camera") == "camera":
            self.cameras.append(MappedCamera(ref, *where, tags))
        if tags.get("highway") == "crossing":
            self.crossings[ref] = where
        use = _use(tags)
        if use:
            self.spots.append((ref, tags.get("name", ""), use, where))

    def way(self, thing: Any) -> None:
        """Streets, and outlines of buildings in case that they cannot be made into an area."""
        tags = {tag.k: tag.v for tag in thing.tags}
        walked = tags.get("highway") in _WALKED and tags.get("area") != "yes" and tags.get("access") != "private"
        if not (walked or "building" in tags):
            return
        points = [(node.ref, node.lon, node.lat) for node in thing.nodes if node.location.valid()]
        if walked:
            self.ways.append(points)
        if _blocks(tags) and len(points) >= 3:
            self.open_ways[f"way/{thing.id}"] = (tags, [(lon, lat) for _, lon, lat in points])

    def area(self, thing: Any, factory: Any) -> None:
        """Buildings and places drawn as an area."""
        tags = {tag.k: tag.v for tag in thing.tags}
        use = _use(tags)
        if not (use or _blocks(tags)):
            return
        ref = f"{'way' if thing.from_way() else 'relation'}/{thing.orig_id()}"
        try:
            shape = shapely.from_wkb(factory.create_multipolygon(thing))
        except RuntimeError:
            self.notes.append(f"{ref}: not an area, left out")
            return
        if _blocks(tags):
            self.outlines[ref] = (tags, shape)
        if use:
            self.areas.append((ref, tags.get("name", ""), use, shape))


def _blocks(tags: dict[str, str]) -> bool:
    """True for buildings that hide what is behind them."""
    return (
        "building" in tags
        and tags["building"] not in _OPEN
        and tags.get("location") != "underground"
        and not tags.get("layer", "").startswith("-")
    )


def _use(tags: dict[str, str]) -> Use | None:
    return next((use for (key, value), use in _USES.items() if tags.get(key) == value), None)


def _building_use(tags: dict[str, str]) -> Use:
    """A building whose use nobody has mapped (``building=yes``) counts as a home: better too careful."""
    undeclared = tags["building"] == "yes" and not {"amenity", "shop", "office", "tourism", "leisure"} & set(tags)
    return _use(tags) or (Use.HOME if tags["building"] in _HOMES or undeclared else Use.OTHER)


def read_town(path: Path) -> Town:
    """Read an extract; raises ``CustodesError`` with one line if it is none, or holds no building."""
    try:
        size = path.stat().st_size
    except OSError as problem:
        raise invalid(f"{path} cannot be read: {problem.strerror}") from None
    if size > _LARGEST:
        raise invalid(f"{path} is larger than {_LARGEST // 1_000_000} MB: cut the town out first (osmium extract)")
    reading, factory = _Reading(), osmium.geom.WKBFactory()
    try:
        things: Iterable[Any] = osmium.FileProcessor(str(path)).with_areas()
        for thing in things:
            if thing.is_node():
                reading.node(thing)
            elif thing.is_way():
                reading.way(thing)
            elif thing.is_area():
                reading.area(thing, factory)
    except (RuntimeError, ValueError, KeyError) as problem:
        raise corrupt(f"{path} is not an OpenStreetMap file (PBF or XML): {problem}") from None
    return _town(reading, path)


def _town(reading: _Reading, path: Path) -> Town:
    if not (reading.outlines or reading.open_ways):
        raise invalid(f"{path} holds no buildings: without them nobody can say what a camera sees")
    for ref, (tags, ring) in reading.open_ways.items():
        if ref not in reading.outlines:
            reading.outlines[ref] = (tags, shapely.Polygon(ring))
    west, south, east, north = shapely.total_bounds([shape for _, shape in reading.outlines.values()])
    frame = Frame(round(float(west + east) / 2, 6), round(float(south + north) / 2, 6))
    notes = reading.notes
    buildings = []
    for ref, (tags, shape) in reading.outlines.items():
        flat = _metres(frame, shape)
        try:
            buildings.append(Building(ref, _building_use(tags), repaired(flat)))
        except CustodesError as problem:
            notes.append(f"{ref}: a building left out: {problem}")
            continue
        if not shapely.is_valid(flat):
            notes.append(f"{ref}: the building's outline crosses itself, repaired")
    unknown = sum(tags["building"] == "yes" for tags, _ in reading.outlines.values())
    notes.append(f"{unknown} buildings have no declared use; without shop, office or the like they count as homes")
    return Town(frame, buildings, _places(reading, frame), *_network(reading, frame), reading.cameras, notes)


def _places(reading: _Reading, frame: Frame) -> list[Place]:
    found = []
    for ref, name, use, shape in reading.areas:
        found.append(Place(ref, name, use, shapely.make_valid(_metres(frame, shape)).buffer(_FORECOURT)))
    for ref, name, use, where in reading.spots:
        found.append(Place(ref, name, use, _metres(frame, shapely.Point(where)).buffer(_DOOR)))
    return found


def _network(reading: _Reading, frame: Frame) -> tuple[dict[str, tuple[float, float]], Points, list[tuple[int, int]]]:
    """Crossings, nodes and streets in metres."""
    number: dict[int, int] = {}
    spots: list[tuple[float, float]] = []
    streets = []
    for way in reading.ways:
        for ref, longitude, latitude in way:
            if ref not in number:
                number[ref] = len(spots)
                spots.append((longitude, latitude))
        streets += [(number[one[0]], number[two[0]]) for one, two in pairwise(way)]
    nodes = frame.to_metres(np.array(spots).reshape(-1, 2))
    places = frame.to_metres(np.array(list(reading.crossings.values())).reshape(-1, 2))
    crossings = {ref: (float(x), float(y)) for ref, (x, y) in zip(reading.crossings, places, strict=True)}
    return crossings, nodes, streets


def _metres(frame: Frame, shape: Any) -> Any:
    return shapely.transform(shape, frame.to_metres)
