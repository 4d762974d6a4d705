# SPDX-License-Identifier: AGPL-3.0-or-later
"""How cameras are: every state and every cause, from rows as recorder and masker write them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.node_store import Node, node

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Tamper
from custodes.node.acts import register
from custodes.node.queries import health
from custodes.node.queries.health import CameraHealth, lasting
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.store import tables

WELL: dict[str, object] = {
    "connections": 1, "pictures": 10_000, "octets": 90_000_000, "lost": 0, "written": 90_000_000,
    "pictures_per_s": 25_000, "bits_per_s": 4_000_000, "waiting": 100_000, "sync_ms": 12, "clock_offset_ms": 40,
    "codec": "h264", "width": 1920, "height": 1080,
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@pytest.fixture
def camera(here: Node) -> CameraId:
    """A registered camera that is being recorded and reported on."""
    camera = here.camera()
    here.register(camera)
    recorded(here, camera, RecordingState.RECORDING, "")
    measured(here, camera)
    return camera


def recorded(here: Node, camera: CameraId, state: RecordingState, cause: str) -> None:
    with here.store.begin() as connection:
        states.recording_state(camera, state, cause, here.clock.now())(connection)


def measured(here: Node, camera: CameraId, **values: object) -> None:
    row = {**WELL, "at": here.clock.now(), "since": here.clock.now(), **values}
    with here.store.begin() as connection:
        tables.upsert(connection, tables.camera_health, {"camera": camera}, row)


def learnt(here: Node, camera: CameraId, **values: object) -> None:
    usual = {name: WELL[name] for name in ("pictures_per_s", "bits_per_s", "codec", "width", "height")}
    row = {**usual, "at": here.clock.now(), "samples": health.LEARNT, "lost_lately": 0, "connections_lately": 0}
    row |= values
    with here.store.begin() as connection:
        tables.upsert(connection, tables.camera_trends, {"camera": camera}, row)


def seen(here: Node, camera: CameraId, tamper: Tamper | None = None, cover: Cover | None = None) -> None:
    now = here.clock.now()
    row = {"at": now, "tamper": tamper.name if tamper else "", "since": now, "infrared": False}
    row |= {"cover": cover.name if cover else "", "covered_since": now}
    with here.store.begin() as connection:
        tables.upsert(connection, tables.tamper_states, {"camera": camera}, row)


def judged(here: Node, camera: CameraId) -> CameraHealth:
    one = health.of(here.store, camera)
    assert [one] == [each for each in health.every(here.store) if each.view.id == camera]
    return one


def test_a_camera_that_is_recorded_as_usual_has_no_cause_for_trouble(here: Node, camera: CameraId) -> None:
    learnt(here, camera)
    seen(here, camera)
    found = judged(here, camera)
    assert (found.state, found.causes) == (RecordingState.RECORDING, ())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pictures_per_s": 14_900}, "only 14.9 pictures a second arrive, usual are 25.0"),
        ({"bits_per_s": 399_000}, "only 399 kbit/s arrive, usual are 4,000"),
        ({"sync_ms": 2_300}, "the disk is slow: it took 2.3 s"),
        ({"waiting": 9_000_000}, "the disk is slow: 9.0 MB wait"),
        ({"clock_offset_ms": 133_000}, "the camera's clock is 2 min 13 s ahead"),
        ({"clock_offset_ms": -5_000}, "the camera's clock is 5 s behind"),
    ],
)
def test_what_is_measured_far_off_degrades_a_camera_and_is_said(
    here: Node, camera: CameraId, values: dict[str, object], words: str
) -> None:
    learnt(here, camera)
    measured(here, camera, **values)
    found = judged(here, camera)
    assert found.state is RecordingState.DEGRADED
    assert len(found.causes) == 1
    assert found.causes[0].startswith(words)


@pytest.mark.parametrize(
    "values", [{"pictures_per_s": 15_000}, {"bits_per_s": 400_000}, {"sync_ms": 999}, {"clock_offset_ms": None}]
)
def test_what_is_a_little_off_does_not_degrade(here: Node, camera: CameraId, values: dict[str, object]) -> None:
    learnt(here, camera)
    measured(here, camera, **values)
    assert judged(here, camera).state is RecordingState.RECORDING


@pytest.mark.parametrize("change", [{"samples": health.LEARNT - 1}, {"codec": "h265"}, {"width": 1280}])
def test_a_rate_is_not_called_low_before_what_is_usual_of_this_very_stream_is_known(
    here: Node, camera: CameraId, change: dict[str, object]
) -> None:
    learnt(here, camera, **change)
    measured(here, camera, pictures_per_s=5_000)
    assert judged(here, camera).state is RecordingState.RECORDING


def test_lost_packets_degrade_while_they_are_recent(here: Node, camera: CameraId) -> None:
    learnt(here, camera, lost_lately=1_200)
    assert judged(here, camera).causes == ("1,200 packets were lost in the last five minutes",)
    here.clock.advance(60 * SECOND)
    measured(here, camera, lost=1_200)
    assert judged(here, camera).state is RecordingState.RECORDING, "nobody has counted for a minute"


def test_a_connection_that_breaks_again_and_again_degrades(here: Node, camera: CameraId) -> None:
    learnt(here, camera, connections_lately=2)
    assert judged(here, camera).state is RecordingState.RECORDING
    learnt(here, camera, connections_lately=3)
    assert judged(here, camera).causes == ("the connection had to be made 3 times in the last five minutes",)


def test_a_recorder_that_is_silent_for_thirty_seconds_is_not_believed(here: Node, camera: CameraId) -> None:
    here.clock.advance(30 * SECOND)
    assert judged(here, camera).state is RecordingState.RECORDING
    here.clock.advance(SECOND)
    found = judged(here, camera)
    assert (found.state, found.causes) == (RecordingState.UNKNOWN, ("the recorder has not reported for 31 s",))


def test_a_masker_that_is_silent_is_told_apart_from_one_that_covers(here: Node, camera: CameraId) -> None:
    seen(here, camera)
    here.clock.advance(31 * SECOND)
    measured(here, camera)
    assert judged(here, camera).causes == ("the masker has not reported for 31 s",)
    seen(here, camera, cover=Cover.NO_SIGNAL)
    assert judged(here, camera).causes == ("the masked picture is covered: no picture from the camera",)


@pytest.mark.parametrize("tamper", Tamper)
def test_each_kind_of_tampering_is_said(here: Node, camera: CameraId, tamper: Tamper) -> None:
    seen(here, camera, tamper=tamper)
    found = judged(here, camera)
    assert (found.state, found.causes) == (RecordingState.DEGRADED, (tamper.value,))


@pytest.mark.parametrize("cover", [Cover.NOT_CERTIFIED, Cover.SWITCHED])
def test_a_picture_that_nobody_certifies_becomes_trouble_after_ten_minutes(
    here: Node, camera: CameraId, cover: Cover
) -> None:
    seen(here, camera, cover=cover)
    assert judged(here, camera).state is RecordingState.RECORDING
    began = here.clock.now()
    here.clock.advance(600 * SECOND)
    measured(here, camera)
    with here.store.begin() as connection:
        row = {"at": here.clock.now(), "covered_since": began}
        tables.upsert(connection, tables.tamper_states, {"camera": camera}, row)
    assert judged(here, camera).state is RecordingState.DEGRADED


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (RecordingState.CONNECTING, "connecting"),
        (RecordingState.DOWN, "no packets for five seconds"),
        (RecordingState.DOWN, "the disk is full"),
        (RecordingState.DARK, "outside the declared hours"),
        (RecordingState.DEGRADED, "packets were lost on the way"),
    ],
)
def test_the_recorders_own_word_is_passed_on(here: Node, camera: CameraId, state: RecordingState, cause: str) -> None:
    recorded(here, camera, state, cause)
    seen(here, camera)
    found = judged(here, camera)
    assert (found.state, found.causes) == (state, (cause,))


def test_a_camera_that_must_not_record_is_dark_however_silent_the_recorder_is(here: Node) -> None:
    unregistered, expiring = here.camera(), here.camera()
    now = here.clock.now()
    register.publish_entry(here.store, here.entry(expiring, now + 40 * 24 * 3600 * SECOND))
    measured(here, expiring)
    here.clock.advance(40 * 24 * 3600 * SECOND)
    assert judged(here, unregistered).causes == ("no register entry: register it first",)
    assert judged(here, expiring).causes == ("its register entry has expired",)
    assert {each.state for each in health.every(here.store)} == {RecordingState.DARK}


def test_gaps_come_newest_first_with_cause_and_end(here: Node, camera: CameraId) -> None:
    with here.store.begin() as connection:
        for began, ended in ((1, 2), (5, 9), (11, None)):
            row = {"cause": "no packets for five seconds", "detail": "", "ended": ended}
            tables.upsert(connection, tables.gaps, {"camera": camera, "began": began}, row)
    assert [(gap.began, gap.ended) for gap in health.gaps(here.store, camera, 2)] == [(11, None), (5, 9)]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (133, "2 min 13 s"), (3_660, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_lengths_of_time_read_well(seconds: int, words: str) -> None:
    assert lasting(Instant(seconds * SECOND)) == words
