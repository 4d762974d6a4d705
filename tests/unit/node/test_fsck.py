# SPDX-License-Identifier: AGPL-3.0-or-later
"""The check of a store finds every kind of damage, mends what can be mended, and deletes nothing."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node
from tests.recorded import HOUR, WHOLE, Archive

from custodes import cli
from custodes.clock import SECOND
from custodes.domain.ids import CameraId, PeriodId
from custodes.errors import CustodesError, Kind
from custodes.node.config import Settings, Storage
from custodes.node.runtime.fsck.check import Checked, fsck
from custodes.node.runtime.fsck.findings import Finding
from custodes.node.runtime.fsck.workbench import Options
from custodes.node.runtime.keeper.keeper import Keeper
from custodes.node.runtime.supervisor import only_one
from custodes.node.store import names, tables
from custodes.trust.seal.manifest import CloseReason


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
    here.clock.advance(-here.clock.now() % (60 * SECOND))
    return found


def check(here: Node, **options: bool) -> list[Finding]:
    found: list[Finding] = []
    fsck(here.store, Options(**options), found.append)
    return found


def said(here: Node, **options: bool) -> list[tuple[str, bool]]:
    """Kind of each finding, and whether it is a problem still."""
    return [(finding.kind.value, finding.problem) for finding in check(here, **options)]


def clean(here: Node) -> bool:
    return check(here, hashes=True) == check(here) == check(here, quick=True) == []


def whole(archive: Archive, camera: CameraId) -> list[PeriodId]:
    """Three periods and three masked minutes in good order."""
    start = archive.here.clock.now()
    found = [archive.record(camera, start + number * 60 * SECOND) for number in range(3)]
    for number in range(3):
        archive.mask(camera, start + number * 60 * SECOND)
    archive.here.clock.advance(HOUR)
    return found


def contents(here: Node) -> bytes:
    """Every byte of footage in the store and in lost/, in some order that is always the same."""
    trees = [here.layout.store, here.layout.root / "lost"]
    files = [path for tree in trees for path in tree.rglob("*") if path.is_file() and "manifests" not in path.parts]
    return b"".join(sorted(path.read_bytes() for path in files))


def test_a_store_in_good_order_has_nothing_to_be_found(here: Node, archive: Archive, camera: CameraId) -> None:
    whole(archive, camera)
    assert clean(here)
    assert not (here.layout.root / "lost").exists()


def test_a_period_that_was_never_closed_is_closed_at_its_last_whole_record(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    period, _ = archive.begin(camera, here.clock.now())
    path = here.store.objects.local_path(names.segment(period))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    here.clock.advance(HOUR)
    assert said(here) == [("torn", True)]
    assert archive.objects(period) == WHOLE - {"closing"}
    torn, before = path.read_bytes(), contents(here)
    assert said(here, repair=True) == [("torn", False)]
    closing = archive.closing(period)
    assert closing.reason is CloseReason.RECOVERED
    assert len(closing.fragments) == 3
    assert archive.rows() == [period]
    assert contents(here) == before
    # What is behind the last whole record is no problem, and can be put away.
    (finding,) = check(here)
    assert (finding.kind.value, finding.harmless, finding.problem) == ("torn", True, False)
    assert said(here, repair=True) == [("torn", False)]
    assert path.stat().st_size == closing.length
    assert clean(here)
    (tail,) = (here.layout.root / "lost").rglob("*.tail")
    assert torn == path.read_bytes() + tail.read_bytes()


def test_bytes_behind_a_period_that_was_closed_in_order_are_a_problem(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    (period, *_) = whole(archive, camera)
    path = here.store.objects.local_path(names.segment(period))
    with path.open("ab") as file:
        file.write(b"somebody's own")
    for options in ({}, {"quick": True}, {"hashes": True}):
        assert ("torn", True) in said(here, **options)
    assert said(here, repair=True) == [("torn", False)]
    assert clean(here)
    (tail,) = (here.layout.root / "lost").rglob("*.tail")
    assert tail.read_bytes() == b"somebody's own"


def test_a_period_that_was_just_opened_is_closed_empty(here: Node, archive: Archive, camera: CameraId) -> None:
    period, _ = archive.begin(camera, here.clock.now())
    here.store.objects.local_path(names.segment(period)).unlink()
    here.clock.advance(HOUR)
    assert said(here, repair=True) == [("torn", False)]
    assert archive.closing(period).length == 0
    assert clean(here)


def _gone(kind: Callable[[PeriodId], str]) -> Callable[[Node, PeriodId], None]:
    return lambda here, period: here.store.objects.local_path(kind(period)).unlink()


def _everything(here: Node, period: PeriodId) -> None:
    for kind in (names.segment, names.opening, names.closing, names.shares):
        here.store.objects.local_path(kind(period)).unlink()


def _shorter(here: Node, period: PeriodId) -> None:
    path = here.store.objects.local_path(names.segment(period))
    os.truncate(path, path.stat().st_size - 1)


def _signature(here: Node, period: PeriodId) -> None:
    path = here.store.objects.local_path(names.closing(period))
    path.write_bytes(path.read_bytes().replace(b'"reason":"cut"', b'"reason":"gap"'))


def _swapped(here: Node, period: PeriodId) -> None:
    """The opening manifest of the next period in place of its own."""
    other = PeriodId(period.camera, type(period.start)(period.start + 60 * SECOND), period.term)
    path = here.store.objects.local_path(names.opening(period))
    path.write_bytes(here.store.objects.get(names.opening(other)))


DAMAGE: dict[str, tuple[Callable[[Node, PeriodId], None], str]] = {
    "segment": (_gone(names.segment), "missing"),
    "shares": (_gone(names.shares), "missing"),
    "opening manifest": (_gone(names.opening), "missing"),
    "everything": (_everything, "missing"),
    "cut off": (_shorter, "altered"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_lost_is_found_by_names_and_sizes_and_cannot_be_mended(
    here: Node, archive: Archive, camera: CameraId, what: str
) -> None:
    (period, *_) = whole(archive, camera)
    damage, kind = DAMAGE[what]
    damage(here, period)
    before = contents(here)
    for options in ({"quick": True}, {}, {"hashes": True}, {"repair": True}, {}):
        found = check(here, **options)
        assert [(finding.kind.value, finding.problem) for finding in found] == [(kind, True)]
        assert str(period) in found[0].subject
    assert contents(here) == before


@pytest.mark.parametrize("damage", [_signature, _swapped])
def test_a_manifest_that_was_changed_is_found_without_reading_the_segments(
    here: Node, archive: Archive, camera: CameraId, damage: Callable[[Node, PeriodId], None]
) -> None:
    (period, *_) = whole(archive, camera)
    damage(here, period)
    for options in ({}, {"hashes": True}, {"repair": True}):
        (finding,) = check(here, **options)
        assert (finding.kind.value, finding.problem, finding.subject) == ("altered", True, str(period))


@pytest.mark.parametrize("kind", [names.segment, names.shares])
def test_a_changed_byte_is_found_with_hashes_only(
    here: Node, archive: Archive, camera: CameraId, kind: Callable[[PeriodId], str]
) -> None:
    (_, period, _) = whole(archive, camera)
    path = here.store.objects.local_path(kind(period))
    data = bytearray(path.read_bytes())
    at = data.index(b'"shares":["') + 40 if kind is names.shares else 900
    data[at] = ord("A") if data[at] != ord("A") else ord("B")
    path.write_bytes(data)
    assert check(here) == []
    (finding,) = check(here, hashes=True, repair=True)
    assert (finding.kind.value, finding.problem, finding.subject) == ("altered", True, str(period))


def test_objects_without_a_manifest_are_moved_to_lost_and_nothing_is_deleted(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    whole(archive, camera)
    orphan, _ = archive.begin(camera, here.clock.now())
    here.store.objects.local_path(names.opening(orphan)).unlink()
    here.store.objects.put(f"segments/{camera}/2026-01-01/notes.txt", b"what?")
    here.store.objects.put("manifests/put/there/by-hand.opening", b"")
    here.store.objects.put(names.closing(orphan).replace("2026-", "2025-"), b"in another day's folder")
    here.clock.advance(HOUR)
    before = contents(here)
    assert said(here) == [("orphaned", True)] * 5
    assert said(here, repair=True) == [("orphaned", False)] * 5
    assert clean(here)
    assert contents(here) == before
    assert (here.layout.root / "lost" / names.segment(orphan)).exists()


def test_what_every_crash_leaves_behind_is_harmless(here: Node, archive: Archive, camera: CameraId) -> None:
    whole(archive, camera)
    orphan, _ = archive.begin(camera, here.clock.now())
    for kind in (names.opening, names.segment):
        here.store.objects.local_path(kind(orphan)).unlink()
    unfinished = here.store.objects.local_path(names.closing(orphan) + ".tmp")
    unfinished.write_bytes(b"half")
    masked = here.store.objects.local_path(names.masked(camera, orphan.start, orphan.term))
    masked.write_bytes(b"")
    found = check(here)
    assert [(finding.kind.value, finding.harmless) for finding in found] == [("orphaned", True)] * 3
    assert [finding.repaired for finding in check(here, repair=True)] == [True] * 3
    assert clean(here)


@pytest.mark.parametrize("how", ["emptied", "dropped"])
def test_the_catalogue_is_made_again_from_the_objects_alone(
    here: Node, archive: Archive, camera: CameraId, how: str
) -> None:
    whole(archive, camera)
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()

    def rows() -> dict[str, list[tuple[object, ...]]]:
        return {
            table.name: [tuple(row) for row in here.store.read(sa.select(table).order_by(table.c.start))]
            for table in (tables.periods, tables.masked_minutes)
        }

    before = rows()
    assert [row[6] for row in before["periods"]] != [None] * 3
    with here.store.begin() as connection:
        for name in before:
            connection.execute(sa.text(f"{'DELETE FROM' if how == 'emptied' else 'DROP TABLE'} {name}"))
    if how == "emptied":
        assert said(here) == [("row", True)] * 6
    assert said(here, repair=True) == [("row", False)] * 6
    assert rows() == before
    assert clean(here)


def test_a_list_of_a_committed_minute_is_made_again_as_long_as_the_rows_tell(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    whole(archive, camera)
    sequencer = here.sequencer()
    sequencer.commit_minute()
    sequencer.log.close()
    assert clean(here)
    (name,) = here.store.objects.names("minutes")
    path = here.store.objects.local_path(name)
    right = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(right[:-9])):
        damage()
        assert [(finding.kind.value, finding.harmless) for finding in check(here)] == [("missing", True)]
        assert [finding.repaired for finding in check(here, repair=True)] == [True]
        assert path.read_bytes() == right
    path.unlink()
    with here.store.begin() as connection:
        rows = tables.periods.c
        connection.execute(
            sa.delete(tables.periods).where(rows.start == sa.select(sa.func.min(rows.start)).scalar_subquery())
        )
    # One of three is not in the catalogue: neither list nor rows lead to the root in the log.
    assert said(here) == [("row", True), ("altered", True)]


def test_rows_that_say_something_else_than_the_manifests_are_corrected(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    whole(archive, camera)
    right = here.store.read(sa.select(tables.periods))
    with here.store.begin() as connection:
        connection.execute(sa.update(tables.periods).values(closing=bytes(32), ended=1))
    assert said(here) == [("row", True)] * 3
    assert said(here, repair=True) == [("row", False)] * 3
    assert here.store.read(sa.select(tables.periods)) == right


def test_a_row_whose_camera_is_not_in_the_catalogue_cannot_be_made(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    whole(archive, camera)
    with here.store.begin() as connection:
        connection.execute(sa.text("DELETE FROM periods"))
        connection.execute(sa.text("DELETE FROM masked_minutes"))
        connection.execute(sa.text("DELETE FROM register_entries"))
        connection.execute(sa.text("DELETE FROM cameras"))
    found = check(here, repair=True)
    assert len(found) == 6
    assert all(finding.problem and "cannot be repaired" in finding.detail for finding in found)


def test_masked_minutes_are_made_playable_again_as_far_as_they_reach(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    start = here.clock.now()
    paths = [archive.mask(camera, start + number * 60 * SECOND) for number in range(3)]
    here.clock.advance(HOUR)
    os.truncate(paths[0], paths[0].stat().st_size // 2)
    paths[1].unlink()
    paths[2].write_bytes(os.urandom(5_000))
    with here.store.begin() as connection:
        rows = tables.masked_minutes.c
        connection.execute(sa.delete(tables.masked_minutes).where(rows.start == start + 120 * SECOND))
    assert said(here) == [("altered", True), ("missing", True), ("orphaned", True)]
    assert said(here, repair=True) == [("altered", False), ("missing", False), ("orphaned", False)]
    assert clean(here)
    (row,) = here.store.read(sa.select(tables.masked_minutes))
    assert start + 29 * SECOND < row.ended < start + 31 * SECOND
    assert len(json.loads(row.fragments)) == (row.ended - start) // (400 * SECOND // 1000)


def test_a_masked_fragment_that_was_changed_is_found_with_hashes(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    path = archive.mask(camera, here.clock.now())
    here.clock.advance(HOUR)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert check(here) == []
    assert said(here, hashes=True) == [("altered", True)]


def test_beside_a_running_recorder_what_is_being_written_is_left_out(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    archive.begin(camera, here.clock.now())
    uncatalogued, sealer = archive.begin(camera, here.clock.now() + 60 * SECOND)
    archive.close(uncatalogued, sealer)
    lock = only_one(here.layout.root, "recorder")
    try:
        found: list[Finding] = []
        checked = fsck(here.store, Options(repair=True), found.append)
        assert (found, checked) == ([], Checked(2, 2, True))
        here.clock.advance(HOUR)
        assert said(here) == [("torn", True), ("row", True)]
    finally:
        os.close(lock)


def test_a_repair_without_a_recorder_keeps_recorders_away_until_it_is_done(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    archive.begin(camera, here.clock.now())
    tried: list[Kind] = []

    def report(_finding: Finding) -> None:
        with pytest.raises(CustodesError) as refusal:
            only_one(here.layout.root, "recorder")
        tried.append(refusal.value.kind)

    fsck(here.store, Options(repair=True), report)
    assert tried == [Kind.CONFLICT]
    os.close(only_one(here.layout.root, "recorder"))


def test_what_is_being_deleted_is_not_missing(
    here: Node, archive: Archive, camera: CameraId, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole(archive, camera)
    here.clock.advance(100 * HOUR)
    keeper = Keeper(here.store, Settings(Storage(reserve_mb=0)))

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("custodes.node.runtime.keeper.deletion._drop_lists", stopped)
        with pytest.raises(KeyboardInterrupt):
            keeper.step()
    assert check(here, repair=True, hashes=True) == []
    keeper.step()
    assert archive.rows() == []
    assert clean(here)


def test_the_command_says_what_it_found_and_ends_with_1_as_long_as_something_is_wrong(
    here: Node, archive: Archive, camera: CameraId, capsys: pytest.CaptureFixture[str]
) -> None:
    whole(archive, camera)
    here.store.objects.put(f"segments/{camera}/2026-01-01/notes.txt", b"what?")
    words = ["fsck", "--dir", str(here.layout.root)]
    assert cli.main(words) == 1
    assert "orphaned" in capsys.readouterr().out
    assert cli.main([*words, "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["checked"], facts["problems"], facts["found"]) == (6, 1, {"orphaned": 1})
    assert cli.main([*words, "--repair"]) == 0
    assert "1 repaired" in capsys.readouterr().out
    assert cli.main([*words, "--hashes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []
    assert cli.main([*words, "--hashes", "--quick"]) == 2
