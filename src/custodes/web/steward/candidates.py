# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reference pictures that wait for the steward's certificate."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from custodes.clock import Instant
from custodes.errors import not_found
from custodes.node.acts import masks as acts
from custodes.node.queries import cameras, hidden, masks, zones
from custodes.node.queries.hidden import Stage
from custodes.node.queries.views import Session
from custodes.web.public.register import Camera
from custodes.web.rendering import render
from custodes.web.security import STEWARD_ONLY, services_of, steward

router = APIRouter(prefix="/steward", dependencies=[STEWARD_ONLY])


@router.get("/")
def overview(request: Request) -> Response:
    """Every camera with its masked still and how far learning has come; what is hidden, and what was recalled."""
    store = services_of(request).store
    found = [(camera, masks.candidate(store, camera.id)) for camera in cameras.all_cameras(store)]
    windows = [each for each in hidden.every(store) if each.stage in (Stage.LIVE, Stage.OPEN, Stage.KEPT)]
    zoned = {camera: len(zone or ()) for camera, zone in zones.every(store).items()}
    recalls = hidden.recalls(store)
    return render(request, "steward.html", candidates=found, windows=windows, zoned=zoned, recalls=recalls)


@router.get("/candidates/{camera}.jpg")
def picture(request: Request, camera: Camera) -> Response:
    """The masked still that is to be judged."""
    candidate = masks.candidate(services_of(request).store, camera)
    if candidate.picture is None:
        raise not_found("there is no still to judge yet")
    return Response(candidate.picture, media_type="image/jpeg")


@router.post("/candidates/{camera}/certify")
def certify(
    request: Request,
    camera: Camera,
    session: Annotated[Session, Depends(steward)],
    seen: Annotated[int, Form(ge=0, le=2**63 - 1)],
) -> Response:
    """Certify the still that was made at ``seen`` (ns): from now on this background is shown."""
    acts.certify(services_of(request).store, camera, session.person, Instant(seen))
    return RedirectResponse("/steward/", 303)
