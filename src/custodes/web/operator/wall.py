# SPDX-License-Identifier: AGPL-3.0-or-later
"""The live wall: every camera's masked picture, its state, and the cause where it is covered."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from custodes.node.queries import health
from custodes.web import words
from custodes.web.rendering import render
from custodes.web.security import OPERATOR_ONLY, services_of

router = APIRouter(prefix="/operator", dependencies=[OPERATOR_ONLY])


@router.get("/")
async def wall(request: Request) -> Response:
    """All cameras; pictures come over the WebSocket, only for tiles that are on the screen."""
    services = services_of(request)
    known = await run_in_threadpool(health.every, services.store)
    # Feeds belong to the event loop, unlike the store.
    found = [(each, services.feeds.state(each.view.id)) for each in known]
    return render(request, "wall.html", cameras=found)


@router.get("/states.json")
def states(request: Request) -> Response:
    """How every camera is: keeps the wall's second line true."""
    found = health.every(services_of(request).store)
    return JSONResponse(
        {
            each.view.id: {
                "state": each.state.value,
                "words": words.RECORDING_STATES[each.state],
                "cause": "; ".join(each.causes),
            }
            for each in found
        }
    )
