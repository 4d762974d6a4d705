# SPDX-License-Identifier: Apache-2.0
"""Witnessing (C2SP tlog-witness): the witness, which cosigns what continues what it has seen, and the log's side."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from custodes.errors import CustodesError, Kind, conflict, corrupt, denied, unavailable
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.head import decimal, hash_from_base64, to_base64
from custodes.trust.tlog.merkle import EMPTY_ROOT, MAX_PATH, verify_consistency
from custodes.trust.tlog.note import MAX_NOTE, Note, Signature, Signer, VerifierKey, parse_signature
from custodes.trust.tlog.source import Post
from custodes.trust.tlog.store import write_durably

MAX_REQUEST = MAX_NOTE + 8 * 1024
_TEXT = "text/plain; charset=utf-8"
_SIZE = "text/x.tlog.size"
_ATTEMPTS = 3

Answer = tuple[int, str, bytes]
"""HTTP status, content type, body."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """An ``add-checkpoint`` request: the size the log believes the witness has seen, the proof from there, and the new
    checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    signed: SignedCheckpoint


def build_request(old: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Return the body of an ``add-checkpoint`` request."""
    lines = [f"old {old}", *(to_base64(value) for value in proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + checkpoint


def parse_request(body: bytes) -> AddCheckpoint:
    """Parse the body of an ``add-checkpoint`` request; raises ``CustodesError`` (CORRUPT)."""
    if len(body) > MAX_REQUEST:
        raise corrupt("add-checkpoint: the request is too long")
    head, separator, checkpoint = body.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    if not separator or not lines[0].startswith("old ") or len(lines) > 1 + MAX_PATH:
        raise corrupt("add-checkpoint: 'old', at most 63 hashes, an empty line and a checkpoint are expected")
    proof = tuple(hash_from_base64(line, "add-checkpoint proof") for line in lines[1:])
    return AddCheckpoint(decimal(lines[0].removeprefix("old "), "old size"), proof, SignedCheckpoint.parse(checkpoint))


class StateStore(Protocol):
    """The latest checkpoint cosigned for each log, as it was answered."""

    def load(self, origin: str) -> bytes | None:
        """Return the checkpoint, None if the log was never cosigned."""
        ...

    def save(self, origin: str, checkpoint: bytes) -> None:
        """Replace it in one step; when this returns, it is durable."""
        ...


class FolderStates:
    """One file per log, named by the SHA-256 of its origin (as tlog-witness names it for monitors)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, origin: str) -> bytes | None:
        return self.published(origin_hash(origin))

    def published(self, name: str) -> bytes | None:
        """Return the checkpoint of the log whose ``origin_hash`` is ``name``."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def save(self, origin: str, checkpoint: bytes) -> None:
        write_durably(self._folder / origin_hash(origin), checkpoint)


def origin_hash(origin: str) -> str:
    """Return the name under which monitors ask for a log's checkpoint."""
    return sha256(origin.encode()).hexdigest()


class Witness:
    """Cosigns checkpoints that continue the ones it has cosigned. Safe to share between threads.

    ``known_logs`` returns the keys trusted for an origin, none for an unknown log; it is asked at every request.
    """

    def __init__(
        self, states: StateStore, signers: Sequence[Signer], known_logs: Callable[[str], Sequence[VerifierKey]]
    ) -> None:
        self._states = states
        self._signers = tuple(signers)
        self._known_logs = known_logs
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Sign nothing more; returns when a request that is being answered has left its state behind."""
        with self._lock:
            self._closed = True

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer an ``add-checkpoint`` request; what went wrong is in the status, never an exception of the input."""
        try:
            request = parse_request(body)
        except CustodesError as problem:
            return _refusal(400, problem)
        keys = self._known_logs(request.signed.checkpoint.origin)
        if not keys:
            return 404, _TEXT, b"this witness does not know the log\n"
        try:
            log_signatures = _signatures_of(request.signed.note, keys)
        except CustodesError as problem:
            return _refusal(403, problem)
        # Comparing with the last state, keeping the new one and signing are one step: of two requests that continue the
        # same state, the second must find the first one's.
        with self._lock:
            return self._advance(request, log_signatures)

    def _advance(self, request: AddCheckpoint, log_signatures: Sequence[Signature]) -> Answer:
        new = request.signed.checkpoint
        if self._closed:
            return 503, _TEXT, b"this witness is stopping\n"
        if request.old > new.size:
            return 400, _TEXT, b"the old size is larger than the checkpoint\n"
        last = self._last(new.origin)
        if request.old != last.size:
            return 409, _SIZE, f"{last.size}\n".encode()
        try:
            if new.size == 0 and new.root != EMPTY_ROOT:
                raise corrupt("the root of an empty log is wrong")
            # Never seen and seen empty are the same: the empty tree begins every tree.
            verify_consistency(last.size, new.size, request.proof, (last.root, new.root))
        except CustodesError as problem:
            return _refusal(422, problem)
        cosignatures = [signer.sign(request.signed.note.text) for signer in self._signers]
        published = Note(request.signed.note.text, (*log_signatures, *cosignatures))
        # A crash before this: the log asks again. After it: the log gets a 409 with the new size and asks again.
        self._states.save(new.origin, published.serialise())
        return 200, _TEXT, "".join(f"{signature.line}\n" for signature in cosignatures).encode()

    def _last(self, origin: str) -> Checkpoint:
        state = self._states.load(origin)
        return Checkpoint(origin, 0, EMPTY_ROOT) if state is None else SignedCheckpoint.parse(state).checkpoint


