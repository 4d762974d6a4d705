# SPDX-License-Identifier: AGPL-3.0-or-later
"""What must not be shown although it is masked: hidden windows, and what a recalled masker has made.

Fails closed: what cannot be read now, or was not read lately, is not shown.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover
from custodes.node.store import Store, mask_tables, tables

FRESH = 2 * SECOND
"""How long what was read of the catalogue is believed."""
_EVER = 1 << 62
_YOUNG = 60 * SECOND
"""Of so young a window the rows may still be on their way."""
_LONGEST = 3600 * SECOND
"""No masked minute lasts an hour; so a search by its start need not go back to the beginning."""


class BarWatch:
    """Says of live pictures whether they must be covered, from what it read last. Call ``look`` a few times a second.

    It may be asked from several threads.
    """

    def __init__(self, store: Store, fresh: int = FRESH) -> None:
        self._store, self._fresh = store, fresh
        self._read: tuple[frozenset[str], frozenset[str], int] | None = None
        self._lock = threading.Lock()

    def look(self) -> None:
        """Read the catalogue; if that fails nothing may be shown until it works again."""
        with self._lock:  # what was read earlier must not come to be believed later
            read = self._store.clock.monotonic()
            try:
                self._read = (_live(self._store), recalled(self._store), read)
            except Exception:  # noqa: BLE001 (whatever it was, nothing may be shown before it was read again)
                self._read = None

    def cover(self, camera: CameraId, masker: str) -> Cover | None:
        """Why a picture of this camera, made by this version of the masker, must be covered; None: it need not."""
        known = self._read
        if known is None or self._store.clock.monotonic() - known[2] > self._fresh:
            return Cover.UNCHECKED
        hidden, recalls, _ = known
        if camera in hidden:
            return Cover.HIDDEN
        return Cover.RECALLED if masker in recalls else None


def _live(store: Store) -> frozenset[str]:
    windows = mask_tables.hidden_windows.c
    rows = store.read(sa.select(windows.camera).where(windows.until.is_(None), windows.lifted.is_(None)).distinct())
    return frozenset(row.camera for row in rows)


def recalled(store: Store) -> frozenset[str]:
    """The versions of the masker that were recalled."""
    return frozenset(row.masker for row in store.read(sa.select(mask_tables.recalled_maskers.c.masker)))


@dataclass(frozen=True, slots=True)
class Bars:
    """What must not be played back of one camera: ``windows`` [start, end) in ns, rising, and recalled ``maskers``."""

    windows: tuple[tuple[int, int], ...]
    maskers: frozenset[str]

    def hides(self, start: int, end: int) -> bool:
        """Whether any of [start, end), in ns, lies in a hidden window."""
        return any(begin < end and until > start for begin, until in self.windows)


def bars(store: Store, camera: CameraId, start: int, end: int) -> Bars:
    """What is hidden of a camera in [start, end), ns."""
    windows = mask_tables.hidden_windows.c
    lasting = sa.or_(windows.until.is_(None), windows.until > start)
    overlapping = sa.and_(windows.camera == camera, windows.lifted.is_(None), windows.start < end, lasting)
    rows = store.read(sa.select(windows.start, windows.until).where(overlapping).order_by(windows.start, windows.id))
    found = tuple((row.start, _EVER if row.until is None else row.until) for row in rows)
    return Bars(found, recalled(store))


class Stage(Enum):
    """How far a hidden window is."""

    LIVE = "live picture hidden"
    OPEN = "to be decided"
    KEPT = "kept hidden"
    LIFTED = "lifted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class HiddenView:
    """A hidden window; ``until`` is None while the live picture is hidden too. Who hid it is not told."""

    id: str
    camera: CameraId
    name: str
    start: Instant
    until: Instant | None
    stage: Stage


def every(store: Store) -> list[HiddenView]:
    """Every window that was ever hidden, the newest first. One of which no masked video is left has expired."""
    windows, cameras, decisions = mask_tables.hidden_windows, tables.cameras, mask_tables.hidden_decisions
    minutes = tables.masked_minutes.c
    ends = sa.func.coalesce(windows.c.until, _EVER)
    left = sa.exists().where(
        minutes.camera == windows.c.camera,
        minutes.start < ends,
        minutes.start > windows.c.start - _LONGEST,
        minutes.ended > windows.c.start,
    )
    kept = sa.exists().where(decisions.c.hidden == windows.c.id, decisions.c.decision == "kept")
    rows = store.read(
        sa.select(windows, cameras.c.name, left.label("left"), kept.label("kept"))
        .join(cameras, cameras.c.id == windows.c.camera)
        .order_by(windows.c.seq.desc())
    )
    return [_view(row, store.clock.now()) for row in rows]


def _view(row: sa.Row[tuple[Any, ...]], now: Instant) -> HiddenView:
    if row.until is None:
        stage = Stage.LIVE
    elif row.lifted is not None:
        stage = Stage.LIFTED
    elif not row.left and now - row.until > _YOUNG:
        stage = Stage.EXPIRED
    else:
        stage = Stage.KEPT if row.kept else Stage.OPEN
    until = None if row.until is None else Instant(row.until)
    return HiddenView(row.id, CameraId(row.camera), row.name, Instant(row.start), until, stage)


@dataclass(frozen=True, slots=True)
class RecallView:
    """A version of the masker that was recalled, and when."""

    masker: str
    at: Instant


def recalls(store: Store) -> Sequence[RecallView]:
    """Every recalled version, the newest first."""
    known = mask_tables.recalled_maskers.c
    rows = store.read(sa.select(known.masker, known.at).order_by(known.seq.desc()))
    return [RecallView(row.masker, Instant(row.at)) for row in rows]


def made_by(store: Store, masker: str) -> int:
    """How many stored minutes a version of the masker has made."""
    which = tables.masked_minutes.c.masker == masker
    return int(store.read(sa.select(sa.func.count()).select_from(tables.masked_minutes).where(which))[0][0])
