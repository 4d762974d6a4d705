# SPDX-License-Identifier: AGPL-3.0-or-later
"""How every camera is: its state, and each cause for trouble in a plain short sentence.

Judged from what recorder and masker report of the machine that a camera is; nothing here knows what it looks at.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Tamper
from custodes.node.queries import cameras
from custodes.node.queries.views import CameraView, RecordingState
from custodes.node.store import Store, tables

STALE = 30 * SECOND
"""Who has not reported for this long is not believed any more."""
LEARNT = 30
"""Measurements (one in ten seconds) before what is usual of a camera is taken for known."""
MASKER_SILENT = "the masker has not reported for"
_RATE_SHARE = 0.6
_BITS_SHARE = 0.1
_LOST = 10
_RECONNECTED = 3
_SYNC_MS = 1_000
_WAITING_S = 4
_WAITING_LEAST = 4_000_000
_CLOCK_MS = 5_000
_UNCERTIFIED = 600 * SECOND
"""A picture that nobody has certified for this long is trouble: operators are blind."""
_FOR_THE_STEWARD = {Cover.NOT_CERTIFIED, Cover.SWITCHED}
_EXPECTED = {Cover.STARTING, Cover.NOT_REGISTERED}


@dataclass(frozen=True, slots=True)
class Measured:
    """What the recorder measured of a camera last.

    ``since``: when the connection was made. Counters begin with the recorder. Rates are thousandths of pictures and
    bits per second; ``usual_*`` are None until they are learnt; ``*_lately``: counted in the last five minutes.
    """

    at: Instant
    since: Instant | None
    connections: int
    connections_lately: int
    pictures: int
    octets: int
    lost: int
    lost_lately: int
    written: int
    pictures_per_s: int
    usual_pictures_per_s: int | None
    bits_per_s: int
    usual_bits_per_s: int | None
    waiting: int
    sync_ms: int
    clock_offset_ms: int | None
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the masker reported last of a camera's view. ``tamper`` and ``cover`` are None where all is well."""

    at: Instant
    tamper: Tamper | None
    tamper_since: Instant
    infrared: bool
    cover: Cover | None
    cover_since: Instant


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """One camera. ``causes`` explain any state but ``RECORDING``, the most important first; ``since`` is the state's.

    ``view``: the camera with its register entry and the recorder's own word.
    """

    view: CameraView
    state: RecordingState
    causes: tuple[str, ...]
    since: Instant
    measured: Measured | None
    seen: Seen | None


@dataclass(frozen=True, slots=True)
class GapView:
    """A hole in a recording; ``ended`` is None while it lasts."""

    began: Instant
    ended: Instant | None
    cause: str
    detail: str


def every(store: Store) -> list[CameraHealth]:
    """Every camera in service, in the order they were added."""
    return _judged(store, cameras.all_cameras(store))


def of(store: Store, camera: str) -> CameraHealth:
    """One camera in service; else ``CustodesError`` (NOT_FOUND)."""
    return _judged(store, [cameras.camera(store, camera)])[0]


def gaps(store: Store, camera: CameraId, count: int) -> list[GapView]:
    """The camera's last ``count`` gaps, the newest first."""
    gap = tables.gaps.c
    rows = store.read(sa.select(tables.gaps).where(gap.camera == camera).order_by(gap.began.desc()).limit(count))
    return [
        GapView(Instant(row.began), None if row.ended is None else Instant(row.ended), row.cause, row.detail)
        for row in rows
    ]


def _judged(store: Store, views: list[CameraView]) -> list[CameraHealth]:
    health, trends, tampers = tables.camera_health, tables.camera_trends, tables.tamper_states
    only = [view.id for view in views] if len(views) == 1 else None
    reported = sa.select(
        health,
        trends.c.at.label("learnt_at"),
        trends.c.samples,
        trends.c.pictures_per_s.label("usual_pictures"),
        trends.c.bits_per_s.label("usual_bits"),
        trends.c.lost_lately,
        trends.c.connections_lately,
    ).outerjoin(
        trends,
        sa.and_(
            trends.c.camera == health.c.camera,
            *(trends.c[name] == health.c[name] for name in ("codec", "width", "height")),
        ),
    )
    looked = sa.select(tampers)
    if only is not None:
        reported, looked = reported.where(health.c.camera.in_(only)), looked.where(tampers.c.camera.in_(only))
    measured = {row.camera: _measured(row) for row in store.read(reported)}
    seen = {row.camera: _seen(row) for row in store.read(looked)}
    now = store.clock.now()
    return [judge(view, measured.get(view.id), seen.get(view.id), now) for view in views]


