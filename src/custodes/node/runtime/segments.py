# SPDX-License-Identifier: AGPL-3.0-or-later
"""The write path of originals: from a fragment in memory to a sealed, closed, catalogued period.

The order is the promise, and recovery is the same code:

1. opening manifest and shares, durable. A crash here leaves a period without a byte; recovery closes it empty.
2. the segment's name, durable, then sealed records, synced at least once a second. A crash here loses what was not
   synced; recovery closes the segment at its last whole record.
3. the closing manifest, durable. A crash here leaves a period that the catalogue does not know.
4. the catalogue's row, queued. Recovery writes it from the closing manifest.
"""

import sys
import threading
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, Digest, KeyId, PeriodId, Term
from custodes.domain.register import RecordingPermit
from custodes.domain.video import Gap, Packet
from custodes.errors import CustodesError, Kind
from custodes.node.queries import custody, log
from custodes.node.runtime.bookkeeper import Bookkeeper, Row
from custodes.node.store import Store, names, tables
from custodes.node.store.objects import ObjectWriter
from custodes.node.store.store import read_key
from custodes.trust.seal.manifest import ClosingManifest, parse_closing
from custodes.trust.seal.period import CloseReason, PeriodHeader, PeriodSealer, recover
from custodes.trust.seal.signing import PublicKey, SigningKey
from custodes.video.ingest.fragmenter import OriginalFragment, init_segment

SYNC_EVERY = SECOND
_TERM = Term(1)


class SegmentFiles:
    """Begins and recovers segments; one per recorder process."""

    def __init__(self, store: Store, books: Bookkeeper) -> None:
        self.store = store
        self.books = books
        self.recorder = SigningKey.from_seed(read_key(store.layout.keys / "recorder.key"))
        self._previous: dict[CameraId, Digest] = {}
        self._open: dict[CameraId, list[PeriodId]] = {}
        self._lock = threading.Lock()

    def begin(self, permit: RecordingPermit, start: Instant, packet: Packet) -> "SegmentRecording":
        """Make a new period durable, up to its segment's first bytes, and return it ready for fragments."""
        policy = custody.parsed_policy(self.store)
        period = PeriodId(permit.camera, start, _TERM)
        checkpoint = log.witnessed_checkpoint(self.store)
        header = PeriodHeader(
            deployment=policy.deployment,
            period=period,
            started=packet.received,
            codec="h264",
            width=packet.info.width,
            height=packet.info.height,
            parameter_sets=packet.info.parameter_sets,
            retention_class=f"{permit.retention_hours}h",
            retention_hours=permit.retention_hours,
            register_entry=permit.entry,
            register_index=permit.log_index,
            checkpoint_size=checkpoint.size,
            checkpoint_root=Digest(checkpoint.root),
            previous=self._previous_of(permit.camera),
        )
        sealer = PeriodSealer(header, policy.custodians[-1], self.recorder, self.store.entropy)
        with self._lock:
            self._open.setdefault(permit.camera, []).append(period)
        self.store.objects.put(names.shares(period), sealer.shares)
        self.store.objects.put(names.opening(period), sealer.opening)
        writer = self.store.objects.create(names.segment(period))
        try:
            writer.append(sealer.preamble)
            writer.append(sealer.seal_init(init_segment(packet.info)))
        except CustodesError:
            writer.abandon()
            raise
        return SegmentRecording(self, period, sealer, writer)

    def _previous_of(self, camera: CameraId) -> Digest | None:
        with self._lock:
            if camera in self._previous:
                return self._previous[camera]
        periods = tables.periods.c
        rows = self.store.read(
            sa.select(periods.closing).where(periods.camera == camera).order_by(periods.start.desc()).limit(1)
        )
        return Digest(rows[0].closing) if rows else None

    def finish(self, period: PeriodId, closing: bytes) -> None:
        """Store a closing manifest and queue its row."""
        self.store.objects.put(names.closing(period), closing)
        manifest = parse_closing(closing, self._own())
        with self._lock:
            self._previous[period.camera] = manifest.digest
            if period in self._open.get(period.camera, ()):
                self._open[period.camera].remove(period)
        self.books.note(_row(manifest))

    def _own(self) -> dict[KeyId, PublicKey]:
        return {self.recorder.public.id: self.recorder.public}

    def settle(self, camera: CameraId) -> None:
        """Close what this process began for a camera and could not finish: its disk failed.

        For the camera's own thread, while it records nothing. A disk that still fails: ``CustodesError`` (UNAVAILABLE).
        """
        with self._lock:
            left = list(self._open.get(camera, ()))
        recorders = {**self._own(), **custody.parsed_policy(self.store).recorder_keys} if left else {}
        for period in left:
            if self.store.objects.exists(names.opening(period)):
                self._close_left(period, recorders)
            else:
                with self._lock:
                    self._open[camera].remove(period)  # it never began

    def _close_left(self, period: PeriodId, recorders: Mapping[KeyId, PublicKey]) -> None:
        """Close a period at its last whole record."""
        objects = self.store.objects
        try:
            segment = objects.get(names.segment(period))
        except CustodesError as problem:
            if problem.kind is not Kind.NOT_FOUND:
                raise
            segment = b""
        self.finish(period, recover(objects.get(names.opening(period)), segment, self.recorder, recorders))

    def recover(self) -> None:
        """Close what a crash has left open and write the rows it has left out."""
        objects = self.store.objects
        known = set(self._known())
        recorders = {**self._own(), **custody.parsed_policy(self.store).recorder_keys}
        for name in list(objects.names("manifests")) if objects.exists("manifests") else []:
            if not name.endswith(".opening"):
                continue
            try:
                self._recover(names.period_of(name), known, recorders)
            except CustodesError as problem:
                if problem.kind is Kind.UNAVAILABLE:
                    raise
                # One period that was damaged or put there must not keep the cameras from being recorded.
                sys.stderr.write(f"{name} cannot be recovered: {problem}\n")

    def _recover(self, period: PeriodId, known: set[PeriodId], recorders: Mapping[KeyId, PublicKey]) -> None:
        objects = self.store.objects
        if not objects.exists(names.closing(period)):
            self._close_left(period, recorders)
        elif period not in known:
            self.books.note(_row(parse_closing(objects.get(names.closing(period)), recorders)))

    def _known(self) -> Iterator[PeriodId]:
        periods = tables.periods.c
        for row in self.store.read(sa.select(periods.camera, periods.start, periods.term)):
            yield PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term))


