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


class _Minute:
    def __init__(self, store: Store, camera: CameraId, term: Term, start: Instant) -> None:
        self.start = Instant(start // MILLISECOND * MILLISECOND)
        self.cut = (start // _MINUTE + 1) * _MINUTE
        self.noted: int = start
        self._store, self._camera, self._term = store, camera, term
        self._object = store.objects.create(names.masked(camera, self.start, term))
        self._fragments: list[tuple[int, int, int, int, int]] = []
        self._spans: list[tuple[int, int, str, list[int]]] = []
        self._masker = ""

    def append(self, fragment: Fragment) -> None:
        begin = fragment.start // MILLISECOND
        context = fragments.context(self._camera, self.start, self._term, begin)
        message = self._store.encrypt(fragments.encode(fragment), context)
        offset = self._object.append(message)
        self._fragments.append((offset, len(message), begin, fragment.duration_ms, int(fragment.key)))
        self._masker = fragment.masker
        cover = next((frame.cover.value for frame in fragment.frames if frame.cover), "")
        shares = [frame.masked_share for frame in fragment.frames] if not cover else []
        end = begin + fragment.duration_ms
        if self._spans and self._spans[-1][2] == cover and self._spans[-1][1] == begin:
            first, _, _, before = self._spans[-1]
            self._spans[-1] = (first, end, cover, before + shares)
        else:
            self._spans.append((begin, end, cover, shares))

    def row(self) -> Callable[[sa.Connection], None]:
        self._object.sync()
        key: dict[str, object] = {"camera": self._camera, "start": self.start, "term": self._term}
        values: dict[str, object] = {
            "ended": self._spans[-1][1] * MILLISECOND,
            "masker": self._masker,
            "spans": json.dumps([[*span[:3], activity(span[3])] for span in self._spans]).encode(),
            "fragments": json.dumps(self._fragments).encode(),
        }
        return lambda connection: tables.upsert(connection, tables.masked_minutes, key, values)

    def close(self) -> None:
        self._object.close()

    def abandon(self) -> None:
        self._object.abandon()
