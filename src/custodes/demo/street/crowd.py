# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is where, at any instant: a timetable without end, computed from the seed, that can be opened anywhere.

Everybody belongs to a slot of a stream (passers-by of a route, visitors of a place, traffic of a lane); a slot's
content depends on the seed, the stream and the slot's number alone. In the first minute there are passers-by only,
and nobody and nothing stands still.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from custodes.demo.street.figure import Outfit
from custodes.demo.street.paths import Path, leg
from custodes.demo.street.poses import IDLE_PHASES, STRIDE, WALK_PHASES, Pose
from custodes.demo.street.wardrobe import outfit

Kind = Literal["walking", "standing", "seated", "cycling"]
Model = Literal["hatchback", "estate", "van", "bus", "tram"]
Points = tuple[tuple[float, float], ...]

QUIET = 60.0
"""Seconds during which everybody keeps moving."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way people (or cyclists) take through the picture, in either direction; ``spread`` is the way's half width and
    ``every`` the mean number of seconds between two of them."""

    points: Points
    every: float
    spread: float = 0.6
    cyclists: bool = False


@dataclass(frozen=True, slots=True)
class Haunt:
    """A place where somebody stays for minutes: stands, or sits down on a bench. ``facing`` in radians (0 = +X, π/2 =
    away from the camera). ``company`` puts a second person that far away, face to face."""

    way_in: Points
    point: tuple[float, float]
    way_out: Points
    facing: float
    seat: bool = False
    company: float = 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Traffic across the picture at depth ``z`` from ``x0`` to ``x1``, at ``speed`` m/s."""

    z: float
    x0: float
    x1: float
    speed: float
    every: float
    models: tuple[Model, ...]
    share: float = 0.8


@dataclass(frozen=True, slots=True)
class Script:
    """Everything that moves in one view."""

    routes: tuple[Route, ...]
    haunts: tuple[Haunt, ...]
    lanes: tuple[Lane, ...]

    def crowded(self, times: float) -> "Script":
        """The same with ``times`` as many passers-by."""
        return replace(self, routes=tuple(replace(route, every=route.every / times) for route in self.routes))


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person at one instant: position on the ground (metres), heading (radians), speed (m/s)."""

    x: float
    z: float
    heading: float
    speed: float
    kind: Kind
    pose: Pose
    outfit: Outfit


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A car, bus or tram at one instant: the middle of its near side on the ground, driving to +X if ``sign`` is 1."""

    x: float
    z: float
    sign: int
    speed: float
    model: Model
    paint: int


@dataclass(frozen=True, slots=True)
class _Stay:
    begin: float
    end: float
    facing: float
    seat: bool


@dataclass(frozen=True, slots=True)
class _Life:
    """One person's walk in, stay and walk out."""

    outfit: Outfit
    paths: tuple[Path, ...]
    stay: _Stay | None
    cyclist: bool
    habit: int

    @property
    def begin(self) -> float:
        return self.paths[0].begin

    @property
    def end(self) -> float:
        return self.paths[-1].end


@dataclass(frozen=True, slots=True)
class _Trip:
    """A lane's slot: when a vehicle enters, and which (None: the slot stays empty)."""

    begin: float
    model: Model | None
    paint: int


class Crowd:
    """The timetable of one view."""

    def __init__(self, seed: int, view: int, script: Script) -> None:
        self._seed = (seed, view)
        self._script = script
        self._lives = lru_cache(maxsize=512)(self._slot)
        self._trips = lru_cache(maxsize=256)(self._trip)

    def people(self, t: float) -> list[Somebody]:
        """Everybody at ``t`` seconds, the farthest first."""
        found = [_somebody(life, t) for life in self._present(t)]
        return sorted(found, key=lambda s: -s.z)

    def vehicles(self, t: float) -> list[Vehicle]:
        """All traffic at ``t`` seconds, the farthest first."""
        found = []
        for number, lane in enumerate(self._script.lanes):
            length = abs(lane.x1 - lane.x0)
            first = math.floor((t - length / lane.speed) / lane.every) - 1
            for slot in range(first, math.floor(t / lane.every) + 1):
                trip = self._trips(number, slot)
                driven = (t - trip.begin) * lane.speed
                if trip.model is not None and 0 <= driven <= length:
                    sign = 1 if lane.x1 > lane.x0 else -1
                    found.append(Vehicle(lane.x0 + sign * driven, lane.z, sign, lane.speed, trip.model, trip.paint))
        return sorted(found, key=lambda v: -v.z)

    def _trip(self, number: int, slot: int) -> _Trip:
        lane, lot = self._script.lanes[number], self._lot(2, number, slot)
        runs = lot.random() < lane.share
        begin = (slot + 0.35 * float(lot.random())) * lane.every
        model = lane.models[int(lot.integers(len(lane.models)))]
        return _Trip(begin, model if runs else None, int(lot.integers(64)))

    def _lot(self, stream: int, number: int, slot: int) -> np.random.Generator:
        # Slots before the beginning have negative numbers; a seed has none.
        return np.random.default_rng((*self._seed, stream, number, slot + 1_000_000))

    def _present(self, t: float) -> Iterator[_Life]:
        for number, route in enumerate(self._script.routes):
            span = 15.0 if route.cyclists else 60.0
            for slot in range(math.floor((t - span) / route.every) - 1, math.floor(t / route.every) + 1):
                yield from (life for life in self._lives(0, number, slot) if life.begin <= t < life.end)
        for number in range(len(self._script.haunts)):
            turn = _turn(number)
            slot = math.floor((t - QUIET) / turn)
            for near in (slot - 1, slot, slot + 1):
                if near >= 0:
                    yield from (life for life in self._lives(1, number, near) if life.begin <= t < life.end)

    def _slot(self, stream: int, number: int, slot: int) -> tuple[_Life, ...]:
        lot = self._lot(stream, number, slot)
        if stream == 0:
            return self._passers(lot, self._script.routes[number], slot)
        return _visitors(lot, self._script.haunts[number], QUIET + slot * _turn(number), _turn(number), slot == 0)

    @staticmethod
    def _passers(lot: np.random.Generator, route: Route, slot: int) -> tuple[_Life, ...]:
        begin = (slot + float(lot.random())) * route.every
        points = route.points if lot.random() < 0.5 else route.points[::-1]
        shift = float(lot.uniform(-route.spread, route.spread))
        if route.cyclists:
            path = leg(points, begin, float(lot.uniform(3.4, 4.6)), shift)
            return (_Life(outfit(lot, rider=True), (path,), None, cyclist=True, habit=0),)
        speed = float(lot.uniform(1.0, 1.5))
        together = 2 if lot.random() < 0.25 else 1
        lives = []
        for place in range(together):
            child = place == 1 and lot.random() < 0.45
            dressed = outfit(lot, child=child)
            path = leg(points, begin + 0.15 * place, speed, shift + 0.75 * place)
            lives.append(_Life(dressed, (path,), None, cyclist=False, habit=int(lot.choice([0, 0, 0, 1, 2]))))
        return tuple(lives)


