# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts on masks: certifying a reference, hiding what shows somebody, recalling what a masker made.

``person`` is the random id of whoever acts; the log gets salted commitments to it only.
"""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.acts import Act
from custodes.domain.canonical import JsonObject
from custodes.domain.hiding import AROUND, Verdict
from custodes.domain.ids import CameraId, new_id
from custodes.errors import conflict, invalid, not_found
from custodes.node.acts._commitment import commitment
from custodes.node.store import Store, Transaction, mask_tables, tables
from custodes.video.mask.tuning import VERSION


def certify(store: Store, camera: CameraId, person: str, seen: Instant | None = None) -> None:
    """The steward has looked at the masked still and certifies it as the camera's reference picture.

    ``seen``: when the still that was looked at was made. Without a complete candidate, if the still is another one by
    now, or if what made it was recalled: ``CustodesError`` (CONFLICT).
    """
    salt = store.entropy(16)
    facts: JsonObject = {"camera": camera, "by": commitment(salt, person)}
    with store.act(Act.MASK_CERTIFIED, facts) as tx:
        candidates, recalled = tables.candidates, mask_tables.recalled_maskers
        columns = (candidates.c.taken, candidates.c.masker)
        ready = sa.select(*columns).where(candidates.c.camera == camera, candidates.c.progress == 100)
        found = tx.connection.execute(ready).first()
        if found is None:
            raise conflict("the reference picture is not complete yet: wait until learning has reached 100 %")
        if seen is not None and found.taken != seen:
            raise conflict("the reference picture is a newer one than you have looked at: look again")
        if tx.connection.execute(sa.select(recalled.c.masker).where(recalled.c.masker == found.masker)).first():
            raise conflict("this picture is of a masker that was recalled: install another version first")
        tx.connection.execute(tables.certifications.insert().values(camera=camera, at=tx.now, seq=tx.seq))


def hide(
    store: Store, camera: CameraId, person: str, start: Instant | None = None, until: Instant | None = None
) -> str:
    """Somebody is visible: hide a camera's masked pictures of [start, until) from everybody; returns the window's id.

    Without ``start``: from half a minute ago. Without ``until``, or if it has not come yet: the live picture is covered
    as well, until the steward shows it again. ``CustodesError``: INVALID for a window that is none or has not begun,
    CONFLICT if all of it is hidden already.
    """
    now = store.clock.now()
    start = max(Instant(0), Instant(now - AROUND) if start is None else start)
    if until is not None and until >= now:
        until = None
    if start > now or (until is not None and until <= start):
        raise invalid("a window to hide must begin in the past, and end after it begins")
    hidden, salt = new_id(store.entropy(16)), store.entropy(16)
    facts: JsonObject = {
        "hidden": hidden,
        "camera": camera,
        "from": times.to_text(start),
        "until": None if until is None else times.to_text(until),
        "by": commitment(salt, person, camera, hidden),
    }
    with store.act(Act.MASK_HIDDEN, facts) as tx:
        if not tx.connection.execute(sa.select(tables.cameras.c.id).where(tables.cameras.c.id == camera)).first():
            raise not_found("there is no such camera")
        windows = mask_tables.hidden_windows
        wider = sa.and_(windows.c.camera == camera, windows.c.lifted.is_(None), windows.c.start <= start)
        to_the_end = windows.c.until.is_(None) if until is None else _ends_after(until)
        if tx.connection.execute(sa.select(windows.c.id).where(wider, to_the_end)).first():
            raise conflict("this is hidden already")
        tx.connection.execute(
            windows.insert().values(
                id=hidden, camera=camera, start=start, until=until, person=person, salt=salt, seq=tx.seq
            )
        )
    return hidden


def show(store: Store, camera: CameraId, person: str) -> None:
    """The steward has looked: the live picture is shown again; what was recorded until now stays hidden.

    If it is not hidden: ``CustodesError`` (CONFLICT).
    """
    salt = store.entropy(16)
    windows = mask_tables.hidden_windows
    with store.act(Act.MASK_SHOWN, {"camera": camera, "by": commitment(salt, person, camera)}) as tx:
        lasting = sa.and_(windows.c.camera == camera, windows.c.until.is_(None))
        found = tx.connection.execute(sa.select(windows.c.id).where(lasting)).all()
        if not found:
            raise conflict("the live picture of this camera is not hidden")
        tx.connection.execute(sa.update(windows).where(lasting).values(until=tx.now))
        for row in found:
            _decided(tx, row.id, "shown", person, salt)


def decide_hidden(store: Store, hidden: str, verdict: Verdict, person: str) -> None:
    """The steward decides about a hidden window; one that was kept can be lifted later.

    ``CustodesError``: NOT_FOUND if there is no such window, CONFLICT while the live picture is hidden as well, and if
    that was decided already.
    """
    salt = store.entropy(16)
    facts: JsonObject = {"hidden": hidden, "verdict": verdict.value, "by": commitment(salt, person, hidden)}
    windows, decisions = mask_tables.hidden_windows, mask_tables.hidden_decisions
    with store.act(Act.MASK_DECIDED, facts) as tx:
        found = tx.connection.execute(sa.select(windows).where(windows.c.id == hidden)).first()
        if found is None:
            raise not_found("there is no such hidden stretch")
        if found.until is None:
            raise conflict("the live picture of this camera is still hidden: show that first")
        same = sa.and_(decisions.c.hidden == hidden, decisions.c.decision == verdict.value)
        if found.lifted is not None or tx.connection.execute(sa.select(decisions.c.seq).where(same)).first():
            raise conflict("that was decided already")
        if verdict is Verdict.LIFTED:
            tx.connection.execute(sa.update(windows).where(windows.c.id == hidden).values(lifted=tx.now))
        _decided(tx, hidden, verdict.value, person, salt)


def recall(store: Store, masker: str, person: str) -> None:
    """Hide for good whatever a version of the masker has made and will make. There is no way back.

    ``CustodesError``: NOT_FOUND for a version that has made nothing here and is not this program's, CONFLICT if it was
    recalled before.
    """
    salt = store.entropy(16)
    facts: JsonObject = {"masker": masker, "by": commitment(salt, person, masker)}
    minutes, recalled = tables.masked_minutes, mask_tables.recalled_maskers
    if masker != VERSION and not store.read(sa.select(minutes.c.term).where(minutes.c.masker == masker).limit(1)):
        raise not_found("no masker of this version has made anything here")
    with store.act(Act.MASK_RECALLED, facts) as tx:
        if tx.connection.execute(sa.select(recalled.c.masker).where(recalled.c.masker == masker)).first():
            raise conflict("this version was recalled already")
        tx.connection.execute(recalled.insert().values(masker=masker, at=tx.now, person=person, salt=salt, seq=tx.seq))


def _ends_after(until: Instant) -> sa.ColumnElement[bool]:
    ends = mask_tables.hidden_windows.c.until
    return sa.or_(ends.is_(None), ends >= until)


def _decided(tx: Transaction, hidden: str, decision: str, person: str, salt: bytes) -> None:
    tx.connection.execute(
        mask_tables.hidden_decisions.insert().values(
            seq=tx.seq, hidden=hidden, decision=decision, at=tx.now, person=person, salt=salt
        )
    )
