# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demonstration's story, step by step. There is no such page outside the demonstration."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from custodes.errors import not_found
from custodes.web.rendering import render
from custodes.web.security import services_of

router = APIRouter()


@router.get("/tour")
def tour(request: Request) -> Response:
    """All steps; the page refreshes itself while there is something left to do."""
    story = services_of(request).tour
    if story is None:
        raise not_found("there is no demonstration here")
    return render(request, "tour.html", steps=story())
