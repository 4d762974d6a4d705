# SPDX-License-Identifier: AGPL-3.0-or-later
"""The write path of originals: from a fragment in memory to a sealed, closed, catalogued period.

The order is the promise, and recovery is the same code:

1. shares and opening manifest, durable. A crash here leaves a period without a byte; recovery closes it empty.
2. the segment's name, durable, then sealed records, each synced unless the last sync is less than half a second old. A
   crash here loses what was not synced; recovery closes the segment at its last whole record.
3. the closing manifest, durable. A crash here leaves a period that the catalogue does not know.
4. the report to the coordinator, which queues the catalogue's row. What a crash leaves out here, the coordinator finds
   when it next looks at the camera's manifests.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, Digest, KeyId, PeriodId, Term
from custodes.domain.register import RecordingPermit
from custodes.domain.video import TICKS, Gap, GapCause, Packet
from custodes.errors import CustodesError, Kind
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Closed, Report
from custodes.node.store import names
from custodes.node.store.objects import ObjectWriter
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.manifest import ClosingManifest, parse_closing, parse_opening
from custodes.trust.seal.period import CloseReason, PeriodHeader, PeriodSealer, recover
from custodes.trust.seal.signing import PublicKey
from custodes.video.ingest.fragmenter import OriginalFragment, init_segment

SYNC_EVERY = SECOND // 2
"""Fragments last a second at the most, so most are synced one by one."""
_TERM = Term(1)
_LOST_AT_MOST = 60
"""Holes within a period that its closing manifest names one by one; a stream with more is broken, and that is said."""


@dataclass(frozen=True, slots=True)
class Before:
    """Where a camera's recording stands: its newest closing manifest, when the hole after it began, and why."""

    digest: Digest
    hole: Gap


class SegmentFiles:
    """Begins and recovers one camera's segments; for one thread."""

    def __init__(self, vault: Vault, camera: CameraId, report: Callable[[Report], None]) -> None:
        self.vault = vault
        self.camera = camera
        self._report = report
        self._previous: Digest | None = None

    def begin(self, permit: RecordingPermit, start: Instant, packet: Packet) -> "SegmentRecording":
        """Make a new period durable, up to its segment's first bytes, and return it ready for fragments.

        ``CustodesError``: UNAVAILABLE if the disk does not take it or has hardly any room left, CORRUPT if the stream
        cannot be put into a file (nothing has been written then).
        """
        init = init_segment(packet.info)
        self.vault.demand_room(self.camera)
        vault, objects = self.vault, self.vault.objects
        policy, checkpoint = vault.policy, vault.checkpoint
        period = self._unused(start)
        header = PeriodHeader(
            deployment=policy.deployment,
            period=period,
            started=packet.received,
            codec=packet.info.codec.value,
            width=packet.info.width,
            height=packet.info.height,
            parameter_sets=packet.info.parameter_sets,
            retention_class=f"{permit.retention_hours}h",
            retention_hours=permit.retention_hours,
            register_entry=permit.entry,
            register_index=permit.log_index,
            checkpoint_size=checkpoint.size,
            checkpoint_root=Digest(checkpoint.root),
            previous=self._previous,
        )
        custodians = policy.custodians[-1]
        dated = vault.keyring.for_period(custodians, permit.retention_hours, header.started)
        sealer = PeriodSealer(header, custodians, vault.recorder, vault.entropy, dated)
        objects.put(names.shares(period), sealer.shares)
        objects.put(names.opening(period), sealer.opening)
        writer = objects.create(names.segment(period))
        try:
            writer.append(sealer.preamble)
            writer.append(sealer.seal_init(init))
        except CustodesError:
            writer.abandon()
            raise
        return SegmentRecording(self, period, sealer, writer)

    def _unused(self, start: Instant) -> PeriodId:
        """The period's id. One that exists belongs to a clock that was set back: ids are never used twice."""
        period = PeriodId(self.camera, start, _TERM)
        while self.vault.objects.exists(names.opening(period)) or self.vault.objects.exists(names.shares(period)):
            period = PeriodId(self.camera, Instant(period.start + MILLISECOND), _TERM)
        return period

    def finish(self, period: PeriodId, closing: bytes) -> ClosingManifest:
        """Store a closing manifest and report it. One that is there already stands: the log may have it."""
        objects = self.vault.objects
        if objects.exists(names.closing(period)):
            closing = objects.get(names.closing(period))
        else:
            objects.put(names.closing(period), closing)
        manifest = parse_closing(closing, self._keys())
        self._previous = manifest.digest
        # A crash before this: the head names the period before, and this one is found as the one that follows it.
        objects.put(names.head(self.camera), names.closing(period).encode())
        self._report(closed(manifest))
        return manifest

    def _keys(self) -> dict[KeyId, PublicKey]:
        own = self.vault.recorder.public
        return {own.id: own, **self.vault.policy.recorder_keys}

    def settle(self) -> Before | None:
        """Close what a crash or a broken disk has left open; returns where the recording stands, None if nowhere.

        For the camera's own thread, before it records and while it does not. Looks at the camera's last two days: what
        is older was settled before, or is for ``custodes fsck``. A disk that fails: ``CustodesError`` (UNAVAILABLE).
        """
        objects = self.vault.objects
        newest = self._head()
        for period in recent(self.vault, self.camera, ".opening"):
            if not objects.exists(names.closing(period)):
                try:
                    self._close_left(period)
                except CustodesError as problem:
                    if problem.kind is Kind.UNAVAILABLE:
                        raise
                    # One period that was damaged or put there must not keep the camera from being recorded.
                    sys.stderr.write(f"{names.opening(period)} cannot be recovered: {problem}\n")
                    continue
                newest = period
        if newest is None:
            return None
        data = objects.get(names.closing(newest))
        self._previous = sha256(data)
        manifest = parse_closing(data, self._keys())
        stated = [Gap(gap.began, gap.cause, "") for gap in manifest.gaps if manifest.reason is not CloseReason.CUT]
        return Before(self._previous, stated[-1] if stated else Gap(manifest.ended, GapCause.RESTARTED, ""))

    def _head(self) -> PeriodId | None:
        """The camera's newest closed period: by what follows what, not by names, for a clock may have been set."""
        objects, found = self.vault.objects, recent(self.vault, self.camera, ".closing")
        name = names.head(self.camera)
        if not objects.exists(name):
            return found[-1] if found else None
        head = names.period_of(objects.get(name).decode("ascii", "replace"))
        if not objects.exists(names.closing(head)):
            return found[-1] if found else None  # its retention has ended
        since = objects.local_path(name).stat().st_mtime_ns
        later = [each for each in found if objects.local_path(names.closing(each)).stat().st_mtime_ns >= since]
        digest = sha256(objects.get(names.closing(head)))
        for period in later:
            opening = parse_opening(objects.get(names.opening(period)), self._keys())
            if opening.sealed.header.previous == digest:
                return period
        return head

    def _close_left(self, period: PeriodId) -> None:
        """Close a period at its last whole record."""
        objects = self.vault.objects
        path = objects.local_path(names.segment(period))
        opening = objects.get(names.opening(period))
        if not path.exists():
            self.finish(period, recover(opening, b"", self.vault.recorder, self._keys()))
            return
        with objects.open(names.segment(period)) as segment:
            self.finish(period, recover(opening, segment, self.vault.recorder, self._keys()))


