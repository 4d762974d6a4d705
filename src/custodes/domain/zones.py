# SPDX-License-Identifier: Apache-2.0
"""Privacy zones: polygons of a camera's picture that are never shown, such as windows and gardens.

Corners are in ten-thousandths of the picture's width and height, from its upper left corner.
"""

import json
from dataclasses import dataclass
from typing import TypeAlias

from custodes.domain import canonical
from custodes.domain.canonical import Json, JsonObject
from custodes.domain.ids import CameraId
from custodes.errors import corrupt, invalid

Corner: TypeAlias = tuple[int, int]
Zone: TypeAlias = tuple[Corner, ...]

UNIT = 10_000
MOST_ZONES = 32
MOST_CORNERS = 64
_LARGEST_FILE = 256 * 1024


@dataclass(frozen=True, slots=True)
class ZoneSet:
    """All zones of a camera; ``salt`` (16 bytes) hides them behind the hash that stands in the log."""

    camera: CameraId
    zones: tuple[Zone, ...]
    salt: bytes


def parse(data: bytes) -> tuple[Zone, ...]:
    """Parse what somebody wrote: a JSON list of polygons, each a list of corners [x, y] in shares of 0 to 1.

    The first corner may be repeated at the end. ``CustodesError`` (INVALID) in one line that names polygon and corner.
    """
    if len(data) > _LARGEST_FILE:
        raise invalid(f"privacy zones: the file is larger than {_LARGEST_FILE // 1024} KiB")
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise invalid("privacy zones: the file is not JSON") from None
    if not isinstance(value, list):
        raise invalid("privacy zones: the file must hold a list of polygons, [] for none")
    zones = tuple(_polygon(number, polygon) for number, polygon in enumerate(value, 1))
    if problem := problem_of(zones):
        raise invalid(f"privacy zones: {problem}")
    return zones


def _polygon(number: int, polygon: object) -> Zone:
    if not isinstance(polygon, list):
        raise invalid(f"privacy zones: polygon {number} must be a list of corners [x, y]")
    corners = [_corner(number, place, corner) for place, corner in enumerate(polygon[: MOST_CORNERS + 2], 1)]
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    return tuple(corners)


def _corner(number: int, place: int, corner: object) -> Corner:
    match corner:
        case [int() | float() as x, int() | float() as y] if _share(x) and _share(y):
            return round(x * UNIT), round(y * UNIT)
    raise invalid(f"privacy zones: corner {place} of polygon {number} must be [x, y], each a number from 0 to 1")


def _share(value: float) -> bool:
    return not isinstance(value, bool) and 0 <= value <= 1


def problem_of(zones: tuple[Zone, ...]) -> str:
    """Say in a few words why these zones cannot be set, or return the empty string."""
    if len(zones) > MOST_ZONES:
        return f"a camera has at most {MOST_ZONES} of them"
    for number, zone in enumerate(zones, 1):
        if not 3 <= len(zone) <= MOST_CORNERS:
            return f"polygon {number} must have 3 to {MOST_CORNERS} corners"
        if not all(0 <= x <= UNIT and 0 <= y <= UNIT for x, y in zone):
            return f"polygon {number} lies outside the picture"
        if not _simple(zone):
            return f"polygon {number} crosses or touches itself, or has no area"
    return ""


def _simple(zone: Zone) -> bool:
    """Whether no two edges meet but neighbours in their common corner; corners are all different then."""
    count = len(zone)
    edges = [(zone[at], zone[(at + 1) % count]) for at in range(count)]
    for first in range(count):
        before, corner, after = zone[first - 1], zone[first], zone[(first + 1) % count]
        # Neighbours that lie on each other: the line goes back the way it came.
        if _turn(before, corner, after) == 0 and not _between(before, corner, after):
            return False
        for second in range(first + 2, count):
            if (second + 1) % count != first and _meet(*edges[first], *edges[second]):
                return False
    return True


def _turn(a: Corner, b: Corner, c: Corner) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _between(a: Corner, b: Corner, c: Corner) -> bool:
    """Whether ``b``, on the line of ``a`` and ``c``, lies strictly between them."""
    return (a[0] - b[0]) * (c[0] - b[0]) + (a[1] - b[1]) * (c[1] - b[1]) < 0


def _meet(a: Corner, b: Corner, c: Corner, d: Corner) -> bool:
    """Whether two closed segments have a point in common."""
    for one, other, point in ((a, b, c), (a, b, d), (c, d, a), (c, d, b)):
        if _turn(one, other, point) == 0 and (point in (one, other) or _between(one, point, other)):
            return True
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def encode(found: ZoneSet) -> bytes:
    """Return the document: canonical JSON. Its SHA-256 is what the log holds."""
    zones: list[Json] = [[[x, y] for x, y in zone] for zone in found.zones]
    document: JsonObject = {"v": 1, "camera": found.camera, "zones": zones, "salt": found.salt.hex()}
    return canonical.dumps(document)


def decode(document: bytes) -> ZoneSet:
    """Undo ``encode``; anything else: ``CustodesError`` (CORRUPT)."""
    source = canonical.load_object(document)
    if set(source) != {"v", "camera", "zones", "salt"} or canonical.integer(source, "v") != 1:
        raise corrupt("this version of privacy zones is not known")
    zones = tuple(
        tuple(_whole(corner) for corner in (polygon if isinstance(polygon, list) else [polygon]))
        for polygon in canonical.listed(source, "zones")
    )
    if problem := problem_of(zones):
        raise corrupt(f"privacy zones: {problem}")
    return ZoneSet(CameraId(canonical.text(source, "camera")), zones, canonical.hexadecimal(source, "salt", 16))


def _whole(corner: Json) -> Corner:
    match corner:
        case [int(x), int(y)] if not isinstance(x, bool) and not isinstance(y, bool):
            return x, y
    raise corrupt("privacy zones: a corner is two integers")
