# SPDX-License-Identifier: AGPL-3.0-or-later
"""Playback: HLS over the stored masked fragments, only within a viewing that has been logged."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from custodes.clock import MILLISECOND, Instant
from custodes.errors import not_found
from custodes.node.queries import cameras, playback
from custodes.node.queries.views import Session
from custodes.web.operator.viewings import Viewing, Viewings
from custodes.web.public.register import Camera
from custodes.web.security import OPERATOR_ONLY, operator, services_of

router = APIRouter(prefix="/operator", dependencies=[OPERATOR_ONLY])
Number = Annotated[int, Path(ge=0, le=2**53)]
Operator = Annotated[Session, Depends(operator)]
_SLACK_MS = 120_000
"""A segment's address names its minute; the window may begin or end within it."""


class Window(BaseModel):
    """What is to be played: milliseconds since 1970."""

    start: int = Field(ge=0, le=4_102_444_800_000)
    end: int = Field(ge=0, le=4_102_444_800_000)


def viewings_of(request: Request) -> Viewings:
    """The playback viewings under way on this server."""
    viewings: Viewings = request.app.state.viewings
    return viewings


AllViewings = Annotated[Viewings, Depends(viewings_of)]


def own_viewing(viewing: str, camera: Camera, session: Operator, viewings: AllViewings) -> Viewing:
    """The viewing in the address, of this session and this camera; else ``CustodesError`` (NOT_FOUND)."""
    return viewings.hear(viewing, session, camera)


OwnViewing = Annotated[Viewing, Depends(own_viewing)]


@router.post("/cameras/{camera}/playback")
def begin(request: Request, camera: Camera, window: Window, session: Operator, viewings: AllViewings) -> Response:
    """Log that a viewing begins; the answer says where its playlist is."""
    cameras.camera(services_of(request).store, camera)
    start, end = Instant(window.start * MILLISECOND), Instant(window.end * MILLISECOND)
    viewing = viewings.begin(session, camera, start, end)
    base = f"/operator/cameras/{camera}/playback/{viewing}"
    return JSONResponse({"viewing": viewing, "playlist": f"{base}/index.m3u8"}, 201)


@router.get("/cameras/{camera}/playback/{viewing}/index.m3u8")
def playlist(request: Request, camera: Camera, viewing: str, own: OwnViewing) -> Response:
    """The window's playlist."""
    base = f"/operator/cameras/{camera}/playback/{viewing}/"
    text = playback.playlist(services_of(request).store, camera, own.start, own.end, base)
    return Response(text, media_type="application/vnd.apple.mpegurl")


@router.get("/cameras/{camera}/playback/{viewing}/init.mp4")
def init(request: Request, camera: Camera, own: OwnViewing) -> Response:
    """What a player needs before the first piece."""
    return Response(playback.init_segment(services_of(request).store, own.camera), media_type="video/mp4")


@router.get("/cameras/{camera}/playback/{viewing}/{start_ms}-{term}/{number}.m4s")
def segment(request: Request, own: OwnViewing, start_ms: Number, term: Number, number: Number) -> Response:
    """One piece of masked video, inside the window."""
    if not own.start - _SLACK_MS * MILLISECOND <= start_ms * MILLISECOND < own.end:
        raise not_found("this piece lies outside the window of the viewing")
    data = playback.segment(services_of(request).store, own.camera, start_ms, term, number)
    return Response(data, media_type="video/iso.segment")


@router.post("/viewings/{viewing}/beat", status_code=204)
def beat(viewing: str, session: Operator, viewings: AllViewings) -> Response:
    """The page is still showing pictures of this viewing."""
    viewings.hear(viewing, session)
    return Response(status_code=204)


@router.post("/viewings/{viewing}/end", status_code=204)
def end(viewing: str, session: Operator, viewings: AllViewings) -> Response:
    """The page shows no more pictures of this viewing."""
    viewings.hear(viewing, session)
    viewings.end(viewing)
    return Response(status_code=204)
