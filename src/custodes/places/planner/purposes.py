# SPDX-License-Identifier: AGPL-3.0-or-later
"""Declared purposes: bounded places, how well they must be seen, when, and from which year on."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely

from custodes.errors import denied, invalid
from custodes.places.planner.geometry.frame import Points
from custodes.places.planner.geometry.walls import Walls

LARGEST_PLACE = 20_000.0
"""Square metres of one place: two hectares, a large square."""
LARGEST_PURPOSE = 100_000.0
"""Square metres of all places of one purpose together."""
STEP = 1.0
"""Metres between the points at which a place is looked at."""
WEEK = (1 << 168) - 1
"""All hours of a week as bits, Monday 0:00 first."""

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_HOURS = re.compile(r"(?:(Mo|Tu|We|Th|Fr|Sa|Su)(?:-(Mo|Tu|We|Th|Fr|Sa|Su))? )?(\d\d):00-(\d\d):00")


@dataclass(frozen=True)
class Purpose:
    """What cameras are for at some places.

    ``ground`` is the places' union (shapely, metres); ``density`` pixels per metre; ``share`` of the ground that must
    be seen so; ``start`` the first year (from 0) in which that must hold; ``hours`` of the week as bits.
    """

    name: str
    reason: str
    ground: Any
    density: float
    share: float
    start: int
    hours: int = WEEK

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise invalid(f"purpose {self.name}: say the reason; a camera without one is not planned")
        parts = [part.area for part in shapely.get_parts(self.ground)]
        if not parts or not max(parts) > 0:
            raise invalid(f"purpose {self.name}: it names no place")
        if max(parts) > LARGEST_PLACE or sum(parts) > LARGEST_PURPOSE:
            raise denied(
                f"purpose {self.name} covers {sum(parts) / 10_000:.1f} hectares: a purpose is for bounded places"
                " (2 hectares each, 10 together), for declared reasons. To watch everything is no purpose that could"
                " be weighed against the people who live there; name the places where something has to be seen, and why"
            )

    @cached_property
    def centre(self) -> tuple[float, float]:
        """Middle of the places."""
        point = shapely.centroid(self.ground)
        return float(point.x), float(point.y)

    def points(self, walls: Walls) -> Points:
        """Points of the ground in the open, on a grid of a metre (n × 2); at least one."""
        west, south, east, north = shapely.bounds(self.ground)
        x, y = np.meshgrid(np.arange(west + STEP / 2, east, STEP), np.arange(south + STEP / 2, north, STEP))
        grid: Points = np.column_stack([x.ravel(), y.ravel()])
        shapely.prepare(self.ground)
        grid = grid[shapely.contains_xy(self.ground, grid)]
        if len(grid):
            # a wall's own points are no ground
            grid = grid[~shapely.intersects_xy(walls.blocks, grid)]
        if not len(grid):
            raise invalid(f"purpose {self.name}: its places are too small, or lie inside buildings")
        return grid


def hours_text(bits: int) -> str:
    """Hours of the week in words, each run of days with the same hours once."""
    if bits == WEEK:
        return "always"
    days = [bits >> (24 * day) & 0xFFFFFF for day in range(7)]
    said, first = [], 0
    for day in range(1, 8):
        if day < 7 and days[day] == days[first]:
            continue
        if days[first]:
            names = _DAYS[first] if day - 1 == first else f"{_DAYS[first]}-{_DAYS[day - 1]}"
            said.append(f"{names} {_spans(days[first])}")
        first = day
    return "; ".join(said)


def _spans(day: int) -> str:
    runs = re.finditer("1+", format(day, "024b")[::-1])
    return ", ".join(f"{run.start():02}:00-{run.end():02}:00" for run in runs)


def hours(text: str) -> int:
    """Hours of the week as bits: ``always``, or ``;``-separated spans such as ``Fr-Sa 22:00-04:00`` (over midnight)."""
    if text == "always":
        return WEEK
    found = 0
    for span in text.split(";"):
        match = _HOURS.fullmatch(span.strip())
        if not match or int(match[3]) > 23 or int(match[4]) > 24:
            raise invalid(f"hours {span.strip()!r}: write 'always', or whole hours such as 'Fr-Sa 22:00-04:00'")
        first = _DAYS.index(match[1]) if match[1] else 0
        last = _DAYS.index(match[2] or match[1]) if match[1] else 6
        begin, end = int(match[3]), int(match[4])
        length = (end - begin) % 24 or 24
        for day in range((last - first) % 7 + 1):
            for hour in range(length):
                found |= 1 << (((first + day) * 24 + begin + hour) % 168)
    return found
