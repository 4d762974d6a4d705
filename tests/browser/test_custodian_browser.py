# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's page in Chromium: keys opened there, shares sealed and opened both ways, other pages kept out."""

import base64
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.custody_office import served
from tests.custody_town import Town, an_entry
from tests.desk_page import page_of

from custodes.desk.page.markup import STATIC, asset
from custodes.domain import canonical
from custodes.domain.register import encode_entry
from custodes.errors import CustodesError
from custodes.trust.seal.wrapping import WrappingKey, unwrap, wrap

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = os.environ.get("CUSTODES_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)
if not (STATIC / "manifest.json").exists():
    pytest.skip("the front end is not built: run scripts/build_frontend.py", allow_module_level=True)

PATIENCE_MS = 60_000
PASSPHRASE = "cheval exact, é 𝄞"
PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "hpke" / "published.json").read_text())


@dataclass
class Desk:
    """Custodian 1's page: the program has no key, the key files lie on a stick."""

    town: Town
    operator: str
    request: str
    link: str
    stick: list[Path]


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as started:
        # What a web site can do to its own name, for the time of a visit.
        flags = ["--no-sandbox", "--host-resolver-rules=MAP attacker.example 127.0.0.1"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path, PASSPHRASE)
    for camera in made.world.cameras:
        made.world.register[camera] = encode_entry(an_entry(camera))
    yield made
    made.world.close()


@pytest.fixture
def desk(town: Town) -> Iterator[Desk]:
    folder, stick = town.folder / "custodian1", town.folder / "stick"
    stick.mkdir()
    keys = [folder / "identity.key", *(folder / "wrapping").glob("*.key")]
    moved = [path.rename(stick / path.name) for path in keys]
    with served(town.office) as operator:
        court = town.court()
        name = court.request(court.transport(operator), town.asked())
        with page_of(folder, operator, town.world.clock, None) as link:
            yield Desk(town, operator, name, link, moved)


