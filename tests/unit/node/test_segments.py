# SPDX-License-Identifier: AGPL-3.0-or-later
"""The write path of originals: whatever step a crash or a full disk interrupts, the period is closed where it lasts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.ingest_streams import stream
from tests.node_store import Node, node, permit_of

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId
from custodes.domain.video import Gap, GapCause, Packet, SourceTime, StreamInfo
from custodes.errors import CustodesError, unavailable
from custodes.node.queries import custody
from custodes.node.runtime import states
from custodes.node.runtime.bookkeeper import Bookkeeper
from custodes.node.runtime.recorder import catalogue
from custodes.node.runtime.recorder.segments import SegmentFiles, SegmentRecording
from custodes.node.runtime.recorder.vault import Vault
from custodes.node.runtime.recorder.wire import Report
from custodes.node.store import names, tables
from custodes.node.store.objects import DiskObjects, ObjectWriter
from custodes.trust.seal.manifest import CloseReason, ClosingManifest, OpeningManifest, parse_closing, parse_opening
from custodes.trust.seal.segment import PREAMBLE_BYTES
from custodes.trust.verify.segment import verify_segment
from custodes.video import nal
from custodes.video.ingest.fragmenter import Fragmenter, OriginalFragment

UNITS = stream(100, 320, 180, 25, 25)
SETS = tuple(each for each in UNITS[0].nals if nal.kind(each) in (nal.SPS, nal.PPS))
START = Instant(1_790_000_040 * SECOND)


def packets() -> Iterator[Packet]:
    info = StreamInfo(320, 180, SETS)
    for unit in UNITS:
        received = Instant(START + unit.ticks * SECOND // 90_000)
        yield Packet(unit.nals, unit.key, SourceTime(1, unit.ticks), received, info)


def fragments() -> list[OriginalFragment]:
    fragmenter = Fragmenter()
    return [fragment for packet in packets() for fragment in fragmenter.push(packet)] + list(fragmenter.flush())


@dataclass
class Desk:
    """A recorder's write path in a deployment with one camera."""

    node: Node
    camera: CameraId
    books: Bookkeeper

    def vault(self) -> Vault:
        return Vault(self.node.layout, self.node.clock)

    def files(self) -> SegmentFiles:
        return SegmentFiles(self.vault(), self.camera, self.report)

    def report(self, report: Report) -> None:
        self.books.note(states.row(report))

    def begin(self, files: SegmentFiles, later: int = 0) -> SegmentRecording:
        start = Instant(START + later * SECOND)
        return files.begin(permit_of(self.camera), start, next(packets()))

    def recovered(self) -> SegmentFiles:
        """What a new recorder process does first."""
        files = self.files()
        files.settle()
        catalogue.complete(self.node.store, self.vault(), self.books, self.camera)
        return files

    def manifests(self, period: PeriodId) -> tuple[OpeningManifest, ClosingManifest]:
        recorders = custody.parsed_policy(self.node.store).recorder_keys
        opening, closing = (self.node.store.objects.get(name(period)) for name in (names.opening, names.closing))
        return parse_opening(opening, recorders), parse_closing(closing, recorders)

    def verify(self, period: PeriodId) -> None:
        objects = self.node.store.objects
        opening, closing = (objects.get(name(period)) for name in (names.opening, names.closing))
        path = objects.local_path(names.segment(period))
        verify_segment(path, opening, closing, custody.parsed_policy(self.node.store)).demand()

    def rows(self) -> dict[int, bytes]:
        """The catalogue's periods: start and digest of the closing manifest."""
        self.books.close()
        self.books = Bookkeeper(self.node.store)
        rows = tables.periods.c
        return {row.start: bytes(row.closing) for row in self.node.store.read(sa.select(rows.start, rows.closing))}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with node(tmp_path) as found:
        sequencer = found.sequencer()
        sequencer.step()
        desk = Desk(found, found.camera(), Bookkeeper(found.store))
        yield desk
        desk.books.close()
        sequencer.log.close()


def test_a_period_that_is_closed_in_good_order_is_catalogued_and_verifies(desk: Desk) -> None:
    files = desk.files()
    recording = desk.begin(files)
    for fragment in fragments():
        recording.write(fragment)
    recording.close(None)
    _, closing = desk.manifests(recording.period)
    assert closing.reason is CloseReason.CUT
    assert len(closing.fragments) == 1 + len(fragments())
    assert desk.rows() == {START: closing.digest}
    desk.verify(recording.period)


