# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cameras, declarations, impact and plans of a small town, and every refusal in one line."""

import json
import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from tests.planner_town import FRAME, town

from custodes.errors import CustodesError, Kind

pytest.importorskip("numba")
pytest.importorskip("highspy")
import shapely

from custodes.places.planner.declaration import Declaration, parse
from custodes.places.planner.density import LADDERS
from custodes.places.planner.geometry.town import Place, Town, Use
from custodes.places.planner.geometry.view import View
from custodes.places.planner.impact import assess
from custodes.places.planner.intrusion import WEIGHTS, Measure
from custodes.places.planner.inventory import Camera, from_geojson
from custodes.places.planner.optimise import solver
from custodes.places.planner.optimise.certificate import check
from custodes.places.planner.optimise.greedy import greedy
from custodes.places.planner.optimise.instance import from_json
from custodes.places.planner.planning import plan
from custodes.places.planner.purposes import WEEK, hours, hours_text

HEAD = """
version = 1
budgets = {budgets}
first_year = 2027
[costs]
new = 1000
turn = 100
relens = 300
remove = 50
yearly = 10
[[lens]]
name = "wide"
field_of_view = 90
pixels = 3840
range = 40
"""
PURPOSE = """
[[purpose]]
name = "{name}"
reason = "three accidents in a year"
density = 62.5
share = {share}
from = {start}
hours = "{hours}"
[[purpose.place]]
point = {point}
radius = {radius}
"""


def spot(x: float, y: float) -> list[float]:
    """Degrees of a place in metres."""
    return [round(float(each), 7) for each in FRAME.to_degrees(np.array([[x, y]], float))[0]]


def purpose(x: float, y: float, **more: object) -> str:
    values = {"name": f"place {x:.0f}", "share": 0.9, "start": 2027, "hours": "always", "radius": 4} | more
    return PURPOSE.format(point=spot(x, y), **values)


def site(name: str, x: float, y: float) -> str:
    return f'\n[[site]]\nname = "{name}"\npoint = {spot(x, y)}\nheight = 5\n'


def declared(place: Town, *parts: str, budgets: str = "[5000, 5000]") -> Declaration:
    return parse((HEAD.format(budgets=budgets) + "".join(parts)).encode(), place)


@pytest.fixture
def street() -> Town:
    """Homes north of a street, a playground east."""
    ground = Place("way/9", "Park", Use.PLAYGROUND, shapely.box(80, -15, 100, 5))
    return town([(-60, 10, -20, 20), (-15, 10, 25, 20), (30, 10, 70, 20)], [ground])


def camera(name: str, x: float, y: float, bearing: float, field: float = 90) -> Camera:
    return Camera(name, "", View(x, y, bearing, field, 5, 40, 3840), ())


def test_impact_finds_homes_the_playground_and_what_is_filmed_twice(street: Town) -> None:
    cameras = [camera("a", 70, -5, 90), camera("b", 70.1, -5, 90), camera("c", -40, -5, 0)]
    found = assess(cameras, Measure(street, LADDERS["2025"]), (), WEIGHTS)
    one, two, three = found.cameras
    assert found.places[Use.PLAYGROUND] == (1, 1)
    assert "way/9" in one.touched.places
    assert one.shared > 0.95
    assert two.shared > 0.95
    assert three.shared == 0
    # The camera's foot is 15 m before the homes' front; tilted down at a right angle it takes in this much of it.
    tilt = math.atan(9 / 16)
    assert three.touched.homes == pytest.approx(2 * (15 * math.cos(tilt) + 5 * math.sin(tilt)), abs=0.01)
    assert one.touched.homes < 1
    assert found.area < sum(each.touched.area for each in found.cameras)


