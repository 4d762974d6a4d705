# SPDX-License-Identifier: AGPL-3.0-or-later
"""Signing in by one-time link, and leaving."""

from contextlib import suppress

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from custodes.errors import CustodesError, denied
from custodes.node.acts import sessions as acts
from custodes.node.queries import sessions
from custodes.node.queries.views import Role
from custodes.web.rendering import render
from custodes.web.security import COOKIE, services_of

router = APIRouter()
_HOMES = {Role.OPERATOR: "/operator/", Role.STEWARD: "/steward/"}


@router.get("/enter/{token}")
def enter(request: Request, token: str) -> Response:
    """Use a one-time link: the cookie is set and the browser goes on to the role's first page."""
    if "prefetch" in (request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")):
        raise denied("a sign-in link is used by opening it, not ahead of time")
    store = services_of(request).store
    cookie = acts.begin_session(store, token)
    session = sessions.session(store, cookie)
    if session is None:
        raise denied("the session ended before it began: ask the administrator for a new link")
    home = _HOMES[session.role]
    # A redirect after a click on another site's page would come without the strict cookie: that needs a page between.
    between = request.headers.get("sec-fetch-site") == "cross-site"
    response = render(request, "entered.html", home=home) if between else RedirectResponse(home, 303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/", secure=secure)
    return response


@router.post("/leave")
def leave(request: Request) -> Response:
    """End the session on the server, and forget the cookie."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        with suppress(CustodesError):  # it has ended already: then leaving is done
            acts.end_session(services_of(request).store, cookie)
    response = RedirectResponse("/", 303)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response
