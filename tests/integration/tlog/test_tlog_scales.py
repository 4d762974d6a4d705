# SPDX-License-Identifier: Apache-2.0
"""An unmodified third-party reader (``tlog-scales`` from PyPI) accepts our logs, and we accept its."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from tests.integration.tlog.tlog_server import static_server
from tests.unit.tlog.tlog_tools import cosign, log_signers, seed, witness_signers

from custodes.errors import CustodesError
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.note import parse_vkey
from custodes.trust.tlog.source import open_source
from custodes.trust.verify.log import verify_log

pytest.importorskip("tlog_scales", reason="tlog-scales is not installed")

from tlog_scales import backend, signing, tiles, tlog
from tlog_scales.reader import TilesReader
from tlog_scales.writer import TilesWriter

SIZES = (1, 256, 70_000)
Reader = Callable[[], TilesReader]


@pytest.fixture(scope="module", params=SIZES)
def log_folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that was filled in several batches, witnessed at the end."""
    folder = tmp_path_factory.mktemp("log")
    log = Log(FolderTiles(folder), log_signers())
    size = request.param
    while log.size < size:
        count = min(size - log.size, 9_999)
        log.append([b"entry %d" % number for number in range(log.size, log.size + count)])
    cosign(log, witness_signers())
    (folder / "vkey").write_text("".join(f"{signer.vkey}\n" for signer in log_signers()))
    log.close()
    return folder


class WrongRootError(Exception):
    """The tiles do not lead to the root."""


def check(reader: TilesReader, folder: Path) -> None:
    """Everything the third party can check: signatures of all kinds, root, entries, inclusion, consistency."""
    checkpoint = reader.get_checkpoint()
    for vkey in [*(folder / "vkey").read_text().split(), *(signer.vkey for signer in witness_signers())]:
        checkpoint.verify(signing.Vkey.from_string(vkey))
    if reader.calculate_root_hash() != checkpoint.root_hash:
        raise WrongRootError
    size = checkpoint.size
    for index in {0, size // 3, size // 2, size - 1}:
        entry = reader.get_entry(index)
        reader.get_inclusion_proof(index, size).check(tiles.leaf_hash(entry), checkpoint.root_hash)
        assert entry == b"entry %d" % index
    for old in {1, size // 3 or 1, size}:
        proof = reader.get_consistency_proof(old, size)
        proof.check(reader.mth(0, old), checkpoint.root_hash)


def test_tlog_scales_accepts_our_log_from_disk(log_folder: Path) -> None:
    check(TilesReader(backend.make_backend(str(log_folder))), log_folder)


def test_tlog_scales_accepts_our_log_over_http(log_folder: Path) -> None:
    with static_server(log_folder) as url:
        http = backend.make_backend(url)
        check(TilesReader(http), log_folder)
        http.session.close()


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000"])
def test_tlog_scales_rejects_our_log_after_one_flipped_byte(log_folder: Path, path: str) -> None:
    file = log_folder / path
    if not file.exists():
        file = next((log_folder / f"{path}.p").iterdir())
    original = file.read_bytes()
    # In the checkpoint, a byte of the root; in an entry bundle, one of the first entry.
    position = original.index(b"\n", original.index(b"\n") + 1) + 3 if path == "checkpoint" else 5
    try:
        file.write_bytes(original[:position] + bytes([original[position] ^ 1]) + original[position + 1 :])
        with pytest.raises(
            (WrongRootError, InvalidSignature, tlog.InclusionProofInvalid, tlog.ConsistencyProofInvalid)
        ):
            check(TilesReader(backend.make_backend(str(log_folder))), log_folder)
    finally:
        file.write_bytes(original)


def test_we_accept_a_log_that_tlog_scales_wrote(tmp_path: Path) -> None:
    signers = [
        signing.PlainEd25519Signer("scales.example/log", seed("scales 1")),
        signing.MLDSA44CosignatureSigner("scales.example/log", seed("scales 6")),
    ]
    writer = TilesWriter.create(tmp_path / "log", "scales.example/log")
    keys = [parse_vkey(signer.vkey.serialize()) for signer in signers]
    for count in (3, 300, 700):
        for number in range(count):
            writer.add_leaf(b"%d" % number)
        writer.commit(signers)
    signed = SignedCheckpoint.parse((tmp_path / "log/checkpoint").read_bytes())
    assert len(signed.verify_log(keys)) == 2
    verify_log(open_source(str(tmp_path / "log")), keys).demand()
    with pytest.raises(CustodesError):
        verify_log(open_source(str(tmp_path / "log")), [signer.key for signer in log_signers()]).demand()
