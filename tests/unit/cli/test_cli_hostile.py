# SPDX-License-Identifier: AGPL-3.0-or-later
"""Broken, foreign and hostile files and servers: one line and an exit code, never a traceback."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.node_store import Node, node
from tests.unit.cli.test_cli_commands import ID, Run

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here") as found:
        yield found


def broken(folder: Path, whole: bytes = b"") -> Iterator[Path]:
    """Files that are not what they should be; ``whole`` is one that is, to be cut and changed."""
    contents = [b"", b"\0", b"\xff" * 50, b"{}", b"[]", b"null", b"1e999", DEEP, os.urandom(300), b"\n" * 1_000]
    contents += [b'{"v":1}', b'{"v":1,"v":1}', b'{"body":{},"key":"","kind":"","signature":""}', b"PK\x03\x04" * 20]
    contents += [whole[: len(whole) // 2], whole[:-1], whole + b" ", whole.replace(b"1", b"2"), b"\xef\xbb\xbf" + whole]
    contents += [whole.replace(b'"', b"'"), whole.upper(), whole + whole]
    for number, content in enumerate(contents):
        if content != whole:
            path = folder / f"broken-{number}"
            path.write_bytes(content)
            yield path
    (folder / "a folder").mkdir()
    yield folder / "a folder"
    yield folder / "missing"


def test_broken_policies_are_refused_by_everybody(run: Run, here: Node, tmp_path: Path) -> None:
    whole = here.layout.policy.read_bytes()
    for path in broken(tmp_path, whole):
        for words in (
            ("verify", "log", here.layout.log),
            ("verify", "receipt", tmp_path / "x", "--entry", tmp_path / "x"),
            ("verify", "bundle", tmp_path / "x"),
            ("verify", "segment", tmp_path / "x", "--opening", tmp_path / "x", "--closing", tmp_path / "x"),
            ("custodian", "trust", "--dir", tmp_path / "custodian"),
            ("disclosure", "trust", "--dir", tmp_path / "requester"),
        ):
            run.refused(*words, "--policy", path)
    assert not (tmp_path / "custodian" / "policy").exists()


def test_broken_receipts_and_entries_are_refused(run: Run, here: Node, tmp_path: Path) -> None:
    sequencer = here.sequencer()
    sequencer.step()
    sequencer.log.close()
    entry, receipt = tmp_path / "entry", tmp_path / "receipt"
    proved = run("log", "prove", "1", "--dir", here.layout.root, "--entry", entry)
    receipt.write_text(proved.out)
    policy = ("--policy", here.layout.policy)
    assert run("verify", "receipt", receipt, "--entry", entry, *policy).code == 0
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    for path in broken(tmp_path / "1", receipt.read_bytes()):
        run.refused("verify", "receipt", path, "--entry", entry, *policy)
    for path in broken(tmp_path / "2", entry.read_bytes()):
        run.refused("verify", "receipt", receipt, "--entry", path, *policy)


def test_broken_statements_are_not_enrolled(run: Run, tmp_path: Path) -> None:
    for number in "12":
        assert run("custodian", "keygen", "--dir", tmp_path / number, "--label", f"office {number}").code == 0
    vkey = tmp_path / "vkey"
    assert run("log", "witness", "--dir", tmp_path / "witness", "--name", "witness.test/w").code == 0
    vkey.write_bytes((tmp_path / "witness" / "vkey").read_bytes())
    good = [tmp_path / number / "statement.json" for number in "12"]
    (tmp_path / "broken").mkdir()
    whole = good[1].read_bytes()
    (tmp_path / "vkeys").mkdir()
    target = tmp_path / "node"
    base = ("init", "--dir", target, "--custodian", good[0])
    for path in broken(tmp_path / "broken", whole):
        run.refused(*base, "--custodian", path, "--quorum", "2", "--witness", f"w=http://w={vkey}")
        run.refused(
            *base, "--custodian", good[1], "--quorum", "2", "--witness", f"w=http://w={vkey}", "--requester", path
        )
    for path in broken(tmp_path / "vkeys", vkey.read_bytes()):
        if path.is_file() and path.read_bytes().strip() == vkey.read_bytes().strip():
            continue  # white space around the lines means nothing
        run.refused(*base, "--custodian", good[1], "--quorum", "2", "--witness", f"w=http://w={path}")
    for quorum in ("1", "0", "-1", "3", "9" * 40):
        words = ("--custodian", good[1], "--witness", f"w=http://w={vkey}", f"--quorum={quorum}")
        run.refused(*base, *words, code=2)
    run.refused(*base, "--custodian", good[0], "--quorum", "2", "--witness", f"w=http://w={vkey}", code=2)
    for witness in ("", "w", "w=x", "a=b=c=d", f" =http://w={vkey}", f"w\n=http://w={vkey}", f"w=http://w x={vkey}"):
        run.refused(*base, "--custodian", good[1], "--quorum", "2", f"--witness={witness}")
    assert not target.exists()
    # With none of that wrong it is a deployment.
    words = ("--custodian", good[1], "--quorum", "2", "--witness", f"w=http://w={vkey}")
    assert run(*base, *words).code == 0
    run.refused(*base, *words, code=1)


@pytest.mark.parametrize("label", ["", "  ", "x" * 81, "two\nlines", "\x1b[31mred", "\udcff"])
def test_a_label_that_cannot_be_shown_makes_no_keys(run: Run, tmp_path: Path, label: str) -> None:
    for group in ("custodian", "disclosure"):
        run.refused(group, "keygen", "--dir", tmp_path / "keys", f"--label={label}")
    assert not (tmp_path / "keys" / "identity.key").exists()


def test_keys_are_never_made_twice_and_a_folder_without_keys_says_so(run: Run, tmp_path: Path) -> None:
    for group in ("custodian", "disclosure"):
        assert run(group, "keygen", "--dir", tmp_path / group, "--label", "office").code == 0
        run.refused(group, "keygen", "--dir", tmp_path / group, "--label", "office", code=1)
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        run.refused("custodian", "pending", "--dir", folder, "--server", "http://127.0.0.1:9")
        run.refused("disclosure", "status", "--dir", folder, "--server", "http://127.0.0.1:9", ID)
    run.refused("custodian", "keygen", "--dir", tmp_path / "file" / "below", "--label", "office")


@pytest.fixture
def parties(run: Run, here: Node, tmp_path: Path) -> Path:
    """A custodian and a requester, each with a policy."""
    for group in ("custodian", "disclosure"):
        assert run(group, "keygen", "--dir", tmp_path / group, "--label", "office").code == 0
        assert run(group, "trust", "--dir", tmp_path / group, "--policy", here.layout.policy).code == 0
    return tmp_path


def test_a_page_whose_keys_are_opened_in_the_browser_takes_no_passphrase(run: Run, parties: Path) -> None:
    (parties / "passphrase").write_text("correct horse")
    where = (
        "--dir",
        parties / "custodian",
        "--server",
        "http://127.0.0.1:9",
        "--passphrase-file",
        parties / "passphrase",
    )
    run.refused("custodian", "desk", *where, "--keys", "browser", code=2)
    assert "asked for in the page" in run("custodian", "desk", *where, "--keys", "browser").err
    for port in ("-1", "65536", "eighty"):
        run.refused("custodian", "desk", *where, f"--port={port}", code=2)


def asking(folder: Path, server: str) -> Iterator[tuple[str | Path, ...]]:
    """Every command that speaks to a server."""
    custodian, requester = ("--dir", folder / "custodian"), ("--dir", folder / "disclosure")
    yield ("custodian", "pending", *custodian, "--server", server)
    yield ("custodian", "grant", *custodian, "--server", server, ID)
    yield ("custodian", "refuse", *custodian, "--server", server, ID, "--reason", "no basis")
    yield ("disclosure", "status", *requester, "--server", server, ID)
    yield (
        "disclosure", "request", *requester, "--server", server, "--camera", ID, "--from", "2026-01-01T00:00:00Z",
        "--until", "2026-01-01T00:00:30Z", "--purpose", "x", "--basis", "public_task", "--case", "1",
    )  # fmt: skip


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that answers everything with the same bytes and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    connection.recv(65_536)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass
                except OSError:
                    pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def http(status: str, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + body


ANSWERS = [
    b"",
    b"\xff\xfe\x00 nonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    b"HTTP/1.1 banana OK\r\n\r\n",
    http("200 OK", b""),
    http("200 OK", b"[]"),
    http("200 OK", b"{}"),
    http("200 OK", DEEP),
    http("200 OK", b'{"requests":[1],"id":"../../etc/passwd"}'),
    http("200 OK", b'{"requests":[{"id":"x","state":"y"}],"id":1}'),
    http("200 OK", b"{}", 10_000),
    http("302 Found", b""),
    http("403 Forbidden", b'{"error":"two\\nlines \\u001b[31m' + b"x" * 900 + b'"}'),
    http("500 Oops", b"\x00" * 100),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
def test_a_hostile_server_gets_one_line_out_of_every_program(run: Run, parties: Path, answer: bytes) -> None:
    with answering(answer) as server:
        for words in asking(parties, server):
            run.refused(*words)
        for words in (("verify", "log", f"{server}/log", "--policy", parties / "custodian" / "policy"),):
            said = run(*words)
            assert said.code in (1, 3), said
            assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "server",
    ["http://", "http://[", "http://[::1", "ftp://h/x", "http://h:port/", "http://127.0.0.1:9", "http://h/?q",
     "/nonexistent", "https://127.0.0.1:9", "http://127.0.0.1:99999", "http://a b/", ""],
)  # fmt: skip
def test_a_server_that_is_none_is_one_line(run: Run, parties: Path, server: str) -> None:
    for words in asking(parties, server):
        run.refused(*words)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("--camera", "x"),
        ("--from", "yesterday"),
        ("--from", "2026-01-01T00:00:00"),
        ("--from", "2026-01-02T00:00:00Z"),
        ("--from", "9999-12-31T23:59:59.999999999Z"),
        ("--until", "2199-01-01T00:00:00Z"),
        ("--until", "0001-01-01T00:00:00+23:00"),
        ("--purpose", ""),
        ("--purpose", "x" * 100_000),
        ("--basis", "curiosity"),
        ("--case", "\udcff"),
        ("--expires", "2001-01-01T00:00:00Z"),
    ],
)
def test_a_request_that_cannot_be_is_not_made(run: Run, parties: Path, member: str, value: str) -> None:
    (parties / "office").mkdir()
    usual = {"--camera": ID, "--from": "2026-01-01T00:00:00Z", "--until": "2026-01-01T00:00:30Z", "--purpose": "x",
             "--basis": "public_task", "--case": "1"}  # fmt: skip
    words = [f"{name}={part}" for name, part in {**usual, member: value}.items()]
    run.refused("disclosure", "request", "--dir", parties / "disclosure", "--server", parties / "office", *words)
    assert not list((parties / "office").iterdir())


def test_a_folder_of_broken_dossiers_is_no_trouble(run: Run, parties: Path) -> None:
    office = parties / "office"
    office.mkdir()
    (parties / "broken").mkdir()
    where = ("--dir", parties / "custodian", "--server", office)
    for path in broken(parties / "broken"):
        dossier = office / f"dossier-{ID}.json"
        if path.is_dir():
            dossier.unlink(missing_ok=True)
            dossier.mkdir()
        elif path.exists():
            dossier.write_bytes(path.read_bytes())
        run.refused("custodian", "grant", *where, ID)
        said = run("custodian", "pending", *where, "--json")
        assert said.code == 0
        assert all(each["problem"] for each in json.loads(said.out))
        if dossier.is_dir():
            dossier.rmdir()
    for name in ("x", "../../../etc/passwd", "-"):
        run.refused("custodian", "grant", *where, "--", name)


def test_broken_keys_and_passphrases_are_one_line(run: Run, parties: Path) -> None:
    office = parties / "office"
    office.mkdir()
    key = parties / "custodian" / "identity.key"
    whole = key.read_bytes()
    (parties / "broken").mkdir()
    words = ("custodian", "pending", "--dir", parties / "custodian", "--server", office)
    assert run(*words).code == 0
    for path in broken(parties / "broken", whole):
        if path.is_file():
            key.write_bytes(path.read_bytes())
            run.refused(*words)
    key.write_bytes(whole)
    for file in broken_passphrases(parties):
        run.refused(*words, "--passphrase-file", file, code=2)


def broken_passphrases(folder: Path) -> Iterator[Path]:
    yield folder / "none"
    yield folder
    (folder / "bytes").write_bytes(b"\xff\xfe")
    yield folder / "bytes"


def test_a_broken_witness_is_one_line(run: Run, tmp_path: Path) -> None:
    where = ("--dir", tmp_path / "witness")
    run.refused("log", "witness", *where, "--port", "0")
    run.refused("log", "witness", *where, "--name", "", "--port", "0")
    for name in ("two words", "a\nb", "a+b"):
        run.refused("log", "witness", *where, "--name", name)
    assert run("log", "witness", *where, "--name", "witness.test/w").code == 0
    run.refused("log", "witness", *where, "--name", "witness.test/w", code=1)
    (tmp_path / "broken").mkdir()
    for path in broken(tmp_path / "broken"):
        run.refused("log", "witness", *where, "--trust", path)
    (tmp_path / "witness" / "key").write_bytes(b"{}")
    run.refused("log", "witness", *where, "--port", "0")