def _turn(number: int) -> float:
    """Seconds that a place belongs to one visitor, different for each place so that they do not march in step."""
    return 210.0 + 23.0 * (number % 5)


def _visitors(lot: np.random.Generator, haunt: Haunt, opens: float, turn: float, early: bool) -> tuple[_Life, ...]:
    if lot.random() > (0.95 if early else 0.85):
        return ()
    arrive = opens + float(lot.uniform(2.0, 22.0) if early else lot.uniform(12.0, 40.0))
    stay = float(lot.uniform(70.0, turn - 75.0))
    people = 2 if haunt.company else 1
    lives = []
    for place in range(people):
        x, z = haunt.point
        aside = haunt.company * place
        point = (x + aside * math.cos(haunt.facing), z + aside * math.sin(haunt.facing))
        facing = haunt.facing + math.pi * place
        dressed = outfit(lot)
        speed = float(lot.uniform(1.05, 1.4))
        probe = leg((*haunt.way_in, point), 0.0, speed, 0.0, stop=True)
        inward = leg((*haunt.way_in, point), arrive - probe.end + 2.0 * place, speed, 0.0, stop=True)
        away = arrive + stay + 1.5 * place
        outward = leg((point, *haunt.way_out), away, speed, 0.0, start=True)
        habit = 2 if haunt.company else int(lot.integers(4))
        lives.append(_Life(dressed, (inward, outward), _Stay(inward.end, away, facing, haunt.seat), False, habit))
    return tuple(lives)


_SIT = 1.3
_TURN = 0.7


def _somebody(life: _Life, t: float) -> Somebody:
    stay = life.stay
    if stay is not None and stay.begin <= t < stay.end:
        return _staying(life, stay, t)
    path = life.paths[bisect_right([p.begin for p in life.paths], t) - 1]
    x, z, heading, speed, gone = path.at(t)
    cycle = gone / (3.4 if life.cyclist else STRIDE * life.outfit.stature)
    phase = round(cycle * WALK_PHASES) % WALK_PHASES
    if life.cyclist:
        return Somebody(x, z, heading, speed, "cycling", Pose("ride", phase), life.outfit)
    vigour = max(1, min(4, round(4 * speed / 1.1)))
    return Somebody(x, z, heading, speed, "walking", Pose("walk", phase, vigour, life.habit % 3), life.outfit)


def _staying(life: _Life, stay: _Stay, t: float) -> Somebody:
    x, z, before, _, _ = life.paths[0].at(stay.begin - 1e-6)
    _, _, after, _, _ = life.paths[1].at(stay.end + 1.0)
    since, left = t - stay.begin, stay.end - t
    heading = _turned(before, stay.facing, since / _TURN)
    heading = _turned(heading, after, 1.0 - left / _TURN)
    phase = int((t / 9.0 + life.habit * 0.3) * IDLE_PHASES) % IDLE_PHASES
    if not stay.seat:
        return Somebody(x, z, heading, 0.0, "standing", Pose("stand", phase, 4, life.habit), life.outfit)
    depth = min((since - _TURN) / _SIT, (left - _TURN) / _SIT, 1.0)
    quarters = round(4 * max(0.0, depth))
    if quarters == 0:
        return Somebody(x, z, heading, 0.0, "standing", Pose("stand", phase, 4, 0), life.outfit)
    return Somebody(x, z, heading, 0.0, "seated", Pose("sit", phase, quarters, life.habit), life.outfit)


def _turned(start: float, goal: float, share: float) -> float:
    """From one heading to another the short way round."""
    if share <= 0:
        return start
    difference = (goal - start + math.pi) % (2 * math.pi) - math.pi
    return start + difference * min(1.0, share)
