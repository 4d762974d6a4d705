# SPDX-License-Identifier: AGPL-3.0-or-later
"""Metres, buildings and what a camera sees between them, where the answer can be worked out by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
from tests.planner_town import FRAME, osm_file, ring, town

from custodes.errors import CustodesError

pytest.importorskip("numba")

from custodes.places.planner.density import LADDERS, ladder
from custodes.places.planner.geometry.osm import read_town
from custodes.places.planner.geometry.town import Use
from custodes.places.planner.geometry.view import View
from custodes.places.planner.geometry.visibility import ground, outside, seen_by, sees


def view(x: float = 0, y: float = 0, bearing: float = 0, field: float = 360, **more: float) -> View:
    return View(x, y, bearing, field, more.get("height", 4), more.get("reach", 50), 1920, more.get("tilt"))


def test_a_degree_of_latitude_is_as_long_as_the_ellipsoid_says() -> None:
    (south, north) = FRAME.to_metres(np.array([[24.94, 60.165], [24.94, 60.175]]))
    assert north[1] - south[1] == pytest.approx(1114.2, abs=0.5)
    back = FRAME.to_degrees(np.array([north]))
    assert back[0] == pytest.approx([24.94, 60.175], abs=1e-9)


def test_in_the_open_a_camera_sees_its_whole_circle() -> None:
    seen = seen_by(view(), town([(1000, 1000, 1010, 1010)]).walls)
    assert seen.area == pytest.approx(math.pi * 50**2, rel=1e-4)


def test_a_sector_sees_its_share_of_the_circle() -> None:
    seen = seen_by(view(field=200), town([(1000, 1000, 1010, 1010)]).walls)
    assert seen.area == pytest.approx(math.pi * 50**2 * 200 / 360, rel=1e-4)


def test_a_house_throws_a_shadow_of_exactly_its_angle() -> None:
    # 10 m ahead stands a wall from -10 to 10: it hides 90 degrees of everything beyond it.
    seen = seen_by(view(), town([(-10, 10, 10, 20)]).walls)
    assert seen.area == pytest.approx(math.pi * 50**2 * 3 / 4 + 100, rel=1e-4)


def test_overlapping_houses_hide_no_more_than_their_union() -> None:
    apart = seen_by(view(), town([(-10, 10, 10, 20)]).walls).area
    overlapping = seen_by(view(), town([(-10, 10, 4, 20), (-4, 10, 10, 20)]).walls).area
    assert overlapping == pytest.approx(apart, rel=1e-9)


def test_ground_below_the_picture_is_not_filmed() -> None:
    camera = view(field=90, height=4, tilt=20)
    vertical = 2 * math.degrees(math.atan(math.tan(math.radians(45)) * 9 / 16))
    near = 4 / math.tan(math.radians(20 + vertical / 2))
    assert camera.near == pytest.approx(near)
    points = np.array([[0, near - 0.05], [0, near + 0.05], [0, -5.0], [0, 49.0], [0, 51.0]])
    assert list(sees(camera, points, town([(1000, 1000, 1010, 1010)]).walls)) == [False, True, False, True, False]


def test_a_camera_that_looks_down_steeply_does_not_see_far() -> None:
    camera = view(field=40, height=6, tilt=45)
    far = 6 / math.tan(math.radians(45) - math.atan(math.tan(math.radians(20)) * 9 / 16))
    walls = town([(1000, 1000, 1010, 1010)]).walls
    assert list(sees(camera, np.array([[0, far - 0.1], [0, far + 0.1]]), walls)) == [True, False]
    assert ground(camera, walls).bounds[3] == pytest.approx(far, abs=0.01)


def test_pixels_per_metre_are_those_across_the_optical_axis() -> None:
    camera = View(0, 0, 90, 90, 0, 50, 2000, 0.0)
    ahead, aside = camera.density(np.array([[10.0, 0.0], [10.0, 5.0]]))
    assert ahead == pytest.approx(2000 / (2 * 10 * math.tan(math.radians(45))))
    assert aside == pytest.approx(ahead)


@pytest.mark.parametrize(
    ("edition", "density", "level"),
    [
        ("2014", 12.4, ""),
        ("2014", 62.5, "observe"),
        ("2014", 249.9, "recognise"),
        ("2014", 1000, "inspect"),
        ("2025", 19.9, ""),
        ("2025", 80, "discern"),
        ("2025", 250, "characterise"),
        ("2025", 1500, "scrutinise"),
    ],
)
def test_a_density_reaches_the_level_that_its_edition_says(edition: str, density: float, level: str) -> None:
    assert ladder(edition).level(density) == level


def test_both_ladders_rise() -> None:
    for each in LADDERS.values():
        steps = [least for _, least in each.steps]
        assert steps == sorted(set(steps))


def test_an_edition_or_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(CustodesError, match="2014 or 2025"):
        ladder("1999")
    with pytest.raises(CustodesError, match="perceive"):
        ladder("2025").least("recognise")


def test_a_camera_drawn_inside_a_house_hangs_before_its_nearest_wall() -> None:
    walls = town([(-10, 10, 10, 20)]).walls
    assert outside(np.array([0.0, 11.0]), walls) == pytest.approx([0, 9.8])
    assert outside(np.array([0.0, 15.0]), walls) is None
    spot = np.array([0.0, 5.0])
    assert outside(spot, walls) is spot


def test_a_map_gives_houses_places_streets_and_cameras(tmp_path: Path) -> None:
    path = osm_file(
        tmp_path / "town.osm",
        [
            ({"building": "apartments"}, ring(0, 0, 20, 10)),
            ({"building": "roof"}, ring(40, 0, 60, 10)),
            ({"building": "school"}, ring(0, 30, 20, 40)),
            ({"leisure": "playground"}, ring(30, 30, 40, 40)),
            ({"highway": "footway"}, [(0, -10), (50, -10), (100, -10)]),
        ],
        [({"man_made": "surveillance"}, (10, -5)), ({"highway": "crossing"}, (50, -10))],
    )
    found = read_town(path)
    assert sorted(each.use.value for each in found.buildings) == ["home", "school"]
    assert sorted(each.use.value for each in found.places) == ["playground", "school"]
    assert len(found.streets) == 2
    assert len(found.cameras) == len(found.crossings) == 1
    assert found.wall_use.count(Use.HOME) == 4


def test_a_house_that_crosses_itself_is_repaired_and_said_so(tmp_path: Path) -> None:
    bow = [(0.0, 0.0), (20.0, 10.0), (20.0, 0.0), (0.0, 10.0), (0.0, 0.0)]
    found = read_town(osm_file(tmp_path / "town.osm", [({"building": "yes"}, bow)]))
    assert found.buildings[0].footprint.area == pytest.approx(100, rel=1e-3)
    assert any("way/1" in note and "crosses itself, repaired" in note for note in found.notes)


def test_a_house_without_area_is_left_out_and_said_so(tmp_path: Path) -> None:
    flat = [(0.0, 0.0), (20.0, 0.0), (10.0, 0.0), (0.0, 0.0)]
    path = osm_file(tmp_path / "town.osm", [({"building": "yes"}, flat), ({"building": "yes"}, ring(0, 5, 9, 9))])
    found = read_town(path)
    assert [each.ref for each in found.buildings] == ["way/2"]
    assert any("way/1" in note and "left out" in note for note in found.notes)


@pytest.mark.parametrize("content", [b"", b"not a map", b"<osm><node id='1' lat='x'/></osm>", b"\x00\x00\x00\x0d\x0a"])
def test_what_is_no_map_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "town.osm"
    path.write_bytes(content)
    with pytest.raises(CustodesError) as problem:
        read_town(path)
    assert "\n" not in str(problem.value)


def test_a_map_without_houses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CustodesError, match="no buildings"):
        read_town(osm_file(tmp_path / "town.osm", [({"highway": "footway"}, [(0, 0), (1, 1)])]))
    with pytest.raises(CustodesError, match="cannot be read"):
        read_town(tmp_path / "nothing.osm")
