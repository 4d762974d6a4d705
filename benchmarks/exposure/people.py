# SPDX-License-Identifier: AGPL-3.0-or-later
"""People beside those of the street's own timetable: who stands or sits for minutes, walks far away, sleeps on a bench.

Places are metres X, Z on the ground of a view, times seconds from the first picture.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from custodes.demo.street.crowd import Crowd, Script, Somebody
from custodes.demo.street.figure import Outfit
from custodes.demo.street.paths import Path, leg
from custodes.demo.street.poses import IDLE_PHASES, STRIDE, WALK_PHASES, Pose
from custodes.demo.street.wardrobe import outfit

Point = tuple[float, float]
NOBODY = Script((), (), ())
_PHASE_S = 0.6
"""How long an attitude lasts at rest."""


@dataclass(frozen=True, slots=True)
class Extra:
    """Somebody who comes by ``way_in``, stays (not at all without ``way_out``) and goes. ``asleep``: never stirs."""

    outfit: Outfit
    way_in: Path
    way_out: Path | None
    facing: float = -1.57
    seat: bool = False
    asleep: bool = False

    def at(self, t: float) -> Somebody | None:
        """This person at ``t``, None before coming and after going."""
        last = self.way_out or self.way_in
        if not self.way_in.begin <= t < last.end:
            return None
        if self.way_out is not None and self.way_in.end <= t < self.way_out.begin:
            return self._staying(t)
        x, z, heading, speed, gone = (self.way_in if t < self.way_in.end else last).at(t)
        phase = round(gone / (STRIDE * self.outfit.stature) * WALK_PHASES) % WALK_PHASES
        vigour = max(1, min(4, round(4 * speed / 1.1)))
        return Somebody(x, z, heading, speed, "walking", Pose("walk", phase, vigour), self.outfit)

    def _staying(self, t: float) -> Somebody:
        x, z, *_ = self.way_in.at(self.way_in.end)
        phase = 0 if self.asleep else int(t / _PHASE_S) % IDLE_PHASES
        if self.seat:
            return Somebody(x, z, self.facing, 0.0, "seated", Pose("sit", phase, 4, 1), self.outfit)
        return Somebody(x, z, self.facing, 0.0, "standing", Pose("stand", phase, 4, 1), self.outfit)


def stayer(lot: np.random.Generator, way: Sequence[Point], arrive: float, stay: float, *, seat: bool = False) -> Extra:
    """Somebody who walks ``way``, is at its end from ``arrive`` for ``stay`` seconds, and walks back."""
    speed = float(lot.uniform(1.0, 1.4))
    probe = leg(tuple(way), 0.0, speed, 0.0, stop=True)
    inward = leg(tuple(way), arrive - probe.end, speed, 0.0, stop=True)
    outward = leg(tuple(reversed(way)), arrive + stay, speed, 0.0, start=True)
    return Extra(outfit(lot), inward, outward, float(lot.uniform(-math.pi, 0.0)) if not seat else -1.57, seat)


def sleeper(lot: np.random.Generator, spot: Point, away: Point, until: float) -> Extra:
    """Somebody who sits asleep at ``spot`` from before the first picture ``until`` then, and goes ``away``."""
    inward = leg((away, spot), -1000.0, 1.2, 0.0, stop=True)
    return Extra(outfit(lot), inward, leg((spot, away), until, 1.2, 0.0, start=True), seat=True, asleep=True)


def passer(lot: np.random.Generator, way: Sequence[Point], begin: float) -> Extra:
    """Somebody who walks ``way`` without a stop; one in four is a child."""
    path = leg(tuple(way), begin, float(lot.uniform(0.9, 1.5)), 0.0)
    return Extra(outfit(lot, child=bool(lot.random() < 0.25)), path, None)


def timetable(extras: Sequence[Extra], usual: bool = True) -> Callable[[int, int, Script], Crowd]:
    """What makes a street's timetable of its own people (unless not ``usual``) and the extras."""

    class _Timetable(Crowd):
        def people(self, t: float) -> list[Somebody]:
            found = (extra.at(t) for extra in extras)
            return [*super().people(t), *(each for each in found if each is not None)]

    return lambda seed, view, script: _Timetable(seed, view, script if usual else NOBODY)
