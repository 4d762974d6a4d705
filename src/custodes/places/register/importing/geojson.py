# SPDX-License-Identifier: AGPL-3.0-or-later
"""GeoJSON (RFC 7946), our own export among it: points, each with its properties."""

import json
from collections.abc import Iterator
from typing import Any

from custodes.errors import invalid
from custodes.places.register.importing.records import Record

_DEEP = 3


def read_geojson(data: bytes) -> Iterator[Record]:
    """One record per feature; its line is its place among the features. No GeoJSON: ``CustodesError`` (INVALID)."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise invalid("the GeoJSON is not UTF-8") from None
    except json.JSONDecodeError as problem:
        raise invalid(f"the GeoJSON cannot be read: {problem.msg} at line {problem.lineno}") from None
    except (ValueError, RecursionError):
        raise invalid("the GeoJSON holds a number that is too long or is nested too deeply") from None
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise invalid("the file is JSON and no GeoJSON FeatureCollection")
    if _foreign(document.get("crs")):
        raise invalid("the GeoJSON's coordinates are not WGS 84: transform them first")
    for line, feature in enumerate(features, 1):
        yield _record(line, feature)


def _foreign(system: Any) -> bool:
    """True if an old-style ``crs`` member names anything but WGS 84."""
    if system is None:
        return False
    name = str(system.get("properties", {})) if isinstance(system, dict) else ""
    return not any(known in name for known in ("CRS84", "4326"))


def _record(line: int, feature: Any) -> Record:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return Record(line, problem="it is no GeoJSON feature")
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        return Record(line, problem="its properties are no object")
    fields = dict(_flat(properties, "", 0))
    if "id" in feature:
        fields.setdefault("id", _text(feature["id"]))
    geometry = feature.get("geometry")
    if geometry is None:
        return Record(line, fields, problem="it has no position")
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return Record(line, fields, problem="it is no point")
    pair = geometry.get("coordinates")
    if not isinstance(pair, list) or not 2 <= len(pair) <= 3:
        return Record(line, fields, problem="its coordinates are not two numbers")
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in pair):
        return Record(line, fields, problem="its position is not a number")
    try:
        return Record(line, fields, (float(pair[1]), float(pair[0])))
    except OverflowError:
        return Record(line, fields, problem="its position is not in degrees (WGS 84)")


def _flat(properties: dict[str, Any], before: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, value in properties.items():
        if isinstance(value, dict) and depth < _DEEP:
            yield from _flat(value, f"{before}{name} ", depth + 1)
        else:
            yield _sound(f"{before}{name}"), _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return _sound(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _sound(text: str) -> str:
    """JSON can spell halves of characters, which nothing else can hold."""
    return text.encode("utf-8", "replace").decode()
