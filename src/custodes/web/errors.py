# SPDX-License-Identifier: AGPL-3.0-or-later
"""Failures as HTTP answers. This table is the only place where a kind becomes a status."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from custodes.errors import CustodesError, Kind
from custodes.web import headers
from custodes.web.rendering import render

STATUS = {
    Kind.NOT_FOUND: 404,
    Kind.DENIED: 403,
    Kind.CONFLICT: 409,
    Kind.CORRUPT: 422,
    Kind.UNAVAILABLE: 503,
    Kind.INVALID: 400,
}
CLOSE_DENIED = 4403
"""Close code of a WebSocket whose session ends while it is open."""

_TITLES = {
    400: "That does not work",
    403: "Not without signing in",
    404: "There is nothing here",
    405: "That does not work",
    409: "Not now",
    422: "That cannot be read",
    500: "Something broke",
    503: "Not available now",
}


def install(app: FastAPI) -> None:
    """Answer every failure with one clear line: a page for people, JSON below ``/api/``, text for files."""
    app.add_exception_handler(CustodesError, _on_custodes_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(Exception, _on_bug)


async def _on_custodes_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, CustodesError)  # noqa: S101 - registered for this type
    return answer(request, STATUS[problem.kind], problem.message)


async def _on_http_exception(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101 - registered for this type
    line = "there is no such page" if problem.status_code == 404 else HTTPStatus(problem.status_code).phrase.lower()
    response = answer(request, problem.status_code, line)
    response.headers.update(problem.headers or {})
    return response


async def _on_validation_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)  # noqa: S101 - registered for this type
    first = problem.errors()[0]
    where = str(first["loc"][-1])
    return answer(request, 400, f"{where}: {first['msg'].lower()}")


async def _on_bug(request: Request, _problem: Exception) -> Response:
    # This answer is given outside all middleware.
    response = answer(request, 500, "the server failed; its operator finds the reason in the server's own log")
    headers.protect(response.headers, request.url.path)
    return response


def answer(request: Request, status: int, line: str) -> Response:
    """One line about a failure, in the form that the caller reads."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": line}, status)
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "error.html", status=status, title=_TITLES.get(status, "That does not work"), line=line)
    return PlainTextResponse(line + "\n", status)
