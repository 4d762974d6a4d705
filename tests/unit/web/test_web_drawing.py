# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plan and the GeoJSON of the register."""

import dataclasses
import itertools
import math
import re

import pytest

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry
from custodes.web import drawing

ENTRY = RegisterEntry(
    camera=CameraId("a" * 26),
    name="Square",
    purpose=Purpose.TRAFFIC_SAFETY,
    purpose_note="",
    legal_basis=LegalBasis.PUBLIC_TASK,
    legal_note="",
    owner="Town",
    contact="town@example",
    retention_hours=72,
    review=Instant(0),
    expires=Instant(1),
    latitude_e7=513_400_000,
    longitude_e7=123_700_000,
    direction=90,
    field_of_view=60,
    height_cm=400,
    range_cm=5_000,
    lens="4 mm",
    salt=bytes(16),
)


def test_the_outline_begins_and_ends_at_the_camera_and_reaches_its_range_in_its_direction() -> None:
    outline = drawing.outline(ENTRY)
    assert outline[0] == outline[-1] == (0.0, 0.0)
    assert all(math.isclose(math.hypot(*point), 50.0) for point in outline[1:-1])
    bearings = [math.degrees(math.atan2(east, north)) for east, north in outline[1:-1]]
    assert bearings[0] == pytest.approx(60)
    assert bearings[-1] == pytest.approx(120)


def test_a_camera_that_sees_all_around_is_a_closed_circle_without_a_notch() -> None:
    outline = drawing.outline(dataclasses.replace(ENTRY, field_of_view=360))
    assert outline[0] == outline[-1]
    assert (0.0, 0.0) not in outline


def test_there_is_no_plan_of_nothing() -> None:
    assert drawing.plan([]) is None


@pytest.mark.parametrize("latitude_e7", [-900_000_000, 0, 513_400_000, 900_000_000])
@pytest.mark.parametrize("range_cm", [100, 5_000, 200_000])
def test_every_field_of_view_lies_inside_the_plan(latitude_e7: int, range_cm: int) -> None:
    entries = [
        dataclasses.replace(ENTRY, latitude_e7=latitude_e7, range_cm=range_cm, direction=direction)
        for direction in (0, 90, 200, 359)
    ]
    plan = drawing.plan(entries)
    assert plan is not None
    for cone in plan.cones:
        numbers = [float(each) for each in re.findall(r"-?\d+\.?\d*", cone.path)]
        assert all(0 <= x <= plan.width for x in numbers[0::2])
        assert all(0 <= y <= plan.height for y in numbers[1::2])
    assert 0 < plan.bar <= plan.width / 3


def test_a_camera_to_the_north_east_is_drawn_to_the_upper_right() -> None:
    other = dataclasses.replace(ENTRY, latitude_e7=ENTRY.latitude_e7 + 5_000, longitude_e7=ENTRY.longitude_e7 + 8_000)
    plan = drawing.plan([ENTRY, other])
    assert plan is not None
    first, second = plan.cones
    assert second.x > first.x
    assert second.y < first.y
    # 5,000e-7 degrees of latitude are 55.6 metres, whatever the scale.
    assert (first.y - second.y) / plan.bar * plan.bar_metres == pytest.approx(55.6, rel=0.01)


def test_geojson_has_a_point_and_a_counter_clockwise_closed_polygon_per_camera() -> None:
    collection = drawing.geojson([ENTRY])
    area, point = collection["features"]
    ring = area["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))
    assert doubled > 0
    assert point["geometry"]["coordinates"] == [12.37, 51.34]
    assert point["properties"]["camera"] == ENTRY.camera
