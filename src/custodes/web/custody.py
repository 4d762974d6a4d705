# SPDX-License-Identifier: AGPL-3.0-or-later
"""Custody messages over HTTP: signed bytes in, signed bytes out.

Signatures decide who may say and read what, not sessions.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from custodes.domain.ids import KeyId, check_id
from custodes.errors import CustodesError, invalid, not_found
from custodes.node.acts import disclosures as acts
from custodes.node.queries import custody, disclosures
from custodes.web.security import services_of

router = APIRouter(prefix="/api/custody")
LARGEST_MESSAGE = 256 * 1024
LARGEST_GRANT = 8 * 1024 * 1024


async def signed_message(request: Request) -> bytes:
    """The request's body, at most 256 KiB; 8 MiB for a share of each minute, or a key for each day."""
    limit = LARGEST_GRANT if request.url.path.endswith(("/grants", "/keys", "/held")) else LARGEST_MESSAGE
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise invalid(f"a message has at most {limit} bytes")
    if not body:
        raise invalid("the message is empty")
    return bytes(body)


def request_id(identifier: str) -> str:
    """An id in the address; one that cannot exist is not found."""
    try:
        return check_id(identifier)
    except CustodesError:
        raise not_found("there is no such request") from None


def party(request: Request) -> KeyId:
    """The enrolled custodian or requester who asks, by the signed statement that came along; else 403."""
    path = request.url.path.removeprefix(f"{router.prefix}/")
    return custody.asking(services_of(request).store, request.headers.get("Custodes-Access"), path)


Party = Annotated[KeyId, Depends(party)]
Signed = Annotated[bytes, Depends(signed_message)]
RequestId = Annotated[str, Depends(request_id)]


@router.get("/policy")
def policy(request: Request) -> Response:
    """The custody policy: log, witness and recorder keys, k of n."""
    return Response(custody.policy(services_of(request).store), media_type="application/json")


@router.get("/requests")
def all_requests(request: Request, _party: Party) -> Response:
    """Ids and states of all requests, nothing else."""
    found = disclosures.all_disclosures(services_of(request).store)
    return JSONResponse({"requests": [{"id": each.id, "state": each.state.value} for each in found]})


@router.post("/requests")
async def file_request(request: Request, signed: Signed) -> Response:
    """File a signed request."""
    identifier = await run_in_threadpool(acts.file_request, services_of(request).store, signed)
    return JSONResponse({"id": identifier}, 201)


@router.get("/requests/{identifier}/dossier")
def dossier(request: Request, identifier: RequestId, _party: Party) -> Response:
    """What a custodian needs to decide."""
    return Response(disclosures.dossier(services_of(request).store, identifier), media_type="application/json")


@router.post("/grants")
async def file_grant(request: Request, signed: Signed) -> Response:
    """File a custodian's signed grant."""
    await run_in_threadpool(acts.file_grant, services_of(request).store, signed)
    return Response(status_code=204)


@router.post("/refusals")
async def file_refusal(request: Request, signed: Signed) -> Response:
    """File a custodian's signed refusal."""
    await run_in_threadpool(acts.file_refusal, services_of(request).store, signed)
    return Response(status_code=204)


@router.get("/requests/{identifier}/package")
def package(request: Request, identifier: RequestId, asking: Party) -> Response:
    """Sealed segments, manifests, grants and proofs: what the requester's machine opens."""
    content = disclosures.package(services_of(request).store, identifier, asking)
    headers = {"Content-Disposition": f'attachment; filename="custodes-{identifier}.zip"'}
    return StreamingResponse(content, media_type="application/zip", headers=headers)


@router.post("/openings")
async def file_opening(request: Request, signed: Signed) -> Response:
    """File the requester's signed statement that the originals were opened."""
    await run_in_threadpool(acts.file_opening, services_of(request).store, signed)
    return Response(status_code=204)
