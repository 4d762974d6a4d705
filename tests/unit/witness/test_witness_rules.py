# SPDX-License-Identifier: Apache-2.0
"""The witness's answers (C2SP tlog-witness), and the log's side of the conversation."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.unit.tlog.tlog_tools import (
    CLOCK,
    ORIGIN,
    MemoryTiles,
    log_signers,
    policy_of,
    seed,
    witness_signers,
)

from custodes.clock import SECOND, FakeClock
from custodes.errors import CustodesError, Kind, unavailable
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.note import Ed25519Signer, Note
from custodes.trust.tlog.witness import Witness, WitnessClient, build_request, parse_request

LOG_KEYS = [signer.key for signer in log_signers()]
WITNESS_KEYS = [signer.key for signer in witness_signers()]


class MemoryStates:
    """A state that is slow to load, so that two requests that are not kept apart would both see the old one."""

    def __init__(self, barrier: threading.Barrier | None = None) -> None:
        self.kept: dict[str, bytes] = {}
        self.saves: list[int] = []
        self._barrier = barrier

    def load(self, origin: str) -> bytes | None:
        state = self.kept.get(origin)
        if self._barrier is not None:
            try:
                self._barrier.wait(0.05)
            except threading.BrokenBarrierError:
                self._barrier.reset()
        return state

    def save(self, origin: str, checkpoint: bytes) -> None:
        self.kept[origin] = checkpoint
        self.saves.append(SignedCheckpoint.parse(checkpoint).checkpoint.size)


def witness_of(states: MemoryStates) -> Witness:
    return Witness(states, witness_signers(), lambda origin: LOG_KEYS if origin == ORIGIN else [])


def new_log(count: int = 0, salt: str = "") -> Log:
    log = Log(MemoryTiles(), log_signers())
    if count:
        log.append([b"%d%s" % (number, salt.encode()) for number in range(count)])
    return log


def request(log: Log, old: int) -> bytes:
    return build_request(old, log.prove_consistency(old, log.size), log.checkpoint())


def test_a_log_that_grows_is_cosigned_at_each_step() -> None:
    states = MemoryStates()
    witness, log = witness_of(states), new_log()
    seen = 0
    for batch in (0, 1, 2, 0, 300):
        log.append([b"x"] * batch)
        status, kind, body = witness.add_checkpoint(request(log, seen))
        assert (status, kind) == (200, "text/plain; charset=utf-8")
        seen = log.size
        log.attach(body.decode().splitlines(), seen)
        assert policy_of("witness.example/w1", k=1).satisfied(SignedCheckpoint.parse(log.checkpoint()))
    assert states.saves == [0, 1, 3, 3, 303]
    # What monitors get carries the log's signatures and the witness's.
    SignedCheckpoint.parse(states.kept[ORIGIN]).verify([*LOG_KEYS, *WITNESS_KEYS])


def test_a_rolled_back_log_gets_the_size_it_once_had_and_no_cosignature() -> None:
    states = MemoryStates()
    witness, log = witness_of(states), new_log(5)
    witness.add_checkpoint(request(log, 0))
    rolled_back = new_log(3)
    for old in (0, 3):
        assert witness.add_checkpoint(request(rolled_back, old)) == (409, "text/x.tlog.size", b"5\n")
    assert witness.add_checkpoint(build_request(5, [], rolled_back.checkpoint()))[0] == 400
    assert states.saves == [5]


def test_a_forked_log_is_not_cosigned() -> None:
    states = MemoryStates()
    witness = witness_of(states)
    witness.add_checkpoint(request(new_log(5), 0))
    assert witness.add_checkpoint(request(new_log(9, "fork"), 5))[0] == 422
    assert witness.add_checkpoint(request(new_log(5, "fork"), 5))[0] == 422
    assert witness.add_checkpoint(build_request(5, [], new_log(9).checkpoint()))[0] == 422
    assert states.saves == [5]
    assert witness.add_checkpoint(request(new_log(9), 5))[0] == 200


def test_a_proof_is_refused_where_none_belongs() -> None:
    witness, log = witness_of(MemoryStates()), new_log(5)
    assert witness.add_checkpoint(build_request(0, [bytes(32)], log.checkpoint()))[0] == 422
    assert witness.add_checkpoint(request(log, 0))[0] == 200
    assert witness.add_checkpoint(build_request(5, [bytes(32)], log.checkpoint()))[0] == 422


def test_an_empty_log_has_the_root_of_the_empty_tree() -> None:
    wrong = sign(Checkpoint(ORIGIN, 0, bytes(32)), log_signers()).serialise()
    assert witness_of(MemoryStates()).add_checkpoint(build_request(0, [], wrong))[0] == 422


def test_an_unknown_log_and_an_unknown_key_are_told_apart() -> None:
    witness = witness_of(MemoryStates())
    unknown = Log(MemoryTiles(), log_signers("elsewhere.example/log"))
    assert witness.add_checkpoint(request(unknown, 0))[0] == 404
    stranger = Log(MemoryTiles(), [Ed25519Signer(ORIGIN, seed("stranger"))])
    assert witness.add_checkpoint(request(stranger, 0))[0] == 403


def test_one_wrong_signature_of_a_known_key_is_enough_to_refuse() -> None:
    log = new_log(3)
    good = SignedCheckpoint.parse(log.checkpoint()).note
    other = SignedCheckpoint.parse(new_log(4).checkpoint()).note
    mixed = Note(good.text, (good.signatures[0], other.signatures[1])).serialise()
    assert witness_of(MemoryStates()).add_checkpoint(build_request(0, [], mixed))[0] == 403


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (b"old 0\n", b"old 00\n"),
        (b"old 0\n", b"old -1\n"),
        (b"old 0\n", b"new 0\n"),
        (b"old 0\n", b"old 0\nnot a hash\n"),
        (b"old 0\n", b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64),
        (b"old 0\n\n", b"old 0\n"),
        (b"\n3\n", b"\n03\n"),
        (b"old 0\n", b"old 0\n" + b"x" * 600_000),
    ],
)
def test_a_malformed_request_is_a_bad_request(change: bytes, to: bytes) -> None:
    body = request(new_log(3), 0)
    assert witness_of(MemoryStates()).add_checkpoint(body.replace(change, to, 1))[0] == 400


def test_of_many_concurrent_requests_from_one_state_exactly_one_is_cosigned() -> None:
    states = MemoryStates(threading.Barrier(2))
    witness, log = witness_of(states), new_log(2)
    assert witness.add_checkpoint(request(log, 0))[0] == 200
    bodies = []
    for _ in range(8):
        log.append([b"more"])
        bodies.append(request(log, 2))
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer[0] for answer in pool.map(witness.add_checkpoint, bodies)]
    assert sorted(statuses) == [200] + [409] * 7
    assert states.saves == [2, 3 + statuses.index(200)]


def test_a_witness_that_is_closed_signs_nothing() -> None:
    witness = witness_of(MemoryStates())
    witness.close()
    assert witness.add_checkpoint(request(new_log(1), 0))[0] == 503


def test_the_client_finds_out_what_the_witness_knows_and_publishes_its_cosignatures() -> None:
    witness, log = witness_of(MemoryStates()), new_log(4)
    asked: list[int] = []

    def post(body: bytes) -> tuple[int, bytes]:
        asked.append(parse_request(body).old)
        status, _, answer = witness.add_checkpoint(body)
        return status, answer

    assert WitnessClient(WITNESS_KEYS, post).cosign(log) == 4
    log.append([b"more"])
    client = WitnessClient(WITNESS_KEYS, post)
    assert client.cosign(log) == 5
    log.append([b"more"])
    assert client.cosign(log) == 6
    assert asked == [0, 0, 4, 5]
    policy_of("witness.example/w1", k=1).satisfied(SignedCheckpoint.parse(log.checkpoint()))


def test_the_client_says_that_a_log_was_rolled_back_or_rewritten() -> None:
    witness = witness_of(MemoryStates())

    def post(body: bytes) -> tuple[int, bytes]:
        status, _, answer = witness.add_checkpoint(body)
        return status, answer

    WitnessClient(WITNESS_KEYS, post).cosign(new_log(5))
    for log in (new_log(3), new_log(7, "fork")):
        before = log.checkpoint()
        with pytest.raises(CustodesError) as caught:
            WitnessClient(WITNESS_KEYS, post).cosign(log)
        assert caught.value.kind is Kind.CONFLICT
        assert log.checkpoint() == before


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((200, b""), Kind.CORRUPT),
        ((200, b"\xff\n"), Kind.CORRUPT),
        ((409, b"x\n"), Kind.CORRUPT),
        ((403, b"no\n"), Kind.DENIED),
        ((404, b""), Kind.DENIED),
        ((422, b"fork\n"), Kind.CONFLICT),
        ((500, b""), Kind.UNAVAILABLE),
        ((302, b""), Kind.UNAVAILABLE),
    ],
)
def test_whatever_the_witness_answers_the_client_raises_one_type(answer: tuple[int, bytes], kind: Kind) -> None:
    with pytest.raises(CustodesError) as caught:
        WitnessClient(WITNESS_KEYS, lambda _: answer).cosign(new_log(3))
    assert caught.value.kind is kind


def test_a_wrong_or_missing_cosignature_is_never_published() -> None:
    log = new_log(3)
    text, other = (SignedCheckpoint.parse(one.checkpoint()).note.text for one in (log, new_log(4)))
    pq, classic = witness_signers()
    before = log.checkpoint()
    for lines in (
        [pq.sign(text).line],
        [pq.sign(text).line, classic.sign(other).line],
        [signer.sign(text).line for signer in witness_signers("witness.example/w2", FakeClock(SECOND))],
    ):
        body = "".join(f"{line}\n" for line in lines).encode()
        with pytest.raises(CustodesError) as caught:
            WitnessClient(WITNESS_KEYS, lambda _, body=body: (200, body)).cosign(log)
        assert caught.value.kind is Kind.CORRUPT
        assert log.checkpoint() == before


def test_an_unreachable_witness_leaves_the_log_as_it_is() -> None:
    def post(_: bytes) -> tuple[int, bytes]:
        raise unavailable("nobody there")

    log = new_log(3)
    with pytest.raises(CustodesError):
        WitnessClient(WITNESS_KEYS, post).cosign(log)
    assert log.size == 3
    assert CLOCK.now() == FakeClock().now()