class SegmentRecording:
    """One period while it is being recorded. Every method may raise ``CustodesError`` (UNAVAILABLE): the disk."""

    def __init__(self, files: SegmentFiles, period: PeriodId, sealer: PeriodSealer, writer: ObjectWriter) -> None:
        self.period = period
        self._files = files
        self._sealer = sealer
        self._writer = writer
        self._synced = files.store.clock.monotonic()
        self._ended = period.start

    def write(self, fragment: OriginalFragment) -> None:
        """Seal and append a fragment; what lies more than a second back is durable when this returns."""
        record = self._sealer.seal(fragment.data, fragment.nals, fragment.start, fragment.duration_ticks)
        self._writer.append(record)
        self._ended = Instant(fragment.start + fragment.duration_ticks * SECOND // 90_000)
        now = self._files.store.clock.monotonic()
        if now - self._synced >= SYNC_EVERY:
            self._synced = now
            self._writer.sync()

    def close(self, gap: Gap | None) -> None:
        """Close the period: at a cut (None) or because the stream ended."""
        self._writer.close()
        reason = CloseReason.CUT if gap is None else CloseReason.GAP
        closing = self._sealer.close(self._ended, [] if gap is None else [gap], reason)
        self._files.finish(self.period, closing)

    def abandon(self) -> None:
        """Let go of a segment whose disk has failed; ``SegmentFiles.settle`` closes the period later."""
        self._writer.abandon()


def _row(manifest: ClosingManifest) -> Row:
    period = manifest.period
    key: dict[str, object] = {"camera": period.camera, "start": period.start, "term": period.term}
    values: dict[str, object] = {"ended": manifest.ended, "size": manifest.length, "closing": manifest.digest}
    return lambda connection: tables.upsert(connection, tables.periods, key, values)
