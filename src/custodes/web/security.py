# SPDX-License-Identifier: AGPL-3.0-or-later
"""What holds for every answer and every request: headers, origin of unsafe requests, sessions."""

from urllib.parse import urlsplit

from fastapi import Depends
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from custodes.errors import denied
from custodes.node.queries import sessions
from custodes.node.queries.views import Role, Session
from custodes.web import errors, headers
from custodes.web.services import Services

COOKIE = "custodes_session"

_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}


class Guard:
    """Sets the security headers, keeps private answers out of caches and refuses what other sites send."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        foreign = not _comes_from_here(connection)
        if scope["type"] == "websocket":
            if foreign:
                await send({"type": "websocket.close", "code": 1008, "reason": "another site asked"})
                return
            await self.app(scope, receive, send)
            return
        sender = _with_headers(send, scope["path"])
        if foreign:
            response = errors.answer(Request(scope), 403, "the request comes from another site")
            await response(scope, receive, sender)
            return
        await self.app(scope, receive, sender)


def _with_headers(send: Send, path: str) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers.protect(MutableHeaders(scope=message), path)
        await send(message)

    return sender


def _comes_from_here(connection: HTTPConnection) -> bool:
    """True for safe requests, for our own pages, and for programs, which have neither origin nor cookie."""
    if connection.scope["type"] == "http" and connection.scope["method"] in _SAFE:
        return True
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.scope["type"] == "http" and COOKIE not in connection.cookies
    return urlsplit(origin).netloc == connection.headers.get("host", "") != ""


def services_of(connection: HTTPConnection) -> Services:
    """What this server was started with."""
    services: Services = connection.app.state.services
    return services


def _session(connection: HTTPConnection, role: Role) -> Session:
    cookie = connection.cookies.get(COOKIE)
    session = sessions.session(services_of(connection).store, cookie) if cookie else None
    if session is None:
        raise denied("this page needs a session: open the one-time link that the administrator gave you")
    if session.role is not role:
        raise denied(f"this page is for the {role.value}; you are signed in as {session.role.value}")
    return session


def operator(connection: HTTPConnection) -> Session:
    """The operator's session; without one ``CustodesError`` (DENIED)."""
    return _session(connection, Role.OPERATOR)


def steward(connection: HTTPConnection) -> Session:
    """The steward's session; without one ``CustodesError`` (DENIED)."""
    return _session(connection, Role.STEWARD)


OPERATOR_ONLY = Depends(operator)
STEWARD_ONLY = Depends(steward)