def recent(vault: Vault, camera: CameraId, suffix: str) -> list[PeriodId]:
    """The periods of a camera's last two days of recording that have a manifest of that kind, in order."""
    folder = f"manifests/{camera}"
    found = []
    days = vault.objects.children(folder)
    # Days that a clock which was ahead has left behind are looked at too, but do not hide the last two real ones.
    tomorrow = names.day_of(Instant(vault.clock.now() + 86_400 * SECOND))
    real = [day for day in days if day <= tomorrow]
    for day in [*real[-2:], *days[len(real) :]]:
        for name in vault.objects.children(f"{folder}/{day}"):
            if name.endswith(suffix):
                try:
                    found.append(names.period_of(f"{folder}/{day}/{name}"))
                except CustodesError as problem:
                    sys.stderr.write(f"{folder}/{day}/{name} cannot be recovered: {problem}\n")
    return sorted(found)


def closed(manifest: ClosingManifest) -> Closed:
    """The report of a closing manifest."""
    period = manifest.period
    return Closed(period.camera, period.start, period.term, manifest.ended, manifest.length, manifest.digest)


class SegmentRecording:
    """One period while it is being recorded. Every method may raise ``CustodesError`` (UNAVAILABLE): the disk."""

    def __init__(self, files: SegmentFiles, period: PeriodId, sealer: PeriodSealer, writer: ObjectWriter) -> None:
        self.period = period
        self.written = 0
        """Bytes that are durable."""
        self.sync_ns = 0
        """The longest sync since somebody set this to 0."""
        self._files = files
        self._sealer = sealer
        self._writer = writer
        self._synced = files.vault.clock.monotonic()
        self._ended = period.start
        self._holes: list[Gap] = []

    def write(self, fragment: OriginalFragment) -> None:
        """Seal and append a fragment; it is durable when this returns, unless the last sync was just now."""
        self._writer.append(self._sealer.seal(fragment.data, fragment.nals, fragment.start, fragment.duration_ticks))
        self._ended = Instant(fragment.start + fragment.duration_ticks * SECOND // TICKS)
        if self._files.vault.clock.monotonic() - self._synced >= SYNC_EVERY:
            self._sync()

    def _sync(self) -> None:
        clock = self._files.vault.clock
        self._synced = clock.monotonic()
        self._writer.sync()
        self.sync_ns = max(self.sync_ns, clock.monotonic() - self._synced)
        self.written = self._writer.size

    def hole(self, gap: Gap) -> None:
        """State a hole within the period."""
        if len(self._holes) < _LOST_AT_MOST:
            self._holes.append(gap)

    def close(self, gap: Gap | None, reason: CloseReason = CloseReason.CUT) -> None:
        """Close the period: at a cut, or because the stream ended with ``gap``."""
        self._writer.close()
        self.written = self._writer.size
        gaps = self._holes if gap is None else [*self._holes, gap]
        closing = self._sealer.close(self._ended, gaps, reason if gap is None else CloseReason.GAP)
        self._files.finish(self.period, closing)

    def abandon(self) -> None:
        """Let go of a segment whose disk has failed; ``SegmentFiles.settle`` closes the period later."""
        self._writer.abandon()
