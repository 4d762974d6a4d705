# SPDX-License-Identifier: AGPL-3.0-or-later
"""Anyone can check: the log of a running system, with somebody else's program and with ours."""

import shutil
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from tests.node_town import Town, until

pytest.importorskip("tlog_scales", reason="tlog-scales is not installed")

from tlog_scales import backend, signing, tiles, tlog
from tlog_scales.reader import TilesReader


class WrongRootError(Exception):
    """The tiles do not lead to the root."""


def check(reader: TilesReader, root: Path) -> int:
    """What a third party can check: the log's signatures, the root, an inclusion and a consistency proof."""
    checkpoint = reader.get_checkpoint()
    for vkey in (root / "log" / "vkey").read_text().split():
        checkpoint.verify(signing.Vkey.from_string(vkey))
    size = checkpoint.size
    if reader.mth(0, size) != checkpoint.root_hash:
        raise WrongRootError
    for index in {0, size // 2, size - 1}:
        reader.get_inclusion_proof(index, size).check(tiles.leaf_hash(reader.get_entry(index)), checkpoint.root_hash)
    reader.get_consistency_proof(size // 2, size).check(reader.mth(0, size // 2), checkpoint.root_hash)
    return int(size)


def copy_of(log: Path, into: Path) -> Path:
    """A copy as somebody keeps it: the checkpoint first, for the log goes on growing."""
    checkpoint = (log / "checkpoint").read_bytes()
    shutil.copytree(log, into, ignore=shutil.ignore_patterns("*.tmp"))
    (into / "checkpoint").write_bytes(checkpoint)
    return into


def flip(file: Path, position: int) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)


def other_letter(file: Path, position: int) -> None:
    """Another letter of base64: what is not base64 at all is found before anything is checked."""
    data = bytearray(file.read_bytes())
    data[position] = ord("B") if data[position] == ord("A") else ord("A")
    file.write_bytes(data)


def test_tlog_scales_accepts_the_running_log_over_http_and_from_the_disk(running: Town, tmp_path: Path) -> None:
    http = backend.make_backend(f"{running.url}/log")
    # Entries are served once a witness has seen them.
    until(lambda: TilesReader(http).get_checkpoint().size > 10, "ten entries in the published log")
    served = check(TilesReader(http), running.root)
    http.session.close()
    kept = check(TilesReader(backend.make_backend(str(copy_of(running.root / "log", tmp_path / "log")))), running.root)
    assert kept >= served > 10


@pytest.mark.parametrize("what", ["checkpoint", "tile/0", "tile/entries"])
def test_one_flipped_byte_in_a_copy_is_found_by_both(running: Town, tmp_path: Path, what: str) -> None:
    copy = copy_of(running.root / "log", tmp_path / "log")
    policy = running.root / "policy"
    assert running.command("verify", "log", copy, "--policy", policy).code == 0
    if what == "checkpoint":
        file = copy / "checkpoint"
        other_letter(file, file.read_bytes().index(b"\n\n") - 5)  # in the root
    else:
        size = int((copy / "checkpoint").read_text().split("\n")[1])
        file = copy / what / f"000.p/{size}" if size < 256 else copy / what / "000"
        flip(file, 5)  # in the first hash, and in the first entry
    with pytest.raises((WrongRootError, InvalidSignature, tlog.InclusionProofInvalid, tlog.ConsistencyProofInvalid)):
        check(TilesReader(backend.make_backend(str(copy))), running.root)
    ran = running.command("verify", "log", copy, "--policy", policy)
    assert ran.code == 1
    assert "NOT verified" in ran.output or len(ran.errors.strip().splitlines()) == 1
    assert "Traceback" not in ran.errors


def test_a_log_that_lost_entries_is_no_continuation_of_the_one_that_was_kept(running: Town, tmp_path: Path) -> None:
    policy, kept = running.root / "policy", tmp_path / "kept"
    url = f"{running.url}/log"
    assert running.command("verify", "log", url, "--policy", policy, "--save", kept).code == 0
    assert running.command("verify", "log", url, "--policy", policy, "--earlier", kept).code == 0
    other = tmp_path / "other"
    lines = kept.read_text().split("\n")
    lines[1] = str(int(lines[1]) + 1_000_000)
    other.write_text("\n".join(lines))
    ran = running.command("verify", "log", url, "--policy", policy, "--earlier", other)
    assert ran.code == 1
    assert "Traceback" not in ran.errors


def test_every_entry_of_the_running_log_can_be_proved_by_command(running: Town, tmp_path: Path) -> None:
    entry, receipt = tmp_path / "entry", tmp_path / "receipt"
    ran = running.command("log", "prove", "3", "--dir", running.root, "--entry", entry)
    assert ran.code == 0
    receipt.write_text(ran.output)
    words = ("--entry", entry, "--policy", running.root / "policy")
    assert running.command("verify", "receipt", receipt, *words).code == 0
    entry.write_bytes(entry.read_bytes() + b" ")
    ran = running.command("verify", "receipt", receipt, *words)
    assert ran.code == 1
    assert len(ran.errors.strip().splitlines()) == 1
