# SPDX-License-Identifier: AGPL-3.0-or-later
"""The witness: a program that others run, which cosigns the checkpoints of logs it watches (C2SP tlog-witness).

Its folder (0700): ``key`` (0600, canonical JSON: name and two seeds), ``vkey`` (public halves, one per line), ``logs``
(verifier keys of the logs it knows, one per line) and ``state/`` (per log, the last checkpoint it cosigned). Whoever
restores an old ``state/`` makes the witness sign a fork: back up the keys only.
"""

import fcntl
import os
import re
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from custodes.clock import Clock, SystemClock
from custodes.domain import canonical
from custodes.errors import CustodesError, conflict, invalid, unavailable
from custodes.trust.tlog.note import Ed25519Cosigner, MlDsa44Signer, SignatureType, Signer, VerifierKey, parse_vkeys
from custodes.trust.tlog.store import make_folder, write_durably
from custodes.trust.tlog.witness import MAX_REQUEST, Answer, FolderStates, Witness

_TEXT = "text/plain; charset=utf-8"
_LOG_TYPES = (SignatureType.ED25519, SignatureType.MLDSA44_COSIGNATURE)
_MONITOR = re.compile(r"/([0-9a-f]{64})/checkpoint")
_LENGTH = re.compile(r"[0-9]{1,7}")
_CONNECTIONS = 64
"""Open at a time; one more is closed if none of them ends within a second."""


def init(folder: Path, name: str, entropy: Callable[[int], bytes] = os.urandom) -> list[str]:
    """Make a witness with its own keys; returns its verifier keys (ML-DSA-44 first, then Ed25519).

    ``name``: a scheme-less address such as ``witness.example/w1``; it need not be reachable. Raises ``CustodesError``
    (CONFLICT) if there is a witness in ``folder``, (CORRUPT) for a name that notes cannot carry.
    """
    if (folder / "key").exists():
        raise conflict(f"there is a witness in {folder} already")
    secret: canonical.JsonObject = {"v": 1, "name": name, "mldsa44": entropy(32).hex(), "ed25519": entropy(32).hex()}
    vkeys = [signer.vkey for signer in _signers(secret, SystemClock())]
    make_folder(folder)
    folder.chmod(0o700)
    write_durably(folder / "logs", b"")
    write_durably(folder / "vkey", "".join(f"{vkey}\n" for vkey in vkeys).encode())
    # Last: a witness exists once its key does. A crash before this leaves a folder that init can be run on again.
    write_durably(folder / "key", canonical.dumps(secret), 0o600)
    return vkeys


def trust_log(folder: Path, vkeys: Sequence[str]) -> None:
    """Have the witness cosign the logs of these verifier keys too, also while it is serving.

    Raises ``CustodesError`` (CORRUPT, INVALID) for what is no log's verifier key.
    """
    added = parse_vkeys("\n".join(vkeys))
    if not added or any(key.type not in _LOG_TYPES for key in added):
        raise invalid("a log's verifier key is expected: Ed25519 or ML-DSA-44")
    known = _logs(folder)
    merged = [*known, *(key for key in added if key not in known)]
    write_durably(folder / "logs", "".join(f"{key}\n" for key in merged).encode())


def serve(
    folder: Path,
    port: int,
    ready: Callable[[str], None],
    stop: threading.Event,
    clock: Clock | None = None,
) -> None:
    """Answer on 127.0.0.1 until ``stop`` is set; ``port`` 0 takes a free one. ``ready`` is given the prefix.

    ``POST /add-checkpoint``, ``GET /vkey``, ``GET /<SHA-256 of the origin>/checkpoint`` (for monitors). Raises
    ``CustodesError``: INVALID or CORRUPT without usable keys, CONFLICT if this witness runs already, UNAVAILABLE if
    the port is taken.
    """
    secret = canonical.load_object(_read(folder / "key"))
    signers = _signers(secret, clock or SystemClock())
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _claim(descriptor, folder)
        try:
            server = _Server(folder, port, signers)
        except (OSError, OverflowError):
            raise unavailable(f"port {port} cannot be used") from None
        with server:
            # Polled often, so that stopping is quick; the loop only waits.
            loop = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="witness")
            loop.start()
            try:
                ready(f"http://127.0.0.1:{server.server_address[1]}")
                stop.wait()
            finally:
                server.shutdown()
                loop.join()
                # Connections may linger; none of them may sign once another process can hold this folder.
                server.witness.close()
    finally:
        os.close(descriptor)


def _claim(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise conflict(f"the witness in {folder} is running already") from None


def _signers(secret: canonical.JsonObject, clock: Clock) -> list[Signer]:
    name = canonical.text(secret, "name")
    return [
        MlDsa44Signer(name, canonical.hexadecimal(secret, "mldsa44", 32), clock),
        Ed25519Cosigner(name, canonical.hexadecimal(secret, "ed25519", 32), clock),
    ]


def _logs(folder: Path) -> list[VerifierKey]:
    return parse_vkeys(_read(folder / "logs").decode("utf-8", "replace"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise invalid(f"there is no witness in {path.parent}; make one first") from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, folder: Path, port: int, signers: Sequence[Signer]) -> None:
        self.vkeys = _read(folder / "vkey")
        self.states = FolderStates(folder / "state")
        make_folder(folder / "state")
        self.witness = Witness(
            self.states, signers, lambda origin: [key for key in _logs(folder) if key.name == origin]
        )
        self.slots = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.slots.acquire(timeout=1):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Peers that vanish in the middle are no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection; its bytes and its silences are bounded."""

    protocol_version = "HTTP/1.1"
    server_version = "custodes-witness"
    sys_version = ""
    timeout = 10
    """Seconds that a peer may stay silent."""

    def do_GET(self) -> None:
        """``/vkey`` and the monitors' ``/<origin hash>/checkpoint``."""
        server = cast("_Server", self.server)
        if self.path == "/vkey":
            self._answer((200, _TEXT, server.vkeys))
            return
        match = _MONITOR.fullmatch(self.path)
        checkpoint = server.states.published(match.group(1)) if match else None
        self._answer((404, _TEXT, b"not found\n") if checkpoint is None else (200, _TEXT, checkpoint))

    def do_POST(self) -> None:
        """``/add-checkpoint``."""
        server = cast("_Server", self.server)
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint" or not _LENGTH.fullmatch(length) or int(length) > MAX_REQUEST:
            # The body is not read, so the connection cannot be used again.
            self.close_connection = True
            self._answer((404, _TEXT, b"not found\n") if self.path != "/add-checkpoint" else _TOO_LONG)
            return
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            self.close_connection = True
            return
        try:
            answer = server.witness.add_checkpoint(body)
        except (CustodesError, OSError):
            answer = 500, _TEXT, b"this witness cannot read or keep its state\n"
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        status, content_type, body = answer
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Keep quiet: who asks is nobody's business, and what was signed is in ``state/``."""


_TOO_LONG: Answer = (413, _TEXT, b"a Content-Length of a request's usual size is expected\n")
