# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custodians' wrapping keys over HTTP: what is published is public, and judged by its signature."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from custodes.domain import canonical
from custodes.node.acts import keys as acts
from custodes.node.queries import keys
from custodes.web.custody import Signed
from custodes.web.security import services_of

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
