# SPDX-License-Identifier: Apache-2.0
"""The log: what it writes, what a crash leaves, and what it refuses."""

import errno
import os
from pathlib import Path

import pytest
from tests.unit.tlog.tlog_tools import (
    ORIGIN,
    MemoryTiles,
    cosign,
    leaves_of,
    log_signers,
    policy_of,
    seed,
    witness_signers,
)

from custodes.clock import FakeClock
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.merkle import root_of, verify_consistency
from custodes.trust.tlog.note import Ed25519Signer
from custodes.trust.tlog.receipt import verify_receipt
from custodes.trust.verify.log import verify_log

KEYS = [signer.key for signer in log_signers()]


class DiskSource:
    def __init__(self, disk: dict[str, bytes]) -> None:
        self._disk = disk

    def read(self, path: str, limit: int) -> bytes | None:
        return self._disk.get(path)

    def close(self) -> None:
        pass


def entries(count: int, start: int = 0) -> list[bytes]:
    return [b"entry %d" % number for number in range(start, start + count)]


class StopError(Exception):
    """The machine stops here."""


def _stop_at(step: int) -> MemoryTiles:
    left = [step]

    def fail() -> None:
        if left[0] == 0:
            raise StopError
        left[0] -= 1

    return MemoryTiles(fail=fail)


@pytest.mark.parametrize("before", [0, 1, 255, 256, 300, 65_535])
@pytest.mark.parametrize("batch", [1, 257])
@pytest.mark.parametrize("restart", [True, False])
def test_a_crash_at_any_step_of_an_append_leaves_the_batch_in_or_out_and_a_log_that_verifies(
    before: int, batch: int, restart: bool
) -> None:
    start = MemoryTiles()
    log = Log(start, log_signers())
    log.append(entries(before))
    seen = SignedCheckpoint.parse(log.checkpoint()).checkpoint
    step, outcomes = 0, []
    while True:
        store = _stop_at(step)
        store.disk = dict(start.disk)
        log = Log(store, log_signers())
        try:
            log.append(entries(batch, before))
            break
        except StopError:
            store.fail = lambda: None
        if restart:
            # Without it, the same object goes on from what is durable, just as a new one does.
            log = Log(MemoryTiles(store.disk), log_signers())
        outcomes.append(log.size - before)
        after = log.size
        assert log.append(entries(3, 9_000)) == after
        now = SignedCheckpoint.parse(log.checkpoint()).checkpoint
        verify_consistency(before, now.size, log.prove_consistency(before, now.size), (seen.root, now.root))
        verify_log(DiskSource(store.disk), KEYS).demand() if before < 1_000 else None
        step += 1
    # First never in the log, from the checkpoint's write on always.
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {0, batch}


def test_a_lost_checkpoint_is_never_replaced_by_a_new_beginning() -> None:
    store = MemoryTiles()
    Log(store, log_signers()).append(entries(3))
    del store.disk["checkpoint"]
    with pytest.raises(CustodesError) as caught:
        Log(MemoryTiles(store.disk), log_signers())
    assert caught.value.kind is Kind.CORRUPT


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_store_that_does_not_hold_what_its_checkpoint_says_is_not_continued(path: str, missing: bool) -> None:
    store = MemoryTiles()
    Log(store, log_signers()).append(entries(300))
    if missing:
        del store.disk[path]
    else:
        store.disk[path] = store.disk[path][:-5] + b"XX" + store.disk[path][-3:]
    with pytest.raises(CustodesError) as caught:
        Log(MemoryTiles(store.disk), log_signers())
    assert caught.value.kind is Kind.CORRUPT


def test_a_log_is_continued_with_its_own_keys_only() -> None:
    store = MemoryTiles()
    Log(store, log_signers())
    for signers in (log_signers(salt="other"), log_signers("custodes.invalid/other")):
        with pytest.raises(CustodesError):
            Log(MemoryTiles(store.disk), signers)
    with pytest.raises(CustodesError):
        Log(MemoryTiles(), [*log_signers(), Ed25519Signer("another.example", seed("x"))])
    with pytest.raises(CustodesError):
        Log(MemoryTiles(), [])


def test_partial_tiles_go_once_the_full_ones_are_published() -> None:
    store = MemoryTiles()
    log = Log(store, log_signers())
    for number in range(256):
        log.append(entries(1, number))
        assert (f"tile/0/000.p/{number + 1}" in store.disk) == (number < 255)
    names = set(store.disk)
    assert names == {"checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"}
    assert len(store.disk["tile/0/000"]) == 8192


