# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests for originals: the command that the operator's page writes, and custody messages over HTTP."""

import base64
import html
import re
import shlex
from collections.abc import Iterator

import pytest
from tests.browser.web_house import PLACES
from tests.integration.web.web_client import Web, served

from custodes.clock import SECOND
from custodes.domain.ids import Digest
from custodes.domain.register import LegalBasis
from custodes.trust.custody.access import HEADER, make_access
from custodes.trust.custody.policy import parse_policy
from custodes.trust.custody.request import make_request
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-requests")) as found:
        yield found


def _form(web: Web, **changes: str) -> str:
    filled = {
        "camera": web.house.cameras[0],
        "start": "2026-09-20T10:00:00Z",
        "end": "2026-09-20T10:01:00Z",
        "purpose": "Collision at the crossing",
        "basis": "public_task",
        "case": "2026/118",
    }
    answer = web.signed_in("operator").get("/operator/requests/new", params={**filled, **changes})
    assert answer.status_code == 200
    return answer.text


def _command(page: str) -> str | None:
    found = re.search(r"<code>(custodes disclosure.*?)</code>", page, re.DOTALL)
    return html.unescape(found.group(1)) if found else None


def test_the_form_writes_the_exact_command_and_sends_nothing(web: Web) -> None:
    command = _command(_form(web))
    assert command is not None
    assert shlex.split(command.replace("\\\n", "")) == [
        "custodes",
        "disclosure",
        "request",
        "--server",
        web.address,
        "--camera",
        web.house.cameras[0],
        "--from",
        "2026-09-20T10:00:00Z",
        "--until",
        "2026-09-20T10:01:00Z",
        "--purpose",
        "Collision at the crossing",
        "--basis",
        "public_task",
        "--case",
        "2026/118",
    ]
    assert _listed(web) == []


@pytest.mark.parametrize("purpose", ["'; rm -rf / #", "$(reboot)", "`id`", 'a "b" \\', "--server=http://evil", "ä\n$x"])
def test_whatever_is_typed_stays_one_word_of_the_command(web: Web, purpose: str) -> None:
    command = _command(_form(web, purpose=purpose))
    assert command is not None
    words = shlex.split(command.replace("\\\n", ""))
    assert words[words.index("--purpose") + 1] == purpose.strip()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"end": "2099-01-01T00:00:00Z"}, "The window must have ended"),
        ({"end": "2026-09-20T10:00:00Z"}, "The end must come after the beginning"),
        ({"start": "yesterday"}, "From must be a time"),
        ({"end": "9999999999"}, "Until must be a time"),
        ({"camera": "a" * 26}, "Choose a camera"),
        ({"basis": "because"}, "Choose a legal basis"),
        ({"case": " "}, "The case reference is missing"),
    ],
)
def test_what_no_custodian_could_grant_is_said_at_once(web: Web, changes: dict[str, str], why: str) -> None:
    page = _form(web, **changes)
    assert why in page
    assert _command(page) is None


def test_the_camera_page_fills_the_form_in_without_complaining(web: Web) -> None:
    page = _form(web, purpose="", basis="", case="")
    assert 'role="alert"' not in page
    assert 'value="2026-09-20T10:00:00Z"' in page
    assert re.search(rf'<option value="{web.house.cameras[0]}" selected>', page)


def test_the_policy_is_handed_out_as_it_is(web: Web) -> None:
    answer = web.visitor().get("/api/custody/policy")
    assert answer.content == web.house.store.layout.policy.read_bytes()
    parse_policy(answer.content)


def _access(web: Web, path: str, identity: SigningKey | None = None) -> dict[str, str]:
    """The header with which an enrolled party asks for ``path``."""
    policy = parse_policy(web.house.store.layout.policy.read_bytes())
    signer = identity or web.house.requester
    statement = make_access(signer, policy.deployment, path, web.house.clock.now())
    return {HEADER: base64.b64encode(statement).decode()}


def _listed(web: Web) -> list[dict[str, str]]:
    answer = web.visitor().get("/api/custody/requests", headers=_access(web, "requests"))
    assert answer.status_code == 200
    found: list[dict[str, str]] = answer.json()["requests"]
    return found


