# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked fragments at rest: one object a minute and camera, each fragment encrypted under the server key."""

import json
from collections.abc import Callable

import sqlalchemy as sa

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Fragment
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.store import Store, fragments, names, tables

_MINUTE = 60 * SECOND
_INDEX_EVERY = 2 * SECOND
"""How soon a fragment can be played back: its minute's row is written that often while the minute grows."""
_ACTIVITY = (10, 40, 150)
"""Thousandths of the picture under the mask at which the next of four activity steps begins."""


def activity(shares: list[int]) -> int:
    """Return the step, 0 to 3, of a stretch whose pictures had these masked shares (thousandths)."""
    mean = sum(shares) / len(shares) if shares else 0
    return sum(mean >= limit for limit in _ACTIVITY)


class MaskedFiles:
    """Writes one camera's fragments; a new object each minute and after each start."""

    def __init__(self, store: Store, books: Bookkeeper, camera: CameraId, term: Term) -> None:
        self._store = store
        self._books = books
        self._camera = camera
        self._term = term
        self._minute: _Minute | None = None

    def write(self, fragment: Fragment) -> None:
        """Store a fragment; a full disk raises ``CustodesError`` (UNAVAILABLE), live video goes on."""
        minute = self._minute
        if minute is None or (fragment.key and fragment.start >= minute.cut):
            if minute is not None:
                self.close()
            elif not fragment.key:
                return  # nothing to begin with: the next key picture does
            minute = self._minute = _Minute(self._store, self._camera, self._term, fragment.start)
        minute.append(fragment)
        if fragment.start - minute.noted >= _INDEX_EVERY:
            minute.noted = fragment.start
            self._books.note(minute.row())

    def close(self) -> None:
        """Finish the minute at hand."""
        if self._minute is not None:
            self._books.note(self._minute.row())
            self._minute.close()
            self._minute = None

    def abandon(self) -> None:
        """Let go of the minute at hand after its disk has failed; what its row lists stays playable."""
        if self._minute is not None:
            self._minute.abandon()
            self._minute = None


class MinuteIndex:
    """What the catalogue knows of a masked minute; it follows from the fragments, so it can be made again from them."""

    def __init__(self) -> None:
        self._fragments: list[tuple[int, int, int, int, int]] = []
        self._spans: list[tuple[int, int, str, list[int]]] = []
        self._masker = ""

    def add(self, fragment: Fragment, offset: int, length: int) -> None:
        """Note the next fragment, whose encrypted form is ``length`` bytes at ``offset`` of the object."""
        begin = fragment.start // MILLISECOND
        self._fragments.append((offset, length, begin, fragment.duration_ms, int(fragment.key)))
        self._masker = fragment.masker
        cover = next((frame.cover.value for frame in fragment.frames if frame.cover), "")
        shares = [frame.masked_share for frame in fragment.frames] if not cover else []
        end = begin + fragment.duration_ms
        if self._spans and self._spans[-1][2] == cover and self._spans[-1][1] == begin:
            first, _, _, before = self._spans[-1]
            self._spans[-1] = (first, end, cover, before + shares)
        else:
            self._spans.append((begin, end, cover, shares))

    def values(self) -> dict[str, object]:
        """The row, without its key; there must be a fragment."""
        offset, length, *_ = self._fragments[-1]
        return {
            "ended": self._spans[-1][1] * MILLISECOND,
            "masker": self._masker,
            "spans": json.dumps([[*span[:3], activity(span[3])] for span in self._spans]).encode(),
            "fragments": json.dumps(self._fragments).encode(),
            "size": offset + length,
        }


class _Minute:
    def __init__(self, store: Store, camera: CameraId, term: Term, start: Instant) -> None:
        self.start = Instant(start // MILLISECOND * MILLISECOND)
        self.cut = (start // _MINUTE + 1) * _MINUTE
        self.noted: int = start
        self._store, self._camera, self._term = store, camera, term
        self._object = store.objects.create(names.masked(camera, self.start, term))
        self._index = MinuteIndex()

    def append(self, fragment: Fragment) -> None:
        begin = fragment.start // MILLISECOND
        context = fragments.context(self._camera, self.start, self._term, begin)
        message = self._store.encrypt(fragments.encode(fragment), context)
        offset = self._object.append(fragments.framed(begin, message)) + fragments.FRAME_BYTES
        self._index.add(fragment, offset, len(message))

    def row(self) -> Callable[[sa.Connection], None]:
        self._object.sync()
        key: dict[str, object] = {"camera": self._camera, "start": self.start, "term": self._term}
        values = self._index.values()
        return lambda connection: tables.upsert(connection, tables.masked_minutes, key, values)

    def close(self) -> None:
        self._object.close()

    def abandon(self) -> None:
        self._object.abandon()
