# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hidden pictures: the steward shows the live picture again, and decides about what was recorded."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from custodes.domain.hiding import Verdict
from custodes.domain.ids import check_id
from custodes.node.acts import masks
from custodes.node.queries.views import Session
from custodes.web.operator.hiding import hide_at_once
from custodes.web.public.register import Camera
from custodes.web.security import STEWARD_ONLY, services_of, steward

router = APIRouter(prefix="/steward", dependencies=[STEWARD_ONLY])
Steward = Annotated[Session, Depends(steward)]
_PAGE = "/steward/#hidden"


@router.post("/cameras/{camera}/hide")
async def hide(request: Request, camera: Camera, session: Steward) -> Response:
    """Hide a camera's live picture: somebody is in the still."""
    await hide_at_once(request, camera, session.person)
    return RedirectResponse(_PAGE, 303)


@router.post("/cameras/{camera}/show")
def show(request: Request, camera: Camera, session: Steward) -> Response:
    """Show a camera's live picture again."""
    masks.show(services_of(request).store, camera, session.person)
    return RedirectResponse(_PAGE, 303)


@router.post("/hidden/{window}/{verdict}")
def decide(request: Request, window: str, verdict: Verdict, session: Steward) -> Response:
    """Keep a hidden stretch hidden for good, or let it be played back again."""
    masks.decide_hidden(services_of(request).store, check_id(window), verdict, session.person)
    return RedirectResponse(_PAGE, 303)
