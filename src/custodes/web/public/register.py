# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public register of cameras: list, map, entry, document, receipt."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from custodes.domain.ids import CameraId, check_id
from custodes.domain.register import RegisterEntry
from custodes.errors import CustodesError, not_found
from custodes.node.queries import register, zones
from custodes.web import drawing
from custodes.web.rendering import render
from custodes.web.security import services_of

router = APIRouter(prefix="/register")
# Checking must be possible from any page and program: these answers are for all origins.
OPEN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def registered(request: Request, camera: str) -> tuple[RegisterEntry, int | None]:
    """The entry of the camera in the address and its place in the log; ``CustodesError`` (NOT_FOUND) without one."""
    for entry, index in register.entries(services_of(request).store):
        if entry.camera == camera:
            return entry, index
    raise not_found("there is no such camera on the register")


def camera_id(camera: str) -> CameraId:
    """A camera's id in the address; one that cannot exist is not found."""
    try:
        return CameraId(check_id(camera))
    except CustodesError:
        raise not_found("there is no such camera") from None


Camera = Annotated[CameraId, Depends(camera_id)]
Registered = Annotated[tuple[RegisterEntry, int | None], Depends(registered)]


@router.get("/")
def listing(request: Request, q: str = "") -> Response:
    """All cameras on the register, or those in which the words ``q`` occur, as list and as map."""
    entries = register.entries(services_of(request).store)
    found = [pair for pair in entries if _matches(pair[0], q)]
    plan = drawing.plan([entry for entry, _ in found])
    return render(request, "register.html", entries=found, total=len(entries), q=q, plan=plan)


@router.get("/register.geojson")
def export(request: Request) -> Response:
    """The whole register as data."""
    return Response(register.geojson(services_of(request).store), media_type="application/geo+json", headers=OPEN)


@router.get("/map.geojson")
def geojson(request: Request) -> Response:
    """Positions and fields of view (GeoJSON, RFC 7946) for the map and for anybody's own map."""
    entries = [entry for entry, _ in register.entries(services_of(request).store)]
    return JSONResponse(drawing.geojson(entries), media_type="application/geo+json", headers=OPEN)


@router.get("/{camera}.json")
def document(request: Request, camera: Camera) -> Response:
    """The entry's document, byte for byte as its hash is in the log."""
    data = register.document(services_of(request).store, camera)
    return Response(data, media_type="application/json", headers=OPEN)


@router.get("/{camera}/receipt")
def receipt(request: Request, camera: Camera) -> Response:
    """Proof that the entry is in the witnessed log (C2SP tlog-proof)."""
    data = register.receipt(services_of(request).store, camera)
    headers = {**OPEN, "Content-Disposition": f'attachment; filename="{camera}.tlog-proof"'}
    return Response(data, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/{camera}")
def entry(request: Request, found: Registered) -> Response:
    """One camera's entry: what it is for, whose it is, how long it keeps, and how to check that."""
    registration, index = found
    store = services_of(request).store
    digest = hashlib.sha256(register.document(store, registration.camera)).hexdigest()
    plan, zoned = drawing.plan([registration]), len(zones.every(store).get(registration.camera) or ())
    return render(request, "entry.html", entry=registration, index=index, digest=digest, plan=plan, zones=zoned)


def _matches(entry: RegisterEntry, words: str) -> bool:
    text = " ".join((entry.name, entry.purpose.value, entry.purpose_note, entry.owner)).casefold()
    return all(word in text for word in words.casefold().split())