def test_a_camera_that_nothing_declared_needs_may_go(street: Town) -> None:
    plans = declared(street, purpose(0, 0))
    cameras = [camera("needed", 0, -12, 0), camera("other", -40, -5, 0), camera("also", 90, -5, 90)]
    found = assess(cameras, Measure(street, plans.ladder), plans.purposes, plans.weights)
    assert found.purposes[0].met
    assert sorted(found.removable) == ["also", "other"]


def test_one_of_two_equal_cameras_may_go_but_not_both(street: Town) -> None:
    plans = declared(street, purpose(0, 0))
    cameras = [camera("one", 0, -12, 0), camera("two", 0.5, -12, 0)]
    found = assess(cameras, Measure(street, plans.ladder), plans.purposes, plans.weights)
    assert len(found.removable) == 1


def test_walks_along_a_filmed_street_are_filmed(street: Town) -> None:
    measure = Measure(street, LADDERS["2025"])
    nobody = assess([camera("away", 0, 300, 0)], measure, (), WEIGHTS).walks
    somebody = assess([camera("here", 0, -19, 90, 360)], measure, (), WEIGHTS).walks
    assert nobody.count > 0
    assert nobody.share == 0
    assert 0 < somebody.share < 1
    assert somebody.filmed > 0


def test_the_plan_removes_what_serves_nothing_and_keeps_what_serves(street: Town) -> None:
    plans = declared(street, purpose(0, 0), site("pole", 0, -14))
    outcome = plan(
        plans, [camera("good", 0, -12, 0, 60), camera("idle", -40, -5, 0)], Measure(street, plans.ladder), 20
    )
    assert outcome.kept == ["good"] or any(step.site == "good" for step in outcome.steps)
    assert "idle" in outcome.removed
    assert check(outcome.plan.certificate).objective == outcome.plan.intrusion
    assert outcome.intrusion < outcome.today
    assert outcome.plan.gap <= 1e-4


def test_a_purpose_of_a_later_year_is_not_served_before(street: Town) -> None:
    plans = declared(street, purpose(0, 0, start=2028), site("pole", 0, -14))
    outcome = plan(plans, [], Measure(street, plans.ladder), 20)
    assert [(step.year, step.site) for step in outcome.steps] == [(2028, "pole")]
    assert outcome.spent == [0, 1010]


def test_yearly_money_moves_a_camera_to_an_earlier_year(street: Town) -> None:
    parts = [purpose(0, 0, start=2028), purpose(-200, 0, start=2028), site("one", 0, -14), site("two", -200, -14)]
    plans = declared(street, *parts, budgets="[1100, 1100]")
    outcome = plan(plans, [], Measure(street, plans.ladder), 20)
    assert sorted(step.year for step in outcome.steps) == [2027, 2028]
    assert max(outcome.spent) <= 1100


def test_a_camera_for_some_hours_runs_in_these_only(street: Town) -> None:
    always = declared(street, purpose(0, 0), site("pole", 0, -14))
    nights = declared(street, purpose(0, 0, hours="22:00-04:00"), site("pole", 0, -14))
    whole = plan(always, [], Measure(street, always.ladder), 20)
    part = plan(nights, [], Measure(street, nights.ladder), 20)
    assert part.intrusion == pytest.approx(whole.intrusion / 4, rel=0.01)
    assert "only Mo-Su 00:00-04:00, 22:00-24:00" in part.steps[0].action


def test_the_greedy_plan_keeps_the_rules_and_is_never_less_intrusive_where_it_meets_all(street: Town) -> None:
    plans = declared(street, purpose(0, 0), purpose(-200, 0), site("one", 0, -14), site("two", -200, -14))
    outcome = plan(plans, [camera("old", -40, -5, 0)], Measure(street, plans.ladder), 20)
    rival, unmet = greedy(from_json(outcome.plan.certificate["instance"]))
    assert unmet == outcome.greedy_unmet == []
    assert sum(each.intrusion for each in rival) >= outcome.plan.intrusion
    told = dict(outcome.plan.certificate, chosen=[each.name for each in rival], multipliers={})
    del told["objective"], told["certified_gap"]
    assert check(told).objective == sum(each.intrusion for each in rival)


