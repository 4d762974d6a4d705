# SPDX-License-Identifier: AGPL-3.0-or-later
"""Alerts: what begins and ends one, who is told, and that no failure of theirs loses or repeats a message."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.alert_servers import certificate, hook
from tests.node_store import DAY, Node, node
from tests.node_town import until

from custodes.clock import SECOND, Instant
from custodes.domain.alerts import AlertKind
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Tamper
from custodes.errors import CustodesError, Kind, unavailable
from custodes.node.acts import register
from custodes.node.acts.alerts import snooze
from custodes.node.config import load_settings
from custodes.node.queries import alerts as queries
from custodes.node.queries.alerts import Condition
from custodes.node.queries.machine import ClockState
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.runtime.alerts import HOLD, Alerter, watch
from custodes.node.runtime.delivery import channels
from custodes.node.runtime.trends import Trends
from custodes.node.store import tables

GOOD = ClockState(True, 400, "")


@dataclass
class Way:
    """A channel of the test's own: takes messages, or fails."""

    name: str = "webhook"
    failing: bool = False
    got: list[dict[str, object]] = field(default_factory=list)

    def deliver(self, body: bytes) -> None:
        if self.failing:
            raise unavailable("the webhook answered 500")
        self.got += json.loads(body)["alerts"]

    def said(self) -> list[tuple[object, object]]:
        return [(each["event"], each["kind"]) for each in self.got]