def _signatures_of(note: Note, keys: Sequence[VerifierKey]) -> list[Signature]:
    """The note's signatures by ``keys``, verified; raises ``CustodesError`` if one is wrong or there is none."""
    note.verify(keys)
    known = {(key.name, key.key_id) for key in keys}
    return [signature for signature in note.signatures if (signature.name, signature.key_id) in known]


def _refusal(status: int, problem: CustodesError) -> Answer:
    return status, _TEXT, f"{problem}\n".encode()


class Cosigned(Protocol):
    """What the log's side needs of a log (``log.Log``)."""

    def checkpoint(self) -> bytes: ...

    def prove_consistency(self, old: int, new: int) -> list[bytes]: ...

    def attach(self, cosignature_lines: Sequence[str], size: int) -> None: ...


class WitnessClient:
    """The log's side of one witness: asks for cosignatures and publishes them. For one thread.

    ``keys``: all of the witness's; each must cosign. ``post``: sends to ``<prefix>/add-checkpoint``.
    """

    def __init__(self, keys: Sequence[VerifierKey], post: Post) -> None:
        self._keys = tuple(keys)
        self._post = post
        self._seen = 0

    def cosign(self, log: Cosigned) -> int:
        """Have the log's current checkpoint cosigned and published with it; returns its size.

        Raises ``CustodesError``: UNAVAILABLE (no answer), DENIED (the witness refuses), CORRUPT (a wrong cosignature),
        CONFLICT (the log grew meanwhile: ask again; or the witness has seen a longer log: this one was rolled back).
        """
        for _ in range(_ATTEMPTS):
            signed = SignedCheckpoint.parse(log.checkpoint())
            size = signed.checkpoint.size
            if self._seen > size:
                raise conflict(f"the witness has seen {self._seen} entries of this log, which has {size}: rolled back?")
            proof = log.prove_consistency(self._seen, size)
            status, body = self._post(build_request(self._seen, proof, signed.serialise()))
            if status == 200:
                log.attach(self._checked(signed, body), size)
                self._seen = size
                return size
            if status != 409:
                raise _problem(status, body)
            self._seen = decimal(body.decode("ascii", "replace").removesuffix("\n"), "the witness's size")
        raise conflict("the witness hears of this log from somebody else at the same time")

    def _checked(self, signed: SignedCheckpoint, body: bytes) -> list[str]:
        lines = body.decode("utf-8", "replace").removesuffix("\n").split("\n")
        note = Note(signed.note.text, tuple(parse_signature(line) for line in lines))
        cosignatures = _signatures_of(note, self._keys)
        if {(line.name, line.key_id) for line in cosignatures} != {(key.name, key.key_id) for key in self._keys}:
            raise corrupt("the witness did not cosign with all of its keys")
        return [signature.line for signature in cosignatures]


def _problem(status: int, body: bytes) -> CustodesError:
    text = body[:200].decode("utf-8", "replace").strip() or "no reason given"
    if status == 422:
        return CustodesError(Kind.CONFLICT, f"the witness refuses, this log contradicts an earlier checkpoint: {text}")
    if status in (400, 403, 404):
        return denied(f"the witness refuses ({status}): {text}")
    return unavailable(f"the witness answers {status}: {text}")