def test_shares_and_opening_manifest_are_durable_before_the_first_byte(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    put, create = DiskObjects.put, DiskObjects.create

    def noting_put(objects: DiskObjects, name: str, data: bytes) -> None:
        put(objects, name, data)
        order.append(name.partition("/")[0])

    def noting_create(objects: DiskObjects, name: str) -> ObjectWriter:
        order.append(name.partition("/")[0])
        return create(objects, name)

    monkeypatch.setattr(DiskObjects, "put", noting_put)
    monkeypatch.setattr(DiskObjects, "create", noting_create)
    files = desk.files()
    desk.begin(files).close(None)
    assert order == ["shares", "manifests", "segments", "manifests", "heads"]


class CrashError(Exception):
    """The process ends here."""


STEPS = ["shares", "opening", "segment", "closing", "row"]


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_is_mended_at_the_next_start(
    desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone before the step is done: what later steps would have written is not there."""
    put, create = DiskObjects.put, DiskObjects.create

    def crashing_put(objects: DiskObjects, name: str, data: bytes) -> None:
        if name.endswith(f".{step}"):
            raise CrashError
        put(objects, name, data)

    def crashing_create(objects: DiskObjects, name: str) -> ObjectWriter:
        if name.endswith(f".{step}"):
            raise CrashError
        return create(objects, name)

    files = desk.files()
    with monkeypatch.context() as patch:
        patch.setattr(DiskObjects, "put", crashing_put)
        patch.setattr(DiskObjects, "create", crashing_create)
        if step == "row":
            patch.setattr(desk.books, "note", lambda _row: (_ for _ in ()).throw(CrashError))
        with pytest.raises(CrashError):
            _record(desk, files)
    assert desk.rows() == {}

    desk.recovered()
    if step in ("shares", "opening"):
        # Nothing was promised: no opening manifest, no period.
        assert desk.rows() == {}
        return
    (period,) = [names.period_of(name) for name in desk.node.store.objects.names("manifests") if "opening" in name]
    _, closing = desk.manifests(period)
    assert desk.rows() == {START: closing.digest}
    if step == "segment":
        assert closing.length == 0
    else:
        desk.verify(period)
        assert len(closing.fragments) == 1 + len(fragments())
    assert closing.reason is (CloseReason.CUT if step == "row" else CloseReason.RECOVERED)
    # A second start finds nothing to do.
    desk.recovered()
    assert desk.rows() == {START: closing.digest}


def _record(desk: Desk, files: SegmentFiles) -> None:
    recording = desk.begin(files)
    for fragment in fragments():
        recording.write(fragment)
    recording.close(None)


@pytest.mark.parametrize("torn", [1, 40, 700, 5_000])
def test_a_torn_last_record_is_cut_off_and_everything_before_it_is_kept(desk: Desk, torn: int) -> None:
    files = desk.files()
    recording = desk.begin(files)
    ends: list[int] = []
    for fragment in fragments():
        recording.write(fragment)
        ends.append(desk.node.store.objects.local_path(names.segment(recording.period)).stat().st_size)
    path = desk.node.store.objects.local_path(names.segment(recording.period))
    with path.open("r+b") as file:
        file.truncate(ends[-1] - torn)
    desk.recovered()
    _, closing = desk.manifests(recording.period)
    assert closing.reason is CloseReason.RECOVERED
    assert closing.length == max(end for end in ends if end <= ends[-1] - torn)
    desk.verify(recording.period)


@pytest.mark.parametrize("length", [0, 1, PREAMBLE_BYTES - 1, PREAMBLE_BYTES, PREAMBLE_BYTES + 10])
def test_a_segment_without_a_whole_record_is_a_period_without_a_byte(desk: Desk, length: int) -> None:
    files = desk.files()
    recording = desk.begin(files)
    path = desk.node.store.objects.local_path(names.segment(recording.period))
    with path.open("r+b") as file:
        file.truncate(length)
    desk.recovered()
    _, closing = desk.manifests(recording.period)
    assert not closing.fragments
    assert closing.length <= length


def test_the_period_after_a_crash_has_a_new_key_a_new_name_and_continues_the_chain(desk: Desk) -> None:
    files = desk.files()
    first = desk.begin(files)
    for fragment in fragments():
        first.write(fragment)
    again = desk.recovered()
    second = desk.begin(again, later=5)
    second.close(None)
    before, after = desk.manifests(first.period), desk.manifests(second.period)
    assert second.period != first.period
    assert after[0].sealed.header.previous == before[1].digest
    assert after[0].key_commitment != before[0].key_commitment
    # The same instant once more, of a clock that was set back, would be the same name: it gets another one.
    third = desk.begin(again, later=0)
    third.close(None)
    assert third.period.start == first.period.start + MILLISECOND
    assert desk.manifests(first.period) == before


def test_a_period_whose_disk_fails_is_closed_as_soon_as_the_disk_works_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only at the next start: the minute must not stay open for weeks."""
    files = desk.files()
    recording = desk.begin(files)
    recorded = fragments()
    recording.write(recorded[0])

    def full(_writer: ObjectWriter, _data: bytes) -> int:
        raise unavailable("the disk does not take the recording: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectWriter, "append", full)
        with pytest.raises(CustodesError):
            recording.write(recorded[1])
        recording.abandon()
        with pytest.raises(CustodesError):
            desk.begin(files, later=3)

    def still_full(_objects: DiskObjects, _name: str, _data: bytes) -> None:
        raise unavailable("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DiskObjects, "put", still_full)
        with pytest.raises(CustodesError):
            files.settle()
        with pytest.raises(CustodesError):
            desk.begin(files, later=4)  # not even shares: no period
    files.settle()
    files.settle()
    later = desk.begin(files, later=8)
    later.close(Gap(START, GapCause.STOPPED, ""))
    _, torn = desk.manifests(recording.period)
    assert torn.reason is CloseReason.RECOVERED
    assert len(torn.fragments) == 2
    desk.verify(recording.period)
    # The one that failed at its first byte is closed, empty; the one without shares never was.
    assert sorted(desk.rows()) == [START, START + 3 * SECOND, START + 8 * SECOND]
    assert desk.manifests(later.period)[1].reason is CloseReason.GAP


def test_one_damaged_period_does_not_keep_the_recorder_from_starting(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    files = desk.files()
    first, second, third = (desk.begin(files, later=5 * number) for number in range(3))
    objects = desk.node.store.objects
    objects.local_path(names.segment(first.period)).write_bytes(objects.get(names.segment(second.period)))
    objects.local_path(names.opening(second.period)).write_bytes(b"{}")
    day = names.opening(first.period).rpartition("/")[0]
    objects.put(f"{day}/by-hand.opening", b"")
    desk.recovered()
    assert list(desk.rows()) == [third.period.start]
    said = capsys.readouterr().err
    assert said.count("cannot be recovered") == 3
    assert "another period" in said
    assert not objects.exists(names.closing(first.period))


def test_the_chain_goes_on_where_it_ended_though_the_clock_was_set_back(desk: Desk) -> None:
    files = desk.files()
    periods = []
    for later in (3_600, 0, 60):
        recording = desk.begin(files, later)
        recording.close(None)
        periods.append(recording.period)
    again = desk.files()
    again.settle()
    last = desk.begin(again, 120)
    last.close(None)
    chain = [desk.manifests(period) for period in [*periods, last.period]]
    assert [opening.sealed.header.previous for opening, _ in chain] == [
        None,
        *(closing.digest for _, closing in chain[:-1]),
    ]


def test_a_crash_before_the_head_is_written_forks_no_chain(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    files = desk.files()
    desk.begin(files).close(None)
    put = DiskObjects.put

    def crashing(objects: DiskObjects, name: str, data: bytes) -> None:
        if name.startswith("heads/"):
            raise CrashError
        put(objects, name, data)

    second = desk.begin(files, 60)
    with monkeypatch.context() as patch:
        patch.setattr(DiskObjects, "put", crashing)
        with pytest.raises(CrashError):
            second.close(None)
    again = desk.files()
    again.settle()
    third = desk.begin(again, 120)
    third.close(None)
    assert desk.manifests(third.period)[0].sealed.header.previous == desk.manifests(second.period)[1].digest