@dataclass
class Office:
    """An alerter at work."""

    here: Node
    way: Way
    alerter: Alerter

    def pass_time(self, seconds: int, *found: Condition) -> None:
        """Look every five seconds, as the process does."""
        for _ in range(seconds // 5):
            self.here.clock.advance(5 * SECOND)
            self.alerter.step(list(found))
            self.alerter.deliver()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@pytest.fixture
def office(here: Node) -> Office:
    way = Way()
    return Office(here, way, Alerter(here.store, [way]))


def down(camera: CameraId, kind: AlertKind = AlertKind.DOWN) -> Condition:
    return Condition(kind, camera, "Gate", "no packets for five seconds", Instant(1_790_000_000 * SECOND))


def test_a_camera_that_stays_down_is_told_once_and_so_is_its_return(office: Office) -> None:
    gate = down(office.here.camera())
    office.pass_time(300, gate)
    assert office.way.said() == [("begin", "down")]
    assert office.way.got[0]["title"] == "Gate is down"
    assert office.way.got[0]["since"] == "2026-09-21T14:13:20.000000000Z"
    office.pass_time(300)
    assert office.way.said() == [("begin", "down"), ("end", "down")]
    assert queries.open_alerts(office.here.store) == []


def test_what_flaps_faster_than_half_a_minute_is_never_told(office: Office) -> None:
    gate = down(office.here.camera())
    for _ in range(20):
        office.pass_time(25, gate)
        office.pass_time(5)
    assert office.way.said() == []


def test_an_alert_that_flaps_is_not_over_until_it_is_over(office: Office) -> None:
    gate = down(office.here.camera())
    office.pass_time(60, gate)
    for _ in range(10):
        office.pass_time(25)
        office.pass_time(10, gate)
    assert office.way.said() == [("begin", "down")]


def test_a_restart_repeats_nothing_and_still_tells_the_end(office: Office) -> None:
    gate = down(office.here.camera())
    office.pass_time(60, gate)
    office.alerter = Alerter(office.here.store, [office.way])
    office.pass_time(60, gate)
    assert office.way.said() == [("begin", "down")]
    office.pass_time(60)
    assert office.way.said() == [("begin", "down"), ("end", "down")]


def test_a_message_that_is_not_taken_is_tried_again_later_and_later_and_keeps_its_turn(office: Office) -> None:
    gate = down(office.here.camera())
    office.way.failing = True
    office.pass_time(120, gate)
    waiting = queries.undelivered(office.here.store)
    assert [(each.channel, each.count, each.failure) for each in waiting] == [
        ("webhook", 1, "the webhook answered 500")
    ]
    office.pass_time(60)
    office.pass_time(3_600)
    attempts = office.here.store.read(sa.select(tables.alert_messages.c.attempts))
    assert [row.attempts for row in attempts] == [7, 0], "pauses of 30 s, 1, 2, 4, 8, 16, 32 minutes"
    office.way.failing = False
    office.pass_time(3_600)
    assert office.way.said() == [("begin", "down"), ("end", "down")]
    assert queries.undelivered(office.here.store) == []


def test_what_waits_for_a_way_that_is_no_longer_named_is_forgotten(office: Office) -> None:
    office.way.failing = True
    office.pass_time(60, down(office.here.camera()))
    assert len(queries.undelivered(office.here.store)) == 1
    Alerter(office.here.store, [Way("mail")])
    assert queries.undelivered(office.here.store) == []


def test_what_nobody_takes_for_three_days_is_given_up(office: Office) -> None:
    gate = down(office.here.camera())
    office.way.failing = True
    office.pass_time(60, gate)
    office.here.clock.advance(4 * DAY)
    office.pass_time(5, gate)
    assert queries.undelivered(office.here.store) == []


def test_many_cameras_that_go_at_once_are_one_message(office: Office) -> None:
    gone = [down(office.here.camera(str(number))) for number in range(40)]
    office.pass_time(35, *gone)
    office.way.failing = True
    assert len(office.way.got) == 40
    office.pass_time(35)
    assert sum(each.count for each in queries.undelivered(office.here.store)) == 1


def test_a_snoozed_camera_is_told_of_when_the_snooze_ends_if_it_is_still_down(office: Office) -> None:
    store, camera = office.here.store, office.here.camera()
    snooze(store, camera, None, Instant(office.here.clock.now() + 600 * SECOND))
    office.pass_time(300, down(camera))
    assert office.way.said() == []
    assert [each.told for each in queries.open_alerts(store)] == [False]
    office.pass_time(305, down(camera))
    assert office.way.said() == [("begin", "down")]


def test_a_snoozed_alert_that_is_over_in_time_is_never_told(office: Office) -> None:
    camera = office.here.camera()
    snooze(office.here.store, camera, AlertKind.DOWN, Instant(office.here.clock.now() + 600 * SECOND))
    office.pass_time(300, down(camera), down(camera, AlertKind.TAMPER))
    office.pass_time(600)
    assert office.way.said() == [("begin", "tamper"), ("end", "tamper")]


@pytest.mark.parametrize("ahead", [0, -5, 31 * 86_400])
def test_nothing_is_snoozed_for_ever_or_into_the_past(here: Node, ahead: int) -> None:
    camera = here.camera()
    with pytest.raises(CustodesError) as refusal:
        snooze(here.store, camera, None, Instant(here.clock.now() + ahead * SECOND))
    assert refusal.value.kind is Kind.INVALID
    assert here.count(tables.snoozes) == 0


def test_the_steps_towards_an_expiry_are_told_one_by_one_and_end_with_the_renewal(office: Office) -> None:
    here = office.here
    camera = here.camera()
    register.publish_entry(here.store, here.entry(camera, here.clock.now() + 31 * DAY))
    report(here, camera, RecordingState.RECORDING, "")
    office.pass_time(60, *queries.conditions(here.store, GOOD))
    for days in (1, 22, 1, 6, 1):
        here.clock.advance(days * DAY)
        office.pass_time(60, *queries.conditions(here.store, GOOD))
    assert office.way.said() == [
        ("begin", "expiring-30"),
        ("begin", "expiring-7"),
        ("begin", "expiring-1"),
        ("begin", "expired"),
    ]
    register.publish_entry(here.store, here.entry(camera, here.clock.now() + 365 * DAY))
    office.pass_time(60, *queries.conditions(here.store, GOOD))
    assert office.way.said()[4:] == [("end", "expired")]


def report(here: Node, camera: CameraId, state: RecordingState, cause: str) -> None:
    with here.store.begin() as connection:
        states.recording_state(camera, state, cause, here.clock.now())(connection)


def measure(here: Node, camera: CameraId, connections: int = 1) -> None:
    zero = dict.fromkeys((c.name for c in tables.camera_health.c if c.name not in ("camera", "codec")), 0)
    row = {**zero, "at": here.clock.now(), "since": here.clock.now(), "codec": "h264"}
    row["connections"] = connections
    with here.store.begin() as connection:
        tables.upsert(connection, tables.camera_health, {"camera": camera}, row)


def look(here: Node, camera: CameraId, tamper: Tamper | None, cover: Cover | None) -> None:
    now = here.clock.now()
    with here.store.begin() as connection:
        states.view(camera, now, (tamper, now), False, (cover, now))(connection)


def kinds(here: Node, clock: ClockState = GOOD) -> list[tuple[AlertKind, str]]:
    return [(each.kind, each.subject) for each in queries.conditions(here.store, clock)]


@pytest.fixture
def camera(here: Node) -> CameraId:
    camera = here.camera()
    register.publish_entry(here.store, here.entry(camera, here.clock.now() + 300 * DAY))
    report(here, camera, RecordingState.RECORDING, "")
    return camera


def test_a_camera_that_is_well_or_dark_on_purpose_is_no_condition(here: Node, camera: CameraId) -> None:
    assert kinds(here) == []
    report(here, camera, RecordingState.DARK, "outside the declared hours")
    here.camera("never registered")
    assert kinds(here) == []


def test_down_degraded_and_tamper_are_told_apart(here: Node, camera: CameraId) -> None:
    report(here, camera, RecordingState.DOWN, "the camera cannot be reached")
    assert kinds(here) == [(AlertKind.DOWN, camera)]
    report(here, camera, RecordingState.RECORDING, "")
    look(here, camera, Tamper.TURNED, None)
    assert kinds(here) == [(AlertKind.TAMPER, camera)]
    look(here, camera, Tamper.TURNED, Cover.CAMERA_MOVED)
    assert kinds(here) == [(AlertKind.TAMPER, camera), (AlertKind.DEGRADED, camera)]


def test_a_camera_that_connects_for_minutes_is_down(here: Node, camera: CameraId) -> None:
    report(here, camera, RecordingState.CONNECTING, "connecting")
    here.clock.advance(120 * SECOND)
    assert kinds(here) == []
    here.clock.advance(SECOND)
    assert kinds(here) == [(AlertKind.DOWN, camera)]


def test_a_camera_that_comes_and_goes_is_told_of_though_it_is_never_down_for_long(here: Node, camera: CameraId) -> None:
    office = Office(here, way := Way(), Alerter(here.store, [way]))
    trends = Trends(here.store)
    for number in range(12):
        up = number % 2 == 0
        report(here, camera, RecordingState.RECORDING if up else RecordingState.DOWN, "" if up else "silent")
        measure(here, camera, connections=number // 2 + 1)
        trends.update()
        office.pass_time(20, *queries.conditions(here.store, GOOD))
    assert way.said() == [("begin", "degraded")]
    assert "had to be made" in str(way.got[0]["cause"])


def test_a_process_that_is_silent_is_one_condition_however_many_cameras_it_has(here: Node, camera: CameraId) -> None:
    other = here.camera("other")
    register.publish_entry(here.store, here.entry(other, here.clock.now() + 300 * DAY))
    report(here, other, RecordingState.RECORDING, "")
    for each in (camera, other):
        measure(here, each)
        look(here, each, None, None)
    here.clock.advance(31 * SECOND)
    assert kinds(here) == [(AlertKind.RECORDER, "node")]
    for each in (camera, other):
        measure(here, each)
    assert kinds(here) == [(AlertKind.MASKER, "node")]


def test_a_clock_that_nobody_sets_and_a_witness_that_is_away_are_conditions(here: Node) -> None:
    here.witness_up = False
    sequencer = here.sequencer()
    sequencer.step()
    here.clock.advance(11 * SECOND)
    sequencer.step()
    assert kinds(here, ClockState(False, None, "not synchronised")) == [
        (AlertKind.CLOCK, "node"),
        (AlertKind.WITNESS, "one"),
    ]
    here.witness_up = True
    here.clock.advance(60 * SECOND)
    sequencer.step()
    sequencer.log.close()
    assert kinds(here) == []


def test_alarms_of_other_parts_are_told_where_there_is_a_table_of_them(here: Node) -> None:
    if "alarms" not in tables.metadata.tables:
        assert queries._alarms(here.store) == []
        return
    with here.store.begin() as connection:
        alarms = tables.metadata.tables["alarms"]
        row = {"kind": "disk", "subject": "store", "since": here.clock.now(), "detail": "full", "ended": None}
        connection.execute(alarms.insert().values(**row))
    assert kinds(here) == [(AlertKind.ALARM, "disk store")]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("sesame\n")
    path.chmod(0o600)
    return path


def test_without_settings_nobody_is_told_and_alerts_are_kept_all_the_same(here: Node) -> None:
    assert channels(load_settings(here.layout).alerts) == []
    office = Office(here, Way(), Alerter(here.store, []))
    office.pass_time(HOLD // SECOND + 10, down(here.camera()))
    assert [each.kind for each in queries.open_alerts(here.store)] == [AlertKind.DOWN]
    assert here.count(tables.alert_messages) == 0


def test_the_watch_tells_a_webhook_that_a_camera_is_down_and_that_it_is_back(
    here: Node, camera: CameraId, tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custodes.node.runtime.alerts._TICK_S", 0.02)
    believed, context = certificate(tmp_path)
    stop, ready = threading.Event(), threading.Event()
    with hook(context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        names = f'webhook = "{url}"\nwebhook_secret_file = "{secret}"\nca_file = "{believed}"'
        here.layout.settings.write_text(f"[alerts]\n{names}\n")
        report(here, camera, RecordingState.DOWN, "the camera cannot be reached")
        thread = threading.Thread(target=watch, args=(here.store, stop, ready.set))
        thread.start()
        assert ready.wait(60)

        def told(event: str) -> bool:
            here.clock.advance(5 * SECOND)
            alerts = [each for *_, body in server.got for each in json.loads(body)["alerts"]]
            return (event, "down", camera) in [(each["event"], each["kind"], each["subject"]) for each in alerts]

        try:
            until(lambda: told("begin"), "it is told")
            report(here, camera, RecordingState.RECORDING, "")
            until(lambda: told("end"), "its return is told")
        finally:
            stop.set()
            thread.join(60)
    assert not thread.is_alive()


def test_a_catalogue_that_cannot_be_written_for_half_a_minute_is_told_from_memory(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    full = unavailable("the catalogue cannot be written: disk I/O error")
    for _ in range(4):
        office.alerter.speechless(full)
        office.here.clock.advance(5 * SECOND)
    assert office.way.said() == []
    for _ in range(6):
        office.alerter.speechless(full)
        office.here.clock.advance(5 * SECOND)
    assert office.way.said() == [("begin", "alarm")]
    assert "disk I/O error" in capsys.readouterr().err
    office.alerter.speechless(None)
    office.alerter.speechless(None)
    assert office.way.said() == [("begin", "alarm"), ("end", "alarm")]
    assert office.here.count(tables.alert_messages) == 0
