# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests for originals: their state, and the command that makes one on the requester's own machine."""

import shlex
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from custodes.clock import Instant
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, invalid
from custodes.node.queries import cameras, disclosures
from custodes.node.queries.views import CameraView
from custodes.web.custody import RequestId
from custodes.web.moments import typed_instant, utc
from custodes.web.rendering import render
from custodes.web.security import OPERATOR_ONLY, services_of

router = APIRouter(prefix="/operator/requests", dependencies=[OPERATOR_ONLY])
_BASES = {basis.name.lower(): basis.value for basis in LegalBasis}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds, as typed; times are RFC 3339."""

    camera: Annotated[str, Query()] = ""
    start: Annotated[str, Query(max_length=40)] = ""
    end: Annotated[str, Query(max_length=40)] = ""
    purpose: Annotated[str, Query(max_length=200)] = ""
    basis: Annotated[str, Query(max_length=200)] = ""
    case: Annotated[str, Query(max_length=200)] = ""


@router.get("/")
def listing(request: Request) -> Response:
    """All requests, newest first."""
    found = disclosures.all_disclosures(services_of(request).store)
    return render(request, "requests.html", requests=found, cameras=_names(request))


@router.get("/new")
def form(request: Request, draft: Annotated[Draft, Depends()]) -> Response:
    """The form; filled in, it shows the exact command. Nothing is sent: this server cannot sign a request."""
    services = services_of(request)
    known = cameras.all_cameras(services.store)
    command, problem = "", ""
    if draft.purpose or draft.basis or draft.case:
        try:
            command = _command(str(request.base_url).rstrip("/"), draft, known, services.clock.now())
        except CustodesError as found:
            problem = found.message
    return render(
        request, "request_new.html", draft=draft, cameras=known, bases=_BASES, command=command, problem=problem
    )


@router.get("/{identifier}")
def state(request: Request, identifier: RequestId) -> Response:
    """One request and every step so far; the page refreshes itself."""
    found = disclosures.disclosure(services_of(request).store, identifier)
    return render(request, "request.html", disclosure=found, cameras=_names(request))


def _names(request: Request) -> dict[str, str]:
    return {camera.id: camera.name for camera in cameras.all_cameras(services_of(request).store)}


def _command(server: str, draft: Draft, known: list[CameraView], now: Instant) -> str:
    """The command line for the requester's machine; what cannot be requested raises ``CustodesError`` (INVALID)."""
    if draft.camera not in {camera.id for camera in known}:
        raise invalid("choose a camera")
    start, end = typed_instant("from", draft.start), typed_instant("until", draft.end)
    if end <= start:
        raise invalid("the end must come after the beginning")
    if end > now:
        raise invalid("the window must have ended: there is no unmasked live view")
    if draft.basis not in _BASES:
        raise invalid("choose a legal basis")
    for label, text in (("purpose", draft.purpose), ("case reference", draft.case)):
        if not text.strip():
            raise invalid(f"the {label} is missing")
    options = {
        "--server": server,
        "--camera": draft.camera,
        "--from": utc(start),
        "--until": utc(end),
        "--purpose": draft.purpose.strip(),
        "--basis": draft.basis,
        "--case": draft.case.strip(),
    }
    return " \\\n  ".join(
        ["custodes disclosure request", *(f"{name} {shlex.quote(text)}" for name, text in options.items())]
    )
