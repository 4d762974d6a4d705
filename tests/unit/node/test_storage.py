# SPDX-License-Identifier: AGPL-3.0-or-later
"""Room on the disk: the oldest makes room for the newest, but not what is young or held; and how long it will last."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.node_store import Node, node
from tests.recorded import HOUR, WHOLE, Archive

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, unavailable
from custodes.node.acts import holds
from custodes.node.config import Settings, Storage
from custodes.node.queries.storage import days_until_full, forecast
from custodes.node.runtime.keeper.keeper import Keeper
from custodes.node.runtime.keeper.room import room
from custodes.node.store import Store, names, tables


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


@pytest.fixture
def disk(here: Node) -> Iterator[Path]:
    """The store on a disk of its own, of eight megabytes."""
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(here.layout.store)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield here.layout.store
    subprocess.run(["umount", str(here.layout.store)], check=True)


def keeper(here: Node, reserve_mb: int, minimum_hours: int = 24) -> Keeper:
    return Keeper(here.store, Settings(Storage(minimum_hours, reserve_mb)))


def acts(here: Node) -> list[tuple[str, object]]:
    entries = tables.log_entries.c
    rows = here.store.read(sa.select(entries.act, entries.data).order_by(entries.seq))
    facts = [(row.act, canonical.load_object(row.data)) for row in rows]
    wanted = ("storage.exhausted", "storage.recovered", "retention.due")
    return [(act, found.get("reason", found.get("cause"))) for act, found in facts if act in wanted]


def alarms(here: Node) -> list[tuple[str, str]]:
    rows = tables.alarms.c
    return [
        (row.kind, row.subject)
        for row in here.store.read(sa.select(rows.kind, rows.subject).where(rows.ended.is_(None)))
    ]


def fill(path: Path, megabytes: int) -> Path:
    file = path / "somebody else's"
    file.write_bytes(bytes(megabytes * 1_000_000))
    return file


def test_the_oldest_of_all_cameras_make_room_but_neither_the_young_nor_the_held(
    here: Node, archive: Archive, camera: CameraId, disk: Path
) -> None:
    other = here.camera("Other")
    here.register(other)
    start = here.clock.now()
    of_both = [(camera, start), (other, start + 60 * SECOND), (camera, start + 120 * SECOND)]
    old = [archive.record(which, at, 100) for which, at in of_both]
    here.clock.advance(3 * HOUR)
    young = archive.record(camera, start + 2 * HOUR, 100)
    holds.add_hold(here.store, other, old[1].start, Instant(old[1].start + SECOND), "case 17")
    fill(disk, 6)
    keeper(here, 4, minimum_hours=2).step()
    assert archive.rows() == [old[1], young]
    assert [archive.objects(period) for period in (*old, young)] == [set(), WHOLE, set(), WHOLE]
    assert acts(here) == [("retention.due", "room"), ("storage.exhausted", "full")]
    assert alarms(here) == [("storage", "store")]


def test_no_more_goes_than_is_needed(here: Node, archive: Archive, camera: CameraId, disk: Path) -> None:
    start = here.clock.now()
    periods = [archive.record(camera, start + number * 60 * SECOND, 100) for number in range(8)]
    for period in periods:  # 300 kB each
        with here.store.objects.local_path(names.segment(period)).open("ab") as file:
            file.write(bytes(300_000))
    with here.store.begin() as connection:
        connection.execute(sa.update(tables.periods).values(size=301_000))
    here.clock.advance(30 * HOUR)
    free = room(here.layout, 0).free
    fill(disk, (free - 3_500_000) // 1_000_000)
    keeper(here, 4).step()
    left = archive.rows()
    assert 0 < len(left) < 8
    assert left == periods[-len(left) :]
    assert acts(here) == [("retention.due", "room")]
    assert alarms(here) == []


def test_when_nothing_may_go_it_is_said_once_and_its_end_too(
    here: Node, archive: Archive, camera: CameraId, disk: Path
) -> None:
    period = archive.record(camera, here.clock.now(), 100)
    file = fill(disk, 6)
    watch = keeper(here, 4)
    for _ in range(3):
        watch.step()
    assert acts(here) == [("storage.exhausted", "full")]
    assert alarms(here) == [("storage", "store")]
    assert archive.objects(period) == WHOLE
    # A little more than the reserve is not the end of it: it would begin again at once.
    file.write_bytes(bytes(4_150_000))
    watch.step()
    assert acts(here) == [("storage.exhausted", "full")]
    file.unlink()
    for _ in range(2):
        watch.step()
    assert acts(here) == [("storage.exhausted", "full"), ("storage.recovered", None)]
    assert alarms(here) == []


def test_a_disk_that_became_read_only_is_an_alarm_and_nothing_is_announced_that_cannot_happen(
    here: Node, archive: Archive, camera: CameraId, disk: Path
) -> None:
    period = archive.record(camera, here.clock.now(), 1)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    here.clock.advance(3 * HOUR)
    watch = keeper(here, 0)
    for _ in range(3):
        assert watch.turn()
    assert acts(here) == [("retention.due", "retention"), ("storage.exhausted", "read_only")]
    assert sorted(alarms(here)) == [("deletion", "store"), ("storage", "store")]
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    watch.turn()
    assert alarms(here) == []
    assert archive.objects(period) == set()
    assert acts(here)[2:] == [("storage.recovered", None)]


def test_a_disk_without_room_for_a_log_entry_lets_the_ballast_go_first(
    here: Node, archive: Archive, camera: CameraId, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an entry nothing is deleted; without room there is no entry."""
    keeper(here, 0).step()
    ballast = here.layout.root / "run" / "ballast"
    assert ballast.stat().st_size > 1_000_000
    period = archive.record(camera, here.clock.now(), 1)
    here.clock.advance(3 * HOUR)
    act = Store.act

    def no_room(store: Store, *facts: object) -> object:
        if ballast.exists():
            raise unavailable("the catalogue cannot be written: database or disk is full")
        return act(store, *facts)  # type: ignore[arg-type]

    fill(disk, 6)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "act", no_room)
        watch = keeper(here, 4)
        assert not watch.turn()
        assert watch.turn()
    assert archive.objects(period) == set()


