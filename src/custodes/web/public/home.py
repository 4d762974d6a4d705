# SPDX-License-Identifier: AGPL-3.0-or-later
"""What this is, in plain words, and what it refuses to do."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from custodes.node.queries import log, register
from custodes.web.rendering import render
from custodes.web.security import services_of

router = APIRouter()


@router.get("/")
def home(request: Request) -> Response:
    """The front page."""
    services = services_of(request)
    entries = register.entries(services.store)
    tour = services.tour is not None
    return render(request, "home.html", cameras=len(entries), log=log.state(services.store), tour=tour)


@router.get("/about/refuses")
def refuses(request: Request) -> Response:
    """What we never build."""
    return render(request, "refuses.html")