def test_more_money_never_buys_more_intrusion(street: Town) -> None:
    plans = declared(street, purpose(0, 0), purpose(15, 0), *(site(f"p{x}", x, -14) for x in range(-10, 31, 5)))
    outcome = plan(plans, [], Measure(street, plans.ladder), 20)
    units = [each for _, each in outcome.curve]
    assert units == sorted(units, reverse=True)


def refused(place: Town, plans: Declaration, cameras: list[Camera]) -> str:
    with pytest.raises(CustodesError) as problem:
        plan(plans, cameras, Measure(place, plans.ladder), 20)
    assert "\n" not in problem.value.message
    return problem.value.message


def test_a_budget_that_is_not_enough_names_the_purpose_and_the_money(street: Town) -> None:
    said = refused(street, declared(street, purpose(0, 0), site("pole", 0, -14), budgets="[600, 5000]"), [])
    assert "place 0" in said
    assert "410 more in year 1" in said


def test_cameras_that_nobody_can_pay_to_keep_or_remove_are_said(street: Town) -> None:
    plans = declared(street, purpose(0, 0), site("pole", 0, -14), budgets="[5, 5]")
    said = refused(street, plans, [camera("old", 0, -12, 0)])
    assert "the cameras that stand already" in said
    assert "more in year 1" in said


def test_a_purpose_that_nothing_sees_is_named(street: Town) -> None:
    said = refused(street, declared(street, purpose(0, 0), purpose(-300, 0), site("pole", 0, -14)), [])
    assert "place -300 cannot be met at any price" in said


def test_without_any_candidate_there_is_no_plan(street: Town) -> None:
    assert "add sites or lenses" in refused(street, declared(street, purpose(0, 0)), [])


def test_without_a_purpose_nothing_is_planned(street: Town) -> None:
    assert "no purpose" in refused(street, declared(street), [camera("a", 0, -12, 0)])


