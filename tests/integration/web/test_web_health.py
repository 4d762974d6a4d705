# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's pages about cameras that are not well."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.web_house import house
from tests.integration.web.web_client import Web, running, served

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Tamper
from custodes.node.queries.views import RecordingState
from custodes.node.runtime import states
from custodes.node.store import tables

MEASURED: dict[str, object] = {
    "connections": 2, "pictures": 9_000, "octets": 1, "lost": 1_204, "written": 1, "pictures_per_s": 24_960,
    "bits_per_s": 3_998_700, "waiting": 0, "sync_ms": 9, "clock_offset_ms": -95_000, "codec": "h265", "width": 2560,
    "height": 1440,
}  # fmt: skip


def trouble(web: Web) -> tuple[CameraId, CameraId, CameraId]:
    """The first camera is well, the second degraded, the third down after two gaps."""
    well, degraded, down = web.house.cameras
    now = web.house.clock.now()
    before = Instant(now - 600 * SECOND)
    with web.house.store.begin() as connection:
        tables.upsert(connection, tables.camera_health, {"camera": degraded}, {**MEASURED, "at": now, "since": before})
        states.view(degraded, now, (Tamper.TURNED, before), True, (None, before))(connection)
        states.recording_state(down, RecordingState.DOWN, "the camera <refused> us", now)(connection)
        for began, ended in ((before, Instant(before + 133 * SECOND)), (now, None)):
            row = {"cause": "no packets for five seconds", "detail": "", "ended": ended}
            tables.upsert(connection, tables.gaps, {"camera": down, "began": began}, row)
    return well, degraded, down


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    with served(tmp_path) as found:
        yield found


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_the_health_page_has_those_in_trouble_first_with_every_cause(web: Web) -> None:
    well, degraded, down = trouble(web)
    page = web.signed_in("operator").get("/operator/health").text
    order = re.findall(r'href="/operator/cameras/([a-z2-7]{26})"', page)
    assert order == [down, degraded, well]
    said = text_of(page)
    for words in (
        "2 of 3 cameras in trouble",
        "Not recording",
        "Recording, with trouble",
        "The camera looks elsewhere than before.",
        "The camera&#39;s clock is 1 min 35 s behind.",
        "25.0 pictures/s, 3,998 kbit/s · 1204 lost · clock 1 min 35 s behind · night mode",
    ):
        assert words in said, said
    assert "<refused>" not in page


def test_a_camera_page_has_the_facts_of_its_health_and_its_last_gaps(web: Web) -> None:
    well, degraded, down = trouble(web)
    operator = web.signed_in("operator")
    said = text_of(operator.get(f"/operator/cameras/{degraded}").text)
    for words in ("H265, 2560×1440", "1,204 packets, 0 of them", "The camera looks elsewhere than before, night mode"):
        assert words in said, said
    said = text_of(operator.get(f"/operator/cameras/{down}").text)
    assert said.index("lasting") < said.index(", for 2 min 13 s")
    assert "no packets for five seconds" in said
    assert "Last gaps" not in operator.get(f"/operator/cameras/{well}").text


def test_the_wall_says_which_camera_is_degraded_and_why(web: Web) -> None:
    _, degraded, down = trouble(web)
    operator = web.signed_in("operator")
    assert operator.get("/operator/").text.count('data-state="degraded"') == 1
    found = operator.get("/operator/states.json").json()
    assert found[degraded]["words"] == "Recording, with trouble"
    assert "the camera looks elsewhere than before" in found[degraded]["cause"]
    assert found[down]["state"] == "down"


def test_a_deployment_without_cameras_has_a_health_page(tmp_path: Path) -> None:
    with house(tmp_path, count=0) as found, running(found) as empty:
        assert "There are no cameras yet." in empty.signed_in("operator").get("/operator/health").text
