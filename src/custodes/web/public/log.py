# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public log: a page for people, and the files (C2SP tlog-tiles) for programs."""

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from custodes.domain import canonical
from custodes.errors import not_found
from custodes.node.queries import keys, log
from custodes.web.public.register import OPEN
from custodes.web.rendering import render
from custodes.web.security import services_of

router = APIRouter(prefix="/log")
PAGE = 30
Index = Annotated[int, Path(ge=0, le=2**53)]
_TILE = re.compile(r"(?:[0-5]|entries)(?:/x\d{3}){0,6}/\d{3}(?:\.p/(?:[1-9]\d{0,2}))?")


@router.get("/")
def overview(request: Request, before: Annotated[int | None, Query(ge=1)] = None) -> Response:
    """The log's state and its entries, newest first; ``before`` pages back."""
    store = services_of(request).store
    state = log.state(store)
    end = min(before or state.size, state.size)
    first = max(0, end - PAGE)
    rows = [row for row in log.rows(store, first, end - first) if row.index is not None]
    rows.sort(key=lambda row: row.index or 0, reverse=True)
    return render(
        request, "log.html", state=state, rows=rows, keys=keys.destruction(store), first=first, end=end, page=PAGE
    )


@router.get("/entry/{index}.json")
def entry_as_hashed(request: Request, index: Index) -> Response:
    """One entry, byte for byte as it was hashed: canonical JSON."""
    data = canonical.dumps(log.row(services_of(request).store, index).facts)
    return Response(data, media_type="application/json", headers=OPEN)


@router.get("/entry/{index}")
def entry(request: Request, index: Index) -> Response:
    """One entry, in words."""
    store = services_of(request).store
    return render(request, "log_entry.html", row=log.row(store, index), size=log.state(store).size)


@router.get("/checkpoint")
def checkpoint(request: Request) -> Response:
    """The newest signed and witnessed checkpoint."""
    return _text(request, "checkpoint")


@router.get("/vkey")
def vkey(request: Request) -> Response:
    """The log's verifier keys, one per line, Ed25519 first."""
    return _text(request, "vkey")


@router.get("/tile/{path:path}")
def tile(request: Request, path: str) -> Response:
    """Tiles never change once they are there, partial ones (``.p/N``) included."""
    if not _TILE.fullmatch(path):
        raise not_found("there is no such tile")
    data = log.file(services_of(request).store, f"tile/{path}")
    headers = {**OPEN, "Cache-Control": "public, max-age=31536000, immutable"}
    return Response(data, media_type="application/octet-stream", headers=headers)


def _text(request: Request, name: str) -> Response:
    data = log.file(services_of(request).store, name)
    return Response(data, media_type="text/plain; charset=utf-8", headers={**OPEN, "Cache-Control": "no-cache"})
