# SPDX-License-Identifier: AGPL-3.0-or-later
"""The store: schema, objects, names, encryption, key files."""

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import given, strategies
from tests.node_store import Node, node

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId, Term, new_id
from custodes.domain.video import Cover, Fragment, FrameNote, SourceTime
from custodes.errors import CustodesError, Kind
from custodes.node.config import Layout
from custodes.node.store import Store, fragments, names, tables
from custodes.node.store.keys import read_key, write_key
from custodes.node.store.objects import DiskObjects
from custodes.node.store.schema import check_schema, upgrade
from custodes.node.store.store import open_catalog

PERIOD = PeriodId(CameraId("b" * 26), Instant(1_790_000_040 * SECOND), Term(3))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path) as found:
        yield found


@pytest.fixture
def objects(tmp_path: Path) -> DiskObjects:
    return DiskObjects(tmp_path / "objects")


def refused(kind: Kind) -> "pytest.RaisesExc[CustodesError]":
    return pytest.raises(CustodesError, check=lambda problem: problem.kind is kind)


# Schema


def test_the_migrated_schema_is_the_one_that_the_tables_describe(tmp_path: Path) -> None:
    engine = open_catalog(tmp_path / "catalog.sqlite")
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
    check_schema(engine)
    upgrade(engine)
    check_schema(engine)
    engine.dispose()


def test_a_catalogue_of_another_version_is_refused(here: Node) -> None:
    with here.store.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with refused(Kind.UNAVAILABLE) as problem:
        Store(here.layout)
    assert "another version" in str(problem.value)


def test_a_file_that_is_no_catalogue_is_refused(here: Node) -> None:
    here.store.close()
    here.layout.catalog.write_bytes(b"this is no catalogue" * 1000)
    for side in ("-wal", "-shm"):
        here.layout.catalog.with_name(here.layout.catalog.name + side).unlink(missing_ok=True)
    with refused(Kind.CORRUPT):
        Store(here.layout)


