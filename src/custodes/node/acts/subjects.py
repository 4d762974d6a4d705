# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on requests of data subjects for the footage of themselves (GDPR, article 15).

The catalogue knows a file number of the steward's, never a name; the log knows a salted commitment, the same in every
entry of one request, so that everybody can see whether it was answered in time, and nobody whose it was.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, new_id
from custodes.domain.subjects import Decision, Extension, deadline
from custodes.errors import conflict, invalid, not_found
from custodes.node.acts._commitment import commitment
from custodes.node.acts._holding import holding, keep
from custodes.node.store import Store, Transaction, tables
from custodes.node.store.held import hold_of

LONGEST = 24 * 3600 * SECOND
"""A day: longer windows are no answer to "when were you there?"."""

_subjects = tables.subject_requests


def receive(store: Store, camera: CameraId, start: Instant, until: Instant, reference: str) -> str:
    """Take a request for [start, until) of a camera in, hold that footage in the same act, and return its id.

    ``reference`` is the steward's own file number, never a name. The legal clock begins. ``CustodesError``: INVALID for
    a window that has not ended or is longer than a day, NOT_FOUND for an unknown camera.
    """
    made = holding(store, camera, start, until, reference)
    if until - start > LONGEST:
        raise invalid("a data subject's request is for at most a day: ask when they were there")
    name, salt = new_id(store.entropy(16)), store.entropy(16)
    facts: JsonObject = {"subject": _commitment(salt, name, camera, reference), "hold": made.commitment}
    with store.act(Act.SUBJECT_RECEIVED, facts) as tx:
        keep(tx, made)
        row = {"camera": camera, "start": start, "until": until, "reference": reference, "hold": made.id}
        tx.connection.execute(_subjects.insert().values(id=name, salt=salt, received=tx.now, seq=tx.seq, **row))
    return name


def show_still(store: Store, name: str, moment: Instant, person: str) -> None:
    """The steward has verified the subject's identity and shows them one masked still, of this moment.

    Logged before it is shown. ``person`` is the steward's random id. ``CustodesError``: INVALID outside the window,
    CONFLICT once a decision was made.
    """
    row = _open(store, name)
    if not row.start <= moment < row.until:
        raise invalid("that moment is not in the window that was asked for")
    facts = _facts(row) | {"by": commitment(row.salt, person, name, str(moment))}
    with store.act(Act.SUBJECT_SHOWN, facts) as tx:
        values = {"still_at": moment, "point_x": None, "point_y": None}
        _change(tx, name, _subjects.c.decision.is_(None), values, "this request was decided already")


def point_out(store: Store, name: str, x: int, y: int) -> None:
    """Record where the subject says they stood in the still: thousandths of its width and height.

    ``CustodesError``: INVALID outside the picture, CONFLICT if no still was shown, or once a decision was made.
    """
    row = _open(store, name)
    if not (0 <= x < 1000 and 0 <= y < 1000):
        raise invalid("a point is given in thousandths of the picture's width and height, from 0 to 999")
    with store.act(Act.SUBJECT_POINTED, _facts(row)) as tx:
        ready = sa.and_(_subjects.c.decision.is_(None), _subjects.c.still_at.is_not(None))
        _change(tx, name, ready, {"point_x": x, "point_y": y}, "no still was shown, or this was decided already")


def extend(store: Store, name: str, ground: Extension) -> None:
    """Extend the time for the answer by two months; the subject must be told within the first (article 12(3)).

    ``CustodesError`` (CONFLICT) if it was extended or decided already, or the first month has passed.
    """
    row = _open(store, name)
    if store.clock.now() >= deadline(Instant(row.received), extended=False):
        raise conflict("the first month has passed: it can no longer be extended (GDPR, article 12(3))")
    with store.act(Act.SUBJECT_EXTENDED, _facts(row) | {"ground": ground.value}) as tx:
        fresh = sa.and_(_subjects.c.extension.is_(None), _subjects.c.decision.is_(None))
        _change(tx, name, fresh, {"extension": ground.value}, "this request was extended or decided already")


def decide(store: Store, name: str, decision: Decision) -> None:
    """Accept or refuse; once. Accepting needs a point. The footage stays held until the request is closed."""
    row = _open(store, name)
    with store.act(Act.SUBJECT_DECIDED, _facts(row) | {"decision": decision.value}) as tx:
        pointed = _subjects.c.point_x.is_not(None) if decision is Decision.ACCEPTED else sa.true()
        ready = sa.and_(_subjects.c.decision.is_(None), pointed)
        refusal = "this request was decided already, or nobody has pointed out where the subject stood"
        _change(tx, name, ready, {"decision": decision.value, "decided": tx.now}, refusal)


def close(store: Store, name: str) -> None:
    """The answer is out and nothing more is needed: release the hold, in the same act. Only what was decided."""
    row = _open(store, name)
    holds = tables.holds
    hold = store.read(sa.select(holds).where(holds.c.id == row.hold))[0]
    with store.act(Act.SUBJECT_CLOSED, _facts(row) | {"hold": hold_of(hold).commitment}) as tx:
        refusal = "this request has not been decided yet, or is closed already"
        _change(tx, name, _subjects.c.decision.is_not(None), {"closed": tx.now}, refusal)
        ended = sa.update(holds).where(holds.c.id == row.hold).values(released=tx.now, released_seq=tx.seq)
        tx.connection.execute(ended)


def _open(store: Store, name: str) -> sa.Row[tuple[object, ...]]:
    rows = store.read(sa.select(_subjects).where(_subjects.c.id == name))
    if not rows:
        raise not_found("there is no such request of a data subject")
    if rows[0].closed is not None:
        raise conflict("this request is closed")
    return rows[0]


def _change(
    tx: Transaction, name: str, ready: sa.ColumnElement[bool], values: Mapping[str, object], refusal: str
) -> None:
    which = sa.and_(_subjects.c.id == name, _subjects.c.closed.is_(None), ready)
    if not tx.connection.execute(sa.update(_subjects).where(which).values(**values)).rowcount:
        raise conflict(refusal)


def _facts(row: sa.Row[tuple[object, ...]]) -> JsonObject:
    return {"subject": _commitment(row.salt, row.id, row.camera, row.reference)}


def _commitment(salt: bytes, name: str, camera: str, reference: str) -> str:
    return commitment(salt, name, camera, reference)
