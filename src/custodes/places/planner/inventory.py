# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras that exist, out of the register's export or a map, with what had to be assumed about each."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from custodes.errors import CustodesError, corrupt, invalid
from custodes.places.planner.geometry.frame import Frame
from custodes.places.planner.geometry.town import MappedCamera, Town
from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import outside

PIXELS = 1920
"""Across the picture, where nobody says: full HD."""
REACH = 50.0
"""Metres, where nobody says."""
HEIGHT = 4.0
"""Metres above ground, where nobody says."""
FIELD = 90.0
"""Degrees, where only the direction is known."""
_LARGEST = 50_000_000
_COMPASS = {
    name: index * 22.5
    for index, name in enumerate(
        ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
    )
}


@dataclass(frozen=True)
class Camera:
    """One camera: its view in the town's plane, and what of it was assumed."""

    ref: str
    name: str
    view: View
    assumed: tuple[str, ...]


@dataclass(frozen=True)
class Inventory:
    """The cameras that can be judged, and a line for each that cannot, with the reason."""

    cameras: list[Camera]
    left_out: list[str]


def read_cameras(path: Path, town: Town) -> Inventory:
    """Cameras out of a GeoJSON file (ours or anybody's points with OpenStreetMap tags)."""
    try:
        if path.stat().st_size > _LARGEST:
            raise invalid(f"{path} is larger than {_LARGEST // 1_000_000} MB")
        document = path.read_bytes()
    except OSError as problem:
        raise invalid(f"{path} cannot be read: {problem.strerror}") from None
    return from_geojson(document, town, str(path))


def from_geojson(document: bytes, town: Town, name: str) -> Inventory:
    """Cameras out of a FeatureCollection of points; raises ``CustodesError`` (CORRUPT) if it is none."""
    try:
        collection = json.loads(document)
        features = collection["features"]
        if collection["type"] != "FeatureCollection" or not isinstance(features, list):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise corrupt(f"{name} is not GeoJSON with a FeatureCollection") from None
    mapped, bad = [], []
    for number, feature in enumerate(features, start=1):
        found = _feature(feature, number)
        mapped.append(found) if isinstance(found, MappedCamera) else bad.append(found)
    inventory = placed(mapped, town)
    return Inventory(inventory.cameras, bad + inventory.left_out)


def _feature(feature: Any, number: int) -> MappedCamera | str:
    try:
        geometry, properties = feature["geometry"], feature.get("properties") or {}
        longitude, latitude = (float(each) for each in geometry["coordinates"][:2])
        if geometry["type"] != "Point" or not (math.isfinite(longitude) and math.isfinite(latitude)):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        return f"feature {number}: no point with longitude and latitude"
    tags = {key: str(value) for key, value in properties.items() if isinstance(value, str | int | float)}
    nested = properties.get("osm")
    if isinstance(nested, dict):
        tags = {key: str(value) for key, value in nested.items()} | tags
    return MappedCamera(
        str(feature.get("id") or properties.get("ref") or f"feature {number}"), longitude, latitude, tags
    )


def placed(mapped: list[MappedCamera], town: Town) -> Inventory:
    """Put cameras into the town's plane: off the map and deep inside buildings they cannot be judged."""
    cameras: list[Camera] = []
    left_out: list[str] = []
    for each in mapped:
        found = _placed(each, town)
        cameras.append(found) if isinstance(found, Camera) else left_out.append(f"{each.ref}: {found}")
    return Inventory(cameras, left_out)


def _placed(mapped: MappedCamera, town: Town) -> Camera | str:
    frame: Frame = town.frame
    if not (-180 <= mapped.longitude <= 180 and -85 <= mapped.latitude <= 85):
        return "its coordinates are no place on earth"
    (spot,) = frame.to_metres(np.array([[mapped.longitude, mapped.latitude]]))
    west, south, east, north = town.box
    if not (west - 200 <= spot[0] <= east + 200 and south - 200 <= spot[1] <= north + 200):
        return "it lies outside the map of buildings"
    moved = outside(spot, town.walls)
    if moved is None:
        return "it is drawn inside a building, more than 3 m from its edge: an indoor camera"
    assumed = ["drawn inside a building, taken to hang before its nearest wall"] if moved is not spot else []
    tags = mapped.tags
    direction, field = _direction(tags), _number(tags, "field_of_view", "camera:angle")
    if direction is None or tags.get("camera:type") in ("dome", "panning"):
        direction, field = 0.0, 360.0
        assumed.append("direction not known or turning: taken to look all around (upper bound)")
    elif field is None:
        field = FIELD
        assumed.append(f"lens not known: {FIELD:.0f} degrees")
    known = {
        "height": _number(tags, "height_m", "height"),
        "range": _number(tags, "range_m"),
        "pixels": _number(tags, "pixels"),
    }
    assumed += [f"{name} not known: {value:.0f}" for name, value in
                (("height", HEIGHT), ("range", REACH), ("pixels", PIXELS)) if known[name] is None]  # fmt: skip
    try:
        view = View(
            float(moved[0]),
            float(moved[1]),
            direction,
            field,
            HEIGHT if known["height"] is None else known["height"],
            REACH if known["range"] is None else known["range"],
            int(PIXELS if known["pixels"] is None else known["pixels"]),
            _number(tags, "tilt"),
        )
    except CustodesError as problem:
        return str(problem)
    return Camera(mapped.ref, tags.get("name", ""), view, tuple(assumed))


def _number(tags: dict[str, str], *names: str) -> float | None:
    for name in names:
        try:
            number = float(tags[name].removesuffix("m").strip())
        except (KeyError, ValueError):
            continue
        if math.isfinite(number):
            return number
    return None


def _direction(tags: dict[str, str]) -> float | None:
    for name in ("direction", "camera:direction"):
        said = tags.get(name, "").strip()
        if said.upper() in _COMPASS:
            return _COMPASS[said.upper()]
    found = _number(tags, "direction", "camera:direction")
    return None if found is None else found % 360
