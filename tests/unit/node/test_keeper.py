# SPDX-License-Identifier: AGPL-3.0-or-later
"""Retention: what is due goes, in an order that a crash cannot turn; what is held or not due stays, with its proof."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node
from tests.recorded import HOUR, WHOLE, Archive

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import CameraId, PeriodId
from custodes.errors import CustodesError, Kind
from custodes.node.acts import cameras, holds
from custodes.node.acts.retention import Going, Reason, begin_deletion, finish_deletion
from custodes.node.config import Settings, Storage
from custodes.node.queries import alarms, playback
from custodes.node.queries.disclosures import _packaged
from custodes.node.runtime.keeper.deletion import carry_out, pending
from custodes.node.runtime.keeper.keeper import Keeper
from custodes.node.runtime.keeper.selection import due, note_due
from custodes.node.store import minutes, names, tables
from custodes.node.store.objects import DiskObjects
from custodes.trust.custody.minute import Minute, check_minute
from custodes.trust.seal.fields import sha256


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@pytest.fixture
def archive(here: Node) -> Archive:
    return Archive(here)


@pytest.fixture
def camera(here: Node) -> CameraId:
    found = here.camera()
    here.register(found)
    return found


def keeper(here: Node) -> Keeper:
    return Keeper(here.store, Settings(Storage(reserve_mb=0)))


def logged(here: Node, act: str) -> list[canonical.JsonObject]:
    entries = tables.log_entries.c
    rows = here.store.read(sa.select(entries.data).where(entries.act == act).order_by(entries.seq))
    return [canonical.load_object(row.data) for row in rows]


def masked_starts(here: Node) -> list[int]:
    rows = tables.masked_minutes.c
    return [row.start for row in here.store.read(sa.select(rows.start).order_by(rows.start))]


def start_of(here: Node) -> int:
    """A full minute near the deployment's beginning."""
    return (here.clock.now() // (60 * SECOND) + 1) * 60 * SECOND


def test_a_period_goes_when_its_signed_retention_ends_and_not_before(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    short, long = archive.record(camera, start_of(here), 1), archive.record(camera, start_of(here) + 60 * SECOND, 2)
    here.clock.advance(start_of(here) - here.clock.now() + HOUR + 59 * SECOND)
    keeper(here).step()
    assert archive.rows() == [short, long]
    here.clock.advance(SECOND)
    keeper(here).step()
    assert archive.rows() == [long]
    assert (archive.objects(short), archive.objects(long)) == (set(), WHOLE)
    here.clock.advance(HOUR + 60 * SECOND)
    keeper(here).step()
    assert archive.rows() == []
    assert archive.objects(long) == set()


def test_one_deletion_of_many_periods_is_two_entries_that_bind_their_manifests(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    periods = [archive.record(camera, start_of(here) + number * 60 * SECOND) for number in range(12)]
    digests = sorted(archive.closing(period).digest for period in periods)
    here.clock.advance(26 * HOUR)
    keeper(here).step()
    keeper(here).step()
    root = Minute(tuple(digests)).root.hex()
    (begun,), (done,) = logged(here, "retention.due"), logged(here, "retention.done")
    assert {name: begun[name] for name in ("reason", "root", "count")} == {
        "reason": "retention", "root": root, "count": 12,
    }  # fmt: skip
    assert (done["root"], done["count"], done["masked"]) == (root, 12, 0)
    assert not {camera, *map(str, periods)} & set(map(str, [*begun.values(), *done.values()]))


def test_masked_copies_go_with_the_last_of_their_originals(here: Node, archive: Archive, camera: CameraId) -> None:
    start = start_of(here)
    for number in range(3):
        archive.record(camera, start + number * 60 * SECOND + 30 * SECOND, 1)
    paths = [archive.mask(camera, start + number * 60 * SECOND) for number in range(4)]
    here.clock.advance(start - here.clock.now() + HOUR + 100 * SECOND)  # the first period is due: it ended at 90 s
    keeper(here).step()
    assert masked_starts(here) == [start + number * 60 * SECOND for number in (1, 2, 3)]
    assert [path.exists() for path in paths] == [False, True, True, True]
    here.clock.advance(120 * SECOND)
    keeper(here).step()
    assert masked_starts(here) == []
    assert not any(path.exists() for path in paths)
    assert sum(int(str(entry["masked"])) for entry in logged(here, "retention.done")) == 4


def test_masked_minutes_that_never_had_an_original_go_when_the_register_says_so(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    path = archive.mask(camera, start_of(here))
    here.clock.advance(23 * HOUR)
    keeper(here).step()
    assert path.exists()
    here.clock.advance(HOUR + 120 * SECOND)
    keeper(here).step()
    assert not path.exists()
    assert masked_starts(here) == []


def test_a_held_period_and_its_masked_copy_stay_until_the_hold_is_released(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    start = start_of(here)
    first, second, third = (archive.record(camera, start + number * 60 * SECOND, 1) for number in range(3))
    for number in range(3):
        archive.mask(camera, start + number * 60 * SECOND)
    here.clock.advance(600 * SECOND)
    window = Instant(start + 70 * SECOND), Instant(start + 80 * SECOND)
    hold = holds.add_hold(here.store, camera, *window, "case 17")
    here.clock.advance(48 * HOUR)
    keeper(here).step()
    assert archive.rows() == [second]
    assert masked_starts(here) == [start + 60 * SECOND]
    assert (archive.objects(first), archive.objects(second), archive.objects(third)) == (set(), WHOLE, set())
    holds.release_hold(here.store, hold)
    keeper(here).step()
    assert archive.rows() == []
    assert masked_starts(here) == []


def test_a_hold_that_comes_between_the_choice_and_the_act_wins(here: Node, archive: Archive, camera: CameraId) -> None:
    period = archive.record(camera, start_of(here), 1)
    here.clock.advance(3 * HOUR)
    note_due(here.store)
    chosen = due(here.store)
    assert [found for found, _ in chosen] == [period]
    holds.add_hold(here.store, camera, period.start, Instant(period.start + SECOND), "case 17")
    with pytest.raises(CustodesError) as refusal:
        begin_deletion(here.store, Reason.RETENTION, Going(chosen))
    assert refusal.value.kind is Kind.CONFLICT
    assert logged(here, "retention.due") == []
    keeper(here).step()
    assert archive.objects(period) == WHOLE


def test_a_hold_for_what_is_not_over_or_without_a_reference_is_refused(here: Node, camera: CameraId) -> None:
    now = here.clock.now()
    windows = [(now - SECOND, now + SECOND), (now, now), (now - SECOND, now - 2 * SECOND)]
    for start, until in windows:
        with pytest.raises(CustodesError):
            holds.add_hold(here.store, camera, Instant(start), Instant(until), "case 17")
    for reason in ("", " ", "two\nlines", "x" * 201):
        with pytest.raises(CustodesError):
            holds.add_hold(here.store, camera, Instant(now - HOUR), Instant(now), reason)
    with pytest.raises(CustodesError):
        holds.add_hold(here.store, CameraId("a" * 26), Instant(now - HOUR), Instant(now), "case 17")
    assert here.count(tables.holds) == 0


class CrashError(Exception):
    """The process ends here."""


STEPS = ["shares", "segment", "masked", "opening", "closing"]


@pytest.mark.parametrize(
    ("step", "part"), [*((step, part) for step in STEPS for part in (0, 1)), ("lists", 0), ("done", 0)]
)
def test_a_crash_in_any_step_of_a_deletion_is_gone_on_with(
    here: Node, archive: Archive, camera: CameraId, step: str, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first or before the second object of the step; shares have always gone before what they open."""
    start = start_of(here)
    going = [archive.record(camera, start + number * 60 * SECOND, 1) for number in range(3)]
    sequencer = here.sequencer()
    if step == "lists":
        sequencer.commit_minute()  # a minute of its own: its list proves nothing else
    staying = archive.record(camera, start + 180 * SECOND, 100)
    paths = [archive.mask(camera, start + number * 60 * SECOND) for number in range(4)]
    sequencer.commit_minute()
    here.clock.advance(3 * HOUR)
    unlink = Path.unlink
    seen = 0

    def crashing(path: Path, missing_ok: bool = False) -> None:
        nonlocal seen
        kind = "lists" if path.suffix == ".closings" else path.suffix[1:]
        if kind == step:
            if seen == part:
                raise CrashError
            seen += 1
        unlink(path, missing_ok)

    def no_end(*_: object) -> None:
        raise CrashError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", crashing)
        if step == "done":
            patch.setattr("custodes.node.runtime.keeper.deletion.finish_deletion", no_end)
        with pytest.raises(CrashError):
            keeper(here).step()
    for period in going:
        left = archive.objects(period)
        assert left == WHOLE or "shares" not in left
        if "closing" not in left:
            assert not left, "a recorder that starts now would take it for torn"
        marked = tables.periods.c
        rows = here.store.read(sa.select(marked.deletion).where(marked.camera == camera, marked.start == period.start))
        assert [row.deletion is not None for row in rows] == [True]
    assert archive.objects(staying) == WHOLE
    keeper(here).step()
    assert pending(here.store) == []
    assert archive.rows() == [staying]
    assert [path.exists() for path in paths] == [False, False, False, True]
    assert all(archive.objects(period) == set() for period in going)
    assert (len(logged(here, "retention.due")), len(logged(here, "retention.done"))) == (1, 1)
    _prove(here, staying)
    sequencer.log.close()


def _prove(here: Node, period: PeriodId) -> None:
    rows = tables.periods.c
    seq = here.store.read(sa.select(rows.seq).where(rows.camera == period.camera, rows.start == period.start))[0].seq
    entries = tables.log_entries.c
    entry = bytes(here.store.read(sa.select(entries.data).where(entries.seq == seq))[0].data)
    closing = sha256(here.store.objects.get(names.closing(period)))
    check_minute(minutes.minute_of(here.store, seq).prove(closing), closing, entry)


def test_survivors_of_a_committed_minute_are_packaged_with_a_proof_that_holds(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    other = here.camera("Other")
    here.register(other)
    gone = [archive.record(camera, start_of(here) + number * 60 * SECOND, 1) for number in range(2)]
    stays = archive.record(other, start_of(here), 100)
    sequencer = here.sequencer()
    sequencer.step()
    sequencer.commit_minute()
    sequencer.step()
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    sequencer.step()
    assert archive.rows() == [stays]
    assert not any(archive.objects(period) for period in gone)
    seq = here.store.read(sa.select(tables.periods.c.seq))[0].seq
    documents = _packaged(here.store, stays, seq).documents
    assert documents.proof.count(b'"count":3') == 1
    check_minute(documents.proof, sha256(documents.closing), documents.entry)
    sequencer.log.close()


def test_a_minute_from_before_the_lists_gets_its_list_before_anything_goes(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    archive.record(camera, start_of(here), 1)
    stays = archive.record(camera, start_of(here) + 60 * SECOND, 100)
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()
    (listed,) = here.store.objects.names("minutes")
    here.store.objects.delete([listed])
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    assert list(here.store.objects.names("minutes")) == [listed]
    _prove(here, stays)


def test_the_list_of_a_minute_goes_with_its_last_period(here: Node, archive: Archive, camera: CameraId) -> None:
    archive.record(camera, start_of(here), 1)
    archive.record(camera, start_of(here) + 60 * SECOND, 5)
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    assert len(list(here.store.objects.names("minutes"))) == 1
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    assert list(here.store.objects.names("minutes")) == []


def test_a_list_that_was_changed_proves_nothing_and_is_not_believed(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    stays = archive.record(camera, start_of(here), 100)
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()
    (listed,) = here.store.objects.names("minutes")
    here.store.objects.local_path(listed).write_bytes(canonical.dumps({"v": 1, "closings": ["00" * 32]}))
    _prove(here, stays)  # the rows still tell
    with here.store.begin() as connection:
        connection.execute(sa.update(tables.periods).values(closing=bytes(32)))
    seq = here.store.read(sa.select(tables.periods.c.seq))[0].seq
    with pytest.raises(CustodesError) as refusal:
        minutes.minute_of(here.store, seq)
    assert refusal.value.kind is Kind.CORRUPT


def test_a_period_whose_opening_manifest_was_changed_is_kept_as_long_as_the_register_says(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    period = archive.record(camera, start_of(here), 1)
    path = here.store.objects.local_path(names.opening(period))
    path.write_bytes(path.read_bytes().replace(b'"hours":1', b'"hours":9'))
    here.clock.advance(23 * HOUR)
    keeper(here).step()
    assert archive.rows() == [period]
    here.clock.advance(2 * HOUR)
    keeper(here).step()
    assert archive.rows() == []
    assert archive.objects(period) == set()


def test_what_the_disk_does_not_let_go_of_raises_an_alarm_and_is_tried_again(
    here: Node, archive: Archive, camera: CameraId, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = archive.record(camera, start_of(here), 1)
    here.clock.advance(3 * HOUR)
    delete = DiskObjects.delete

    def refusing(objects: DiskObjects, which: Iterable[str]) -> None:
        found = list(which)
        if any(name.endswith(".segment") for name in found):
            raise CustodesError(Kind.UNAVAILABLE, "the disk does not let go of it: Input/output error")
        delete(objects, found)

    with monkeypatch.context() as patch:
        patch.setattr(DiskObjects, "delete", refusing)
        assert keeper(here).turn()
        assert keeper(here).turn()
    assert archive.objects(period) == WHOLE - {"shares"}
    alarms = tables.alarms.c
    (alarm,) = here.store.read(sa.select(tables.alarms).where(alarms.ended.is_(None)))
    assert alarm.kind == "deletion"
    assert "Input/output error" in alarm.detail
    keeper(here).turn()
    assert archive.objects(period) == set()
    assert here.store.read(sa.select(alarms.kind).where(alarms.ended.is_(None))) == []
    assert len(logged(here, "retention.due")) == 1


def test_a_deletion_ends_once(here: Node, archive: Archive, camera: CameraId) -> None:
    archive.record(camera, start_of(here), 1)
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    (seq,) = [row.seq for row in here.store.read(sa.select(tables.deletions.c.seq))]
    for again in (finish_deletion, carry_out):
        with pytest.raises(CustodesError):
            again(here.store, seq)
    assert len(logged(here, "retention.done")) == 1


def test_folders_of_days_that_are_over_go_when_they_are_empty(here: Node, archive: Archive, camera: CameraId) -> None:
    period = archive.record(camera, start_of(here), 1)
    folders = [here.store.objects.local_path(kind(period)).parent for kind in (names.segment, names.shares)]
    here.clock.advance(96 * HOUR)
    keeper(here).step()
    assert archive.rows() == []
    assert not any(folder.exists() for folder in folders)


def test_what_is_being_deleted_is_neither_played_nor_committed_to_any_more(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    start = start_of(here)
    period = archive.record(camera, start, 1)
    archive.mask(camera, start)
    window = Instant(start), Instant(start + 60 * SECOND)
    assert len(playback.minutes(here.store, camera, *window)) == 1
    begin_deletion(here.store, Reason.RETENTION, Going([(period, archive.closing(period).digest)]))
    assert archive.objects(period) == WHOLE
    assert playback.minutes(here.store, camera, *window) == []
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()
    assert logged(here, "periods.committed") == []


def test_what_a_camera_recorded_goes_in_time_even_if_the_camera_was_removed(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    period = archive.record(camera, start_of(here), 1)
    path = archive.mask(camera, start_of(here))
    stray = archive.mask(camera, start_of(here) + HOUR)
    cameras.remove_camera(here.store, camera)
    here.clock.advance(3 * HOUR)
    keeper(here).step()
    assert archive.objects(period) == set()
    assert (path.exists(), stray.exists()) == (False, True)
    here.clock.advance(24 * HOUR)
    keeper(here).step()
    assert not stray.exists()


def test_a_clock_that_was_set_far_ahead_deletes_nothing_until_a_witness_has_confirmed_it(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    period = archive.record(camera, start_of(here), 1)
    sequencer = here.sequencer()
    sequencer.step()
    mine = keeper(here)
    mine.step()
    here.clock._now += 3 * HOUR  # the wall clock alone: somebody set it
    mine.step()
    mine.step()
    assert archive.rows() == [period]
    assert [row.kind for row in alarms.going_on(here.store)] == ["clock"]
    here.register(camera)
    here.clock.advance(3 * SECOND)
    sequencer.step()
    mine.step()
    assert archive.rows() == []
    assert alarms.going_on(here.store) == []
    sequencer.log.close()


def test_gaps_are_forgotten_with_what_they_are_gaps_of(here: Node, camera: CameraId) -> None:
    now = here.clock.now()
    with here.store.begin() as connection:
        for began, ended in ((now, now + SECOND), (now + HOUR, None), (now + 2 * HOUR, now + 23 * HOUR)):
            row = {"camera": camera, "began": began, "ended": ended, "cause": "connecting", "detail": ""}
            connection.execute(tables.gaps.insert().values(**row))
    here.clock.advance(25 * HOUR)
    keeper(here).step()
    left = here.store.read(sa.select(tables.gaps.c.began).order_by(tables.gaps.c.began))
    assert [row.began for row in left] == [now + HOUR, now + 2 * HOUR]