def _request(web: Web, signer: SigningKey) -> bytes:
    now = web.house.clock.now()
    policy = parse_policy(web.house.store.layout.policy.read_bytes())
    return make_request(
        signer,
        deployment=policy.deployment,
        cameras=[web.house.cameras[0]],
        start=type(now)(now - 120 * SECOND),
        end=type(now)(now - 60 * SECOND),
        purpose="Collision",
        legal_basis=LegalBasis.PUBLIC_TASK,
        case=Digest(bytes(32)),
        one_time_key=WrappingKey.generate().public,
        created=now,
        expires=type(now)(now + 3600 * SECOND),
    )


def test_messages_are_judged_by_their_signatures_and_refused_in_one_line_of_json(web: Web) -> None:
    client = web.visitor()
    stranger = client.post("/api/custody/requests", content=_request(web, SigningKey.generate()))
    assert stranger.status_code == 403
    assert list(stranger.json()) == ["error"]
    for address in ("requests", "grants", "refusals", "openings"):
        garbage = client.post(f"/api/custody/{address}", content=b'{"not": "signed"}')
        assert garbage.status_code == 422
        assert "\n" not in garbage.json()["error"]


def test_empty_and_oversized_messages_are_refused(web: Web) -> None:
    client = web.visitor()
    for address, limit in (("requests", 256), ("grants", 8 * 1024), ("refusals", 256), ("openings", 256)):
        for content in (b"", b"x" * (limit * 1024 + 1)):
            assert client.post(f"/api/custody/{address}", content=content).status_code == 400


@pytest.mark.parametrize("path", ["requests", f"requests/{'a' * 26}/dossier", f"requests/{'a' * 26}/package"])
def test_what_is_asked_of_whom_is_for_enrolled_parties_only(web: Web, path: str) -> None:
    client = web.visitor()
    strangers: list[dict[str, str]] = [
        {},
        {HEADER: "not base64!"},
        _access(web, path, SigningKey.generate()),
        _access(web, "requests/other"),
    ]
    for headers in strangers:
        answer = client.get(f"/api/custody/{path}", headers=headers)
        assert answer.status_code == 403
        assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("identifier", ["x", "a" * 26, "..%2f..", "A" * 26])
def test_a_request_that_does_not_exist_is_not_found(web: Web, identifier: str) -> None:
    client, operator = web.visitor(), web.signed_in("operator")
    for part in ("dossier", "package"):
        path = f"requests/{identifier}/{part}"
        answer = client.get(f"/api/custody/{path}", headers=_access(web, path))
        assert answer.status_code == 404
    assert operator.get(f"/operator/requests/{identifier}").status_code == 404


def test_a_request_goes_from_filed_to_witnessed_and_the_public_learns_that_it_was_made_and_no_more(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with served(tmp_path_factory.mktemp("web-filed")) as web:
        client, operator = web.visitor(), web.signed_in("operator")
        assert "There are no requests yet" in operator.get("/operator/requests/").text
        assert "Nobody has asked for originals yet" in client.get("/disclosures/").text
        filed = client.post("/api/custody/requests", content=_request(web, web.house.requester))
        assert filed.status_code == 201
        identifier = filed.json()["id"]
        assert _listed(web) == [{"id": identifier, "state": "requested"}]
        assert "Waiting for the log" in operator.get(f"/operator/requests/{identifier}").text
        web.house.settle()
        page = operator.get(f"/operator/requests/{identifier}").text
        for words in ("Waiting for custodians", "0 of 2 grants", "witnessed", "Any 2 of 3 custodians", "Collision"):
            assert words in page
        assert "Collision" in operator.get("/operator/requests/").text
        public = client.get("/disclosures/").text
        assert "Originals requested" in public
        for secret in ("Collision", web.house.cameras[0], PLACES[0], "GDPR", "control room"):
            assert secret not in public


def test_the_same_request_twice_is_a_conflict(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("web-twice")) as web:
        client, signed = web.visitor(), _request(web, web.house.requester)
        assert client.post("/api/custody/requests", content=signed).status_code == 201
        assert client.post("/api/custody/requests", content=signed).status_code == 409
