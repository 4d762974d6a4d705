# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes status`` and ``custodes camera snooze`` as people and scripts read them."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.node_store import DAY, Node, node

from custodes import cli
from custodes.clock import SECOND, SystemClock
from custodes.domain.ids import CameraId
from custodes.domain.video import Tamper
from custodes.node.acts import register
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.runtime.supervisor import only_one
from custodes.node.store import Store, tables


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    """A deployment under the real clock, with a log: commands read both."""
    with node(tmp_path) as found:
        sequencer = found.sequencer()
        sequencer.step()
        sequencer.log.close()
        found.store.close()
        found.store = Store(found.layout, SystemClock())
        yield found


@pytest.fixture
def camera(here: Node) -> CameraId:
    """A camera that is recorded, with trouble, and whose entry expires in five days."""
    camera, now = here.camera(), here.store.clock.now()
    entry = here.entry(camera, now + 5 * DAY)
    register.publish_entry(here.store, entry)
    measured = dict.fromkeys((c.name for c in tables.camera_health.c if c.name != "camera"), 0)
    measured |= {"at": now, "since": now - 3_700 * SECOND, "pictures_per_s": 24_960, "bits_per_s": 3_998_700}
    measured |= {"lost": 3, "clock_offset_ms": -12_000, "codec": "h265", "width": 2560, "height": 1440}
    with here.store.begin() as connection:
        states.recording_state(camera, RecordingState.RECORDING, "", now)(connection)
        states.view(camera, now, (Tamper.DEFOCUSED, now), True, (None, now))(connection)
        tables.upsert(connection, tables.camera_health, {"camera": camera}, measured)
        values = {"kind": "tamper", "subject": camera, "cause": "x", "since": now, "told": False}
        connection.execute(tables.alerts.insert().values(**values))
        message = {"channel": "mail", "body": b"{}", "created": now, "attempts": 2, "due": now}
        for failure in ("the mail server did not take it: it answered 451", ""):
            connection.execute(tables.alert_messages.insert().values(**message, failure=failure))
    return camera


def test_status_says_everything_that_is_known_of_a_camera(
    here: Node, camera: CameraId, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "--dir", str(here.layout.root)]) == 0
    text = capsys.readouterr().out
    for words in (
        "Gate                     degraded   the camera's clock is 12 s behind",
        "the picture is out of focus",
        "its register entry expires in 4 d 23 h",
        "25.0 pictures/s, 3,998 kbit/s, 3 lost, connected for 1 h 1 min, clock -12,000 ms, night mode",
        "cosigned by one",
        "\nclock: ",
        "alerts: 1 open, 1 of them snoozed",
        "alerts: 2 messages wait for the mail: the mail server did not take it: it answered 451",
    ):
        assert words in text, text


def test_status_as_json_keeps_its_members_and_has_the_new_ones(
    here: Node, camera: CameraId, capsys: pytest.CaptureFixture[str]
) -> None:
    held = only_one(here.layout.root, "recorder")
    try:
        assert cli.main(["status", "--dir", str(here.layout.root), "--json"]) == 0
    finally:
        os.close(held)
    found = json.loads(capsys.readouterr().out)
    members = {"cameras", "log", "clock", "processes", "storage", "alarms", "alerts"}
    members |= {"channels", "channels_problem", "undelivered"}
    assert set(found) == members
    (one,) = found["cameras"]
    assert (one["camera"], one["state"]) == (camera, "degraded")
    assert one["cause"] == "the camera's clock is 12 s behind; the picture is out of focus"
    assert one["measured"]["pictures_per_s"] == 24.96
    assert one["view"] == {**one["view"], "tamper": "defocused", "infrared": True, "cover": None}
    assert one["warning"].startswith("its register entry expires in")
    assert found["log"]["witnesses"] == ["one"]
    assert found["log"]["missing_witnesses"] == []
    assert found["processes"] == {"recorder": True}
    assert found["clock"]["synchronised"] in (True, False, None)
    assert found["alerts"][0]["snoozed"] is True
    assert found["undelivered"][0]["messages"] == 2


def test_status_says_who_is_told_and_why_nobody_can_be(
    here: Node, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def said() -> str:
        assert cli.main(["status", "--dir", str(here.layout.root)]) == 0
        return capsys.readouterr().out

    assert "alerts: told to nobody" in said()
    here.layout.settings.write_text('[alerts]\nwebhook = "https://town.example/"\n')
    assert "alerts: nobody can be told: alerts.webhook_secret_file must be set" in said()
    secret = tmp_path / "secret"
    secret.write_text("sesame")
    secret.chmod(0o600)
    with here.layout.settings.open("a") as settings:
        settings.write(f'webhook_secret_file = "{secret}"\n')
    assert "alerts: told by webhook" in said()


def test_status_never_shows_an_address_or_a_password(
    here: Node, camera: CameraId, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([], ["--json"]):
        cli.main(["status", "--dir", str(here.layout.root), *words])
        said = capsys.readouterr().out
        assert camera in said or "Gate" in said
        assert "secret" not in said
        assert "rtsp" not in said


def test_a_camera_can_be_snoozed_by_command_and_nobody_for_ever(
    here: Node, camera: CameraId, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["camera", "snooze", "--dir", str(here.layout.root), camera]
    assert cli.main([*where, "--until", "2199-01-01T00:00:00Z"]) == 2
    assert "within the next 30 days" in capsys.readouterr().err
    until = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert cli.main([*where, "--until", until, "--kind", "tamper", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "tamper"
    assert here.count(tables.snoozes) == 1
    unknown = ["camera", "snooze", "--dir", str(here.layout.root), "a" * 26, "--until", until]
    assert cli.main(unknown) == 1