def _measured(row: sa.Row[tuple[object, ...]]) -> Measured:
    learnt = row.samples is not None and row.samples >= LEARNT
    fresh = row.learnt_at is not None and row.at - row.learnt_at < 2 * STALE
    return Measured(
        at=Instant(row.at),
        since=None if row.since is None else Instant(row.since),
        connections=row.connections,
        connections_lately=row.connections_lately if fresh else 0,
        pictures=row.pictures,
        octets=row.octets,
        lost=row.lost,
        lost_lately=row.lost_lately if fresh else 0,
        written=row.written,
        pictures_per_s=row.pictures_per_s,
        usual_pictures_per_s=row.usual_pictures if learnt else None,
        bits_per_s=row.bits_per_s,
        usual_bits_per_s=row.usual_bits if learnt else None,
        waiting=row.waiting,
        sync_ms=row.sync_ms,
        clock_offset_ms=row.clock_offset_ms,
        codec=row.codec,
        width=row.width,
        height=row.height,
    )


def _seen(row: sa.Row[tuple[object, ...]]) -> Seen:
    return Seen(
        at=Instant(row.at),
        tamper=Tamper[row.tamper] if row.tamper else None,
        tamper_since=Instant(row.since),
        infrared=row.infrared,
        cover=Cover[row.cover] if row.cover else None,
        cover_since=Instant(row.covered_since),
    )


def judge(view: CameraView, measured: Measured | None, seen: Seen | None, now: Instant) -> CameraHealth:
    """Say how a camera is. The recorder's own word comes first; whoever is silent is not believed."""
    state, causes, since = view.recording, [view.cause] if view.cause else [], view.since
    if state is not RecordingState.DARK and measured is not None and now - measured.at > STALE:
        state, since = RecordingState.UNKNOWN, measured.at
        causes = [f"the recorder has not reported for {lasting(now - measured.at)}"]
    elif state in (RecordingState.RECORDING, RecordingState.DEGRADED):
        causes += [*_recording_troubles(measured), *_view_troubles(seen, now)]
        if causes and state is RecordingState.RECORDING:
            state = RecordingState.DEGRADED
            if seen is not None and seen.tamper is not None:
                since = max(since, seen.tamper_since)
    return CameraHealth(view, state, tuple(causes), since, measured, seen)


def unsteady(measured: Measured | None) -> list[str]:
    """The cause that a camera has whose connection breaks again and again, even while there is one; or none."""
    if measured is None or measured.connections_lately < _RECONNECTED:
        return []
    return [f"the connection had to be made {measured.connections_lately} times in the last five minutes"]


def _recording_troubles(measured: Measured | None) -> list[str]:
    if measured is None:
        return []
    found = unsteady(measured)
    usual, bits = measured.usual_pictures_per_s, measured.usual_bits_per_s
    if usual is not None and measured.pictures_per_s < _RATE_SHARE * usual:
        found.append(
            f"only {measured.pictures_per_s / 1000:.1f} pictures a second arrive, usual are {usual / 1000:.1f}"
        )
    if bits is not None and measured.bits_per_s < _BITS_SHARE * bits:
        found.append(f"only {measured.bits_per_s // 1000:,} kbit/s arrive, usual are {bits // 1000:,}")
    if measured.lost_lately >= _LOST:
        found.append(f"{measured.lost_lately:,} packets were lost in the last five minutes")
    if measured.sync_ms >= _SYNC_MS:
        found.append(f"the disk is slow: it took {measured.sync_ms / 1000:.1f} s to make a piece durable")
    if measured.waiting > max(_WAITING_LEAST, _WAITING_S * measured.bits_per_s // 8):
        found.append(f"the disk is slow: {measured.waiting / 1e6:.1f} MB wait to be written")
    offset = measured.clock_offset_ms
    if offset is not None and abs(offset) >= _CLOCK_MS:
        way = "ahead" if offset > 0 else "behind"
        found.append(f"the camera's clock is {lasting(abs(offset) * MILLISECOND)} {way}")
    return found


def masker_silent(seen: Seen, now: Instant) -> bool:
    """Whether what the masker reported last is too old to be believed."""
    return now - seen.at > STALE


def _view_troubles(seen: Seen | None, now: Instant) -> list[str]:
    if seen is None:
        return []
    if masker_silent(seen, now):
        return [f"{MASKER_SILENT} {lasting(now - seen.at)}"]
    found = [seen.tamper.value] if seen.tamper is not None else []
    young = seen.cover in _FOR_THE_STEWARD and now - seen.cover_since < _UNCERTIFIED
    if seen.cover is not None and seen.cover not in _EXPECTED and not young:
        found.append(f"the masked picture is covered: {seen.cover.value}")
    return found


def lasting(nanoseconds: int) -> str:
    """A length of time in words, in the two largest units that matter: ``2 min 13 s``."""
    seconds = nanoseconds // SECOND
    for unit, size, below, smaller in (("d", 86_400, 3_600, "h"), ("h", 3_600, 60, "min"), ("min", 60, 1, "s")):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit}" + (f" {rest // below} {smaller}" if rest // below else "")
    return f"{seconds} s"