def test_entries_beyond_the_limit_are_refused_before_anything_is_written() -> None:
    store = MemoryTiles()
    log = Log(store, log_signers())
    before = dict(store.disk)
    with pytest.raises(ValueError, match="65,535"):
        log.append([b"fine", bytes(65_536)])
    assert store.disk == before
    assert log.append([bytes(65_535), b""]) == 0
    assert (log.entry(0), log.entry(1)) == (bytes(65_535), b"")


def test_an_empty_batch_changes_nothing() -> None:
    store = MemoryTiles()
    log = Log(store, log_signers())
    before = dict(store.disk)
    assert log.append([]) == 0
    assert store.disk == before


def test_what_is_not_in_the_log_cannot_be_read_or_proved() -> None:
    log = Log(MemoryTiles(), log_signers())
    log.append(entries(3))
    for attempt in (
        lambda: log.entry(3),
        lambda: log.entry(-1),
        lambda: log.prove_inclusion(2, 2),
        lambda: log.prove_inclusion(0, 4),
        lambda: log.prove_consistency(3, 2),
        lambda: log.prove_consistency(1, 4),
        lambda: log.receipt(3),
    ):
        with pytest.raises(CustodesError) as caught:
            attempt()
        assert caught.value.kind is Kind.NOT_FOUND


def test_cosignatures_are_published_for_the_current_size_only() -> None:
    store = MemoryTiles()
    log = Log(store, log_signers())
    log.append(entries(2))
    cosign(log, witness_signers())
    policy = policy_of("witness.example/w1", k=1)
    assert policy.satisfied(SignedCheckpoint.parse(store.disk["checkpoint"])).checkpoint.size == 2
    # They outlive a restart.
    log = Log(MemoryTiles(store.disk), log_signers())
    assert verify_receipt(log.receipt(1), b"entry 1", policy).index == 1
    log.append(entries(1, 2))
    with pytest.raises(CustodesError) as caught:
        log.attach([], 2)
    assert caught.value.kind is Kind.CONFLICT


def test_a_receipt_is_good_for_its_entry_only() -> None:
    log = Log(MemoryTiles(), log_signers())
    log.append(entries(5))
    cosign(log, witness_signers())
    policy = policy_of("witness.example/w1", k=1)
    verified = verify_receipt(log.receipt(3), b"entry 3", policy)
    assert (verified.index, verified.checkpoint.size, verified.witnesses) == (3, 5, ("w1-1", "w1-2"))
    assert verified.checkpoint.root == root_of(leaves_of(entries(5)))
    with pytest.raises(CustodesError):
        verify_receipt(log.receipt(3), b"entry 2", policy)
    with pytest.raises(CustodesError):
        verify_receipt(log.receipt(3).replace(b"index 3", b"index 2"), b"entry 3", policy)
    with pytest.raises(CustodesError) as caught:
        verify_receipt(log.receipt(3), b"entry 3", policy_of("witness.example/w2", k=1))
    assert caught.value.kind is Kind.DENIED


def test_one_program_writes_to_a_folder_at_a_time(tmp_path: Path) -> None:
    log = Log(FolderTiles(tmp_path / "log"), log_signers())
    with pytest.raises(CustodesError) as caught:
        Log(FolderTiles(tmp_path / "log"), log_signers())
    assert caught.value.kind is Kind.CONFLICT
    log.append(entries(1))
    log.close()
    assert Log(FolderTiles(tmp_path / "log"), log_signers()).size == 1


def test_a_folder_holds_what_is_served_and_nothing_else(tmp_path: Path) -> None:
    log = Log(FolderTiles(tmp_path / "log"), log_signers())
    log.append(entries(300))
    log.append(entries(1, 300))
    files = {str(path.relative_to(tmp_path / "log")) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        *("checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"),
        *("tile/0/001.p/44", "tile/0/001.p/45", "tile/entries/001.p/44", "tile/entries/001.p/45"),
    }
    log.append(entries(211, 301))
    assert not (tmp_path / "log/tile/0/001.p").exists()


def test_a_full_disk_stops_the_append_and_not_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(FolderTiles(tmp_path), log_signers())
    log.append(entries(3))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CustodesError) as caught:
            log.append(entries(1, 3))
        assert caught.value.kind is Kind.UNAVAILABLE
    assert not list(tmp_path.rglob("*.tmp"))
    assert log.size == 3
    assert log.append(entries(1, 3)) == 3


def test_the_logs_own_mldsa44_signature_states_when_it_was_made() -> None:
    signed = SignedCheckpoint.parse(Log(MemoryTiles(), log_signers()).checkpoint())
    assert signed.checkpoint.origin == ORIGIN
    times = {verified.key.type.name: verified.time for verified in signed.verify_log(KEYS)}
    assert times == {"ED25519": None, "MLDSA44_COSIGNATURE": FakeClock().now()}
