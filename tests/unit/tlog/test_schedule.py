# SPDX-License-Identifier: Apache-2.0
"""Declared hours: by the wall clock at the camera, changes of the clock included."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import CameraId, Digest
from custodes.domain.register import RecordingPermit
from custodes.domain.schedule import ALWAYS, Hours, Schedule, from_json, problem_of, spoken, to_json
from custodes.errors import CustodesError, Kind

BERLIN = "Europe/Berlin"
OFFICE = spoken(["mon-fri 07:00-19:00"], BERLIN)


def utc(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(text + "+00:00").timestamp()) * SECOND)


def test_without_declared_hours_every_instant_is_covered() -> None:
    assert ALWAYS.covers(Instant(0))
    assert ALWAYS.covers(utc("2026-11-25T03:00:00"))


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-11-25T05:59:59", False),  # Wednesday 06:59:59 in Berlin
        ("2026-11-25T06:00:00", True),
        ("2026-11-25T17:59:59", True),
        ("2026-11-25T18:00:00", False),
        ("2026-11-28T10:00:00", False),  # Saturday
        ("2026-07-22T05:00:00", True),  # in summer the same hour begins an hour earlier by UTC
        ("2026-07-22T17:00:00", False),
    ],
)
def test_hours_are_those_of_the_wall_clock_at_the_camera(moment: str, inside: bool) -> None:
    assert OFFICE.covers(utc(moment)) is inside


def test_an_hour_that_the_clock_repeats_counts_twice() -> None:
    night = spoken(["sun 02:00-03:00"], BERLIN)
    # 25 October 2026: at 03:00 summer time (01:00 UTC) the clock goes back to 02:00.
    assert [night.covers(utc(f"2026-10-25T{hour:02d}:30:00")) for hour in (23, 0, 1, 2)] == [False, True, True, False]


def test_an_hour_that_the_clock_leaves_out_never_comes() -> None:
    night = spoken(["sun 02:00-03:00"], BERLIN)
    # 29 March 2026: at 02:00 (01:00 UTC) the clock goes on to 03:00.
    assert not any(night.covers(Instant(utc("2026-03-29T00:00:00") + minute * 60 * SECOND)) for minute in range(180))


def test_the_day_of_a_change_keeps_its_declared_hours() -> None:
    every = spoken(["mon-sun 07:00-19:00"], BERLIN)
    for day in ("2026-03-29", "2026-10-25"):
        start = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(BERLIN)).timestamp())
        covered = [minute for minute in range(23 * 60) if every.covers(Instant((start + minute * 60) * SECOND))]
        assert len(covered) == 12 * 60


def test_hours_over_midnight_belong_to_both_days() -> None:
    night = spoken(["fri,sat 22:00-02:00"], "UTC")
    assert night.hours == (Hours((4, 5), 22 * 60, 24 * 60), Hours((5, 6), 0, 2 * 60))
    inside = ["2026-11-27T23:00:00", "2026-11-28T01:59:00", "2026-11-29T01:00:00"]
    outside = ["2026-11-27T01:00:00", "2026-11-28T02:00:00", "2026-11-29T22:30:00"]
    assert all(night.covers(utc(each)) for each in inside)
    assert not any(night.covers(utc(each)) for each in outside)


def test_a_week_may_be_named_across_its_end() -> None:
    assert spoken(["sat-mon 00:00-24:00"], "UTC").hours == (Hours((0, 5, 6), 0, 1440),)
    assert str(spoken(["sat-mon 00:00-24:00"], "UTC")) == "mon,sat-sun 00:00-24:00, UTC"
    assert str(OFFICE) == "mon-fri 07:00-19:00, Europe/Berlin"


def test_a_time_zone_that_is_not_known_here_covers_nothing() -> None:
    """Better dark than at the wrong hour."""
    lost = Schedule("Atlantis/Capital", OFFICE.hours)
    assert not lost.known_here()
    assert not any(lost.covers(Instant(utc("2026-11-23T00:00:00") + hour * 3600 * SECOND)) for hour in range(7 * 24))


def test_a_permit_can_be_valid_and_outside_its_hours() -> None:
    permit = RecordingPermit(CameraId("a" * 26), Digest(bytes(32)), 0, Instant(0), Instant(2**62), 24, OFFICE)
    sunday = utc("2026-11-29T10:00:00")
    assert (permit.holds_at(sunday), permit.in_hours(sunday)) == (True, False)
    assert permit.in_hours(utc("2026-11-25T10:00:00"))


@pytest.mark.parametrize(
    "words",
    ["", "always", "mon 7-19", "mon-fri 07:00", "mon 25:00-26:00", "mon 07:60-08:00", "mot 07:00-08:00", "07:00-19:00"],
)
def test_hours_that_cannot_be_understood_are_refused_with_an_example(words: str) -> None:
    with pytest.raises(CustodesError, match="mon-fri 07:00-19:00") as refusal:
        spoken([words], BERLIN)
    assert refusal.value.kind is Kind.INVALID


@pytest.mark.parametrize("zone", ["", "Berlin!", "../../etc/passwd", "/etc/localtime", "Europe", "Nowhere/Town"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(CustodesError) as refusal:
        spoken(["mon 07:00-08:00"], zone)
    assert refusal.value.kind is Kind.INVALID


windows = st.builds(
    lambda days, edges: Hours(tuple(sorted(days)), min(edges), max(edges)),
    st.sets(st.integers(0, 6), min_size=1),
    st.sets(st.integers(0, 1440), min_size=2, max_size=2),
)
schedules = st.builds(
    lambda hours, zone: Schedule(zone, tuple(sorted(hours))),
    st.sets(windows, max_size=6),
    st.sampled_from(["UTC", BERLIN]),
)


@given(schedules)
def test_a_schedule_survives_its_document(schedule: Schedule) -> None:
    assert problem_of(schedule) == ""
    assert from_json(canonical.load_object(canonical.dumps(to_json(schedule)))) == schedule


@pytest.mark.parametrize(
    "document",
    [
        b'{"hours":[],"time_zone":""}',
        b'{"hours":[],"more":1,"time_zone":"UTC"}',
        b'{"hours":[7],"time_zone":"UTC"}',
        b'{"hours":[{"days":[],"from":"07:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":["mon","mon"],"from":"07:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":["tue","mon"],"from":"07:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":[[]],"from":"07:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":["mon"],"from":"08:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":["mon"],"from":"7:00","until":"08:00"}],"time_zone":"UTC"}',
        b'{"hours":[{"days":["mon"],"from":"07:00","note":"","until":"08:00"}],"time_zone":"UTC"}',
    ],
)
def test_a_document_with_another_schedule_is_refused(document: bytes) -> None:
    with pytest.raises(CustodesError) as refusal:
        from_json(canonical.load_object(document))
    assert refusal.value.kind is Kind.CORRUPT


def test_more_hours_than_a_week_needs_are_refused() -> None:
    many = tuple(Hours((0,), minute, minute + 1) for minute in range(65))
    assert "at most" in problem_of(Schedule("UTC", many))
