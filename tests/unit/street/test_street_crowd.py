# SPDX-License-Identifier: AGPL-3.0-or-later
"""The timetable of the rendered street: who moves when, and that nobody leaps."""

import math
from collections import defaultdict
from functools import cache
from itertools import pairwise

import pytest

pytest.importorskip("cv2", reason="OpenCV draws the street")

from custodes.demo.street.crowd import QUIET, Crowd, Kind, Somebody
from custodes.demo.street.figure import Outfit
from custodes.demo.street.scenery import Scenery
from custodes.demo.street.scenes import build
from custodes.demo.street.square import FOUNTAIN

CASES = [(seed, view) for seed in (1, 7) for view in (0, 1, 2)]


@cache
def scenery(seed: int, view: int) -> Scenery:
    return build(seed, view)


@pytest.fixture(scope="module", params=CASES, ids=lambda c: f"seed {c[0]} view {c[1]}")
def crowd(request: pytest.FixtureRequest) -> Crowd:
    seed, view = request.param
    return Crowd(seed, view, scenery(seed, view).script)


def test_nobody_and_nothing_stands_still_in_the_first_minute(crowd: Crowd) -> None:
    for tenth in range(int(QUIET * 10)):
        t = tenth / 10
        assert all(p.speed > 0.5 and p.kind in ("walking", "cycling") for p in crowd.people(t))
        assert all(v.speed > 3 for v in crowd.vehicles(t))


def test_later_people_stand_and_sit_for_more_than_a_minute(crowd: Crowd) -> None:
    rests: dict[tuple[Outfit, Kind], int] = defaultdict(int)
    for second in range(60, 600):
        for person in crowd.people(second):
            if person.speed == 0:
                rests[person.outfit, person.kind] += 1
    longest = {kind: max(n for (_, k), n in rests.items() if k == kind) for kind in ("standing", "seated")}
    assert longest["standing"] >= 60
    assert longest["seated"] >= 60


def test_some_stay_within_the_first_hundred_seconds(crowd: Crowd) -> None:
    assert any(p.speed == 0 for p in crowd.people(100.0))


def test_nobody_leaps(crowd: Crowd) -> None:
    before: dict[Outfit, tuple[float, float]] = {}
    for step in range(25 * 240):
        now = {p.outfit: (p.x, p.z) for p in crowd.people(step / 25)}
        for outfit, place in now.items():
            if outfit in before:
                assert math.dist(place, before[outfit]) < 0.25
        before = now


@pytest.mark.parametrize(("seed", "view"), CASES)
def test_people_appear_and_vanish_out_of_sight(seed: int, view: int) -> None:
    lens = scenery(seed, view).lens
    crowd = Crowd(seed, view, scenery(seed, view).script)
    before: dict[Outfit, Somebody] = {}
    for step in range(1600):
        now = {p.outfit: p for p in crowd.people(step / 4)}
        for outfit in set(now) ^ set(before) if before else set():
            person = now.get(outfit) or before[outfit]
            column, row = lens.ground(person.x, person.z)
            scale = lens.scale(person.z)
            beside = column < -0.4 * scale or column > 1280 + 0.4 * scale
            below = row - 1.9 * scale > 715
            round_the_corner = view == 1 and person.z > 31.5 and abs(person.x) > 9.5
            assert beside or below or round_the_corner
        before = now


@pytest.mark.parametrize("seed", [1, 7])
def test_nobody_walks_through_the_fountain(seed: int) -> None:
    crowd = Crowd(seed, 0, scenery(seed, 0).script)
    assert all(math.dist((p.x, p.z), FOUNTAIN) > 2.2 for t in range(600) for p in crowd.people(t))


def test_vehicles_of_a_lane_keep_their_distance(crowd: Crowd) -> None:
    for step in range(2400):
        lanes: dict[float, list[float]] = defaultdict(list)
        for vehicle in crowd.vehicles(step / 4):
            lanes[vehicle.z].append(vehicle.x)
        for places in lanes.values():
            places.sort()
            assert all(b - a > 13 for a, b in pairwise(places))
