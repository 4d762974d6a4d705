# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nobody gets in without the right session, whatever the address; sign-in links work once; other sites are refused."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from tests.browser.web_house import House
from tests.integration.web.web_client import Web, running, served
from websockets.exceptions import InvalidStatus

from custodes.clock import SECOND, FakeClock
from custodes.domain.acts import Act
from custodes.node.acts import sessions, viewing
from custodes.node.queries import log, masks, viewings
from custodes.node.store import tables
from custodes.web.security import COOKIE

PUBLIC = {
    "/",
    "/about/refuses",
    "/disclosures/",
    "/enter/{token}",
    "/leave",
    "/log/",
    "/log/checkpoint",
    "/log/entry/{index}",
    "/log/entry/{index}.json",
    "/log/tile/{path:path}",
    "/log/vkey",
    "/metrics",
    "/register/",
    "/register/map.geojson",
    "/register/register.geojson",
    "/register/{camera}",
    "/register/{camera}.json",
    "/register/{camera}/receipt",
    "/static",
    "/tour",
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with served(tmp_path_factory.mktemp("web-doors")) as found:
        yield found


def _routes(app: FastAPI) -> list[BaseRoute]:
    found: list[BaseRoute] = []

    def walk(routes: list[BaseRoute]) -> None:
        for route in routes:
            # FastAPI keeps included routers as they are: their routes lie one level deeper.
            inner = getattr(route, "original_router", None)
            if inner is not None:
                walk(inner.routes)
            else:
                found.append(route)

    walk(app.routes)
    return found


def _path(route: BaseRoute) -> str:
    assert isinstance(route, Route | WebSocketRoute | Mount), f"unknown kind of route: {route}"
    return route.path


def _filled(path: str, found: House) -> str:
    values = {"camera": found.cameras[0], "viewing": "b" * 26, "identifier": "c" * 26}
    values |= {"start_ms": "1", "term": "1", "number": "0"}
    values |= {"reconciliation": "d" * 26, "one": "1", "two": "2", "decision": "accepted"}
    values |= {"window": "e" * 26, "verdict": "kept", "name": "f" * 26}
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"a route with a new parameter: fill it in for this test: {path}"
    return path


def test_every_route_is_public_by_name_or_behind_a_door(web: Web) -> None:
    paths = {_path(route) for route in _routes(web.app)}
    private = {path for path in paths if path.startswith(("/operator", "/steward"))}
    messages = {path for path in paths if path.startswith("/api/custody/")}
    assert paths - private - messages <= PUBLIC
    assert len(private) >= 14


def test_no_private_address_answers_without_a_session_or_with_one_of_another_role(
    web: Web,
) -> None:
    visitors = {
        "operator": (None, "guessed", web.house.sign_in("steward")),
        "steward": (None, "guessed", web.house.sign_in("operator")),
    }
    walked = 0
    for route in _routes(web.app):
        path = _path(route)
        if not path.startswith(("/operator", "/steward")):
            continue
        address = _filled(path, web.house)
        for cookie in visitors[path.split("/")[1]]:
            if isinstance(route, WebSocketRoute):
                with pytest.raises(InvalidStatus, match="403"):
                    web.socket(address, cookie, web.address)
                continue
            assert isinstance(route, Route)
            visitor = web.visitor()
            visitor.headers["Origin"] = web.address
            visitor.cookies.update({COOKIE: cookie} if cookie else {})
            for method in route.methods or ():
                answer = visitor.request(method, address, json={"start": 1, "end": 2})
                assert answer.status_code == 403, f"{method} {address} answered {answer.status_code}"
                assert answer.headers["cache-control"] == "no-store"
                walked += 1
    assert walked >= 3 * 13


def test_private_answers_are_never_kept_by_caches(web: Web) -> None:
    found, operator = web.house, web.signed_in("operator")
    for path in ("/operator/", f"/operator/cameras/{found.cameras[0]}", "/operator/states.json"):
        answer = operator.get(path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("role", "home"), [("operator", "/operator/"), ("steward", "/steward/")])
def test_a_link_signs_in_once_and_leads_to_the_roles_own_page(web: Web, role: str, home: str) -> None:
    found = web.house
    link = f"/enter/{sessions.issue_link(found.store, role)}"
    browser = web.visitor()
    answer = browser.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, home)
    cookie = answer.headers["set-cookie"]
    for attribute in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert attribute in cookie
    assert browser.get(home).status_code == 200
    assert web.visitor().get(link).status_code == 403


def test_a_link_is_not_used_up_by_prefetching_or_asking_for_headers(web: Web) -> None:
    found = web.house
    link = f"/enter/{sessions.issue_link(found.store, 'operator')}"
    for header in ("Sec-Purpose", "Purpose"):
        refused = web.visitor().get(link, headers={header: "prefetch;prerender"})
        assert refused.status_code == 403
        assert "set-cookie" not in refused.headers
    assert web.visitor().head(link).status_code == 405
    assert web.visitor().get(link).status_code == 303


