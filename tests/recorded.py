# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real sealed periods and masked minutes in a deployment, quickly: what recorder and masker leave on the disk."""

from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from tests.node_store import Node

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, Digest, PeriodId, Term
from custodes.domain.video import Fragment, FrameNote
from custodes.node.queries import custody
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.maskedfiles import MaskedFiles
from custodes.node.store import names, tables
from custodes.node.store.store import read_key
from custodes.trust.seal.manifest import ClosingManifest, parse_closing
from custodes.trust.seal.period import PeriodHeader, PeriodSealer
from custodes.trust.seal.signing import SigningKey

HOUR = 3600 * SECOND


@dataclass
class Archive:
    """Writes periods into a deployment's store as its recorder would."""

    here: Node
    recorder: SigningKey = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = SigningKey.from_seed(read_key(self.here.layout.keys / "recorder.key"))

    def begin(
        self, camera: CameraId, start: int, hours: int = 24, seconds: int = 60, records: int = 3
    ) -> tuple[PeriodId, PeriodSealer]:
        """A period that was not closed: shares, opening manifest and a segment of whole records."""
        store = self.here.store
        policy = custody.parsed_policy(store)
        period = PeriodId(camera, Instant(start), Term(1))
        header = PeriodHeader(
            policy.deployment, period, Instant(start), "h264", 320, 180, (b"\x67", b"\x68"), f"{hours}h", hours,
            Digest(bytes(32)), 0, 1, Digest(bytes(32)), None,
        )  # fmt: skip
        sealer = PeriodSealer(header, policy.custodians[-1], self.recorder, store.entropy)
        store.objects.put(names.shares(period), sealer.shares)
        store.objects.put(names.opening(period), sealer.opening)
        with store.objects.create(names.segment(period)) as writer:
            writer.append(sealer.preamble)
            writer.append(sealer.seal_init(b"init"))
            for number in range(records):
                nal = b"\x65" + bytes([number]) * 500
                box = len(nal) + 4 + 8
                data = box.to_bytes(4) + b"mdat" + len(nal).to_bytes(4) + nal
                at = Instant(start + number * seconds * SECOND // records)
                writer.append(sealer.seal(data, [nal], at, 90_000 * seconds // records))
        return period, sealer

    def close(self, period: PeriodId, sealer: PeriodSealer, seconds: int = 60) -> ClosingManifest:
        """Store the closing manifest; no row."""
        closing = sealer.close(Instant(period.start + seconds * SECOND))
        self.here.store.objects.put(names.closing(period), closing)
        return self.closing(period)

    def closing(self, period: PeriodId) -> ClosingManifest:
        recorders = custody.parsed_policy(self.here.store).recorder_keys
        return parse_closing(self.here.store.objects.get(names.closing(period)), recorders)

    def catalogue(self, manifest: ClosingManifest) -> None:
        """Write the row."""
        period = manifest.period
        key: dict[str, object] = {"camera": period.camera, "start": period.start, "term": period.term}
        values: dict[str, object] = {"ended": manifest.ended, "size": manifest.length, "closing": manifest.digest}
        with self.here.store.begin() as connection:
            tables.upsert(connection, tables.periods, key, values)

    def record(self, camera: CameraId, start: int, hours: int = 24, seconds: int = 60) -> PeriodId:
        """A whole period, catalogued."""
        period, sealer = self.begin(camera, start, hours, seconds)
        self.catalogue(self.close(period, sealer, seconds))
        return period

    def mask(self, camera: CameraId, start: int, seconds: int = 60) -> Path:
        """A masked minute, catalogued; returns where its object lies."""
        books = Bookkeeper(self.here.store)
        files = MaskedFiles(self.here.store, books, camera, Term(1))
        note = FrameNote(None, None, 20)
        for number in range(seconds * 1000 // 400):
            at = Instant(start + number * 400 * MILLISECOND)
            files.write(Fragment(camera, at, 400, number % 5 == 0, b"moof mdat %d" % number, (note, note), "masker 1"))
        files.close()
        books.close()
        return self.here.store.objects.local_path(names.masked(camera, Instant(start), Term(1)))

    def rows(self) -> list[PeriodId]:
        """The catalogue's periods."""
        rows = tables.periods.c
        found = self.here.store.read(sa.select(rows.camera, rows.start, rows.term).order_by(rows.start))
        return [PeriodId(CameraId(row.camera), Instant(row.start), Term(row.term)) for row in found]

    def objects(self, period: PeriodId) -> set[str]:
        """The kinds of objects that a period still has."""
        kinds = {
            "shares": names.shares, "segment": names.segment, "opening": names.opening, "closing": names.closing,
        }  # fmt: skip
        return {kind for kind, name in kinds.items() if self.here.store.objects.exists(name(period))}


WHOLE = {"shares", "segment", "opening", "closing"}
