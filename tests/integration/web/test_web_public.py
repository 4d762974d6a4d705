# SPDX-License-Identifier: AGPL-3.0-or-later
"""Public pages and files: what everybody may see, byte for byte where it is to be checked."""

import hashlib
import json
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from tests.browser.web_house import PLACES
from tests.integration.web.web_client import Web, served

from custodes.domain.video import StreamUrl
from custodes.node.acts import cameras
from custodes.node.queries import custody
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import verify_receipt

PAGES = ["/", "/about/refuses", "/register/", "/log/", "/log/entry/0", "/disclosures/", "/tour"]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-public")) as found:
        yield found


class _Page(HTMLParser):
    """Collects what a strict policy must refuse and every address in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._script = tag == "script"
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        self.inline += ["style"] if tag == "style" else []
        self.addresses += [found[name] or "" for name in ("src", "href", "action") if name in found]
        self.ids += [found["id"] or ""] if "id" in found else []

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append("script")

    def handle_endtag(self, tag: str) -> None:
        self._script = False


@pytest.mark.parametrize("path", PAGES)
def test_a_public_page_needs_no_session_sets_no_cookie_and_asks_nobody_else(web: Web, path: str) -> None:
    answer = web.visitor().get(path)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    page = _Page(answer.text)
    assert page.inline == []
    assert all(address.startswith(("/", "#")) and not address.startswith("//") for address in page.addresses)
    assert len(page.ids) == len(set(page.ids))
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src")
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_private_pages_hold_nothing_inline_either(web: Web) -> None:
    found = web.house
    operator, steward = web.signed_in("operator"), web.signed_in("steward")
    camera = found.cameras[0]
    for path in ("/operator/", f"/operator/cameras/{camera}", "/operator/requests/", "/operator/requests/new"):
        assert _Page(operator.get(path).text).inline == []
    assert _Page(steward.get("/steward/").text).inline == []


def test_the_front_page_counts_the_cameras_on_the_register(web: Web) -> None:
    page = web.visitor().get("/").text
    assert "<strong>3</strong><span>cameras on the register</span>" in page


def test_the_register_lists_every_camera_and_draws_it_without_javascript(web: Web) -> None:
    page = web.visitor().get("/register/").text
    for place in PLACES:
        assert page.count(place) >= 2
    assert page.count('class="plan-cone"') == 3


def test_the_register_can_be_searched(web: Web) -> None:
    page = web.visitor().get("/register/", params={"q": "tram LINDEN"}).text
    assert PLACES[1] in page
    assert PLACES[0] not in page
    assert "<script>" not in web.visitor().get("/register/", params={"q": "<script>"}).text


def test_an_entry_page_shows_the_entry_and_the_digest_of_its_document(web: Web) -> None:
    found, client = web.house, web.visitor()
    camera = found.cameras[0]
    document = client.get(f"/register/{camera}.json")
    page = client.get(f"/register/{camera}").text
    for fact in ("City of Lindenau", "Traffic safety", "Public task (GDPR 6(1)(e))", "3 days", "51.34050"):
        assert fact in page
    assert hashlib.sha256(document.content).hexdigest() in page.replace("<wbr>", "")


def test_document_log_entry_and_receipt_as_downloaded_prove_each_other(web: Web) -> None:
    found, client = web.house, web.visitor()
    camera = found.cameras[0]
    document = client.get(f"/register/{camera}.json").content
    policy = TlogPolicy.parse(custody.parsed_policy(found.store).log)
    receipt = client.get(f"/register/{camera}/receipt").content
    logged = next(
        row
        for row in (client.get(f"/log/entry/{index}.json").content for index in range(20))
        if hashlib.sha256(document).hexdigest().encode() in row
    )
    assert json.loads(logged)["act"] == "register.published"
    proof = verify_receipt(receipt, logged, policy)
    assert proof.witnesses


def test_a_camera_without_an_entry_is_not_on_the_register(web: Web) -> None:
    found, client = web.house, web.visitor()
    url = StreamUrl("rtsp://127.0.0.1/x")
    camera = cameras.add_camera(found.store, "Unregistered", url, url)
    try:
        assert client.get(f"/register/{camera}").status_code == 404
        assert client.get(f"/register/{camera}.json").status_code == 404
        assert "Unregistered" not in client.get("/register/").text
    finally:
        cameras.remove_camera(found.store, camera)


@pytest.mark.parametrize("camera", ["x", "a" * 26, "A" * 26, "a" * 5000, "%2e%2e%2fpolicy"])
def test_a_camera_that_does_not_exist_is_not_found(web: Web, camera: str) -> None:
    for path in (f"/register/{camera}", f"/register/{camera}.json", f"/register/{camera}/receipt"):
        assert web.visitor().get(path).status_code == 404


def test_the_log_is_served_as_it_lies_on_the_disk(web: Web) -> None:
    found, client = web.house, web.visitor()
    folder = found.store.layout.log
    checkpoint = client.get("/log/checkpoint")
    assert checkpoint.content == (folder / "checkpoint").read_bytes()
    assert checkpoint.headers["cache-control"] == "no-cache"
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get("/log/vkey").content == (folder / "vkey").read_bytes()
    tiles = [path.relative_to(folder).as_posix() for path in folder.glob("tile/**/*") if path.is_file()]
    assert any("entries" in tile for tile in tiles)
    for tile in tiles:
        answer = client.get(f"/log/{tile}")
        assert answer.content == (folder / tile).read_bytes()
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "path",
    [
        "tile/%2e%2e/%2e%2e/keys/log.key",
        "tile/0/..%2f..%2f..%2fkeys%2flog.key",
        "tile/0/000.p/0",
        "tile/9/999",
        "tile/",
        "tile/0/%00",
        "keys/log.key",
    ],
)
def test_nothing_beside_the_log_can_be_reached_through_its_address(web: Web, path: str) -> None:
    assert web.visitor().get(f"/log/{path}").status_code == 404


def test_the_log_page_names_state_witness_and_entries_newest_first(web: Web) -> None:
    page = web.visitor().get("/log/").text
    assert "witnessed by one" in page
    assert "Register entry published" in page
    positions = [page.index(f'href="/log/entry/{index}"') for index in (3, 2, 1, 0)]
    assert positions == sorted(positions)


def test_the_log_can_be_paged_back_to_its_first_entry(web: Web) -> None:
    page = web.visitor().get("/log/", params={"before": 2}).text
    assert 'href="/log/entry/0"' in page
    assert 'href="/log/entry/2"' not in page
    assert ">Newer</a>" in page
    assert ">Older</a>" not in page
    assert web.visitor().get("/log/", params={"before": 0}).status_code == 400
    assert web.visitor().get("/log/", params={"before": 10**30}).status_code in (200, 400)


def test_an_entry_that_is_not_there_is_not_found(web: Web) -> None:
    for index in ("999999", "-1", str(10**30)):
        assert web.visitor().get(f"/log/entry/{index}").status_code in (400, 404)
        assert web.visitor().get(f"/log/entry/{index}.json").status_code in (400, 404)


def test_the_tour_shows_the_story_and_escapes_what_programs_printed(web: Web) -> None:
    page = web.visitor().get("/tour").text
    assert "It begins." in page
    assert "&lt;ready&gt;" in page


def test_failures_are_pages_for_people_json_for_programs_and_text_for_files(web: Web) -> None:
    client = web.visitor()
    assert "<h1>" in client.get("/nothing", headers={"Accept": "text/html"}).text
    assert client.get("/api/nothing").json() == {"error": "there is no such page"}
    assert client.get("/nothing").text == "there is no such page\n"


def test_nothing_describes_the_interfaces_with_scripts_from_elsewhere(web: Web) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert web.visitor().get(path).status_code == 404
