# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's page without a browser: what it says, what it hands in, and whom it turns away."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.custody_office import Courier, served
from tests.custody_town import Town, an_entry
from tests.custody_world import MINUTE, START
from tests.desk_page import Reply, Visitor, page_of

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.register import encode_entry
from custodes.errors import unavailable


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.world.close()


@pytest.fixture
def asked(town: Town) -> Iterator[tuple[str, str]]:
    """The operator's address, and a request that waits there."""
    with served(town.office) as address:
        court = town.court()
        yield address, court.request(court.transport(address), town.asked())


@pytest.fixture
def visitor(town: Town, asked: tuple[str, str]) -> Iterator[Visitor]:
    with page_of(town.folder / "custodian1", asked[0], town.world.clock, town.custodian(1)) as link:
        yield Visitor(link).enter()


def _form(page: Reply, **changes: str | list[str]) -> dict[str, str | list[str]]:
    """What a browser sends if nothing is touched but the box that has to be ticked."""
    return {
        "seen": page.fields("seen"),
        "camera": page.fields("camera"),
        "minute": page.fields("minute"),
        "sure": "yes",
        **changes,
    }


def test_the_page_says_who_asks_what_for_and_what_was_verified_and_what_not(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    listed = visitor.get().words
    for fact in (
        "1 request waiting for you",
        "assault in the square",
        "District court",
        "2 recorded minutes of 1 camera",
    ):
        assert fact in listed
    shown = visitor.get(f"requests/{asked[1]}").words
    for fact in (
        *("District court", "assault in the square", "public task", "2026-09-21 14:14:00 UTC", "2 of 3 custodians"),
        *("an office that your policy names", "public log", "saw it there by", town.world.cameras[0]),
        *(
            "telephone it",
            "No ceiling of minutes is set; you have granted 0 recorded minutes this month",
            "Nobody has seen them",
        ),
    ):
        assert fact in shown, fact


def test_a_grant_through_the_page_is_handed_in_and_stands_in_the_history(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    done = visitor.post(f"requests/{asked[1]}/grant", _form(page))
    assert (done.status, done.headers["location"]) == (303, f"{visitor.base}history#{asked[1]}")
    assert len(town.office.grants) == 1
    assert "Nothing to answer" in visitor.get().words
    history = visitor.get("history").words
    for fact in ("assault in the square", "granted, 2 minutes", "District court"):
        assert fact in history
    assert visitor.get(f"requests/{asked[1]}").headers["location"].endswith(f"history#{asked[1]}")
    again = visitor.post(f"requests/{asked[1]}/grant", _form(page))
    assert (again.status, len(town.office.grants)) == (409, 1)
    assert "answered this request already" in again.words


def test_one_minute_can_be_granted_and_the_others_kept_shut(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    assert len(page.fields("minute")) == 2
    visitor.post(f"requests/{asked[1]}/grant", _form(page, minute=page.fields("minute")[:1]))
    [grant] = town.office.grants
    [period] = canonical.listed(canonical.member(canonical.load_object(grant.document), "body"), "periods")
    assert isinstance(period, dict)
    assert page.fields("minute")[0] == f"{period['camera']}/{START // 1_000_000}-1"


def test_a_camera_that_is_not_ticked_stays_shut(town: Town, asked: tuple[str, str], visitor: Visitor) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    refused = visitor.post(f"requests/{asked[1]}/grant", _form(page, camera=[]))
    assert (refused.status, town.office.grants) == (400, [])
    assert "nothing is ticked" in refused.words


def test_a_refusal_needs_a_reason_and_stands_in_the_history(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    empty = visitor.post(f"requests/{asked[1]}/refuse", {"reason": " "})
    assert (empty.status, town.office.refusals) == (400, [])
    visitor.post(f"requests/{asked[1]}/refuse", {"reason": "longer than the <incident>"})
    assert len(town.office.refusals) == 1
    history = visitor.get("history")
    assert "longer than the <incident>" in history.words
    assert "<incident>" not in history.text


def test_the_register_entry_is_named_as_verified_only_if_the_recorder_signed_for_it(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    [camera] = town.asked().cameras
    entry = an_entry(camera)
    town.world.register[camera] = encode_entry(entry)
    lied = visitor.get(f"requests/{asked[1]}").words
    assert "recorded under another version of the entry than the one shown" in lied
    for period in (town.world.record(start=Instant(START + n * MINUTE)) for n in (0, 1)):
        town.office.periods.pop(0)
        town.office.record(period)
    true = visitor.get(f"requests/{asked[1]}").words
    assert "The register entry is the one that the recorder signed for" in true
    for fact in (entry.name, entry.owner, entry.purpose.value):
        assert fact in true
    town.world.register[camera] = encode_entry(an_entry(town.world.cameras[1]))
    assert "is another camera's" in visitor.get(f"requests/{asked[1]}").words
    del town.world.register[camera]
    assert "did not come along" in visitor.get(f"requests/{asked[1]}").words


def test_an_entry_that_is_made_to_deceive_is_shown_as_text_on_one_line(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    [camera] = town.asked().cameras
    name = "Square</legend><script>alert(1)</script>\u202eesrever\nVerified"
    town.world.register[camera] = encode_entry(replace(an_entry(camera), name=name))
    page = visitor.get(f"requests/{asked[1]}")
    assert "Square</legend><script>alert(1)</script> esrever Verified" in page.words
    assert "<script" not in page.text
    assert "\u202e" not in page.text


# Whom it turns away.


def test_the_start_link_works_once(town: Town, visitor: Visitor) -> None:
    thief = visitor.get(visitor.start, below=False)
    assert (thief.status, thief.headers.get("set-cookie")) == (410, None)
    assert "used before" in thief.text


def test_the_path_without_the_cookie_opens_nothing(visitor: Visitor) -> None:
    for cookie in ("", "custodian=", f"custodian={'0' * 64}", "other=1; custodian=%"):
        visitor.cookie = cookie
        reply = visitor.get()
        assert (reply.status, "assault" in reply.text) == (404, False)


def test_the_cookie_without_the_path_opens_nothing(visitor: Visitor) -> None:
    for path in (
        "/",
        "/history",
        f"/{'0' * 64}/",
        f"/{'0' * 64}/history",
        visitor.base.rstrip("/"),
        "//",
    ):
        assert visitor.get(path, below=False).status == 404


def test_a_cookie_of_the_same_name_from_another_port_does_not_lock_out(visitor: Visitor) -> None:
    visitor.cookie += "; custodian=from-somewhere-else"
    assert visitor.get().status == 200


def test_a_name_that_was_made_to_point_here_gets_nothing(visitor: Visitor) -> None:
    port = visitor.host.split(":")[1]
    names = ("", f"localhost:{port}", "attacker.example", f"attacker.example:{port}", "127.0.0.1", f"[::1]:{port}")
    for name in names:
        for path in (visitor.base, visitor.start, "/static/manifest.json"):
            reply = visitor.get(path, below=False, Host=name)
            assert (reply.status, "assault" in reply.text) == (421, False)


def test_another_page_cannot_grant_even_with_path_and_cookie(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    form = _form(visitor.get(f"requests/{asked[1]}"))
    for origin in ("http://attacker.example", "null", "", "http://127.0.0.1:1", f"https://{visitor.host}"):
        assert visitor.post(f"requests/{asked[1]}/grant", form, Origin=origin).status == 403
    for site in ("cross-site", "same-site", "none"):
        assert visitor.post(f"requests/{asked[1]}/grant", form, Sec_Fetch_Site=site).status == 403
    assert town.office.grants == []
    assert visitor.post(f"requests/{asked[1]}/grant", form, Sec_Fetch_Site="same-origin").status == 303


def test_another_page_cannot_read_or_use_the_start_link(visitor: Visitor) -> None:
    for site in ("cross-site", "same-site"):
        assert visitor.get(Sec_Fetch_Site=site).status == 403
        assert visitor.get(visitor.start, below=False, Sec_Fetch_Site=site).status == 403


def test_answers_are_not_stored_framed_or_run_from_elsewhere(visitor: Visitor) -> None:
    headers = visitor.get().headers
    assert headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ):
        assert rule in policy.split("; ")
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "same-origin"


def test_a_form_from_before_the_operator_showed_something_else_grants_nothing(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    town.office.periods.pop()
    stale = visitor.post(f"requests/{asked[1]}/grant", _form(page))
    assert (stale.status, town.office.grants) == (409, [])
    assert "has changed since you looked" in stale.words


def test_a_request_that_expired_after_it_was_looked_at_is_not_granted(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    town.world.clock.advance(32 * 24 * 3600 * SECOND)
    late = visitor.post(f"requests/{asked[1]}/grant", _form(page))
    assert (late.status, town.office.grants) == (403, [])
    assert "expired" in late.words


def test_a_form_that_the_page_did_not_make_grants_nothing(town: Town, asked: tuple[str, str], visitor: Visitor) -> None:
    page = visitor.get(f"requests/{asked[1]}")
    wrong: list[dict[str, str | list[str]]] = [
        *({"minute": "nothing/1-1"}, {"camera": "a" * 26}, {"sure": ""}, {"sure": ["yes", "yes"]}, {"seen": ""}),
        {f"name{number}": "" for number in range(100_001)},
    ]
    for changes in wrong:
        reply = visitor.post(f"requests/{asked[1]}/grant", _form(page, **changes))
        assert (reply.status in (400, 403, 409), "Nothing was handed in" in reply.words) == (True, True)
    assert town.office.grants == []


def test_a_server_that_lies_gets_its_reason_shown_and_no_button(
    town: Town, asked: tuple[str, str], visitor: Visitor
) -> None:
    # The operator shows a request that was logged, and periods of which one was changed.
    true = town.office.periods[0]
    town.office.periods[0] = replace(true, shares=town.office.periods[1].shares)
    for path in ("", f"requests/{asked[1]}"):
        page = visitor.get(path)
        assert "must not be granted" in page.words
        assert "the shares belong to another period" in page.words
        assert "<form" not in page.text
        assert "assault" not in page.text
    form = {"seen": "", "camera": [], "minute": [], "sure": "yes"}
    assert visitor.post(f"requests/{asked[1]}/grant", form).status == 422
    assert visitor.post(f"requests/{asked[1]}/refuse", {"reason": "no"}).status == 422
    assert (town.office.grants, town.office.refusals) == ([], [])


def test_a_request_whose_last_minute_is_not_logged_yet_is_called_too_early_and_not_wrong(
    town: Town, asked: tuple[str, str], visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_yet(what: str) -> bytes:
        if what.endswith("/dossier"):
            raise unavailable("its last minute is not in the log yet: try again in a minute")
        return true(what)

    true = town.office.serve
    monkeypatch.setattr(town.office, "serve", not_yet)
    listed = visitor.get()
    assert "cannot be judged yet" in listed.words
    assert "must not be granted" not in listed.words
    page = visitor.get(f"requests/{asked[1]}")
    assert (page.status, "try again in a minute" in page.words) == (503, True)


def test_a_silent_server_is_told_and_the_page_stays(town: Town) -> None:
    with (
        page_of(town.folder / "custodian1", "http://127.0.0.1:9", town.world.clock, town.custodian(1)) as link,
    ):
        visitor = Visitor(link).enter()
        reply = visitor.get()
        assert reply.status == 503
        assert "does not answer" in reply.words
        assert visitor.get("history").status == 200


def test_documents_carried_by_hand_are_answered_in_the_page(town: Town) -> None:
    stick = town.folder / "stick"
    stick.mkdir()
    courier = Courier(town.office, stick)
    court = town.court()
    name = court.request(court.transport(str(stick)), town.asked())
    courier.carry()
    with page_of(town.folder / "custodian2", str(stick), town.world.clock, town.custodian(2)) as link:
        visitor = Visitor(link).enter()
        visitor.post(f"requests/{name}/grant", _form(visitor.get(f"requests/{name}")))
    courier.carry()
    assert len(town.office.grants) == 1


def test_a_body_without_end_or_measure_is_not_read(visitor: Visitor) -> None:
    for length in ("", "-1", "99999999999", "nine", "4194305"):
        reply = visitor.ask(
            "POST", f"{visitor.base}requests/{'a' * 26}/grant", None,
            {"Origin": f"http://{visitor.host}", "Content-Length": length},
        )  # fmt: skip
        assert reply.status in (400, 404, 422)
