# SPDX-License-Identifier: Apache-2.0
"""Our own verifier of a whole log: from disk, over HTTP, and against every kind of tampering."""

import gzip
import socket
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.tlog.tlog_server import static_server
from tests.unit.tlog.tlog_tools import cosign, log_signers, policy_of, witness_signers

from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import SignedCheckpoint, sign
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.source import http_post, open_source
from custodes.trust.verify.log import LogReport, verify_log

KEYS = [signer.key for signer in log_signers()]
POLICY = policy_of("witness.example/w1", k=1)


def entries(count: int, start: int = 0, salt: bytes = b"") -> list[bytes]:
    return [b"entry %d" % number + salt for number in range(start, start + count)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    log = Log(FolderTiles(tmp_path / "log"), log_signers())
    log.append(entries(300))
    (tmp_path / "earlier").write_bytes(log.checkpoint())
    log.append(entries(66_000, 300))
    cosign(log, witness_signers())
    log.close()
    return tmp_path / "log"


def names(report: LogReport) -> dict[str, bool]:
    return {check.name: check.ok for check in report.checks}


def test_a_sound_log_passes_every_check_from_disk_and_over_http(folder: Path) -> None:
    earlier = (folder.parent / "earlier").read_bytes()
    with static_server(folder) as url:
        for location in (str(folder), url, f"{url}/"):
            source = open_source(location)
            seen: dict[int, bytes] = {}
            report = verify_log(source, KEYS, POLICY, earlier, seen.__setitem__)
            source.close()
            report.demand()
            assert report.ok
            assert list(names(report)) == ["checkpoint", "witnesses", "earlier checkpoint", "entries", "history"]
            assert list(seen) == list(range(66_300))
            assert list(seen.values()) == entries(66_300)
            assert report.signed is not None
            assert report.signed.checkpoint.size == 66_300
            assert report.to_json()["ok"] is True


@pytest.mark.parametrize(
    ("path", "position"),
    [
        ("tile/entries/000", 3),
        ("tile/entries/000", 0),
        ("tile/entries/258.p/252", -1),
        ("tile/0/000", 8191),
        ("tile/0/258.p/252", 0),
        ("tile/1/000", 77),
        ("tile/1/001.p/2", 0),
        ("tile/2/000.p/1", 31),
    ],
)
def test_one_flipped_bit_anywhere_is_found_and_the_file_is_named(folder: Path, path: str, position: int) -> None:
    data = bytearray((folder / path).read_bytes())
    data[position] ^= 1
    (folder / path).write_bytes(data)
    report = verify_log(open_source(str(folder)), KEYS)
    assert names(report)["entries"] is False
    with pytest.raises(CustodesError) as caught:
        report.demand()
    assert caught.value.kind is Kind.CORRUPT
    assert path.replace("entries", "0") in caught.value.message.replace("entries", "0")


@pytest.mark.parametrize("path", ["tile/entries/007", "tile/0/007", "tile/1/001.p/2", "tile/entries/258.p/252"])
def test_a_missing_or_cut_or_overlong_file_is_found(folder: Path, path: str) -> None:
    original = (folder / path).read_bytes()
    for data in (None, b"", original[:-1], original + b"\x00\x00", bytes(20_000_000)):
        (folder / path).unlink()
        if data is not None:
            (folder / path).write_bytes(data)
        report = verify_log(open_source(str(folder)), KEYS)
        assert not report.ok
        (folder / path).write_bytes(original)
    assert verify_log(open_source(str(folder)), KEYS).ok


def test_a_checkpoint_that_is_damaged_or_absent_is_told_apart(folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"nonsense")
    report = verify_log(open_source(str(folder)), KEYS)
    assert (names(report), report.signed) == ({"checkpoint": False}, None)
    (folder / "checkpoint").unlink()
    with pytest.raises(CustodesError) as caught:
        verify_log(open_source(str(folder)), KEYS)
    assert caught.value.kind is Kind.NOT_FOUND


def test_a_root_that_the_log_signed_but_its_entries_do_not_have_is_found(folder: Path) -> None:
    signed = SignedCheckpoint.parse((folder / "checkpoint").read_bytes())
    lie = replace(signed.checkpoint, root=bytes(32))
    (folder / "checkpoint").write_bytes(sign(lie, log_signers()).serialise())
    assert names(verify_log(open_source(str(folder)), KEYS)) == {"checkpoint": True, "entries": False}


def test_a_log_that_grows_while_it_is_verified_is_verified_as_it_was(folder: Path) -> None:
    source = open_source(str(folder))

    class Growing:
        def read(self, path: str, limit: int) -> bytes | None:
            data = source.read(path, limit)
            if path == "checkpoint":
                log = Log(FolderTiles(folder), log_signers())
                log.append(entries(400, 66_300))
                log.close()
                assert not (folder / "tile/0/258.p").exists()
            return data

        def close(self) -> None:
            source.close()

    report = verify_log(Growing(), KEYS)
    report.demand()
    assert report.signed is not None
    assert report.signed.checkpoint.size == 66_300


def test_a_checkpoint_without_one_of_the_logs_signatures_is_flagged(folder: Path) -> None:
    lines = (folder / "checkpoint").read_bytes().splitlines(keepends=True)
    (folder / "checkpoint").write_bytes(b"".join(lines[:5] + lines[6:]))
    assert names(verify_log(open_source(str(folder)), KEYS)) == {"checkpoint": False, "entries": True}
    assert verify_log(open_source(str(folder)), KEYS[:1]).ok


def test_missing_witnesses_are_flagged(folder: Path) -> None:
    report = verify_log(open_source(str(folder)), KEYS, policy_of("witness.example/w1", "witness.example/w2", k=2))
    assert names(report) == {"checkpoint": True, "witnesses": False, "entries": True}


def test_a_rewritten_and_a_rolled_back_log_contradict_the_earlier_checkpoint(folder: Path, tmp_path: Path) -> None:
    earlier = (tmp_path / "earlier").read_bytes()
    rewritten = Log(FolderTiles(tmp_path / "rewritten"), log_signers())
    rewritten.append([*entries(299), b"another", *entries(50, 300)])
    report = verify_log(open_source(str(tmp_path / "rewritten")), KEYS, earlier=earlier)
    assert names(report) == {"checkpoint": True, "earlier checkpoint": True, "entries": True, "history": False}
    shorter = Log(FolderTiles(tmp_path / "shorter"), log_signers())
    shorter.append(entries(299))
    report = verify_log(open_source(str(tmp_path / "shorter")), KEYS, earlier=earlier)
    assert names(report) == {"checkpoint": True, "earlier checkpoint": False, "entries": True}


def test_an_earlier_checkpoint_of_another_log_or_hand_proves_nothing(folder: Path, tmp_path: Path) -> None:
    other = Log(FolderTiles(tmp_path / "other"), log_signers(salt="forger"))
    for earlier in (other.checkpoint(), b"nonsense"):
        assert names(verify_log(open_source(str(folder)), KEYS, earlier=earlier))["earlier checkpoint"] is False


def test_a_log_that_is_compressed_without_being_asked_is_read(folder: Path) -> None:
    answers = {f"/{path.relative_to(folder)}": gzip.compress(path.read_bytes()) for path in folder.rglob("000.p/*")}
    bomb = gzip.compress(bytes(50_000_000))
    answers |= {"/bomb": bomb, "/torn": bomb[:-9], "/odd": b"no gzip"}
    with _canned(answers, "Content-Encoding: gzip\r\n") as url:
        source = open_source(url)
        assert source.read("tile/2/000.p/1", 8192) == (folder / "tile/2/000.p/1").read_bytes()
        assert source.read("nothing", 100) is None
        for path in ("bomb", "torn", "odd"):
            with pytest.raises(CustodesError) as caught:
                source.read(path, 1_000_000)
            assert caught.value.kind is Kind.CORRUPT
        source.close()


def test_a_server_that_breaks_off_or_lies_about_itself_is_unavailable() -> None:
    with _canned({"/checkpoint": b"short"}, "X: y\r\n", missing=10) as url:
        source = open_source(url)
        with pytest.raises(CustodesError) as caught:
            source.read("checkpoint", 100)
        assert caught.value.kind is Kind.UNAVAILABLE
        source.close()
    for ask in (lambda: open_source(url).read("checkpoint", 100), lambda: http_post(url)(b"body")):
        with pytest.raises(CustodesError) as caught:
            ask()
        assert caught.value.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize(
    "location",
    [
        *("ftp://example.org/", "http://", "http:///x", "http://a:b/", "http://a b/", "http://[x"),
        *("http://u:p@h/", "http://h/?q", "/no/such"),
    ],
)
def test_a_location_that_cannot_be_one_is_invalid(location: str) -> None:
    with pytest.raises(CustodesError) as caught:
        open_source(location)
    assert caught.value.kind is Kind.INVALID


class _canned:  # noqa: N801 (used like a function)
    """A server that answers from a table, each on its own connection, announcing ``missing`` bytes too many."""

    def __init__(self, answers: dict[str, bytes], header: str, missing: int = 0) -> None:
        self._answers, self._header, self._missing = answers, header, missing
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                body = self._answers.get(connection.recv(65_536).split()[1].decode())
                status = "404 Not Found" if body is None else "200 OK"
                length = len(body or b"") + self._missing
                head = f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{self._header}\r\n"
                connection.sendall(head.encode() + (body or b""))


def test_a_split_view_lacks_the_witness_and_with_a_bribed_one_contradicts_what_somebody_else_kept(
    folder: Path, tmp_path: Path
) -> None:
    """Refused: a second history that the witness did not see. Revealed: one that it helped with, by two who compare."""
    view = Log(FolderTiles(tmp_path / "view"), log_signers())
    view.append(entries(66_300, salt=b" for your eyes only"))
    report = verify_log(open_source(str(tmp_path / "view")), KEYS, POLICY)
    assert names(report) == {"checkpoint": True, "witnesses": False, "entries": True}
    cosign(view, witness_signers())
    verify_log(open_source(str(tmp_path / "view")), KEYS, POLICY).demand()
    kept = (folder / "checkpoint").read_bytes()
    report = verify_log(open_source(str(tmp_path / "view")), KEYS, POLICY, kept)
    assert names(report)["history"] is False
