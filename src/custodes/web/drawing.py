# SPDX-License-Identifier: AGPL-3.0-or-later
"""The register drawn as a plan: fields of view around camera positions, without a base map from elsewhere.

Plane coordinates are metres east and north of the middle of all cameras (equirectangular; below a few kilometres the
error is less than the width of a line). Drawing coordinates are SVG user units, y downwards.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from custodes.domain.ids import CameraId
from custodes.domain.register import RegisterEntry

_METRES_PER_E7 = 6_371_008.8 * math.pi / 180 / 1e7
_ARC_STEP = 6
_WIDTH, _HEIGHT, _MARGIN = 640.0, 480.0, 30.0
_Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cone:
    """One camera in drawing coordinates; ``path`` is its field of view as SVG path data, ``number`` counts from 1."""

    camera: CameraId
    number: int
    name: str
    x: float
    y: float
    path: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A drawing of ``width`` by ``height`` units: cones, grid lines and a scale bar of ``bar_metres``."""

    width: float
    height: float
    cones: tuple[Cone, ...]
    columns: tuple[float, ...]
    rows: tuple[float, ...]
    bar: float
    bar_metres: int


def outline(entry: RegisterEntry) -> list[_Point]:
    """The field of view around the camera: metres east and north, beginning and ending at the camera."""
    reach = entry.range_cm / 100
    steps = max(2, math.ceil(entry.field_of_view / _ARC_STEP))
    first = entry.direction - entry.field_of_view / 2
    bearings = (math.radians(first + entry.field_of_view * step / steps) for step in range(steps + 1))
    arc = [(reach * math.sin(bearing), reach * math.cos(bearing)) for bearing in bearings]
    return [*arc, arc[0]] if entry.field_of_view == 360 else [(0.0, 0.0), *arc, (0.0, 0.0)]


def plan(entries: Sequence[RegisterEntry]) -> Plan | None:
    """Draw all entries so that every field of view fits; None when there is nothing to draw."""
    if not entries:
        return None
    places = _places(entries)
    corners = [
        (x + east, y + north)
        for entry, (x, y) in zip(entries, places, strict=True)
        for east, north in [*outline(entry), (0.0, 0.0)]
    ]
    west, east = min(x for x, _ in corners), max(x for x, _ in corners)
    south, north = min(y for _, y in corners), max(y for _, y in corners)
    scale = min((_WIDTH - 2 * _MARGIN) / max(east - west, 1.0), (_HEIGHT - 2 * _MARGIN) / max(north - south, 1.0), 40.0)
    left = _WIDTH / 2 - scale * (west + east) / 2
    top = _HEIGHT / 2 + scale * (south + north) / 2

    def drawn(x: float, y: float) -> _Point:
        return round(left + scale * x, 1), round(top - scale * y, 1)

    cones = []
    for number, (entry, (x, y)) in enumerate(zip(entries, places, strict=True), 1):
        points = [drawn(x + dx, y + dy) for dx, dy in outline(entry)]
        path = "M" + "L".join(f"{px},{py}" for px, py in points) + "Z"
        cones.append(Cone(entry.camera, number, entry.name, *drawn(x, y), path))
    metres = _round_length(_WIDTH / scale / 6)
    step = metres * scale
    columns = tuple(round(at, 1) for at in _ticks(left % step, step, _WIDTH))
    rows = tuple(round(at, 1) for at in _ticks(top % step, step, _HEIGHT))
    return Plan(_WIDTH, _HEIGHT, tuple(cones), columns, rows, round(step, 1), metres)


def geojson(entries: Sequence[RegisterEntry]) -> dict[str, Any]:
    """A FeatureCollection: per camera a Point and the Polygon of its field of view, both with its id and name."""
    features: list[dict[str, Any]] = []
    for number, entry in enumerate(entries, 1):
        facts = {"camera": entry.camera, "name": entry.name, "purpose": entry.purpose.value, "number": number}
        ring = [_shifted(entry, east, north) for east, north in outline(entry)]
        # RFC 7946, 3.1.6: exterior rings are counter-clockwise; bearings run clockwise.
        area = {"type": "Polygon", "coordinates": [ring[::-1]]}
        point = {"type": "Point", "coordinates": _shifted(entry, 0.0, 0.0)}
        features += [{"type": "Feature", "geometry": shape, "properties": facts} for shape in (area, point)]
    return {"type": "FeatureCollection", "features": features}


def _places(entries: Sequence[RegisterEntry]) -> list[_Point]:
    latitude = sum(entry.latitude_e7 for entry in entries) / len(entries)
    longitude = sum(entry.longitude_e7 for entry in entries) / len(entries)
    shrink = math.cos(math.radians(latitude / 1e7))
    return [
        ((entry.longitude_e7 - longitude) * _METRES_PER_E7 * shrink, (entry.latitude_e7 - latitude) * _METRES_PER_E7)
        for entry in entries
    ]


def _shifted(entry: RegisterEntry, east: float, north: float) -> list[float]:
    shrink = max(math.cos(math.radians(entry.latitude_e7 / 1e7)), 1e-6)
    longitude = entry.longitude_e7 + east / _METRES_PER_E7 / shrink
    return [round(longitude / 1e7, 7), round((entry.latitude_e7 + north / _METRES_PER_E7) / 1e7, 7)]


def _round_length(metres: float) -> int:
    """The largest of 1, 2, 5, 10, 20, 50 … that is at most ``metres`` (at least 1)."""
    power = 10 ** math.floor(math.log10(max(metres, 1.0)))
    return int(power * max(factor for factor in (1, 2, 5) if factor * power <= max(metres, 1.0)))


def _ticks(first: float, step: float, end: float) -> list[float]:
    return [first + step * count for count in range(math.ceil((end - first) / step))]
