# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keys in the browser, seen from the program: what it hands out to be signed, and what it takes back."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.custody_office import Courier, served
from tests.custody_town import Town
from tests.desk_page import Reply, Visitor, page_of

from custodes.clock import SECOND
from custodes.desk.custodian import IDENTITY, WRAPPING
from custodes.desk.keyfile import load_key
from custodes.domain import canonical
from custodes.trust.custody.grant import REFUSAL
from custodes.trust.seal.fields import binary, to_base64
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey, WrappingPublicKey, unwrap, wrap


class Browser(Visitor):
    """Does what the page's program does, with a custodian's keys that the desk has not got."""

    def __init__(self, link: str, keys: Path, request: str) -> None:
        super().__init__(link)
        self.identity = SigningKey.from_seed(load_key(keys / "identity.key", IDENTITY))
        [path] = (keys / "wrapping").glob("*.key")
        self.wrapping = WrappingKey.from_seed(load_key(path, WRAPPING))
        self.request = request

    def allow(self) -> None:
        """Sign what the program needs in order to ask the operator."""
        for _ in range(2):
            wanted = json.loads(self.get("access").text)
            signed = [self.identity.sign(wanted["kind"], body).decode() for body in wanted["bodies"]]
            assert self.send("access", f'{{"signed":[{",".join(signed)}]}}').status == 200
        assert json.loads(self.get("access").text)["bodies"] == []

    def page(self) -> Reply:
        return self.get(f"requests/{self.request}")

    def draft(self, page: Reply, minutes: list[str]) -> Any:
        form = {"seen": page.fields("seen"), "camera": page.fields("camera"), "minute": minutes, "sure": "yes"}
        return json.loads(self.post(f"requests/{self.request}/grant", form).text)

    def sign(self, draft: Any) -> str:
        """Fill the shares in, and sign."""
        for period, share in zip(draft["body"]["periods"], draft["shares"], strict=True):
            [way] = share["wrapped"]
            opened = unwrap(self.wrapping, binary(way, "box"), json.loads(way["info"]))
            again = wrap(WrappingPublicKey(binary(draft, "to")), opened, json.loads(share["binds"]))
            period["share"] = to_base64(again)
        return self.identity.sign(draft["kind"], draft["body"]).decode()

    def hand_in(self, signed: str) -> Reply:
        return self.send(f"requests/{self.request}/signed", signed)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.world.close()


@pytest.fixture
def browser(town: Town) -> Iterator[Browser]:
    """A desk whose folder holds no private key, open in the browser of a custodian who has them elsewhere."""
    own, folder = town.folder / "custodian1", town.folder / "desk"
    shutil.copytree(own, folder, ignore=shutil.ignore_patterns("*.key"))
    with served(town.office) as address:
        court = town.court()
        request = court.request(court.transport(address), town.asked())
        with page_of(folder, address, town.world.clock, None) as link:
            found = Browser(link, own, request)
            found.enter()
            yield found


def test_nothing_is_asked_of_the_operator_before_the_custodian_has_signed_for_it(browser: Browser) -> None:
    assert "Open your keys first" in browser.get().words
    assert "open your keys in the page" in browser.page().words
    browser.allow()
    assert "assault in the square" in browser.get().words


def test_a_statement_of_access_is_asked_for_again_before_it_is_too_old(town: Town, browser: Browser) -> None:
    browser.allow()
    town.world.clock.advance(241 * SECOND)
    assert "Open your keys first" in browser.get().words
    browser.allow()
    assert "assault in the square" in browser.get().words


def test_another_office_cannot_use_this_desk(town: Town, browser: Browser) -> None:
    wanted = json.loads(browser.get("access").text)
    for key in (
        SigningKey.generate(),
        SigningKey.from_seed(load_key(town.folder / "custodian2/identity.key", IDENTITY)),
    ):
        signed = key.sign(wanted["kind"], wanted["bodies"][0]).decode()
        assert browser.send("access", f'{{"signed":[{signed}]}}').status in (403, 422)
    for rubbish in ("", "[]", '{"signed":[{}]}', '{"signed":[1]}'):
        assert browser.send("access", rubbish).status == 422
    assert "Open your keys first" in browser.get().words


def test_a_draft_holds_what_was_ticked_and_no_secret_and_becomes_a_grant(town: Town, browser: Browser) -> None:
    browser.allow()
    page = browser.page()
    draft = browser.draft(page, page.fields("minute")[1:])
    assert len(draft["body"]["periods"]) == len(draft["shares"]) == 1
    assert "share" not in draft["body"]["periods"][0]
    done = browser.hand_in(browser.sign(draft))
    assert (done.status, len(town.office.grants)) == (200, 1)
    assert "granted, 1 minute" in browser.get("history").words


def test_only_the_grant_that_was_prepared_is_handed_in(town: Town, browser: Browser) -> None:
    browser.allow()
    page = browser.page()
    whole = browser.sign(browser.draft(page, page.fields("minute")))
    browser.draft(page, page.fields("minute")[:1])
    wider = browser.hand_in(whole)
    assert (wider.status, json.loads(wider.text)["error"]) == (403, "this is not the grant that was prepared here")
    late = browser.hand_in(whole)
    assert (late.status, "nothing was prepared here" in late.text) == (409, True)
    browser.draft(page, page.fields("minute"))
    assert browser.hand_in(whole[:-10]).status == 422
    browser.draft(page, page.fields("minute"))
    other = SigningKey.from_seed(load_key(town.folder / "custodian2/identity.key", IDENTITY))
    foreign = other.sign("custodes/disclosure-grant", canonical.member(canonical.load_object(whole.encode()), "body"))
    assert browser.hand_in(foreign.decode()).status == 403
    assert town.office.grants == []


def test_a_refusal_is_prepared_signed_and_handed_in_and_none_of_another_request(town: Town, browser: Browser) -> None:
    browser.allow()
    draft = json.loads(browser.post(f"requests/{browser.request}/refuse", {"reason": "too long"}).text)
    changed = browser.identity.sign(REFUSAL, {**draft["body"], "request": "0" * 64}).decode()
    assert browser.hand_in(changed).status == 403
    draft = json.loads(browser.post(f"requests/{browser.request}/refuse", {"reason": "too long"}).text)
    assert browser.hand_in(browser.identity.sign(REFUSAL, draft["body"]).decode()).status == 200
    assert len(town.office.refusals) == 1
    assert "too long" in browser.get("history").words


def test_a_spoilt_answer_in_the_folder_is_named(town: Town, browser: Browser) -> None:
    answers = town.folder / "desk" / "answers"
    answers.mkdir()
    (answers / f"{browser.request}.json").write_text("{}")
    reply = browser.get("history")
    assert (reply.status, f"{browser.request}.json" in reply.words) == (422, True)


def test_what_was_carried_by_hand_is_read_before_any_key_is_open(town: Town) -> None:
    stick = town.folder / "stick"
    stick.mkdir()
    courier = Courier(town.office, stick)
    court = town.court()
    court.request(court.transport(str(stick)), town.asked())
    courier.carry()
    with page_of(town.folder / "custodian1", str(stick), town.world.clock, None) as link:
        visitor = Visitor(link).enter()
        assert "assault in the square" in visitor.get().words
        assert json.loads(visitor.get("access").text)["bodies"] == []