def test_a_folder_without_a_catalogue_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    with refused(Kind.NOT_FOUND):
        Store(Layout(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_power_cut_cannot_take_an_act_that_was_confirmed(here: Node) -> None:
    """SQLite's own words: write-ahead log, synced at every commit."""
    with here.store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_catalogue_that_is_locked_is_unavailable_to_writers_and_open_to_readers(here: Node) -> None:
    lock = sqlite3.connect(here.layout.catalog, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        sa.event.listen(here.store.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout = 10"))
        with refused(Kind.UNAVAILABLE), here.store.begin():
            pass
        assert here.store.read(sa.select(tables.deployments))
    finally:
        lock.close()
    with here.store.begin():
        pass


# Keys


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_that_others_may_touch_is_refused(here: Node, mode: int) -> None:
    (here.layout.keys / "server.key").chmod(mode)
    with refused(Kind.UNAVAILABLE) as problem:
        Store(here.layout)
    assert "chmod 600" in str(problem.value)


def test_a_missing_key_is_named(here: Node) -> None:
    (here.layout.keys / "server.key").unlink()
    with refused(Kind.NOT_FOUND) as problem:
        Store(here.layout)
    assert "server.key" in str(problem.value)


def test_a_key_that_is_a_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir(mode=0o700)
    with refused(Kind.UNAVAILABLE):
        read_key(tmp_path / "key")


def test_a_key_is_written_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        write_key(path, b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path) == b"secret"
    with pytest.raises(FileExistsError):
        write_key(path, b"another")
    assert read_key(path) == b"secret"


def test_nobody_else_can_enter_where_keys_and_objects_lie(here: Node) -> None:
    for folder in (here.layout.keys, here.layout.store):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# Encryption under the server key


def test_what_is_encrypted_opens_in_its_own_context_only(here: Node) -> None:
    message = here.store.encrypt(b"a still", "candidate a")
    assert b"a still" not in message
    assert here.store.decrypt(message, "candidate a") == b"a still"
    with refused(Kind.CORRUPT):
        here.store.decrypt(message, "candidate b")
    assert here.store.encrypt(b"a still", "candidate a") != message


@pytest.mark.parametrize("cut", [0, 1, 31, -1])
def test_a_message_that_was_cut_off_does_not_open(here: Node, cut: int) -> None:
    message = here.store.encrypt(b"a still", "candidate a")
    with refused(Kind.CORRUPT):
        here.store.decrypt(message[:cut], "candidate a")


def test_one_flipped_bit_anywhere_is_found(here: Node) -> None:
    message = here.store.encrypt(b"a still", "candidate a")
    for position in range(len(message)):
        changed = bytearray(message)
        changed[position] ^= 1
        with refused(Kind.CORRUPT):
            here.store.decrypt(bytes(changed), "candidate a")


def test_another_deployments_key_opens_nothing(here: Node, tmp_path: Path) -> None:
    message = here.store.encrypt(b"a still", "candidate a")
    with node(tmp_path / "other") as other, refused(Kind.CORRUPT):
        other.store.decrypt(message, "candidate a")


def test_camera_passwords_lie_encrypted_in_the_catalogue(here: Node) -> None:
    here.camera()
    here.store.close()
    everything = b"".join(path.read_bytes() for path in here.layout.root.glob("catalog.sqlite*"))
    assert b"secret" not in everything


# Objects


def test_an_object_is_there_entirely_or_not_at_all(objects: DiskObjects, monkeypatch: pytest.MonkeyPatch) -> None:
    objects.put("a/b/c", b"first")

    def cut(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", cut)
    with refused(Kind.UNAVAILABLE):
        objects.put("a/b/c", b"second")
    with refused(Kind.UNAVAILABLE):
        objects.put("a/b/d", b"new")
    monkeypatch.undo()
    assert objects.get("a/b/c") == b"first"
    assert list(objects.names("a")) == ["a/b/c"]
    assert not list(objects.root.rglob("*.tmp"))


def test_an_object_and_its_name_are_synced_before_put_returns(
    objects: DiskObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    objects.put("new/name", b"data")
    root = objects.root
    # The content under its temporary name, the new folder in its parent, the name in its folder, in this order.
    wanted = [str(root), str(root / "new" / "name.tmp"), str(root / "new")]
    assert [path for path in synced if path in wanted][-3:] == wanted


def test_a_growing_object_never_takes_the_place_of_another(objects: DiskObjects) -> None:
    with objects.create("segments/one") as writer:
        assert writer.append(b"first ") == 0
        assert writer.append(b"second") == 6
    with refused(Kind.CONFLICT):
        objects.create("segments/one")
    assert objects.get("segments/one") == b"first second"
    assert objects.get("segments/one", 6, 3) == b"sec"


def test_a_growing_object_whose_disk_fails_says_so_and_lets_go(
    objects: DiskObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = objects.create("segments/one")
    writer.append(b"kept")
    writer.sync()
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted, not walked

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for call in ("write", "fdatasync"):
        monkeypatch.setattr(os, call, full)
    with refused(Kind.UNAVAILABLE) as problem:
        writer.append(b"lost")
    assert "No space left" in str(problem.value)
    with refused(Kind.UNAVAILABLE):
        writer.sync()
    with refused(Kind.UNAVAILABLE):
        writer.close()
    monkeypatch.undo()
    writer.abandon()
    assert len(os.listdir("/proc/self/fd")) == descriptors - 1  # noqa: PTH208
    assert objects.get("segments/one") == b"kept"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "a//b", "a/../../b", "..", "a/.", "./a"])
def test_no_name_leads_out_of_the_store(objects: DiskObjects, name: str) -> None:
    for use in (objects.get, objects.exists, objects.create, lambda each: objects.put(each, b"")):
        with refused(Kind.INVALID):
            use(name)  # type: ignore[operator]


def test_a_missing_object_is_named(objects: DiskObjects) -> None:
    with refused(Kind.NOT_FOUND) as problem:
        objects.get("segments/none")
    assert "segments/none" in str(problem.value)
    assert not objects.exists("segments/none")


# Names


@given(
    strategies.binary(min_size=16, max_size=16),
    strategies.integers(0, 4_102_444_800_000),
    strategies.integers(1, 10**9),
)
def test_names_of_objects_lead_back_to_their_period(camera: bytes, start_ms: int, term: int) -> None:
    period = PeriodId(CameraId(new_id(camera)), Instant(start_ms * 1_000_000), Term(term))
    for name in (names.opening, names.closing, names.shares, names.segment):
        assert names.period_of(name(period)) == period


def test_no_two_objects_share_a_name_and_shares_lie_apart_from_segments() -> None:
    found = [name(PERIOD) for name in (names.opening, names.closing, names.shares, names.segment)]
    found.append(names.masked(PERIOD.camera, PERIOD.start, PERIOD.term))
    assert len(set(found)) == 5
    assert names.shares(PERIOD).partition("/")[0] != names.segment(PERIOD).partition("/")[0]


@pytest.mark.parametrize(
    "name", ["", "a/b/c", "segments/x/2026-01-01/abc.segment", "segments/x/2026-01-01/1-x.segment"]
)
def test_what_is_no_name_of_a_recorded_object_is_refused(name: str) -> None:
    with refused(Kind.CORRUPT):
        names.period_of(name)


# Stored fragments


FRAGMENT = Fragment(
    PERIOD.camera,
    PERIOD.start,
    400,
    True,
    b"moof and mdat",
    (FrameNote(SourceTime(2, 9_000), None, 31), FrameNote(None, Cover.FROZEN, 1000)),
    "masker 1",
)


def test_a_stored_fragment_comes_back_with_what_is_known_of_it() -> None:
    assert fragments.decode(PERIOD.camera, fragments.encode(FRAGMENT)) == FRAGMENT


@given(strategies.binary(max_size=200))
def test_hostile_stored_fragments_raise_one_type_only(data: bytes) -> None:
    with suppress(CustodesError):
        fragments.decode(PERIOD.camera, data)


@given(strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=5),
    lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(strategies.sampled_from(["start", "duration_ms", "key", "masker", "frames"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_hostile_notes_raise_one_type_only(known: object) -> None:
    head = json.dumps(known).encode()
    with suppress(CustodesError):
        fragments.decode(PERIOD.camera, len(head).to_bytes(4) + head)
