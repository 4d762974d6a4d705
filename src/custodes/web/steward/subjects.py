# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests of data subjects for the footage of themselves: the legal clock, one masked still, the decision."""

import shlex
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, check_id
from custodes.domain.subjects import Decision, Extension
from custodes.node.acts import subjects as acts
from custodes.node.queries import cameras, subjects
from custodes.node.queries.subjects import SubjectState, SubjectView
from custodes.node.queries.views import Session
from custodes.web.moments import typed_instant, utc
from custodes.web.rendering import render
from custodes.web.security import STEWARD_ONLY, services_of, steward

router = APIRouter(prefix="/steward/subjects", dependencies=[STEWARD_ONLY])
Name = Annotated[str, Path(pattern="^[a-z2-7]{26}$")]
Typed = Annotated[str, Form(max_length=200)]
STILL = (640, 360)
"""Size in pixels in which the still is shown, and its picture button reports where it was clicked."""
_AROUND = 60 * SECOND


@router.get("")
def listing(request: Request) -> Response:
    """Every request, the most urgent first, and the form to take one in."""
    store = services_of(request).store
    return render(request, "subjects.html", subjects=subjects.all_subjects(store), cameras=cameras.all_cameras(store))


@router.post("")
def receive(request: Request, camera: Typed, start: Typed, until: Typed, reference: Typed) -> Response:
    """Take a request in: the footage is held, the legal clock begins."""
    window = (typed_instant("from", start), typed_instant("until", until))
    name = acts.receive(services_of(request).store, CameraId(check_id(camera)), *window, reference)
    return _back(name)


@router.get("/{name}")
def page(request: Request, name: Name) -> Response:
    """One request and what can be done about it."""
    store = services_of(request).store
    view = subjects.subject(store, name)
    return render(
        request,
        "subject.html",
        subject=view,
        camera=next((each.name for each in cameras.all_cameras(store) if each.id == view.camera), "removed camera"),
        size=STILL,
        moment_typed=utc(view.still_at or view.start),
        refusals=[each for each in Decision if each is not Decision.ACCEPTED],
        grounds=list(Extension),
        undecided=view.decision is None,
        command=_commands(str(request.base_url).rstrip("/"), view) if view.state is SubjectState.ACCEPTED else "",
    )


@router.post("/{name}/still")
def show_still(request: Request, name: Name, at: Typed, session: Annotated[Session, Depends(steward)]) -> Response:
    """Choose the moment of the one masked still; it is logged before it is shown."""
    acts.show_still(services_of(request).store, name, typed_instant("the moment", at), session.person)
    return _back(name)


@router.get("/{name}/still.jpg")
def still(request: Request, name: Name) -> Response:
    """The masked still of the moment that was chosen."""
    return Response(subjects.still(services_of(request).store, name), media_type="image/jpeg")


@router.post("/{name}/point")
def point(
    request: Request,
    name: Name,
    x: Annotated[int, Form(alias="point.x", ge=0, lt=STILL[0])],
    y: Annotated[int, Form(alias="point.y", ge=0, lt=STILL[1])],
) -> Response:
    """Record where the subject says they stood: pixels of the still as it is shown."""
    acts.point_out(services_of(request).store, name, x * 1000 // STILL[0], y * 1000 // STILL[1])
    return _back(name)


@router.post("/{name}/extend")
def extend(request: Request, name: Name, ground: Annotated[Extension, Form()]) -> Response:
    """Two more months for the answer."""
    acts.extend(services_of(request).store, name, ground)
    return _back(name)


@router.post("/{name}/decide")
def decide(request: Request, name: Name, decision: Annotated[Decision, Form()]) -> Response:
    """Accept or refuse."""
    acts.decide(services_of(request).store, name, decision)
    return _back(name)


@router.post("/{name}/close")
def close(request: Request, name: Name) -> Response:
    """The answer is out; the footage is no longer held."""
    acts.close(services_of(request).store, name)
    return _back(name)


def _back(name: str) -> Response:
    return RedirectResponse(f"/steward/subjects/{name}", 303)


def _commands(server: str, view: SubjectView) -> str:
    """What to run on the steward's own machine; a minute to either side of the still is asked for."""
    if view.still_at is None or view.point is None:
        return ""
    start, until = max(view.start, view.still_at - _AROUND), min(view.until, view.still_at + _AROUND)
    lines = (
        f"custodes disclosure request --server {shlex.quote(server)} --camera {view.camera}",
        f"  --from {utc(Instant(start))} --until {utc(Instant(until))}",
        "  --purpose 'subject access (GDPR, article 15)' --basis legal_obligation",
        f"  --case {shlex.quote(view.reference)}",
    )
    point = f"{view.point[0]},{view.point[1]}"
    redact = f"custodes subject redact BUNDLE --point {point} --at {utc(view.still_at)} --out DRAFT"
    opened = f"custodes disclosure open REQUEST --server {shlex.quote(server)}"
    return "\n".join((" \\\n".join(lines), opened, redact))
