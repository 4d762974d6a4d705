# SPDX-License-Identifier: AGPL-3.0-or-later
"""``/metrics``: read by somebody else's parser, says nothing about people, and not to everybody."""

import asyncio
import dataclasses
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.browser.web_house import PLACES
from tests.integration.web.web_client import Web, served

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Tamper
from custodes.node.queries import metrics
from custodes.node.runtime import states
from custodes.node.store import tables
from custodes.web.metrics import MEDIA_TYPE, exposition


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-metrics")) as found:
        camera, now = found.house.cameras[0], found.house.clock.now()
        row = {"at": now, "since": Instant(now - SECOND), "connections": 2, "pictures": 1_000, "octets": 9_000_000}
        row |= {"lost": 4, "written": 8_900_000, "pictures_per_s": 24_960, "bits_per_s": 3_998_700, "waiting": 12}
        row |= {"sync_ms": 7, "clock_offset_ms": -1_500, "codec": "h264", "width": 1920, "height": 1080}
        with found.house.store.begin() as connection:
            tables.upsert(connection, tables.camera_health, {"camera": camera}, row)
            states.view(camera, now, (Tamper.TURNED, now), False, (None, now))(connection)
        yield found


Samples = dict[tuple[str, ...], float]


def parsed(text: str) -> dict[str, Samples]:
    """Metric to labels' values to value, as Prometheus's own client understands it."""
    return {
        family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def test_an_independent_parser_reads_every_metric(web: Web) -> None:
    answer = web.visitor().get("/metrics")
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "no-store"
    found, camera = parsed(answer.text), str(web.house.cameras[0])
    assert found["custodes_camera_state"][camera, "degraded"] == 1
    assert sum(found["custodes_camera_state"].values()) == len(web.house.cameras)
    assert found["custodes_camera_tamper"][camera, "turned"] == 1
    assert found["custodes_camera_pictures_per_second"] == {(camera,): 24.96}
    assert found["custodes_camera_received_bytes"] == {(camera,): 9_000_000}
    assert found["custodes_camera_lost_packets"] == {(camera,): 4}
    assert found["custodes_camera_clock_offset_seconds"] == {(camera,): -1.5}
    assert found["custodes_log_entries"][()] > 0
    assert found["custodes_alerts_open"] == {(): 0}
    expiry = found["custodes_camera_register_expiry_timestamp_seconds"]
    assert expiry[camera,] == (web.house.clock.now() + 365 * 86_400 * SECOND) // SECOND


def test_metrics_are_about_machines_by_camera_id_and_state_alone(web: Web) -> None:
    text = web.visitor().get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert len(families) > 15
    assert {label for family in families for sample in family.samples for label in sample.labels} == {"camera", "state"}
    for word in ("person", "people", "activity", "masked", "viewing", "viewer", "detect", "session", "request"):
        assert word not in text.lower()
    for name in PLACES:
        assert name not in text


def test_labels_are_escaped_as_the_format_demands(web: Web) -> None:
    facts = metrics.facts(web.house.store)
    odd = 'a"b\\c\nd{}'
    view = dataclasses.replace(facts.cameras[0].view, id=CameraId(odd))
    changed = dataclasses.replace(facts, cameras=[dataclasses.replace(facts.cameras[0], view=view)])
    assert parsed(exposition(changed))["custodes_camera_lost_packets"] == {(odd,): 4}


def test_a_node_without_a_checkpoint_still_has_metrics(web: Web) -> None:
    facts = dataclasses.replace(metrics.facts(web.house.store), log=None)
    assert parsed(exposition(facts))["custodes_log_entries"] == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "town.example"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "127.0.0.1"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_a_proxy_passes_on_is_not_taken_for_this_machine(web: Web, headers: dict[str, str]) -> None:
    assert web.visitor().get("/metrics", headers=headers).status_code == 403


def asked_from(web: Web, address: str, token: str | None = None) -> int:
    """What the application answers to a client with that address."""

    async def ask() -> int:
        transport = httpx.ASGITransport(web.app, client=(address, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Authorization": f"Bearer {token}".encode("latin-1")} if token is not None else {}
            return (await client.get("/metrics", headers=headers)).status_code

    return asyncio.run(ask())


def test_others_need_the_token_of_the_settings(web: Web) -> None:
    layout = web.house.store.layout
    assert asked_from(web, "127.0.0.1") == 200
    assert [asked_from(web, "192.0.2.7", token) for token in (None, "", "sesame")] == [403] * 3
    secret = layout.root / "metrics.token"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    layout.settings.write_text(f'[metrics]\ntoken_file = "{secret}"\n')
    try:
        assert [asked_from(web, "192.0.2.7", token) for token in (None, "", "sesam", "sesame\u00e9")] == [403] * 4
        assert asked_from(web, "192.0.2.7", "sesame") == 200
        secret.chmod(0o644)
        assert asked_from(web, "192.0.2.7", "sesame") == 503
    finally:
        layout.settings.unlink()
