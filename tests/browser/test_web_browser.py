# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pages in a real browser: pictures, covers, playback, map, and that nothing is asked of anybody else."""

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import pytest
from tests.browser.web_house import Film, House, fill_past, house, slot_of
from tests.integration.web.web_client import Web, running

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.acts import Act
from custodes.domain.hiding import Verdict
from custodes.domain.video import Cover
from custodes.errors import CustodesError
from custodes.node.acts import masks, sessions
from custodes.node.queries import hidden, log
from custodes.web.rendering import STATIC

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CUSTODES_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)
if not (STATIC / "manifest.json").exists():
    pytest.skip("the front end is not built: run scripts/build_frontend.py", allow_module_level=True)

PATIENCE_MS = 60_000
SIZES = ((1440, 900), (390, 844))


class Cameraman:
    """Feeds live pictures of every camera until told to rest."""

    def __init__(self, found: House) -> None:
        self.house = found
        self.films = [Film(camera, number) for number, camera in enumerate(found.cameras)]
        self.rests: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        for camera, film in zip(found.cameras, self.films, strict=True):
            found.feeds.tell(camera, film.init)
            found.feeds.cover(camera, None)
        self._thread.start()

    def _run(self) -> None:
        slot = slot_of(time.time_ns())
        while not self._stop.wait(max(0, slot + 200 * MILLISECOND - time.time_ns()) / SECOND):
            for number, film in enumerate(self.films):
                if number in self.rests:
                    continue
                for fragment in film.shoot(slot, None):
                    self.house.feeds.tell(fragment.camera, fragment)
            slot = slot_of(max(slot + 200 * MILLISECOND, time.time_ns()))

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Web, Cameraman]]:
    with house(tmp_path_factory.mktemp("web-browser")) as found:
        now = found.clock.now()
        fill_past(found, 0, Instant(now - 190 * SECOND), Instant(now - 10 * SECOND), {1: Cover.CAMERA_MOVED})
        cameraman = Cameraman(found)
        with running(found) as web:
            yield web, cameraman
        cameraman.close()