def test_a_link_that_was_clicked_on_another_site_leads_over_a_page_of_ours(web: Web) -> None:
    found = web.house
    link = f"/enter/{sessions.issue_link(found.store, 'operator')}"
    browser = web.visitor()
    answer = browser.get(link, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'content="0;url=/operator/"' in answer.text
    assert browser.get("/operator/").status_code == 200


def test_over_https_the_cookie_travels_over_https_only(web: Web) -> None:
    found = web.house
    link = f"/enter/{sessions.issue_link(found.store, 'operator')}"
    answer = web.visitor().get(link, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


def test_an_unknown_link_says_so_in_one_line(web: Web) -> None:
    answer = web.visitor().get("/enter/nonsense")
    assert answer.status_code == 403
    assert answer.text.count("\n") == 1


def test_a_session_ends_by_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("web-expiry")) as web:
        found, operator = web.house, web.signed_in("operator")
        assert operator.get("/operator/").status_code == 200
        assert isinstance(found.clock, FakeClock)
        found.clock.advance(13 * 3600 * SECOND)
        assert operator.get("/operator/").status_code == 403


def test_leaving_takes_the_cookie_away(web: Web) -> None:
    answer = web.signed_in("operator").post("/leave")
    assert answer.status_code == 303
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://custodes.test.evil.example", "http://", "x"])
def test_what_another_site_sends_is_refused_even_with_a_session(web: Web, origin: str) -> None:
    found, steward = web.house, web.signed_in("steward")
    camera = found.cameras[0]
    found.learn(camera, 100)
    before = [row.act for row in log.rows(found.store, 0, 1000)]
    answer = steward.post(f"/steward/candidates/{camera}/certify", headers={"Origin": origin})
    assert answer.status_code == 403
    found.settle()
    after = [row.act for row in log.rows(found.store, 0, 1000)][len(before) :]
    assert Act.MASK_CERTIFIED not in after


def test_a_cookie_without_an_origin_does_not_post(web: Web) -> None:
    found, steward = web.house, web.signed_in("steward")
    del steward.headers["Origin"]
    assert steward.post(f"/steward/candidates/{found.cameras[0]}/certify").status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
def test_a_websocket_that_another_site_opens_is_refused(web: Web, origin: str | None) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        web.socket("/operator/live", web.house.sign_in("operator"), origin)


def test_the_steward_certifies_and_it_is_in_the_log(web: Web) -> None:
    found, steward = web.house, web.signed_in("steward")
    camera = found.cameras[1]
    assert steward.get(f"/steward/candidates/{camera}.jpg").status_code == 404
    found.learn(camera, 40)
    assert steward.get(f"/steward/candidates/{camera}.jpg").content[:3] == b"\xff\xd8\xff"
    url = f"/steward/candidates/{camera}/certify"
    seen = int(masks.candidate(found.store, camera).taken or 0)
    assert steward.post(url, data={"seen": seen}).status_code == 409
    found.learn(camera, 100)
    assert "newer one than you have looked at" in steward.post(url, data={"seen": seen - 1}).text
    assert masks.certified_at(found.store, camera) is None
    answer = steward.post(url, data={"seen": seen})
    assert (answer.status_code, answer.headers["location"]) == (303, "/steward/")
    found.settle()
    last = log.rows(found.store, 0, 1000)[-1]
    assert (last.act, last.facts["camera"]) == (Act.MASK_CERTIFIED, camera)
    assert "Certified at" in steward.get("/steward/").text


def test_a_session_that_was_left_cannot_be_used_again_and_its_end_is_an_act(web: Web) -> None:
    browser = web.signed_in("operator")
    cookie = str(browser.cookies.get(COOKIE))
    assert browser.post("/leave").status_code == 303
    thief = web.visitor()
    thief.cookies.set(COOKIE, cookie)
    assert thief.get("/operator/").status_code == 403
    ended = sa.select(tables.log_entries.c.act).order_by(tables.log_entries.c.seq.desc()).limit(1)
    assert web.house.store.read(ended)[0].act == Act.SESSION_ENDED.value


def test_viewings_that_a_killed_process_left_behind_are_ended_at_the_next_start(web: Web) -> None:
    store, camera = web.house.store, web.house.cameras[0]
    left = viewing.begin_viewing(store, "p" * 26, camera, "live")
    with running(web.house):
        assert left not in viewings.unended(store)


def test_a_dossier_is_for_enrolled_parties_only(web: Web) -> None:
    for path in ("requests", f"requests/{'a' * 26}/dossier", f"requests/{'a' * 26}/package"):
        answer = web.visitor().get(f"/api/custody/{path}")
        assert answer.status_code == 403
        assert "enrolled" in answer.json()["error"]
