# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked video in the store: timeline, HLS playlists (RFC 8216) and the fragments themselves.

What was hidden, and what a recalled masker has made, is left out of all of them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import sqlalchemy as sa

from custodes.clock import MILLISECOND, Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Cover, Fragment
from custodes.errors import denied, not_found
from custodes.node.queries import hidden
from custodes.node.queries.hidden import Bars
from custodes.node.queries.views import SpanKind, TimelineSpan
from custodes.node.store import Store, fragments, names, tables

SEGMENT_MS = 4_000
"""Target length of a playback segment: whole fragments from one key picture to the next but one."""
_KEY_EVERY_MS = 2_000
"""How far apart key pictures lie at most."""
_EDGE = 60_000 * MILLISECOND
"""Segments and fragments of a window reach beyond it, never so far."""
_JOIN_MS = 1_000
"""Stretches of timeline that lie closer than this are one; smaller holes are jitter."""


@dataclass(frozen=True, slots=True)
class StoredFragment:
    """Where a fragment lies in its minute's object, and when it plays."""

    offset: int
    length: int
    start_ms: int
    duration_ms: int
    key: bool


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a camera's masked video, written by one masker."""

    start_ms: int
    term: int
    fragments: tuple[StoredFragment, ...]
    masker: str = ""

    def segments(self) -> list[Sequence[StoredFragment]]:
        """Group the fragments into playback segments, each beginning with a key picture.

        The grouping depends on what lies before only, so a segment once listed never changes while the minute grows.
        """
        groups: list[list[StoredFragment]] = []
        for fragment in self.fragments:
            last = groups[-1][-1] if groups else None
            broken = last is None or fragment.start_ms != last.start_ms + last.duration_ms
            full = bool(groups) and sum(each.duration_ms for each in groups[-1]) >= SEGMENT_MS
            if fragment.key and (broken or full):
                groups.append([fragment])
            elif groups and not broken:
                groups[-1].append(fragment)
        return list(groups)


def _fragments(index: bytes) -> tuple[StoredFragment, ...]:
    return tuple(
        StoredFragment(offset, length, start_ms, duration_ms, bool(key))
        for offset, length, start_ms, duration_ms, key in json.loads(index)
    )


def minutes(store: Store, camera: CameraId, start: Instant, end: Instant) -> list[Minute]:
    """The stored minutes that overlap [start, end), in order."""
    rows = store.read(
        sa.select(tables.masked_minutes).where(_overlaps(camera, start, end)).order_by(tables.masked_minutes.c.start)
    )
    return [
        Minute(
            row.start // MILLISECOND,
            row.term,
            _fragments(row.fragments),
            row.masker,
        )
        for row in rows
    ]


def _overlaps(camera: CameraId, start: Instant, end: Instant) -> sa.ColumnElement[bool]:
    columns = tables.masked_minutes.c
    kept = columns.deletion.is_(None)
    return sa.and_(columns.camera == camera, columns.start < end, columns.ended > start, kept)


def timeline(store: Store, camera: CameraId, start: Instant, end: Instant) -> list[TimelineSpan]:
    """What there is to see in [start, end), without holes: stretches shown, covered (why) and missing."""
    columns = tables.masked_minutes.c
    rows = store.read(
        sa.select(columns.spans, columns.masker)
        .where(_overlaps(camera, start, end))
        .order_by(columns.start, columns.term)
    )
    barred = hidden.bars(store, camera, start, end)
    spans: list[TimelineSpan] = []
    for begin_ms, end_ms, cover, activity, masker in ((*span, row.masker) for row in rows for span in _spans(row)):
        begin, finish = max(begin_ms * MILLISECOND, start), min(end_ms * MILLISECOND, end)
        kind = SpanKind.COVERED if cover else SpanKind.SHOWN
        whole = TimelineSpan(Instant(begin), Instant(finish), kind, cover, activity)
        for span in _without(whole, barred, masker):
            _join(spans, span)
    return _with_gaps(spans, start, min(end, store.clock.now()))


def _spans(row: sa.Row[tuple[object, ...]]) -> list[tuple[int, int, str, int]]:
    found: list[tuple[int, int, str, int]] = json.loads(row.spans)
    return found


def _without(whole: TimelineSpan, barred: Bars, masker: str) -> Iterator[TimelineSpan]:
    """The span in parts: as it is, and hidden."""
    if masker in barred.maskers:
        yield TimelineSpan(whole.start, whole.end, SpanKind.HIDDEN, Cover.RECALLED.value, 0)
        return
    edges = {whole.start, whole.end}
    edges |= {Instant(edge) for window in barred.windows for edge in window if whole.start < edge < whole.end}
    for begin, finish in pairwise(sorted(edges)):
        if barred.hides(begin, finish):
            yield TimelineSpan(begin, finish, SpanKind.HIDDEN, Cover.HIDDEN.value, 0)
        else:
            yield TimelineSpan(begin, finish, whole.kind, whole.cause, whole.activity)


def _join(spans: list[TimelineSpan], span: TimelineSpan) -> None:
    """Append a span, or let the last one grow if both say the same; one without length is dropped."""
    if span.start >= span.end:
        return
    last = spans[-1] if spans else None
    if last and (last.kind, last.cause) == (span.kind, span.cause) and span.start - last.end < _JOIN_MS * MILLISECOND:
        activity = max(last.activity, span.activity)
        spans[-1] = TimelineSpan(last.start, span.end, span.kind, span.cause, activity)
    else:
        spans.append(span)