@pytest.fixture
def web(studio: tuple[Web, Cameraman]) -> Web:
    return studio[0]


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: "playwright.Browser", web: Web) -> Iterator["playwright.Page"]:
    """A page that fails the test when it asks a stranger, breaks the policy or throws."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    home = urlsplit(web.address).netloc
    page.on("request", lambda asked: urlsplit(asked.url).netloc not in (home, "") and wrong.append(asked.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
    yield page
    context.close()
    assert wrong == []


def _enter(page: "playwright.Page", web: Web, role: str) -> None:
    page.goto(f"{web.address}/enter/{sessions.issue_link(web.house.store, role)}")


def _acts(found: House, what: str) -> list[Act]:
    found.settle()
    watching = (Act.VIEWING_BEGUN, Act.VIEWING_ENDED)
    rows = log.rows(found.store, 0, 10_000)
    return [row.act for row in rows if row.act in watching and row.facts["what"] == what]


def test_the_wall_plays_every_camera(page: "playwright.Page", web: Web) -> None:
    _enter(page, web, "operator")
    for camera in web.house.cameras:
        page.wait_for_selector(f"c-live[camera='{camera}'][data-shown=true]")
    assert page.locator(".live-badge[data-level=fresh]").count() == 3
    assert page.locator("c-live .cover:visible").count() == 0
    sizes = page.eval_on_selector_all("c-live video", "all => all.map(v => [v.videoWidth, v.videoHeight])")
    assert sizes == [[640, 360]] * 3
    before = page.eval_on_selector("c-live video", "v => v.currentTime")
    page.wait_for_function("before => document.querySelector('c-live video').currentTime > before + 1", arg=before)


def test_when_the_masker_goes_the_old_picture_vanishes_and_the_cause_is_said(page: "playwright.Page", web: Web) -> None:
    camera = web.house.cameras[1]
    tile = f"c-live[camera='{camera}']"
    _enter(page, web, "operator")
    page.wait_for_selector(f"{tile}[data-shown=true]")
    try:
        web.house.feeds.cover(camera, Cover.MASKER_DOWN)
        page.wait_for_selector(f"{tile}[data-shown=false]")
        assert "The masker is not running." in page.locator(f"{tile} .cover").inner_text()
        assert page.eval_on_selector(f"{tile} video", "v => getComputedStyle(v).visibility") == "hidden"
        over, under = page.locator(f"{tile} .cover").bounding_box(), page.locator(tile).bounding_box()
        assert over == under
        assert page.locator(f"{tile} .live-badge").get_attribute("data-level") == "covered"
    finally:
        web.house.feeds.cover(camera, None)
    page.wait_for_selector(f"{tile}[data-shown=true]")


def test_a_camera_page_says_why_it_is_covered_before_any_script_runs(browser: "playwright.Browser", web: Web) -> None:
    camera = web.house.cameras[1]
    web.house.feeds.cover(camera, Cover.DETECTOR_FAILED)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    _enter(page, web, "operator")
    page.goto(f"{web.address}/operator/cameras/{camera}")
    assert "The person detector does not work." in page.inner_text("main")
    context.close()
    web.house.feeds.cover(camera, None)


def test_a_feed_that_stops_is_stale_and_its_last_picture_is_not_shown(
    page: "playwright.Page", web: Web, studio: tuple[Web, Cameraman]
) -> None:
    tile = f"c-live[camera='{web.house.cameras[2]}']"
    _enter(page, web, "operator")
    page.wait_for_selector(f"{tile}[data-shown=true]")
    studio[1].rests.add(2)
    try:
        page.wait_for_selector(f"{tile} .live-badge[data-level=stale]")
        assert "No picture for" in page.locator(f"{tile} .live-badge").inner_text()
        assert "the last picture is not shown" in page.locator(f"{tile} .cover").inner_text()
        assert page.eval_on_selector(f"{tile} video", "v => getComputedStyle(v).visibility") == "hidden"
    finally:
        studio[1].rests.discard(2)
    page.wait_for_selector(f"{tile}[data-shown=true]")


def test_without_a_connection_nothing_is_shown_and_the_page_finds_back(
    page: "playwright.Page", web: Web, studio: tuple[Web, Cameraman]
) -> None:
    sockets: list[playwright.WebSocketRoute] = []

    def through(route: "playwright.WebSocketRoute") -> None:
        sockets.append(route)
        route.connect_to_server()

    page.route_web_socket("**/operator/live", through)
    _enter(page, web, "operator")
    page.wait_for_selector("c-live[data-shown=true]")
    page.evaluate(
        """() => {
            window.seen = [];
            const note = () => window.seen.push(document.querySelector('c-live .cover').innerText);
            new MutationObserver(note).observe(document.querySelector('c-live'), { subtree: true, childList: true });
        }"""
    )
    sockets[0].close(code=1012)
    page.wait_for_function("() => window.seen.some(words => words.includes('No connection to the server'))")
    page.wait_for_selector("c-live[data-shown=true]")
    assert len(sockets) >= 2


def test_the_past_plays_from_the_keyboard_is_logged_and_ends_with_live(page: "playwright.Page", web: Web) -> None:
    found = web.house
    camera = found.cameras[0]
    _enter(page, web, "operator")
    page.goto(f"{web.address}/operator/cameras/{camera}")
    page.wait_for_selector("c-live[data-shown=true]")
    assert _acts(found, "playback") == []
    page.focus("c-timeline")
    page.keyboard.press("PageUp")
    page.wait_for_selector("c-camera[data-mode=past]")
    page.wait_for_function("() => document.querySelector('c-playback video').currentTime > 0.5")
    assert page.locator("c-playback .cover").is_hidden()
    assert page.locator("c-live").is_hidden()
    assert _acts(found, "playback") == [Act.VIEWING_BEGUN]
    assert "Masked video" in (page.locator("c-timeline").get_attribute("aria-valuetext") or "")
    page.click("[data-do=live]")
    page.wait_for_selector("c-live[data-shown=true]")
    for _ in range(200):
        if Act.VIEWING_ENDED in _acts(found, "playback"):
            break
        page.wait_for_timeout(100)
    assert _acts(found, "playback") == [Act.VIEWING_BEGUN, Act.VIEWING_ENDED]


def test_a_covered_stretch_of_the_past_says_why(page: "playwright.Page", web: Web) -> None:
    camera = web.house.cameras[0]
    _enter(page, web, "operator")
    covered = web.house.clock.now() // MILLISECOND
    spans = page.request.get(
        f"{web.address}/operator/cameras/{camera}/timeline.json?start={covered - 900_000}&end={covered}"
    ).json()["spans"]
    start = next(span[0] for span in spans if span[2] == "covered")
    page.goto(f"{web.address}/operator/cameras/{camera}?at={start + 5_000}")
    page.wait_for_selector("c-playback .cover[data-kind=covered]:visible")
    assert "The camera was moved" in page.locator("c-playback .cover").inner_text()


def test_a_marked_stretch_becomes_a_prepared_request(page: "playwright.Page", web: Web) -> None:
    camera = web.house.cameras[0]
    _enter(page, web, "operator")
    page.goto(f"{web.address}/operator/cameras/{camera}?at={web.house.clock.now() // MILLISECOND - 60_000}")
    page.wait_for_function("() => document.querySelector('c-playback video').currentTime > 0")
    page.focus("c-timeline")
    page.keyboard.press("[")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("]")
    start, end = page.input_value("[data-bound=start]"), page.input_value("[data-bound=end]")
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    assert form.fullmatch(start)
    assert form.fullmatch(end)
    assert start < end
    page.click("text=Prepare a request")
    page.wait_for_url("**/operator/requests/new?*")
    assert page.input_value("#camera") == camera
    assert page.input_value("#start") == start


def test_the_register_is_complete_without_javascript(browser: "playwright.Browser", web: Web) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{web.address}/register/")
    assert page.locator(".plan .plan-cone").count() == 3
    assert page.locator(".plan").is_visible()
    page.locator(".cameras a").first.click()
    assert "Check this entry" in page.inner_text("main")
    context.close()


def test_the_map_starts_under_the_strict_policy_and_asks_nobody_else(page: "playwright.Page", web: Web) -> None:
    page.goto(f"{web.address}/register/")
    if not page.evaluate("!!document.createElement('canvas').getContext('webgl2')"):
        pytest.skip("this browser has no WebGL: the plan stays")
    page.wait_for_selector("c-map.ready .maplibregl-canvas")
    assert page.locator(".pin").count() == 3
    page.locator(".pin").first.click()
    page.wait_for_url(re.compile(r"/register/[a-z2-7]{26}$"))


def test_no_page_is_wider_than_the_screen_and_none_breaks_the_policy(page: "playwright.Page", web: Web) -> None:
    camera = web.house.cameras[0]
    public = [
        "/",
        "/about/refuses",
        "/register/",
        f"/register/{camera}",
        "/log/",
        "/log/entry/3",
        "/disclosures/",
        "/tour",
    ]
    private = ["/tour", "/operator/", f"/operator/cameras/{camera}", "/operator/health"]
    private += ["/operator/requests/", "/operator/requests/new"]
    for role, paths in (("operator", (*public, *private)), ("steward", ("/steward/",))):
        _enter(page, web, role)
        _fits(page, web, paths)


def _fits(page: "playwright.Page", web: Web, paths: tuple[str, ...]) -> None:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for path in paths:
            page.goto(web.address + path)
            page.wait_for_load_state("load")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
            assert page.locator("h1").count() == 1, path
            unnamed = page.eval_on_selector_all(
                "button, input:not([type=hidden]), select, a[href]",
                "all => all.filter(e => !(e.innerText || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)",
            )
            assert unnamed == [], path


def test_one_click_on_the_wall_covers_the_camera_on_every_page_until_the_steward_shows_it(
    page: "playwright.Page", browser: "playwright.Browser", web: Web
) -> None:
    camera = web.house.cameras[1]
    tile = f"c-live[camera='{camera}']"
    context = browser.new_context()
    other = context.new_page()
    for each in (page, other):
        _enter(each, web, "operator")
        each.wait_for_selector(f"{tile}[data-shown=true]")
    try:
        page.locator("li.tile", has=page.locator(tile)).get_by_role("button").click()
        for each in (page, other):
            each.wait_for_selector(f"{tile}[data-shown=false]")
            assert "Somebody was visible." in each.locator(f"{tile} .cover").inner_text()
            assert each.eval_on_selector(f"{tile} video", "v => getComputedStyle(v).visibility") == "hidden"
        assert page.url.endswith("/operator/")
        page.wait_for_selector("c-hide output:has-text('Hidden from everybody')")
        steward = context.new_page()
        _enter(steward, web, "steward")
        steward.get_by_role("button", name="Show the live picture").click()
        steward.wait_for_selector("text=To be decided")
    finally:
        with suppress(CustodesError):
            masks.show(web.house.store, camera, "a test that failed")
        context.close()
    page.wait_for_selector(f"{tile}[data-shown=true]")


def test_a_click_in_a_recording_hides_it_there_and_from_whoever_plays_it_already(
    browser: "playwright.Browser", web: Web
) -> None:
    camera = web.house.cameras[0]
    now = web.house.clock.now() // MILLISECOND
    address = f"{web.address}/operator/cameras/{camera}"
    with ExitStack() as stack:
        one, other = (stack.enter_context(browser.new_context()).new_page() for _ in range(2))
        for page in (one, other):
            page.set_default_timeout(PATIENCE_MS)
            _enter(page, web, "operator")
            spans = page.request.get(f"{address}/timeline.json?start={now - 900_000}&end={now}").json()["spans"]
            page.goto(f"{address}?at={next(span[0] for span in spans if span[2] == 'shown') + 10_000}")
            page.wait_for_function("() => document.querySelector('c-playback video').currentTime > 0")
        one.get_by_role("button", name="Someone is visible").click()
        # The other page, which had fetched it before, gives up what it holds; both say why.
        for page in (one, other):
            page.wait_for_selector("c-playback .cover[data-kind=covered]:visible")
            assert "Somebody was visible." in page.locator("c-playback .cover").inner_text()
            page.wait_for_function("() => document.querySelector('c-playback video').readyState === 0")
        one.wait_for_selector("[data-picture]:has-text('Hidden.')")
        masks.decide_hidden(web.house.store, hidden.every(web.house.store)[0].id, Verdict.LIFTED, "steward")
