# SPDX-License-Identifier: AGPL-3.0-or-later
"""Somebody is visible: one click of whoever sees it hides the pictures from everybody, at once."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from custodes.clock import MILLISECOND, Instant
from custodes.domain.hiding import around
from custodes.node.acts import masks
from custodes.node.queries.views import Session
from custodes.web.operator.gate import Gate
from custodes.web.public.register import Camera
from custodes.web.security import OPERATOR_ONLY, operator, services_of

router = APIRouter(prefix="/operator/cameras", dependencies=[OPERATOR_ONLY])
Moment = Annotated[int | None, Form(ge=0, le=4_102_444_800_000)]


@router.post("/{camera}/hide")
async def hide(
    request: Request, camera: Camera, session: Annotated[Session, Depends(operator)], at: Moment = None
) -> Response:
    """Hide the live picture, or what was recorded around ``at`` (milliseconds since 1970)."""
    window = around(Instant(at * MILLISECOND)) if at is not None else (None, None)
    hidden = await hide_at_once(request, camera, session.person, *window)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(f"/operator/cameras/{camera}", 303)
    return JSONResponse({"hidden": hidden}, 201)


async def hide_at_once(
    request: Request, camera: Camera, person: str, start: Instant | None = None, until: Instant | None = None
) -> str:
    """Hide a window, and have every page that is open told before this returns; returns the window's id."""
    gate: Gate = request.app.state.gate
    hidden = await run_in_threadpool(masks.hide, services_of(request).store, camera, person, start, until)
    await gate.look()
    return hidden
