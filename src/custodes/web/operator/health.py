# SPDX-License-Identifier: AGPL-3.0-or-later
"""How every camera is, those in trouble first; and whether this machine can be believed."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from custodes.node.queries import alerts, health, metrics
from custodes.node.queries.health import CameraHealth
from custodes.node.queries.views import RecordingState
from custodes.web.rendering import render
from custodes.web.security import OPERATOR_ONLY, services_of

router = APIRouter(prefix="/operator/health", dependencies=[OPERATOR_ONLY])
_TROUBLE = (
    RecordingState.DOWN,
    RecordingState.UNKNOWN,
    RecordingState.DEGRADED,
    RecordingState.CONNECTING,
    RecordingState.DARK,
    RecordingState.RECORDING,
)


@router.get("")
def page(request: Request) -> Response:
    """All cameras, sorted by trouble; plain HTML, which renews itself where scripts run."""
    services = services_of(request)
    now = services.clock.now()
    facts = metrics.facts(services.store)
    cameras = sorted(facts.cameras, key=lambda one: (_TROUBLE.index(one.state), one.view.name.casefold()))
    warned = {one.view.id: cause for one in cameras for _, cause in alerts.expiry(one, now)}
    waiting = alerts.undelivered(services.store)
    return render(request, "health.html", cameras=cameras, facts=facts, warned=warned, waiting=waiting, now=now)


def of_camera(request: Request, camera: str) -> tuple[CameraHealth, list[health.GapView]]:
    """What a camera's own page says of its health: its state, and its last five gaps."""
    store = services_of(request).store
    one = health.of(store, camera)
    return one, health.gaps(store, one.view.id, 5)
