# SPDX-License-Identifier: AGPL-3.0-or-later
"""What could be done: cameras kept, turned, given another lens; new ones at new sites. Removal is always among it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import sees
from custodes.places.planner.geometry.walls import Walls
from custodes.places.planner.inventory import Camera
from custodes.places.planner.optimise.dominance import Option
from custodes.places.planner.purposes import WEEK, Purpose, hours_text

AT = ", only "
"""Between what a camera is and the hours in which it runs, in the names of options."""


@dataclass(frozen=True, slots=True)
class Lens:
    """A camera that can be bought: horizontal field of view (degrees), pixels across, range (metres)."""

    name: str
    field_of_view: float
    pixels: int
    reach: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Whole euros: ``yearly`` for each camera in service, the others once."""

    new: int
    turn: int
    relens: int
    remove: int
    yearly: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where a new camera could hang (metres)."""

    name: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to use one site, before hours: its view and what it costs."""

    name: str
    site: str
    exclusive: bool
    standing: bool
    once: int
    yearly: int
    view: View


def of_cameras(cameras: Iterable[Camera], lenses: Sequence[Lens], bearings: int, costs: Costs) -> list[Candidate]:
    """Keep, turn (``bearings`` directions) and re-lens each camera that exists."""
    found = []
    for each in cameras:
        view = each.view
        found.append(Candidate(f"{each.ref}:keep", each.ref, True, True, 0, costs.yearly, view))
        for step in range(bearings):
            bearing = step * 360 / bearings
            if not view.panorama:
                turned = replace(view, bearing=bearing)
                name = f"{each.ref}:turn to {bearing:.0f}"
                found.append(Candidate(name, each.ref, True, False, costs.turn, costs.yearly, turned))
            for lens in lenses:
                name = f"{each.ref}:{lens.name} to {bearing:.0f}"
                new = View(view.x, view.y, bearing, lens.field_of_view, view.height, lens.reach, lens.pixels)
                found.append(Candidate(name, each.ref, True, False, costs.relens, costs.yearly, new))
    return found


def of_sites(sites: Iterable[Site], lenses: Sequence[Lens], bearings: int, costs: Costs) -> list[Candidate]:
    """Each lens in each direction at each new site."""
    return [
        Candidate(
            f"{site.name}:{lens.name} to {step * 360 / bearings:.0f}",
            site.name,
            False,
            False,
            costs.new,
            costs.yearly,
            View(site.x, site.y, step * 360 / bearings, lens.field_of_view, site.height, lens.reach, lens.pixels),
        )
        for site in sites
        for lens in lenses
        for step in range(bearings)
    ]


@dataclass(frozen=True)
class Ground:
    """The points of all purposes in one list, and where each purpose begins in it."""

    purposes: Sequence[Purpose]
    points: Sequence[np.typing.NDArray[np.float64]]

    @property
    def owner(self) -> tuple[str, ...]:
        """For each point the name of its purpose."""
        return tuple(
            purpose.name for purpose, points in zip(self.purposes, self.points, strict=True) for _ in range(len(points))
        )

    def cover(self, view: View, walls: Walls) -> list[int]:
        """For each purpose, the points that the view sees densely enough, as bits of the one list."""
        covers, offset = [], 0
        for purpose, points in zip(self.purposes, self.points, strict=True):
            x, y = purpose.centre
            bits = 0
            if np.hypot(x - view.x, y - view.y) <= view.reach + self._radius(purpose, points):
                good = view.density(points) >= purpose.density
                if good.any():
                    good[good] = sees(view, points[good], walls)
                    packed = np.packbits(good, bitorder="little").tobytes()
                    bits = int.from_bytes(packed, "little") << offset
            covers.append(bits)
            offset += len(points)
        return covers

    @staticmethod
    def _radius(purpose: Purpose, points: np.typing.NDArray[np.float64]) -> float:
        x, y = purpose.centre
        return float(np.hypot(points[:, 0] - x, points[:, 1] - y).max())


def options(
    candidates: Iterable[Candidate], ground: Ground, walls: Walls, intrusion: Callable[[View], float]
) -> list[Option]:
    """Options with cover and intrusion; a candidate that covers nothing and does not exist yet is left out.

    A camera may run at the hours of one purpose only, or at the hours of all (one that exists: always, as today): each
    is an option of its own, covers the purposes whose hours it holds, and intrudes for its share of the week.
    """
    schedules = {purpose.hours for purpose in ground.purposes}
    union = 0
    for each in schedules:
        union |= each
    schedules = schedules | {union} if schedules else {WEEK}
    found = []
    for candidate in candidates:
        covers = ground.cover(candidate.view, walls)
        if not (any(covers) or candidate.standing):
            continue
        weight = intrusion(candidate.view)
        for hours in sorted(schedules | {WEEK} if candidate.standing else schedules):
            cover = 0
            for purpose, bits in zip(ground.purposes, covers, strict=True):
                cover |= bits if purpose.hours & hours == purpose.hours else 0
            if cover or candidate.standing:
                share = hours.bit_count() / 168
                name = candidate.name if hours == WEEK else f"{candidate.name}{AT}{hours_text(hours)}"
                units = round(10 * weight * share)
                found.append(
                    Option(name, candidate.site, candidate.exclusive, candidate.standing, candidate.once,
                           candidate.yearly, units, cover)
                )  # fmt: skip
    return found