@pytest.fixture
def page(browser: "playwright.Browser", desk: Desk) -> Iterator["playwright.Page"]:
    """A page that fails the test when it asks a stranger, breaks the policy or throws."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    wrong: list[str] = []
    home = urlsplit(desk.link).netloc
    page.on("request", lambda asked: urlsplit(asked.url).netloc != home and wrong.append(asked.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: said.type == "error" and "status of 4" not in said.text and wrong.append(said.text))
    yield page
    context.close()
    assert wrong == []


def _open_keys(page: "playwright.Page", files: list[Path], passphrase: str = PASSPHRASE) -> None:
    page.set_input_files("c-custodian-keys input[type=file] >> nth=0", files[:1])
    page.set_input_files("c-custodian-keys input[type=file] >> nth=1", files[1:])
    page.fill("c-custodian-keys input[type=password]", passphrase)
    page.click("c-custodian-keys button")


def _said(page: "playwright.Page", words: str) -> None:
    page.locator("c-custodian-keys output", has_text=words).wait_for()


def _to_request(page: "playwright.Page", desk: Desk) -> None:
    page.goto(desk.link)
    assert "Open your keys first" in page.inner_text("#desk")
    _open_keys(page, desk.stick)
    page.click("text=assault in the square")
    page.wait_for_selector("text=Verified on this machine")


# Sealed here, opened there.

_HELPERS = """
  const seal = await import(work.module);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const hex = (data) => [...new Uint8Array(data)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
"""


def _in_page(page: "playwright.Page", code: str, **work: object) -> Any:
    """Run the product's own module for sealing, as it is built and served, in the page."""
    return page.evaluate(f"async (work) => {{{_HELPERS}{code}}}", {"module": asset("src/custodian/seal.ts"), **work})


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_what_python_seals_opens_in_the_page_and_what_the_page_seals_opens_in_python(
    page: "playwright.Page", desk: Desk
) -> None:
    page.goto(desk.link)
    key, info = WrappingKey(bytes(range(32))), {"v": 1, "use": "share", "camera": "ä"}
    about, share = canonical.dumps(info), os.urandom(33)
    opened = _in_page(
        page,
        """const key = await seal.wrappingKey(bytes(work.seed));
        return hex(await seal.unwrap(key, bytes(work.box), bytes(work.info)));""",
        seed=_text(key.seed), box=_text(wrap(key.public, share, info)), info=_text(about),
    )  # fmt: skip
    assert opened == share.hex()
    sealed = _in_page(
        page,
        "return hex(await seal.wrap(bytes(work.to), bytes(work.share), bytes(work.info)));",
        to=_text(key.public.key), share=_text(share), info=_text(about),
    )  # fmt: skip
    assert unwrap(key, bytes.fromhex(sealed), info) == share
    with pytest.raises(CustodesError):
        unwrap(key, bytes.fromhex(sealed), {**info, "use": "grant"})


def test_a_share_for_another_key_place_or_with_a_changed_byte_does_not_open_in_the_page(
    page: "playwright.Page", desk: Desk
) -> None:
    page.goto(desk.link)
    key, info = WrappingKey(bytes(range(32))), {"v": 1}
    box = wrap(key.public, b"s" * 33, info)
    wrong = [
        (bytes(32), box, {"v": 1}),
        (key.seed, box, {"v": 2}),
        *(
            (key.seed, box[:at] + bytes([box[at] ^ 1]) + box[at + 1 :], info)
            for at in (0, 1087, 1088, 1119, 1120, 1168)
        ),
        (key.seed, box[:-1], info),
        (key.seed, b"", info),
    ]
    for seed, sealed, about in wrong:
        said = _in_page(
            page,
            """const key = await seal.wrappingKey(bytes(work.seed));
            return seal.unwrap(key, bytes(work.box), bytes(work.info)).then(() => "opened", (no) => no.message);""",
            seed=_text(seed), box=_text(sealed), info=_text(canonical.dumps(dict(about))),
        )  # fmt: skip
        assert said == "a wrapped share does not open: it belongs to another key or to something else"


def test_the_page_computes_what_the_drafts_of_x_wing_and_hpke_publish(page: "playwright.Page", desk: Desk) -> None:
    page.goto(desk.link)
    for vector in PUBLISHED["xwing"]:
        secret = _in_page(
            page,
            """const recipientKey = await seal.wrappingKey(unhex(work.seed));
            return hex(await seal.suite.kem.decap({ recipientKey, enc: unhex(work.ct) }));""",
            **vector,
        )
        assert secret == vector["ss"]
    published = PUBLISHED["hpke"]
    # The AEAD of the published vector is another one: a stand-in takes the key that the page's HPKE gives it.
    key = _in_page(
        page,
        """const seen = [];
        const aead = { id: work.aead_id, keySize: 32, nonceSize: 12, tagSize: 16,
          createEncryptionContext: (key) => (seen.push(hex(key)),
            { seal: async () => new ArrayBuffer(16), open: async (iv) => (seen.push(hex(iv)), new ArrayBuffer(0)) }) };
        const suite = new seal.suite.constructor({ kem: seal.suite.kem, kdf: seal.suite.kdf, aead });
        const recipientKey = await seal.wrappingKey(unhex(work.skRm));
        await suite.open({ recipientKey, enc: unhex(work.enc), info: unhex(work.info) }, new Uint8Array(16));
        return seen;""",
        **published,
    )
    assert key == [published["key"], published["base_nonce"]]


# A custodian at work.


def test_a_grant_signed_in_the_page_lets_the_requester_open_and_no_key_reaches_the_program(
    page: "playwright.Page", desk: Desk
) -> None:
    sent: list[bytes] = []
    page.on("request", lambda asked: sent.append(asked.post_data_buffer or b""))
    _to_request(page, desk)
    page.check("text=I have read this")
    page.click("text=Grant what is ticked")
    _said(page, "Handed in")
    assert "granted, 2 minutes" in page.inner_text("#desk")
    assert len(desk.town.office.grants) == 1
    other = desk.town.custodian(2)
    other.grant(other.transport(desk.operator), desk.request)
    court = desk.town.court()
    opened = court.open(court.transport(desk.operator), desk.request)
    assert (opened.clips[0].read_bytes(), opened.false_shares) == (desk.town.period.clip, ())
    everything = b"".join(sent)
    assert b"disclosure-grant" in everything
    for secret in (PASSPHRASE.encode(), b"custodes/private-key", b"kdf"):
        assert secret not in everything


def test_a_refusal_signed_in_the_page_is_handed_in(page: "playwright.Page", desk: Desk) -> None:
    _to_request(page, desk)
    reason = 'longer than the "incident" \\ é 𝄞 <b>'
    page.fill("#reason", reason)
    page.get_by_role("button", name="Refuse").click()
    _said(page, "Handed in")
    assert reason in page.inner_text("#desk")
    assert len(desk.town.office.refusals) == 1
    page.click("text=Waiting requests")
    page.wait_for_selector("text=Nothing to answer")


def test_wrong_passphrases_and_other_files_open_nothing_and_say_why(page: "playwright.Page", desk: Desk) -> None:
    page.goto(desk.link)
    _open_keys(page, desk.stick, "wrong horse")
    _said(page, "is wrong, or the file was changed")
    _open_keys(page, desk.stick, "")
    _said(page, "needs its passphrase")
    _open_keys(page, desk.stick[1:])
    _said(page, "the first file must be your identity.key")
    other = desk.town.folder / "custodian1" / "statement.json"
    _open_keys(page, [other])
    _said(page, "is no key file")
    foreign = desk.town.folder / "custodian2" / "identity.key"
    _open_keys(page, [foreign])
    _said(page, "these keys are another office's")
    assert "Open your keys first" in page.inner_text("#desk")


def test_without_the_wrapping_key_nothing_is_signed(page: "playwright.Page", desk: Desk) -> None:
    page.goto(desk.link)
    _open_keys(page, desk.stick[:1])
    page.click("text=assault in the square")
    page.check("text=I have read this")
    page.click("text=Grant what is ticked")
    _said(page, "is not among the files")
    assert desk.town.office.grants == []


def test_reloading_the_page_forgets_the_keys(page: "playwright.Page", desk: Desk) -> None:
    _to_request(page, desk)
    page.reload()
    page.wait_for_selector("c-custodian-keys input[type=file]")
    buttons = page.locator("form[data-signs] button")
    assert buttons.count() == 2
    assert [buttons.nth(n).is_disabled() for n in range(2)] == [True, True]


# Other pages, other people.


@contextmanager
def _elsewhere(content: str) -> Iterator[str]:
    """A site that is not ours."""

    class Site(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Tests are quiet."""

        def do_GET(self) -> None:
            body = content.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            seen.append(self.headers.get("Cookie", ""))

    seen: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        assert not [cookie for cookie in seen if "custodian" in cookie]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_page_of_another_port_gets_neither_cookie_nor_page_nor_grant(
    browser: "playwright.Browser", town: Town
) -> None:
    with served(town.office) as operator:
        court = town.court()
        name = court.request(court.transport(operator), town.asked())
        desk = town.custodian(1)
        with page_of(town.folder / "custodian1", operator, town.world.clock, desk) as link:
            context = browser.new_context()
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(link)
            base = page.url
            # It even knows the secret path.
            form = f'<form method=post action="{base}requests/{name}/grant"><input name=sure value=yes></form>'
            with _elsewhere(f"<iframe src='{base}'></iframe>{form}") as there:
                stranger = context.new_page()
                stranger.goto(there)
                read = stranger.evaluate(
                    "async (to) => fetch(to, {credentials: 'include'}).then(() => 1, () => 0)", base
                )
                assert read == 0
                stranger.evaluate("document.forms[0].submit()")
                stranger.wait_for_url(f"{base}**")
                assert "only this page itself may ask for that" in stranger.inner_text("body")
            assert town.office.grants == []
            context.close()


def test_a_web_site_whose_name_was_made_to_point_here_sees_nothing(browser: "playwright.Browser", town: Town) -> None:
    with (
        served(town.office) as operator,
        page_of(town.folder / "custodian1", operator, town.world.clock, town.custodian(1)) as link,
    ):
        court = town.court()
        court.request(court.transport(operator), town.asked())
        context = browser.new_context()
        page = context.new_page()
        reply = page.goto(link.replace("127.0.0.1", "attacker.example"))
        assert (reply.status, "this page answers at http://127.0.0.1:" in page.inner_text("body")) == (421, True)
        # The link was not spent on it.
        page.goto(link)
        assert page.inner_text("h1") == "1 request waiting for you"
        context.close()


def test_it_is_read_and_answered_without_javascript_and_fits_a_telephone(
    browser: "playwright.Browser", town: Town
) -> None:
    with served(town.office) as operator:
        court = town.court()
        name = court.request(court.transport(operator), town.asked())
        desk = town.custodian(1)
        with page_of(town.folder / "custodian1", operator, town.world.clock, desk) as link:
            context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            page.goto(link)
            page.click("text=assault in the square")
            assert page.locator("main").bounding_box()["width"] <= 390
            page.uncheck("input[name=minute] >> nth=1")
            page.check("text=I have read this")
            page.click("text=Grant what is ticked")
            page.wait_for_url(f"**/history#{name}")
            assert "granted, 1 minute" in page.inner_text("main")
            context.close()
    assert len(town.office.grants) == 1
