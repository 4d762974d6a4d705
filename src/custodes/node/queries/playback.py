# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked video in the store: timeline, HLS playlists (RFC 8216) and the fragments themselves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from custodes.clock import MILLISECOND, Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Fragment
from custodes.errors import not_found
from custodes.node.queries.views import SpanKind, TimelineSpan
from custodes.node.store import Store, fragments, names, tables

SEGMENT_MS = 4_000
"""Target length of a playback segment: whole fragments from one key picture to the next but one."""
_KEY_EVERY_MS = 2_000
"""How far apart key pictures lie at most."""
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
        sa.select(columns.spans).where(_overlaps(camera, start, end)).order_by(columns.start, columns.term)
    )
    spans: list[TimelineSpan] = []
    for begin_ms, end_ms, cover, activity in (span for row in rows for span in json.loads(row.spans)):
        kind = SpanKind.COVERED if cover else SpanKind.SHOWN
        begin, finish = max(begin_ms * MILLISECOND, start), min(end_ms * MILLISECOND, end)
        if begin >= finish:
            continue
        if (
            spans
            and (spans[-1].kind, spans[-1].cause) == (kind, cover)
            and begin - spans[-1].end < _JOIN_MS * MILLISECOND
        ):
            begin, activity = spans[-1].start, max(activity, spans[-1].activity)
            spans.pop()
        spans.append(TimelineSpan(Instant(begin), Instant(finish), kind, cover, activity))
    return _with_gaps(spans, start, min(end, store.clock.now()))


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
    for minute in minutes(store, camera, start, end):
        segments = minute.segments()
        for number, segment in enumerate(segments):
            begin, finish = segment[0].start_ms, segment[-1].start_ms + segment[-1].duration_ms
            growing = not closed and segment is segments[-1] and finish - begin < SEGMENT_MS
            if growing or finish * MILLISECOND <= start or begin * MILLISECOND >= end:
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
    """The decrypted fragments of one playback segment."""
    columns = tables.masked_minutes.c
    start = Instant(start_ms * MILLISECOND)
    which = sa.and_(columns.camera == camera, columns.start == start, columns.term == term)
    rows = store.read(sa.select(columns.fragments).where(which))
    if not rows:
        raise not_found("there is no such piece of masked video")
    segments = Minute(start_ms, term, _fragments(rows[0].fragments)).segments()
    if not 0 <= number < len(segments):
        raise not_found("there is no such piece of masked video")
    return b"".join(read_fragment(store, camera, start, Term(term), each).data for each in segments[number])


def read_fragment(store: Store, camera: CameraId, start: Instant, term: Term, stored: StoredFragment) -> Fragment:
    """Decrypt one stored fragment."""
    message = store.objects.get(names.masked(camera, start, term), stored.offset, stored.length)
    return fragments.decode(camera, store.decrypt(message, fragments.context(camera, start, term, stored.start_ms)))


def window(store: Store, camera: CameraId, start: Instant, end: Instant) -> tuple[bytes, list[bytes]]:
    """Init segment and fragments of [start, end), from the key picture at or before its start."""
    chosen: list[bytes] = []
    begun = False
    for minute in minutes(store, camera, Instant(start - 10_000 * MILLISECOND), end):
        begin = Instant(minute.start_ms * MILLISECOND)
        for stored in minute.fragments:
            if stored.start_ms * MILLISECOND >= end:
                break
            if stored.key and (stored.start_ms + _KEY_EVERY_MS) * MILLISECOND > start:
                begun = True
            if begun:
                chosen.append(read_fragment(store, camera, begin, Term(minute.term), stored).data)
    return init_segment(store, camera), chosen
