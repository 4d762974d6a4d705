# SPDX-License-Identifier: AGPL-3.0-or-later
"""Small towns for the planner's tests, as OpenStreetMap files and in the plane."""

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from custodes.places.planner.geometry.frame import Frame
from custodes.places.planner.geometry.town import Building, Place, Town, Use

FRAME = Frame(24.94, 60.17)


def town(boxes: list[tuple[float, float, float, float]], places: list[Place] | None = None) -> Town:
    """A town of rectangular homes (west, south, east, north in metres), with a street south of them."""
    homes = [Building(f"way/{number}", Use.HOME, shapely.box(*each)) for number, each in enumerate(boxes)]
    nodes = np.array([[float(x), -20.0] for x in range(-500, 501, 50)])
    streets = [(number, number + 1) for number in range(len(nodes) - 1)]
    return Town(FRAME, homes, places or [], {}, nodes, streets, [], [])


def osm_file(path: Path, ways: list[tuple[dict[str, str], list[tuple[float, float]]]], nodes: Any = ()) -> Path:
    """Write ways (tags, corners in metres) and single nodes (tags, place in metres) as OSM XML."""
    lines, below, number = ['<osm version="0.6">'], [], 0
    for tags, corners in ways:
        refs = []
        closed = len(corners) > 1 and corners[0] == corners[-1]
        for corner in corners[:-1] if closed else corners:
            number += 1
            refs.append(number)
            lines.append(_node(number, corner, {}))
        refs += refs[:1] if closed else []
        inside = "".join(f'<nd ref="{ref}"/>' for ref in refs) + _tags(tags)
        below.append(f'<way id="{len(below) + 1}" version="1">{inside}</way>')
    for tags, spot in nodes:
        number += 1
        lines.append(_node(number, spot, tags))
    path.write_text("\n".join([*lines, *below, "</osm>"]))
    return path


def _node(number: int, spot: tuple[float, float], tags: dict[str, str]) -> str:
    ((longitude, latitude),) = FRAME.to_degrees(np.array([spot], float))
    return f'<node id="{number}" version="1" lat="{latitude:.7f}" lon="{longitude:.7f}">{_tags(tags)}</node>'


def _tags(tags: dict[str, str]) -> str:
    return "".join(f'<tag k="{key}" v="{escape(value)}"/>' for key, value in tags.items())


def ring(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    """Corners of a rectangle, closed."""
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]
