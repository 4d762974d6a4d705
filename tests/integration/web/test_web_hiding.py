# SPDX-License-Identifier: AGPL-3.0-or-later
"""Someone is visible: one click covers every page at once, whatever the masker goes on sending."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from tests.browser.web_house import Film, House, fill_past, house, slot_of
from tests.integration.web.web_client import Web, eventually, running, served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from custodes.clock import MILLISECOND, SECOND, Instant, SystemClock
from custodes.domain.hiding import Verdict
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover
from custodes.node.acts import masks
from custodes.node.acts.zones import set_zones
from custodes.node.queries import hidden
from custodes.node.queries.hidden import Stage


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-hiding"), SystemClock()) as found:
        yield found


class Page:
    """An operator's live page of one camera: what it was sent, and a masker that never stops sending to it."""

    def __init__(self, web: Web, camera: CameraId, stack: ExitStack) -> None:
        self.web, self.camera = web, camera
        self.heard: list[str] = []
        self._film = Film(camera, 0)
        self._slot = slot_of(web.house.clock.now())
        web.house.feeds.cover(camera, None)
        web.house.feeds.tell(camera, self._film.init)
        opened = web.socket("/operator/live", web.house.sign_in("operator"), web.address)
        self.socket: ClientConnection = stack.enter_context(opened)
        self.socket.send(json.dumps({"subscribe": camera}))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(ConnectionClosed):
            for message in self.socket:
                if isinstance(message, str):
                    said = json.loads(message)
                    if "state" in said:
                        self.heard.append(f"state {said['state']['cover']}")
                else:
                    self.heard.append("init" if message[0] == 1 else "pictures")

    def send(self, slots: int = 20) -> None:
        """The masker sends two seconds of pictures, at least one of them a key picture."""
        for _ in range(slots):
            for fragment in self._film.shoot(self._slot, None):
                self.web.house.feeds.tell(self.camera, fragment)
            self._slot = Instant(self._slot + 200 * MILLISECOND)

    def until(self, happened: Callable[[list[str]], bool]) -> None:
        assert eventually(lambda: happened(self.heard)), self.heard


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Pages are closed with it."""
    with ExitStack() as found:
        yield found


def post(web: Web, role: str, path: str, **form: int) -> int:
    return web.signed_in(role).post(path, data={name: str(value) for name, value in form.items()}).status_code


def test_one_click_covers_every_page_before_it_is_answered_and_no_picture_follows(web: Web, stack: ExitStack) -> None:
    camera = web.house.cameras[0]
    pages = [Page(web, camera, stack), Page(web, camera, stack)]
    other = Page(web, web.house.cameras[1], stack)
    for page in (*pages, other):
        page.send()
        page.until(lambda heard: "pictures" in heard)
    assert post(web, "operator", f"/operator/cameras/{camera}/hide") == 201
    for page in pages:
        page.until(lambda heard: "state HIDDEN" in heard)
        page.send()
        # A player drops what it holds when it is given a new start.
        page.until(lambda heard: heard[heard.index("state HIDDEN") :] == ["state HIDDEN", "init"])
    other.send()
    assert "state HIDDEN" not in other.heard
    late = Page(web, camera, stack)
    late.send()
    late.until(lambda heard: heard[:1] == ["state HIDDEN"])
    assert "pictures" not in late.heard
    assert "Somebody was visible" in web.signed_in("operator").get(f"/operator/cameras/{camera}").text


def test_the_steward_shows_the_live_picture_again_from_the_next_key_picture_on(web: Web, stack: ExitStack) -> None:
    camera = web.house.cameras[0]
    page = Page(web, camera, stack)
    page.send()
    assert post(web, "operator", f"/operator/cameras/{camera}/hide") == 201
    page.until(lambda heard: "state HIDDEN" in heard)
    page.send(3)
    assert post(web, "steward", f"/steward/cameras/{camera}/show") == 303
    page.until(lambda heard: heard[-2:] == ["state None", "init"])
    page.send()
    page.until(lambda heard: "pictures" in heard[-2:])
    assert [view.stage for view in hidden.every(web.house.store)] == [Stage.OPEN]


def test_what_another_process_hides_reaches_live_pages_by_itself(web: Web, stack: ExitStack) -> None:
    camera = web.house.cameras[0]
    page = Page(web, camera, stack)
    page.send()
    page.until(lambda heard: "pictures" in heard)
    masks.hide(web.house.store, camera, "at the command line")
    page.until(lambda heard: "state HIDDEN" in heard)
    masks.show(web.house.store, camera, "at the command line")
    page.until(lambda heard: heard[-2:] == ["state None", "init"])


def test_pictures_of_a_recalled_masker_that_goes_on_are_covered_on_their_way(web: Web, stack: ExitStack) -> None:
    camera = web.house.cameras[0]
    now = web.house.clock.now()
    fill_past(web.house, 0, Instant(now - 100 * SECOND), Instant(now - 90 * SECOND), {})
    page = Page(web, camera, stack)
    page.send()
    page.until(lambda heard: "pictures" in heard)
    masks.recall(web.house.store, "test", "steward")
    page.until(lambda heard: "state RECALLED" in heard)
    page.send()
    page.until(lambda heard: heard[heard.index("state RECALLED") :] == ["state RECALLED", "init"])
    late = Page(web, camera, stack)
    late.send()
    late.until(lambda heard: "state RECALLED" in heard)
    assert "pictures" not in late.heard


def test_live_pages_are_covered_while_the_catalogue_cannot_be_read(web: Web, stack: ExitStack) -> None:
    store, camera = web.house.store, web.house.cameras[0]
    page = Page(web, camera, stack)
    page.send()
    page.until(lambda heard: "pictures" in heard)
    with store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hidden_windows RENAME TO gone")
    page.until(lambda heard: "state UNCHECKED" in heard)
    with store.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO hidden_windows")
    page.until(lambda heard: heard[-2:] == ["state None", "init"])


def past(found: House) -> tuple[Instant, Instant]:
    end = slot_of(found.clock.now() - 60 * SECOND)
    start = Instant(end - 120 * SECOND)
    fill_past(found, 0, start, end, {})
    return start, end


def pieces(playlist: str) -> list[str]:
    return [line for line in playlist.splitlines() if line.endswith(".m4s")]


def test_a_click_in_a_recording_ends_the_viewings_of_it_and_the_next_ones_lack_that_minute(web: Web) -> None:
    found, client = web.house, web.signed_in("operator")
    start, end = past(found)
    camera = found.cameras[0]
    window = {"start": start // MILLISECOND, "end": end // MILLISECOND}
    begun = client.post(f"/operator/cameras/{camera}/playback", json=window).json()
    every = pieces(client.get(begun["playlist"]).text)
    assert len(every) > 25
    at = (start + 60 * SECOND) // MILLISECOND
    assert post(web, "operator", f"/operator/cameras/{camera}/hide", at=at) == 201
    assert client.post(f"/operator/viewings/{begun['viewing']}/beat").status_code == 404
    assert {client.get(address).status_code for address in (begun["playlist"], *every)} == {404}
    again = client.post(f"/operator/cameras/{camera}/playback", json=window).json()
    left = pieces(client.get(again["playlist"]).text)
    assert 10 <= len(left) <= 16
    # Whoever knows the address of a hidden piece is told that it is hidden.
    moved = [address.replace(begun["viewing"], again["viewing"]) for address in every]
    codes = {address: client.get(address).status_code for address in moved}
    assert {codes[address] for address in left} == {200}
    assert {code for address, code in codes.items() if address not in left} == {403}
    spans = client.get(f"/operator/cameras/{camera}/timeline.json", params=window).json()["spans"]
    assert [span[2] for span in spans] == ["shown", "hidden", "shown"]
    assert spans[1][3] == "Somebody was visible. Hidden until the steward has looked."
    assert spans[1][1] - spans[1][0] == 60_000


def test_the_steward_sees_what_is_hidden_and_decides_and_an_operator_cannot(web: Web) -> None:
    found = web.house
    camera = found.cameras[0]
    start, _ = past(found)
    window = masks.hide(found.store, camera, "operator", start, Instant(start + 20 * SECOND))
    steward, operator = web.signed_in("steward"), web.signed_in("operator")
    page = steward.get("/steward/").text
    assert "To be decided" in page
    assert f"/steward/hidden/{window}/lifted" in page
    assert operator.post(f"/steward/hidden/{window}/lifted").status_code == 403
    assert operator.post(f"/steward/cameras/{camera}/show").status_code == 403
    assert steward.post(f"/operator/cameras/{camera}/hide").status_code == 403
    assert steward.post(f"/steward/hidden/{window}/{Verdict.KEPT.value}").status_code == 303
    assert "Kept hidden" in steward.get("/steward/").text
    assert steward.post(f"/steward/hidden/{window}/lifted").status_code == 303
    assert "Nothing is hidden now." in steward.get("/steward/").text
    assert steward.post(f"/steward/hidden/{window}/lifted").status_code == 409
    assert steward.post(f"/steward/hidden/{window}/perhaps").status_code == 400


def test_the_steward_can_hide_a_live_picture_from_the_still(web: Web) -> None:
    camera = web.house.cameras[0]
    assert post(web, "steward", f"/steward/cameras/{camera}/hide") == 303
    assert [view.stage for view in hidden.every(web.house.store)] == [Stage.LIVE]
    assert f"/steward/cameras/{camera}/show" in web.signed_in("steward").get("/steward/").text


def test_a_click_without_scripts_leads_back_to_the_camera(web: Web) -> None:
    camera = web.house.cameras[0]
    client = web.signed_in("operator")
    answer = client.post(f"/operator/cameras/{camera}/hide", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/operator/cameras/{camera}")
    assert client.post(f"/operator/cameras/{camera}/hide").status_code == 409
    assert client.post(f"/operator/cameras/{camera}/hide", data={"at": "-5"}).status_code == 400
    assert client.post(f"/operator/cameras/{'a' * 26}/hide").status_code == 404


def test_pages_say_how_many_privacy_zones_a_camera_has(web: Web) -> None:
    camera = web.house.cameras[0]
    address = f"/operator/cameras/{camera}"
    assert "privacy zone" not in web.signed_in("operator").get(address).text
    zone = ((0, 0), (5_000, 0), (0, 5_000))
    set_zones(web.house.store, camera, (zone, zone))
    assert "2 privacy zones" in web.signed_in("operator").get(address).text
    assert "2 privacy zones" in web.signed_in("steward").get("/steward/").text
    assert "Privacy zones" in web.visitor().get(f"/register/{camera}").text
    assert "Privacy zones" not in web.visitor().get(f"/register/{web.house.cameras[1]}").text


def test_a_page_that_is_opened_before_anything_could_be_checked_is_covered(
    tmp_path_factory: pytest.TempPathFactory, stack: ExitStack
) -> None:
    with house(tmp_path_factory.mktemp("web-unchecked")) as found:
        with found.store.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE recalled_maskers RENAME TO gone")
        with running(found) as web:
            page = Page(web, found.cameras[0], stack)
            page.send()
            page.until(lambda heard: heard[:1] == ["state UNCHECKED"])
            assert "pictures" not in page.heard
        with found.store.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO recalled_maskers")


def test_what_the_masker_said_meanwhile_is_what_a_page_is_told_once_it_is_shown_again(
    web: Web, stack: ExitStack
) -> None:
    camera = web.house.cameras[0]
    page = Page(web, camera, stack)
    page.until(lambda heard: "init" in heard)
    masks.hide(web.house.store, camera, "operator")
    page.until(lambda heard: "state HIDDEN" in heard)
    web.house.feeds.cover(camera, Cover.CAMERA_MOVED)
    masks.show(web.house.store, camera, "steward")
    page.until(lambda heard: "state CAMERA_MOVED" in heard)
    assert "state None" not in page.heard[page.heard.index("state HIDDEN") :]
