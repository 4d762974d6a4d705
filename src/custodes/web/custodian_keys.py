# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodians' wrapping keys over HTTP: what is published is public, judged by its signature; holds."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from custodes.clock import Instant
from custodes.domain import canonical
from custodes.node.acts import drills as drill_acts
from custodes.node.acts import keys as acts
from custodes.node.queries import drills, holds, keys
from custodes.web.custody import Party, RequestId, Signed
from custodes.web.security import services_of

Since = Annotated[int, Path(ge=0, lt=2**63)]
router = APIRouter(prefix="/api/custody")


@router.get("/keys")
def index(request: Request) -> Response:
    """Which retentions are in use, which documents and statements there are, and what is overdue."""
    return Response(canonical.dumps(keys.index(services_of(request).store)), media_type="application/json")


@router.get("/keys/{digest}")
def document(request: Request, digest: str) -> Response:
    """A document of keys or a statement of destruction, as its custodian signed it."""
    return Response(keys.document(services_of(request).store, digest), media_type="application/json")


@router.post("/keys")
async def publish(request: Request, signed: Signed) -> Response:
    """File a custodian's signed document of keys."""
    await run_in_threadpool(acts.publish_keys, services_of(request).store, signed)
    return Response(status_code=204)


@router.post("/destroyed")
async def destroyed(request: Request, signed: Signed) -> Response:
    """File a custodian's signed statement that keys were destroyed."""
    await run_in_threadpool(acts.destroy_keys, services_of(request).store, signed)
    return Response(status_code=204)


@router.get("/holds")
def all_holds(request: Request, asking: Party) -> Response:
    """The ids of all holds, for custodians' agents."""
    return Response(canonical.dumps(holds.index(services_of(request).store, asking)), media_type="application/json")


@router.get("/holds/{identifier}/{since}")
def hold(request: Request, identifier: RequestId, since: Since, asking: Party) -> Response:
    """A hold with its proof, and the periods that the custodian has not wrapped anew yet."""
    shown = holds.shown(services_of(request).store, identifier, asking, Instant(since))
    return Response(shown, media_type="application/json")


@router.post("/held")
async def held(request: Request, signed: Signed) -> Response:
    """File a custodian's shares of held minutes under its hold key."""
    await run_in_threadpool(acts.hold_shares, services_of(request).store, signed)
    return Response(status_code=204)


@router.get("/drills/current")
def drill(request: Request, asking: Party) -> Response:
    """The drill that is going on, for a custodian who has not answered it."""
    return Response(drills.current(services_of(request).store, asking), media_type="application/json")


@router.post("/drills")
async def begin_drill(request: Request, signed: Signed) -> Response:
    """Deal a drill, for a custodian who asks with an access statement."""
    store = services_of(request).store
    begun = await run_in_threadpool(drills.material, store)
    digest = await run_in_threadpool(drill_acts.begin_drill, store, signed, begun)
    return JSONResponse({"drill": digest}, 201)


@router.post("/answers")
async def answer_drill(request: Request, signed: Signed) -> Response:
    """File a custodian's answer to a drill; says how many have answered, and whether they could open."""
    answered, opened = await run_in_threadpool(drill_acts.answer_drill, services_of(request).store, signed)
    return JSONResponse({"answered": answered, "opened": opened})
