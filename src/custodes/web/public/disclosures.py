# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the public may know of requests for originals: that they were made, when, and how each went on."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from custodes.node.queries import disclosures
from custodes.web.rendering import render
from custodes.web.security import services_of

router = APIRouter(prefix="/disclosures")


@router.get("/")
def listing(request: Request) -> Response:
    """Every request with its logged steps; no camera, no window, no reason: only what the log shows."""
    found = disclosures.all_disclosures(services_of(request).store)
    return render(request, "disclosures.html", disclosures=found)