def test_days_until_full_follow_from_rates_and_how_long_each_still_grows() -> None:
    assert days_until_full(100, []) is None
    assert days_until_full(0, []) == 0
    assert days_until_full(100, [(10, 5.0)]) is None
    assert days_until_full(100, [(10, 20.0)]) == 10
    # Both for two days (40), then only the second: 60 more in six days.
    assert days_until_full(100, [(10, 2.0), (10, 30.0)]) == 8


def test_the_forecast_knows_rate_retention_and_growth_of_each_camera(
    here: Node, archive: Archive, camera: CameraId
) -> None:
    here.clock.advance(-here.clock.now() % (60 * SECOND))
    start = here.clock.now()
    sizes = 0
    for number in range(4):
        period = archive.record(camera, start + number * 60 * SECOND, 24)
        sizes += archive.closing(period).length
    path = archive.mask(camera, start)
    here.clock.advance(4 * 60 * SECOND)
    (found,) = forecast(here.store).cameras
    assert found.per_day == (sizes + path.stat().st_size) * 360
    assert found.retention_hours == 24
    assert 0.99 < found.grows_days < 1
    assert forecast(here.store).at_most == found.per_day
    here.clock.advance(2 * 24 * HOUR)
    (found,) = forecast(here.store).cameras
    assert (found.per_day, found.grows_days) == (0, 0.0)


def test_a_camera_without_an_entry_has_no_forecast(here: Node) -> None:
    here.camera()
    whole = forecast(here.store)
    assert (whole.cameras, whole.per_day, whole.capacity > whole.free > 0) == ((), 0, True)


def test_a_store_that_is_gone_is_said(here: Node) -> None:
    here.layout.store.rename(here.layout.root / "elsewhere")
    for look in (lambda: forecast(here.store), lambda: room(here.layout, 1)):
        with pytest.raises(CustodesError):
            look()
