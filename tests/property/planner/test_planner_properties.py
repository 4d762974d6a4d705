# SPDX-License-Identifier: AGPL-3.0-or-later
"""Visibility against lines of sight; dominance and the solver against trying everything; certificates against lies."""

import copy
import itertools
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.planner_town import town

from custodes.errors import CustodesError

pytest.importorskip("numba")
pytest.importorskip("highspy")
import shapely

from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import ground, seen_by, sees
from custodes.places.planner.optimise import process
from custodes.places.planner.optimise.build import Task, build
from custodes.places.planner.optimise.certificate import check
from custodes.places.planner.optimise.dominance import Option, undominated
from custodes.places.planner.optimise.instance import Column, Instance, base, covered
from custodes.places.planner.optimise.milp import program
from custodes.places.planner.optimise.plan import least_intrusive

BOXES = st.lists(
    st.tuples(st.integers(-40, 40), st.integers(-40, 40), st.integers(1, 20), st.integers(1, 20)).map(
        lambda box: (float(box[0]), float(box[1]), float(box[0] + box[2]), float(box[1] + box[3]))
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(BOXES, st.floats(0, 359), st.floats(10, 360), st.integers(0, 2**32 - 1))
def test_visible_points_have_a_free_line_of_sight_and_no_others(
    boxes: list[tuple[float, float, float, float]], bearing: float, field: float, seed: int
) -> None:
    place = town([*boxes, (500, 500, 510, 510)])
    blocks, rng = place.walls.blocks, np.random.default_rng(seed)
    x, y = rng.uniform(-45, 45, 2)
    if shapely.intersects(blocks, shapely.Point(x, y).buffer(0.01)):
        return
    view = View(float(x), float(y), bearing, field, 0 if field < 150 else 4, 50, 1920, 0.0)
    region = seen_by(view, place.walls).polygon()
    points = rng.uniform(-50, 50, (60, 2)) + np.array([x, y])
    lines = shapely.linestrings(np.stack([np.broadcast_to([x, y], points.shape), points], axis=1))
    free = ~shapely.intersects(blocks, lines)
    # Within a centimetre of the edge rounding decides, and the range's circle is a polygon of 360 corners.
    sure = shapely.distance(shapely.boundary(region), shapely.points(points)) > 0.01
    inside = shapely.contains_xy(region, points)
    angles = np.degrees(np.arctan2(points[:, 0] - x, points[:, 1] - y))
    off = np.abs((angles - bearing + 180) % 360 - 180)
    want = free & (np.hypot(*(points - [x, y]).T) < 50) & (off < field / 2)
    assert (inside == want)[sure].all()
    assert (sees(view, points, place.walls) == want)[sure & (np.abs(off - field / 2) > 0.01)].all()


@settings(max_examples=60, deadline=None)
@given(BOXES, st.floats(0, 359), st.floats(5, 149), st.floats(0, 80), st.floats(0.5, 20))
def test_filmed_ground_is_inside_range_and_outside_houses(
    boxes: list[tuple[float, float, float, float]], bearing: float, field: float, tilt: float, height: float
) -> None:
    place = town([*boxes, (500, 500, 510, 510)])
    if shapely.intersects(place.walls.blocks, shapely.Point(0.5, 0.5).buffer(0.01)):
        return
    filmed = ground(View(0.5, 0.5, bearing, field, height, 50, 1920, tilt), place.walls)
    assert filmed.is_valid
    assert shapely.intersection(filmed, place.walls.blocks).area < 1e-6
    assert filmed.is_empty or shapely.Point(0.5, 0.5).hausdorff_distance(filmed) <= 50.0001


OPTIONS = st.lists(
    st.tuples(
        st.integers(0, 3), st.booleans(), st.integers(0, 4), st.integers(0, 2), st.integers(0, 9), st.integers(0, 255)
    ),
    min_size=1,
    max_size=6,
)


def options(rows: list[tuple[int, bool, int, int, int, int]]) -> list[Option]:
    """Options at sites that exist (with one that keeps them) and at new ones."""
    made = [
        Option(f"s{site}:keep", f"s{site}", True, True, 0, 1, 5, 1 << site)
        for site in {row[0] for row in rows if row[1]}
    ]
    for number, (site, exists, once, yearly, units, cover) in enumerate(rows):
        where = f"s{site}" if exists else f"n{number}"
        made.append(Option(f"{where}:o{number}", where, exists, False, once, yearly, units, cover))
    return made


def best(instance: Instance) -> int | None:
    """The least intrusion of all plans, by trying every choice for every site."""
    by_site: dict[str, list[tuple[Column, ...]]] = {}
    for each in instance.columns:
        by_site.setdefault(each.site if each.exclusive else base(each), []).append((each,))
    choices = []
    for group in by_site.values():
        columns = [each for (each,) in group]
        if columns[0].exclusive:
            chains = itertools.chain.from_iterable(
                itertools.combinations(columns, size) for size in range(1, instance.years + 1)
            )
            choices.append([
                chain for chain in chains
                if all(sum(c.first <= y <= c.last for c in chain) == 1 for y in range(instance.years))
            ])  # fmt: skip
        else:
            choices.append([(), *group])
    least = None
    for parts in itertools.product(*choices):
        plan = [each for part in parts for each in part]
        if any(
            limit is not None and sum(each.cost[year] for each in plan) > limit
            for year, limit in enumerate(instance.budget)
        ):
            continue
        if all(
            covered(instance, each, year, plan) >= each.need
            for each in instance.demands
            for year in range(each.start, instance.years)
        ):
            total = sum(each.intrusion for each in plan)
            least = total if least is None else min(least, total)
    return least


def whole(task: Task, made: list[Option]) -> Instance:
    """The instance without dominance reduction."""
    with mock.patch("custodes.places.planner.optimise.build.undominated", lambda each: list(each)):
        return build(task, made)[0]


@settings(max_examples=25, deadline=None)
@given(OPTIONS, st.integers(0, 12), st.integers(1, 4), st.integers(0, 1))
def test_neither_dominance_nor_the_solver_misses_the_best_plan(
    rows: list[tuple[int, bool, int, int, int, int]], budget: int, need: int, start: int
) -> None:
    made = options(rows)
    task = Task(2, (budget, budget), 1, (("p", start, need), ("q", 1, 1)), ("p",) * 5 + ("q",) * 3)
    instance, kept = build(task, made)
    assert set(kept) <= set(made)
    want = best(whole(task, made))
    assert best(instance) == want
    try:
        plan = least_intrusive(instance, 20)
    except CustodesError:
        assert want is None
        return
    assert plan.intrusion == want
    assert check(plan.certificate).objective == want
    assert check(plan.certificate).bound <= want


@settings(max_examples=60, deadline=None)
@given(OPTIONS, st.integers(0, 14), st.integers(1, 4))
def test_block_by_block_is_as_good_as_at_once(
    rows: list[tuple[int, bool, int, int, int, int]], budget: int, need: int
) -> None:
    task = Task(
        2, (budget, budget), 1, (("p", 0, need), ("q", 1, 1), ("r", 1, 1)), ("p",) * 4 + ("q",) * 2 + ("r",) * 2
    )
    made = program(build(task, options(rows))[0]).arrays()
    names = ("low", "high", "start", "index", "value", "links")
    whole = process.Rows(made["cost"], made["upper"], int(made["whole"][0]), *(made[name] for name in names))
    at_once = process.highs(whole, whole=True, seconds=20, gap=0)
    with mock.patch.object(process, "_SMALL", 1):
        parts = process.solve(whole, whole=True, seconds=20, gap=0)
    assert (parts.status == "kOptimal") == (at_once.status == "kOptimal")
    if at_once.status == "kOptimal":
        assert parts.objective == pytest.approx(at_once.objective, abs=1e-6)
        assert parts.bound <= at_once.objective + 1e-6


def certified() -> dict[str, object]:
    made = options([(0, True, 1, 0, 3, 7), (1, False, 2, 1, 4, 56), (2, False, 3, 1, 2, 200)])
    task = Task(2, (9, 9), 1, (("p", 0, 3), ("q", 1, 1)), ("p",) * 5 + ("q",) * 3)
    return least_intrusive(build(task, made)[0], 20).certificate


LIES = {
    "a camera left out": lambda c: c["chosen"].pop(),
    "a camera twice": lambda c: c["chosen"].append(c["chosen"][0]),
    "a camera that is not offered": lambda c: c["chosen"].append("dream:keep@0"),
    "another objective": lambda c: c.update(objective=c["objective"] - 1),
    "a better gap": lambda c: c.update(certified_gap="-0.1000"),
    "a smaller budget": lambda c: c["instance"].update(budget=[0, 0]),
    "a larger need": lambda c: c["instance"]["demands"][0].update(need=50),
    "a fraction": lambda c: c["instance"]["columns"][0].update(intrusion=0.5),
    "a negative intrusion": lambda c: c["instance"]["columns"][0].update(intrusion=-5),
    "a multiplier for nothing": lambda c: c["multipliers"].update({"need z 0": 1}),
    "a multiplier that is text": lambda c: c["multipliers"].update({"need p 0": "much"}),
    "points counted twice": lambda c: c["instance"]["demands"][0].update(groups=[0, 0]),
    "two purposes of one name": lambda c: c["instance"]["demands"][1].update(name="p"),
    "another version": lambda c: c.update(v=2),
    "no instance": lambda c: c.pop("instance"),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_checker_rejects_a_certificate_with(lie: str) -> None:
    honest = certified()
    check(honest)
    told = copy.deepcopy(honest)
    LIES[lie](told)  # type: ignore[no-untyped-call]
    with pytest.raises(CustodesError, match="certificate"):
        check(told)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_multipliers_prove_more_than_is_true(data: st.DataObject) -> None:
    told = certified()
    multipliers = dict(told["multipliers"])  # type: ignore[call-overload]
    for name in multipliers:
        multipliers[name] = data.draw(st.integers(-(1 << 24), 1 << 24))
    told["multipliers"] = multipliers
    told.pop("certified_gap")
    assert check(told).bound <= check(told).objective


@given(OPTIONS)
def test_what_stands_already_is_never_left_out(rows: list[tuple[int, bool, int, int, int, int]]) -> None:
    made = options(rows)
    assert {each for each in made if each.standing} <= set(undominated(made))
