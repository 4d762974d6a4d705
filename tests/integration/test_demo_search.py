# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demonstration's search for originals: what it must find anywhere, and what it must not take for one."""

import os
import time
from hashlib import sha256
from pathlib import Path

import pytest

from custodes.clock import Instant
from custodes.demo import plaintext
from custodes.demo.cameras.journal import SentNal, needle_of
from custodes.demo.plaintext import Needles, files, search, temporary_folders
from custodes.trust.seal.period import PeriodSealer

SLICES = [b"\x41" + os.urandom(size) for size in (64, 200, 3_000, 70_000)]


def sent(nal: bytes) -> SentNal:
    return SentNal(sha256(nal).digest(), nal[0] & 31, len(nal), 0, Instant(0), needle_of(nal))


@pytest.fixture
def needles() -> Needles:
    return Needles(sent(nal) for nal in SLICES)


@pytest.mark.parametrize("nal", SLICES, ids=len)
@pytest.mark.parametrize("before", [0, 1, 3, 4_095, 4_096])
def test_a_slice_is_found_wherever_it_stands_in_a_file(
    needles: Needles, tmp_path: Path, nal: bytes, before: int
) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(before) + nal + os.urandom(7))
    assert needles.found_in(file) == 1
    file.write_bytes(os.urandom(before) + nal)
    assert needles.found_in(file) == 1
    # Zeros: a random byte in front may happen to be the one that is missing.
    file.write_bytes(bytes(before) + nal[1:])
    assert needles.found_in(file) == 0


def test_a_slice_is_found_across_the_border_of_what_is_read_at_once(
    needles: Needles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plaintext, "_CHUNK", 4_096)
    nal = SLICES[1]
    file = tmp_path / "file"
    for border in (4_096, 8_192):
        for overlap in range(len(nal) + 1):
            file.write_bytes(bytes(border - overlap) + nal + b"end")
            assert needles.found_in(file) == 1, f"{overlap} bytes before {border}"


def test_a_slice_is_found_far_out_in_a_sparse_file_and_every_time_it_occurs(needles: Needles, tmp_path: Path) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as out:
        for place in (0, 20 * 1024 * 1024 - 100, 40 * 1024 * 1024):
            out.seek(place)
            out.write(SLICES[2])
    assert needles.found_in(file) == 3


def test_a_part_of_a_slice_that_was_changed_elsewhere_is_not_the_slice(needles: Needles, tmp_path: Path) -> None:
    changed = bytearray(SLICES[3])
    changed[5] ^= 1
    (tmp_path / "file").write_bytes(changed)
    assert needles.found_in(tmp_path / "file") == 0


def test_sealed_records_hold_no_slice(needles: Needles, tmp_path: Path) -> None:
    from tests.custody_world import INIT, START, World, fragment_of

    world = World(tmp_path)
    sealer: PeriodSealer = world.sealer()
    fragment = fragment_of(SLICES)
    (tmp_path / "plain").write_bytes(fragment)
    sealed = sealer.preamble + sealer.seal_init(INIT) + sealer.seal(fragment, SLICES, START, 90_000)
    (tmp_path / "sealed").write_bytes(sealed)
    world.close()
    assert needles.found_in(tmp_path / "plain") == len(SLICES)
    assert needles.found_in(tmp_path / "sealed") == 0


def test_files_that_cannot_be_read_or_are_none_are_passed_over(needles: Needles, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "small").write_bytes(b"abc")
    for name in ("empty", "small", "missing"):
        assert needles.found_in(tmp_path / name) == 0
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    assert search(needles, [tmp_path], [], 0) == []


def test_the_search_goes_below_folders_leaves_out_what_it_is_told_to_and_counts_a_file_once(
    needles: Needles, tmp_path: Path
) -> None:
    begun = time.time() - 10
    for name in ("a/b/.hidden", "apart/in", "old"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" + SLICES[0])
    os.utime(tmp_path / "old", (begun - 60, begun - 60))
    os.link(tmp_path / "a/b/.hidden", tmp_path / "a/again")
    found = search(needles, [tmp_path, tmp_path / "a"], [tmp_path / "apart"], begun)
    assert len(found) == 1
    assert found[0].stat().st_ino == (tmp_path / "a/b/.hidden").stat().st_ino
    assert tmp_path / "old" in set(files([tmp_path], [], 0))


def test_the_folders_for_temporary_files_are_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert {tmp_path, Path("/tmp")} <= set(temporary_folders())


def test_without_anything_sent_there_is_nothing_to_find(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"".join(SLICES))
    nothing = Needles([])
    assert len(nothing) == 0
    assert nothing.found_in(tmp_path / "file") == 0
