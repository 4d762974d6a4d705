# SPDX-License-Identifier: AGPL-3.0-or-later
"""Data subjects' requests: how far each is, its legal clock, and the one masked still."""

from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.subjects import Decision, Extension, deadline
from custodes.errors import not_found
from custodes.node.queries import holds, playback
from custodes.node.queries.holds import HoldView
from custodes.node.store import Store, tables
from custodes.video.encode.join import as_mp4
from custodes.video.encode.still import as_jpeg
from custodes.video.masked import masked_pictures

_DAY = 86_400 * SECOND
_NEAR = 400 * MILLISECOND


class SubjectState(Enum):
    """How far a request is, in a few words."""

    RECEIVED = "received"
    SHOWN = "a still was shown"
    POINTED = "the subject pointed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A request. ``reference`` is the steward's own file number; ``point``: thousandths of the still's sides.

    ``due`` is when the answer must be out, by the legal clock; ``days_left`` whole days until then, below 0 if it has
    passed; None once it is decided.
    """

    id: str
    camera: CameraId
    start: Instant
    until: Instant
    reference: str
    received: Instant
    state: SubjectState
    due: Instant
    days_left: int | None
    still_at: Instant | None
    point: tuple[int, int] | None
    extension: Extension | None
    decision: Decision | None
    hold: HoldView


def all_subjects(store: Store) -> list[SubjectView]:
    """Every request: open ones first, the most urgent first; then those that are closed, the newest first."""
    found = [_view(store, row) for row in store.read(sa.select(tables.subject_requests))]
    opened = [each for each in found if each.state is not SubjectState.CLOSED]
    closed = [each for each in found if each.state is SubjectState.CLOSED]
    return sorted(opened, key=lambda each: each.due) + sorted(closed, key=lambda each: -each.received)


def subject(store: Store, name: str) -> SubjectView:
    """One request; unknown: ``CustodesError`` (NOT_FOUND)."""
    rows = store.read(sa.select(tables.subject_requests).where(tables.subject_requests.c.id == name))
    if not rows:
        raise not_found("there is no such request of a data subject")
    return _view(store, rows[0])


def still(store: Store, name: str) -> bytes:
    """The masked still (JPEG) of the moment that the act recorded, and of no other.

    ``CustodesError`` (NOT_FOUND) if none was chosen yet, the request was decided, or nothing was masked at that moment.
    """
    view = subject(store, name)
    if view.still_at is None or view.decision is not None:
        raise not_found("no still is shown now: none was chosen yet, or the request was decided")
    at = view.still_at
    init, fragments = playback.window(store, view.camera, at, Instant(at + SECOND))
    if not fragments:
        raise not_found("nothing was masked at that moment: choose another one")
    near = min(masked_pictures(as_mp4(init, fragments)), key=lambda each: abs(each[0] - at))
    if abs(near[0] - at) > _NEAR:
        raise not_found("there is no masked picture of that moment: choose another one")
    return as_jpeg(near[1])


def _view(store: Store, row: sa.Row[tuple[object, ...]]) -> SubjectView:
    due = deadline(Instant(row.received), row.extension is not None)
    decision = None if row.decision is None else Decision(row.decision)
    return SubjectView(
        id=row.id,
        camera=CameraId(row.camera),
        start=Instant(row.start),
        until=Instant(row.until),
        reference=row.reference,
        received=Instant(row.received),
        state=_state(row, decision),
        due=due,
        days_left=None if decision else (due - store.clock.now()) // _DAY,
        still_at=None if row.still_at is None else Instant(row.still_at),
        point=None if row.point_x is None else (row.point_x, row.point_y),
        extension=None if row.extension is None else Extension(row.extension),
        decision=decision,
        hold=holds.hold(store, row.hold),
    )


def _state(row: sa.Row[tuple[object, ...]], decision: Decision | None) -> SubjectState:
    if row.closed is not None:
        return SubjectState.CLOSED
    if decision is not None:
        return SubjectState.ACCEPTED if decision is Decision.ACCEPTED else SubjectState.REFUSED
    if row.point_x is not None:
        return SubjectState.POINTED
    return SubjectState.RECEIVED if row.still_at is None else SubjectState.SHOWN
