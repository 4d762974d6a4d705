# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pairs of rows, of two inventories, that a person must look at."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from custodes.domain.ids import check_id
from custodes.domain.inventories import Decision
from custodes.node.acts import inventories as acts
from custodes.node.queries import inventories
from custodes.node.queries.views import Session
from custodes.web.rendering import render
from custodes.web.security import STEWARD_ONLY, services_of, steward

router = APIRouter(prefix="/steward/reconcile", dependencies=[STEWARD_ONLY])
Line = Annotated[int, Path(ge=1, le=999_999_999)]


@router.get("")
def page(request: Request) -> Response:
    """Every reconciliation with its queue, what was decided, and what the newer list has changed."""
    store = services_of(request).store
    lists = inventories.inventories(store)
    return render(request, "reconcile.html", lists=lists, reconciliations=inventories.reconciliations(store))


@router.post("/{reconciliation}/{one}-{two}/{decision}")
def decide(
    request: Request,
    reconciliation: str,
    one: Line,
    two: Line,
    decision: Decision,
    session: Annotated[Session, Depends(steward)],
) -> Response:
    """Say whether two rows are one camera, or take that back."""
    acts.decide_pair(services_of(request).store, check_id(reconciliation), (one, two), decision, session.person)
    return RedirectResponse(f"/steward/reconcile#{reconciliation}", 303)
