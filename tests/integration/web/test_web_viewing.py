# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nobody watches without an entry in the log: live over the WebSocket, playback over HLS, both with their end."""

import json
from collections.abc import Iterator

import httpx
import pytest
from tests.browser.web_house import Film, House, fill_past, slot_of
from tests.integration.web.web_client import Web, eventually, served
from websockets.exceptions import ConnectionClosed

from custodes.clock import MILLISECOND, SECOND, FakeClock, Instant
from custodes.domain.acts import Act
from custodes.domain.feeds import NOT_CONFIRMED
from custodes.domain.video import Cover
from custodes.node.queries import log
from custodes.web.operator.viewings import SILENCE, Viewings

WATCHING = (Act.VIEWING_BEGUN, Act.VIEWING_ENDED)


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-viewing")) as found:
        yield found


def _watched(found: House) -> list[tuple[Act, object]]:
    found.settle()
    return [(row.act, row.facts["what"]) for row in log.rows(found.store, 0, 10_000) if row.act in WATCHING]


def _past(found: House, seconds: int = 20) -> tuple[Instant, Instant]:
    end = slot_of(found.clock.now() - 60 * SECOND)
    start = Instant(end - seconds * SECOND)
    fill_past(found, 0, start, end, {})
    return start, end


def _begin(client: httpx.Client, camera: str, start: int, end: int) -> httpx.Response:
    window = {"start": start // MILLISECOND, "end": end // MILLISECOND}
    return client.post(f"/operator/cameras/{camera}/playback", json=window)


def test_a_viewing_of_the_past_is_logged_before_its_playlist_and_plays_until_it_is_ended(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    start, end = _past(found)
    camera = found.cameras[0]
    assert _watched(found) == []
    begun = _begin(client, camera, start, end)
    assert begun.status_code == 201
    assert _watched(found) == [(Act.VIEWING_BEGUN, "playback")]
    playlist = client.get(begun.json()["playlist"])
    assert playlist.headers["content-type"] == "application/vnd.apple.mpegurl"
    segments = [line for line in playlist.text.splitlines() if line.endswith(".m4s")]
    assert segments
    init = client.get(begun.json()["playlist"].replace("index.m3u8", "init.mp4"))
    assert init.content[4:8] == b"ftyp"
    for segment in segments:
        answer = client.get(segment)
        assert answer.status_code == 200
        assert answer.content[4:8] == b"moof"
        assert answer.headers["cache-control"] == "no-store"
    assert client.post(f"/operator/viewings/{begun.json()['viewing']}/end").status_code == 204
    assert _watched(found) == [(Act.VIEWING_BEGUN, "playback"), (Act.VIEWING_ENDED, "playback")]
    for address in (begun.json()["playlist"], *segments):
        assert client.get(address).status_code == 404
    assert client.post(f"/operator/viewings/{begun.json()['viewing']}/beat").status_code == 404


def test_somebody_elses_viewing_and_other_cameras_cannot_be_used(web: Web) -> None:
    found, client, other = web.house, web.signed_in("operator"), web.signed_in("operator")
    start, end = _past(found)
    first, second = found.cameras[:2]
    begun = _begin(client, first, start, end).json()
    assert other.get(begun["playlist"]).status_code == 404
    assert other.post(f"/operator/viewings/{begun['viewing']}/end").status_code == 404
    assert client.get(begun["playlist"].replace(first, second)).status_code == 404
    assert client.get(begun["playlist"]).status_code == 200


def test_pieces_outside_the_window_of_the_viewing_are_not_served(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    start, end = _past(found)
    camera = found.cameras[0]
    wide = _begin(client, camera, start, end).json()
    segment = next(line for line in client.get(wide["playlist"]).text.splitlines() if line.endswith(".m4s"))
    elsewhere = _begin(client, camera, start - 600 * SECOND, start - 300 * SECOND).json()
    moved = segment.replace(wide["viewing"], elsewhere["viewing"])
    assert client.get(segment).status_code == 200
    assert client.get(moved).status_code == 404


@pytest.mark.parametrize(("start", "end"), [(10, 10), (10, 5), (-7_200, 0), (3_600, 3_700)])
def test_an_impossible_window_is_refused_and_leaves_no_trace(web: Web, start: int, end: int) -> None:
    found, client = web.house, web.signed_in("operator")
    now = found.clock.now()
    answer = _begin(client, found.cameras[0], now + start * SECOND, now + end * SECOND)
    assert answer.status_code == 400
    assert _watched(found) == []


def test_a_viewing_that_falls_silent_is_ended_by_the_sweep_and_one_that_speaks_is_not(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    assert isinstance(found.clock, FakeClock)
    start, end = _past(found)
    viewings: Viewings = web.app.state.viewings
    silent = _begin(client, found.cameras[0], start, end).json()
    found.clock.advance(SILENCE // 2)
    speaking = _begin(client, found.cameras[0], start, end).json()
    found.clock.advance(SILENCE // 2 + SECOND)
    viewings.sweep()
    assert client.post(f"/operator/viewings/{silent['viewing']}/beat").status_code == 404
    assert client.post(f"/operator/viewings/{speaking['viewing']}/beat").status_code == 204
    assert [act for act, _ in _watched(found)] == [Act.VIEWING_BEGUN, Act.VIEWING_BEGUN, Act.VIEWING_ENDED]


def test_when_the_server_stops_every_viewing_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("web-stop")) as web:
        found = web.house
        start, end = _past(found)
        assert _begin(web.signed_in("operator"), found.cameras[0], start, end).status_code == 201
        viewings: Viewings = web.app.state.viewings
        viewings.end_all()
        assert [act for act, _ in _watched(found)] == [Act.VIEWING_BEGUN, Act.VIEWING_ENDED]


def test_the_timeline_tells_shown_covered_and_missing_with_the_cause_in_words(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    camera = found.cameras[0]
    end = slot_of(found.clock.now() - 60 * SECOND)
    start = Instant(end - 120 * SECOND)
    fill_past(found, 0, start, end, {1: Cover.CAMERA_MOVED})
    window = {"start": (start - 60 * SECOND) // MILLISECOND, "end": end // MILLISECOND}
    answer = client.get(f"/operator/cameras/{camera}/timeline.json", params=window).json()
    kinds = [span[2] for span in answer["spans"]]
    assert kinds == ["gap", "shown", "covered"]
    assert answer["spans"][2][3] == "The camera was moved, or the whole scene has changed."
    bad = {"start": 5, "end": 5}
    assert client.get(f"/operator/cameras/{camera}/timeline.json", params=bad).status_code == 400
    assert client.get(f"/operator/cameras/{camera}/timeline.json", params={"start": -1, "end": 2}).status_code == 400
    assert client.get(f"/operator/cameras/{'a' * 26}/timeline.json", params=window).status_code == 404


def test_live_tells_the_state_first_then_init_and_fragments_and_logs_begin_and_end(web: Web) -> None:
    found = web.house
    camera = found.cameras[0]
    film = Film(camera, 0)
    found.feeds.cover(camera, None)
    found.feeds.tell(camera, film.init)
    slot = slot_of(found.clock.now())
    fragments = [each for step in range(10) for each in film.shoot(Instant(slot + step * 200 * MILLISECOND), None)]
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        assert _watched(found) == []
        socket.send(json.dumps({"subscribe": camera}))
        first = json.loads(socket.recv())
        assert (first["camera"], first["state"]["cover"]) == (camera, None)
        assert _watched(found) == [(Act.VIEWING_BEGUN, "live")]
        about = json.loads(socket.recv())["init"]
        assert about["codec"].startswith("avc1.")
        init = socket.recv()
        assert isinstance(init, bytes)
        assert (init[0], init[1:27].decode(), init[27:]) == (1, camera, film.init.data)
        found.feeds.tell(camera, fragments[0])
        piece = socket.recv()
        assert isinstance(piece, bytes)
        assert (piece[0], piece[1:27].decode()) == (2, camera)
        assert int.from_bytes(piece[27:35]) == fragments[0].start // MILLISECOND
        assert int.from_bytes(piece[35:39]) == fragments[0].duration_ms
        assert (piece[39], piece[40:]) == (0, fragments[0].data)
        socket.send(json.dumps({"unsubscribe": camera}))
        assert eventually(lambda: len(_watched(found)) == 2)
    assert _watched(found)[-1] == (Act.VIEWING_ENDED, "live")


def test_a_covered_camera_says_why_in_words(web: Web) -> None:
    found = web.house
    camera = found.cameras[0]
    found.feeds.cover(camera, None)
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        socket.send(json.dumps({"subscribe": camera}))
        assert json.loads(socket.recv())["state"]["cover"] is None
        for cover, words in ((Cover.MASKER_DOWN, "The masker is not running."), (Cover.FROZEN, "over and over")):
            found.feeds.cover(camera, cover)
            state = json.loads(socket.recv())["state"]
            assert state["cover"] == cover.name
            assert words in state["words"]
            assert state["since"] == found.clock.now() // MILLISECOND


def test_a_picture_that_nobody_confirmed_says_so_on_the_wire_and_on_the_camera_page(web: Web) -> None:
    found = web.house
    camera = found.cameras[0]
    found.feeds.cover(camera, None, NOT_CONFIRMED)
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        socket.send(json.dumps({"subscribe": camera}))
        state = json.loads(socket.recv())["state"]
    assert (state["cover"], state["detail"][:13]) == (None, "Not confirmed")
    assert "Not confirmed" in web.signed_in("operator").get(f"/operator/cameras/{camera}").text
    found.feeds.cover(camera, None)
    assert "Not confirmed" not in web.signed_in("operator").get(f"/operator/cameras/{camera}").text


def test_a_page_that_goes_away_ends_all_its_viewings(web: Web) -> None:
    found = web.house
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        for camera in found.cameras:
            socket.send(json.dumps({"subscribe": camera}))
        for _ in found.cameras:
            socket.recv()
    assert eventually(lambda: len(_watched(found)) == 6)
    assert [act for act, _ in _watched(found)].count(Act.VIEWING_ENDED) == 3
    assert all(found.feeds.readers(camera) == 0 for camera in found.cameras)


def test_a_session_that_ends_closes_the_page_and_its_viewings(web: Web) -> None:
    found = web.house
    assert isinstance(found.clock, FakeClock)
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        socket.send(json.dumps({"subscribe": found.cameras[0]}))
        socket.recv()
        found.clock.advance(13 * 3600 * SECOND)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=30)
        assert socket.close_code == 4403
    assert eventually(lambda: len(_watched(found)) == 2)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"subscribe": 5}',
        '{"watch": "x"}',
        '{"subscribe": "x"}',
        "[" * 900,
        '{"a":1,"b":2}',
    ],
)
def test_what_a_page_cannot_say_gets_one_line_and_the_page_stays(web: Web, message: str) -> None:
    found = web.house
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        socket.send(message)
        assert json.loads(socket.recv())["error"]
        socket.send(json.dumps({"subscribe": found.cameras[0]}))
        assert "state" in json.loads(socket.recv())


def test_a_camera_that_does_not_exist_is_not_watched(web: Web) -> None:
    found = web.house
    with web.socket("/operator/live", found.sign_in("operator"), web.address) as socket:
        socket.send(json.dumps({"subscribe": "a" * 26}))
        assert json.loads(socket.recv()) == {"camera": "a" * 26, "error": "there is no such camera in service"}
    assert _watched(found) == []


def test_the_wall_names_every_camera_and_why_it_is_covered(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    found.feeds.cover(found.cameras[0], Cover.NOT_CERTIFIED)
    page = client.get("/operator/").text
    assert "The steward has not certified the masking yet." in page
    assert page.count("<c-live") == 3
    assert page.count("Recording, sealed") == 3
    states = client.get("/operator/states.json").json()
    assert states[found.cameras[1]] == {"state": "recording", "words": "Recording, sealed", "cause": ""}
