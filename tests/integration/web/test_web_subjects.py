# SPDX-License-Identifier: AGPL-3.0-or-later
"""The steward's pages for people who ask for the footage of themselves: plain forms, a picture to click."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.browser.web_house import fill_past
from tests.integration.web.web_client import Web, served

from custodes.clock import SECOND, FakeClock, Instant
from custodes.node.queries import subjects
from custodes.web.moments import utc

DAY = 86_400 * SECOND
REFERENCE = "DSAR <b>17</b>"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def web(tmp_path: Path, clock: FakeClock) -> Iterator[Web]:
    with served(tmp_path, clock) as found:
        yield found


def receive(web: Web, steward: httpx.Client) -> str:
    """Fill the form in; return the page's address."""
    now = web.house.clock.now()
    fill_past(web.house, 0, Instant(now - 120 * SECOND), Instant(now - 60 * SECOND), {})
    form = {
        "camera": web.house.cameras[0],
        "start": utc(Instant(now - 120 * SECOND)),
        "until": utc(Instant(now - 60 * SECOND)),
        "reference": REFERENCE,
    }
    answer = steward.post("/steward/subjects", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_request_goes_from_receipt_to_the_commands_by_forms_alone(web: Web) -> None:
    steward = web.signed_in("steward")
    assert "Nobody waits for an answer" in steward.get("/steward/subjects").text
    page = receive(web, steward)
    listed = steward.get("/steward/subjects").text
    assert "DSAR &lt;b&gt;17&lt;/b&gt;" in listed
    assert re.search(r"<strong>(2[7-9]|3[01]) days left</strong>", listed)
    moment = utc(Instant(web.house.clock.now() - 90 * SECOND))
    assert "Click where they stood" not in steward.get(page).text
    assert steward.post(f"{page}/still", data={"at": moment}).status_code == 303
    shown = steward.get(page).text
    (source,) = re.findall(r'src="(/steward/subjects/[^"?]*)', shown)
    picture = steward.get(source)
    assert (picture.headers["content-type"], picture.content[:2]) == ("image/jpeg", b"\xff\xd8")
    assert "no-store" in picture.headers["cache-control"]
    # What a browser sends when a picture button is clicked.
    assert steward.post(f"{page}/point", data={"point.x": "320", "point.y": "90"}).status_code == 303
    assert "Pointed at 50.0 % from the left and 25.0 % from the top" in steward.get(page).text
    assert steward.post(f"{page}/decide", data={"decision": "accepted"}).status_code == 303
    accepted = steward.get(page).text
    assert "--point 500,250" in accepted
    assert f"--at {moment}" in accepted
    assert "--basis legal_obligation" in accepted
    assert "held until you close this" in accepted
    assert steward.get(source).status_code == 404
    assert steward.post(f"{page}/close").status_code == 303
    assert "no longer held" in steward.get(page).text


def test_the_page_says_when_it_is_overdue(web: Web, clock: FakeClock) -> None:
    page = receive(web, web.signed_in("steward"))
    clock.advance(40 * DAY)
    steward = web.signed_in("steward")
    for address in ("/steward/subjects", page):
        assert re.search(r"Overdue by \d+ days", steward.get(address).text)


def test_a_refusal_and_an_extension_are_chosen_from_the_laws_grounds(web: Web) -> None:
    steward = web.signed_in("steward")
    page = receive(web, steward)
    assert 'value="accepted"' not in steward.get(page).text
    assert steward.post(f"{page}/decide", data={"decision": "we would rather not"}).status_code == 400
    assert steward.post(f"{page}/extend", data={"ground": "number"}).status_code == 303
    assert "extended: there are many requests of the person" in steward.get(page).text
    assert steward.post(f"{page}/decide", data={"decision": "accepted"}).status_code == 409
    assert steward.post(f"{page}/decide", data={"decision": "not_identified"}).status_code == 303
    assert "the person could not be identified" in steward.get(page).text


def test_a_moment_without_a_masked_picture_is_said_in_one_line(web: Web) -> None:
    steward = web.signed_in("steward")
    now = web.house.clock.now()
    form = {"camera": web.house.cameras[1], "reference": "a"}
    form |= {"start": utc(Instant(now - 600 * SECOND)), "until": utc(Instant(now - 300 * SECOND))}
    page = steward.post("/steward/subjects", data=form).headers["location"]
    assert steward.post(f"{page}/still", data={"at": utc(Instant(now - 400 * SECOND))}).status_code == 303
    assert steward.get(f"{page}/still.jpg").status_code == 404
    assert steward.post(f"{page}/still", data={"at": "yesterday"}).status_code == 400
    assert steward.post(f"{page}/point", data={"point.x": "640", "point.y": "0"}).status_code == 400


def test_only_the_steward_gets_in(web: Web) -> None:
    page = receive(web, web.signed_in("steward"))
    for client in (web.visitor(), web.signed_in("operator")):
        for address in ("/steward/subjects", page, f"{page}/still.jpg"):
            assert client.get(address).status_code == 403
        assert client.post(f"{page}/close").status_code == 403
    assert len(subjects.all_subjects(web.house.store)) == 1