@pytest.mark.parametrize(
    ("script", "patience", "said"),
    [
        ("kill -9 $$", 15.0, r"was killed \(signal 9\)"),
        ("exec sleep 30", 0.2, "did not end within 1 s and was stopped"),
        ("echo no memory >&2; exit 1", 15.0, "failed: no memory"),
        ("echo nonsense", 15.0, "no answer that can be read"),
    ],
)
def test_a_solver_that_does_not_answer_is_one_line(
    street: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, patience: float, said: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(solver.sys, "executable", os.fspath(program))
    monkeypatch.setattr(solver, "_GRACE", patience)
    plans = declared(street, purpose(0, 0), site("pole", 0, -14))
    with pytest.raises(CustodesError, match=said) as problem:
        plan(plans, [], Measure(street, plans.ladder), 1)
    assert problem.value.kind is Kind.UNAVAILABLE


def test_to_watch_everything_is_refused_with_the_reason(street: Town) -> None:
    with pytest.raises(CustodesError, match="people who live there") as problem:
        declared(street, purpose(0, 0, radius=200))
    assert problem.value.kind is Kind.DENIED
    corners = [spot(x, y) for x, y in ((-900, -900), (900, -900), (900, 900), (-900, 900))]
    head = '\n[[purpose]]\nname = "all"\nreason = "safety"\ndensity = 20\n'
    everything = f"{head}[[purpose.place]]\npolygon = {corners}\n"
    with pytest.raises(CustodesError, match="hectares"):
        declared(street, everything)
    with pytest.raises(CustodesError, match="watching everything is refused"):
        declared(street, head)


BAD = {
    "version = 1": "version = 2",
    "budgets = [5000, 5000]": "budgets = []",
    "first_year = 2027": "first_year = 'soon'",
    "new = 1000": "new = -1",
    "turn = 100\n": "",
    "yearly = 10": "yearly = 10\nbribes = 5",
    "field_of_view = 90": "field_of_view = 900",
    "pixels = 3840": "pixels = nan",
    'reason = "three accidents in a year"': 'reason = " "',
    "density = 62.5": 'level = "recognise"',
    "share = 0.9": "share = 1.5",
    "from = 2027": "from = 2031",
    'hours = "always"': 'hours = "24/7"',
    "radius = 4": "radius = inf",
    "point = [24.94": "point = [240.94",
}


@pytest.mark.parametrize("good", BAD)
def test_a_declaration_with_a_mistake_is_refused_in_one_line(street: Town, good: str) -> None:
    text = HEAD.format(budgets="[5000, 5000]") + purpose(0, 0)
    assert good in text
    parse(text.encode(), street)
    with pytest.raises(CustodesError) as problem:
        parse(text.replace(good, BAD[good]).encode(), street)
    assert "\n" not in problem.value.message


@pytest.mark.parametrize("document", [b"\xff", b"= 1", b"version = 1", b"[" * 100_000])
def test_what_is_no_declaration_is_refused(street: Town, document: bytes) -> None:
    with pytest.raises(CustodesError):
        parse(document, street)


def test_a_polygon_that_crosses_itself_is_refused(street: Town) -> None:
    bow = [spot(x, y) for x, y in ((0, 0), (9, 9), (9, 0), (0, 9))]
    text = f'\n[[purpose]]\nname = "bow"\nreason = "r"\ndensity = 20\n[[purpose.place]]\npolygon = {bow}\n'
    with pytest.raises(CustodesError, match="crosses itself"):
        declared(street, text)


@pytest.mark.parametrize(
    ("text", "count", "said"),
    [
        ("always", 168, "always"),
        ("Mo-Fr 06:00-20:00", 70, "Mo-Fr 06:00-20:00"),
        ("Fr-Sa 22:00-04:00", 12, "Fr 22:00-24:00; Sa 00:00-04:00, 22:00-24:00; Su 00:00-04:00"),
        ("Su-Mo 00:00-24:00", 48, "Mo 00:00-24:00; Su 00:00-24:00"),
        ("Su 23:00-01:00", 2, "Mo 00:00-01:00; Su 23:00-24:00"),
    ],
)
def test_hours_of_the_week_are_read_and_said(text: str, count: int, said: str) -> None:
    assert hours(text).bit_count() == count
    assert hours_text(hours(text)) == said
    assert hours(text) & ~WEEK == 0


def feature(x: float, y: float, **tags: object) -> dict[str, object]:
    return {"type": "Feature", "geometry": {"type": "Point", "coordinates": spot(x, y)}, "properties": tags}


def cameras(place: Town, *features: object) -> tuple[list[Camera], list[str]]:
    document = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    found = from_geojson(document, place, "cameras.geojson")
    return found.cameras, found.left_out


def test_cameras_come_with_what_was_assumed_and_none_is_dropped_silently(street: Town) -> None:
    good, bad = cameras(
        street,
        feature(0, 0, direction=90, field_of_view=60, height_m=5, range_m=30, pixels=2560),
        feature(0, 0, **{"camera:direction": "SW"}),
        feature(0, 0),
        feature(0, 15),
        feature(5000, 0),
        feature(0, 0, direction=1, field_of_view=9999),
        {"type": "Feature", "geometry": None},
        {"geometry": {"type": "Point", "coordinates": [float("nan"), 2]}},
        17,
    )
    assert [len(each.assumed) for each in good] == [0, 4, 4]
    assert good[1].view.bearing == 225
    assert good[2].view.field_of_view == 360
    assert len(bad) == 6
    assert all("\n" not in each for each in bad)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"type": "FeatureCollection"}', b"[" * 100_000, b"\xff"])
def test_what_is_no_geojson_is_refused(street: Town, document: bytes) -> None:
    with pytest.raises(CustodesError):
        from_geojson(document, street, "x")
