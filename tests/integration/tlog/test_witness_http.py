# SPDX-License-Identifier: AGPL-3.0-or-later
"""The witness as its own program, over real HTTP."""

import http.client
import socket
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.unit.tlog.tlog_tools import ORIGIN, MemoryTiles, log_signers

from custodes.desk import witness as desk
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import FolderTiles, Log
from custodes.trust.tlog.note import parse_vkeys
from custodes.trust.tlog.policy import build_policy
from custodes.trust.tlog.source import http_post
from custodes.trust.tlog.witness import WitnessClient, build_request, origin_hash

VKEYS = [signer.vkey for signer in log_signers()]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The witness, in a thread; yields its prefix."""
    stop, started = threading.Event(), threading.Event()
    urls: list[str] = []
    thread = threading.Thread(target=desk.serve, args=(folder, 0, lambda url: (urls.append(url), started.set()), stop))
    thread.start()
    assert started.wait(20)
    try:
        yield urls[0]
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    desk.init(tmp_path / "witness", "witness.example/w1")
    desk.trust_log(tmp_path / "witness", VKEYS)
    return tmp_path / "witness"


def get(url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def new_log(count: int, salt: bytes = b"") -> Log:
    log = Log(MemoryTiles(), log_signers())
    log.append([b"%d" % number + salt for number in range(count)])
    return log


def add(url: str, log: Log, old: int) -> tuple[int, bytes]:
    body = build_request(old, log.prove_consistency(old, log.size), log.checkpoint())
    return http_post(f"{url}/add-checkpoint")(body)


def test_keys_are_its_own_and_private(tmp_path: Path) -> None:
    vkeys = desk.init(tmp_path / "a", "witness.example/a")
    assert vkeys != desk.init(tmp_path / "b", "witness.example/a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a/key").stat().st_mode) == 0o600
    assert (tmp_path / "a/vkey").read_text().split() == vkeys
    with pytest.raises(CustodesError) as caught:
        desk.init(tmp_path / "a", "witness.example/a")
    assert caught.value.kind is Kind.CONFLICT
    with pytest.raises(CustodesError):
        desk.init(tmp_path / "c", "two words")
    assert not (tmp_path / "c").exists()


def test_a_witness_knows_the_logs_it_was_told_of_and_no_other_keys(folder: Path) -> None:
    desk.trust_log(folder, VKEYS)
    assert (folder / "logs").read_text().split() == VKEYS
    for wrong in ([], ["nonsense"], desk.init(folder.parent / "other", "w.example")[1:]):
        with pytest.raises(CustodesError):
            desk.trust_log(folder, wrong)
    with pytest.raises(CustodesError):
        desk.trust_log(folder.parent, VKEYS)


def test_a_growing_log_is_witnessed_over_http_and_after_a_restart(folder: Path, tmp_path: Path) -> None:
    log = Log(FolderTiles(tmp_path / "log"), log_signers())
    for _ in range(2):
        with serving(folder) as url:
            status, vkeys = get(url, "/vkey")
            assert status == 200
            keys = parse_vkeys(vkeys.decode())
            client = WitnessClient(keys, http_post(f"{url}/add-checkpoint"))
            for count in (1, 300):
                log.append([b"x"] * count)
                assert client.cosign(log) == log.size
                policy = build_policy([signer.key for signer in log_signers()], {"w": keys}, 1)
                assert policy.satisfied(SignedCheckpoint.parse(log.checkpoint())).witnesses == ("w-1", "w-2")
            status, published = get(url, f"/{origin_hash(ORIGIN)}/checkpoint")
            assert status == 200
            assert policy.satisfied(SignedCheckpoint.parse(published)).checkpoint.size == log.size
    assert log.size == 602


def test_rollback_fork_wrong_size_and_unknown_log_are_refused_over_http(folder: Path) -> None:
    with serving(folder) as url:
        assert get(url, f"/{origin_hash(ORIGIN)}/checkpoint")[0] == 404
        assert add(url, new_log(5), 0)[0] == 200
        assert add(url, new_log(3), 0) == (409, b"5\n")
        assert add(url, new_log(9), 4) == (409, b"5\n")
        assert add(url, new_log(9, b"fork"), 5)[0] == 422
        assert add(url, Log(MemoryTiles(), log_signers("elsewhere.example/log")), 0)[0] == 404
        assert add(url, Log(MemoryTiles(), log_signers(salt="stranger")), 0)[0] == 403
        assert http_post(f"{url}/add-checkpoint")(b"nonsense")[0] == 400
        assert add(url, new_log(9), 5)[0] == 200
    # What it has seen outlives the process.
    with serving(folder) as url:
        assert add(url, new_log(5), 0) == (409, b"9\n")


def test_of_concurrent_requests_over_http_one_is_cosigned(folder: Path) -> None:
    log = new_log(2)
    bodies = []
    for _ in range(6):
        log.append([b"more"])
        bodies.append(build_request(2, log.prove_consistency(2, log.size), log.checkpoint()))
    with serving(folder) as url:
        assert add(url, new_log(2), 0)[0] == 200
        with ThreadPoolExecutor(6) as pool:
            statuses = [status for status, _ in pool.map(http_post(f"{url}/add-checkpoint"), bodies)]
    assert sorted(statuses) == [200] + [409] * 5


def test_a_log_can_be_added_while_the_witness_serves(folder: Path) -> None:
    elsewhere = Log(MemoryTiles(), log_signers("elsewhere.example/log"))
    with serving(folder) as url:
        assert add(url, elsewhere, 0)[0] == 404
        desk.trust_log(folder, [signer.vkey for signer in log_signers("elsewhere.example/log")])
        assert add(url, elsewhere, 0)[0] == 200


def test_two_processes_never_hold_one_witness(folder: Path) -> None:
    with serving(folder), pytest.raises(CustodesError) as caught:
        desk.serve(folder, 0, lambda _: None, threading.Event())
    assert caught.value.kind is Kind.CONFLICT


def test_a_taken_port_and_a_missing_witness_get_one_clear_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CustodesError) as caught:
        desk.serve(folder, taken.getsockname()[1], lambda _: None, threading.Event())
    assert caught.value.kind is Kind.UNAVAILABLE
    with pytest.raises(CustodesError) as caught:
        desk.serve(folder.parent / "nowhere", 0, lambda _: None, threading.Event())
    assert caught.value.kind is Kind.INVALID


def test_state_that_cannot_be_kept_is_an_error_and_no_cosignature(folder: Path) -> None:
    with serving(folder) as url:
        (folder / "state").rmdir()
        (folder / "state").write_text("in the way")
        status, body = add(url, new_log(1), 0)
        assert status == 500
        assert "—".encode() not in body


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 0000000099999999\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"413"),
        (b"POST /elsewhere HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", b"404"),
        (b"GET /../key HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /key HTTP/1.1\r\n\r\n", b"404"),
        (b"DELETE /vkey HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_odd_requests_are_answered_briefly(folder: Path, head: bytes, status: bytes) -> None:
    with serving(folder) as url:
        port = urlsplit(url).port
        assert port is not None
        with socket.create_connection(("127.0.0.1", port), timeout=20) as peer:
            peer.sendall(head)
            assert peer.recv(65_536).split(b" ")[1] == status
