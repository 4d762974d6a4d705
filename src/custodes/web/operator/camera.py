# SPDX-License-Identifier: AGPL-3.0-or-later
"""One camera: live picture, playback, timeline."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from custodes.clock import MILLISECOND, Instant
from custodes.errors import invalid
from custodes.node.queries import cameras, playback, zones
from custodes.web import words
from custodes.web.operator.health import of_camera
from custodes.web.public.register import Camera
from custodes.web.rendering import render
from custodes.web.security import OPERATOR_ONLY, services_of

router = APIRouter(prefix="/operator/cameras", dependencies=[OPERATOR_ONLY])
_LATEST = 4_102_444_800_000
"""2100-01-01 in milliseconds: later times cannot be meant."""
_LONGEST_TIMELINE = 40 * 24 * 3600 * 1000
Milliseconds = Annotated[int, Query(ge=0, le=_LATEST)]


@router.get("/{camera}")
async def page(request: Request, camera: Camera, at: Milliseconds | None = None) -> Response:
    """The camera's page, live or, with ``at`` (milliseconds since 1970), at that moment."""
    services = services_of(request)
    found, gaps = await run_in_threadpool(of_camera, request, camera)
    zoned = await run_in_threadpool(zones.every, services.store)
    others = [each for each in await run_in_threadpool(cameras.all_cameras, services.store) if each.id != camera]
    # Feeds belong to the event loop, unlike the store.
    state = services.feeds.state(camera)
    return render(
        request,
        "camera.html",
        camera=found.view,
        health=found,
        gaps=gaps,
        state=state,
        others=others,
        at=at,
        zones=len(zoned.get(camera) or ()),
    )


@router.get("/{camera}/timeline.json")
def timeline(request: Request, camera: Camera, start: Milliseconds, end: Milliseconds) -> Response:
    """What there is to see in [start, end): ``[start, end, kind, cause, activity]``, times in milliseconds."""
    if not start < end <= start + _LONGEST_TIMELINE:
        raise invalid("the end must come after the start, by at most 40 days")
    services = services_of(request)
    cameras.camera(services.store, camera)
    window = (Instant(start * MILLISECOND), Instant(end * MILLISECOND))
    spans = [
        [span.start // MILLISECOND, span.end // MILLISECOND, span.kind.value, _words(span.cause), span.activity]
        for span in playback.timeline(services.store, camera, *window)
    ]
    return JSONResponse({"now": services.clock.now() // MILLISECOND, "spans": spans})


_COVERS = {cover.value: text for cover, text in words.COVERS.items()}


def _words(cause: str) -> str:
    return _COVERS.get(cause, cause)