def _with_gaps(spans: Sequence[TimelineSpan], start: Instant, end: Instant) -> list[TimelineSpan]:
    filled: list[TimelineSpan] = []
    at: int = start
    for span in spans:
        if span.start - at >= _JOIN_MS * MILLISECOND:
            filled.append(TimelineSpan(Instant(at), span.start, SpanKind.GAP, "nothing was recorded", 0))
        filled.append(span)
        at = span.end
    if end - at >= 10 * _JOIN_MS * MILLISECOND:  # the last seconds are still being written
        filled.append(TimelineSpan(Instant(at), Instant(end), SpanKind.GAP, "nothing was recorded", 0))
    return filled


def playlist(store: Store, camera: CameraId, start: Instant, end: Instant, base: str) -> str:
    """An HLS media playlist of [start, end): VOD if the window has passed, else EVENT (it grows)."""
    closed = end < store.clock.now() - 15_000 * MILLISECOND
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{SEGMENT_MS // 1000 + 3}"]
    lines += [f"#EXT-X-PLAYLIST-TYPE:{'VOD' if closed else 'EVENT'}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines.append(f'#EXT-X-MAP:URI="{base}init.mp4"')
    expected: int | None = None
    barred = hidden.bars(store, camera, start - _EDGE, end + _EDGE)
    for minute in minutes(store, camera, start, end):
        if minute.masker in barred.maskers:
            continue
        segments = minute.segments()
        for number, segment in enumerate(segments):
            begin, finish = segment[0].start_ms, segment[-1].start_ms + segment[-1].duration_ms
            growing = not closed and segment is segments[-1] and finish - begin < SEGMENT_MS
            if growing or finish * MILLISECOND <= start or begin * MILLISECOND >= end:
                continue
            if barred.hides(begin * MILLISECOND, finish * MILLISECOND):
                continue
            if expected is not None and begin != expected:
                lines.append("#EXT-X-DISCONTINUITY")
            if begin != expected:
                moment = datetime.fromtimestamp(begin // 1000, UTC)
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{moment:%Y-%m-%dT%H:%M:%S}.{begin % 1000:03d}Z")
            lines += [f"#EXTINF:{(finish - begin) / 1000:.3f},", f"{base}{minute.start_ms}-{minute.term}/{number}.m4s"]
            expected = finish
    if closed:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def init_segment(store: Store, camera: CameraId) -> bytes:
    """What a player needs before the first fragment."""
    inits = tables.masked_inits.c
    rows = store.read(sa.select(inits.data).where(inits.camera == camera))
    if not rows:
        raise not_found("there is no masked video of this camera yet")
    return bytes(rows[0].data)


def segment(store: Store, camera: CameraId, start_ms: int, term: int, number: int) -> bytes:
    """The decrypted fragments of one playback segment; one that is hidden: ``CustodesError`` (DENIED)."""
    columns = tables.masked_minutes.c
    start = Instant(start_ms * MILLISECOND)
    which = sa.and_(columns.camera == camera, columns.start == start, columns.term == term)
    rows = store.read(sa.select(columns.fragments).where(which))
    if not rows:
        raise not_found("there is no such piece of masked video")
    segments = Minute(start_ms, term, _fragments(rows[0].fragments)).segments()
    if not 0 <= number < len(segments):
        raise not_found("there is no such piece of masked video")
    chosen = segments[number]
    begin, finish = chosen[0].start_ms, chosen[-1].start_ms + chosen[-1].duration_ms
    barred = hidden.bars(store, camera, begin * MILLISECOND, finish * MILLISECOND)
    if barred.windows:
        raise denied("this stretch is hidden: somebody was visible in it")
    return b"".join(_readable(read_fragment(store, camera, start, Term(term), each), barred).data for each in chosen)


def _readable(fragment: Fragment, barred: Bars) -> Fragment:
    """The fragment, unless what made it was recalled: it says so itself, whatever the row does."""
    if fragment.masker in barred.maskers:
        raise denied("the masker that made these pictures was recalled: they are not shown any more")
    return fragment


def read_fragment(store: Store, camera: CameraId, start: Instant, term: Term, stored: StoredFragment) -> Fragment:
    """Decrypt one stored fragment, hidden or not."""
    message = store.objects.get(names.masked(camera, start, term), stored.offset, stored.length)
    return fragments.decode(camera, store.decrypt(message, fragments.context(camera, start, term, stored.start_ms)))


def window(store: Store, camera: CameraId, start: Instant, end: Instant) -> tuple[bytes, list[bytes]]:
    """Init segment and fragments of [start, end), from the key picture at or before its start.

    Hidden fragments are left out, and those behind them up to the next key picture.
    """
    chosen: list[bytes] = []
    begun = False
    barred = hidden.bars(store, camera, start - _EDGE, end + _EDGE)
    for minute in minutes(store, camera, Instant(start - 10_000 * MILLISECOND), end):
        begin = Instant(minute.start_ms * MILLISECOND)
        if minute.masker in barred.maskers:
            begun = False
            continue
        for stored in minute.fragments:
            at, until = stored.start_ms * MILLISECOND, (stored.start_ms + stored.duration_ms) * MILLISECOND
            if at >= end:
                break
            if barred.hides(at, until):
                begun = False
                continue
            if stored.key and (stored.start_ms + _KEY_EVERY_MS) * MILLISECOND > start:
                begun = True
            if begun:
                fragment = read_fragment(store, camera, begin, Term(minute.term), stored)
                if fragment.masker not in barred.maskers:
                    chosen.append(fragment.data)
    return init_segment(store, camera), chosen
