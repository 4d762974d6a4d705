# SPDX-License-Identifier: Apache-2.0
"""Hostile input: every parser raises ``CustodesError`` only; what it accepts it writes back unchanged."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.tlog.tlog_tools import MemoryTiles, cosign, log_signers, policy_of, witness_signers

from custodes.errors import CustodesError
from custodes.trust.tlog.checkpoint import SignedCheckpoint
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.note import Note, parse_vkey
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import make_receipt, parse_receipt, verify_receipt
from custodes.trust.tlog.tiles import encode_entry, parse_bundle, parse_tile
from custodes.trust.tlog.witness import build_request, parse_request

_LOG = Log(MemoryTiles(), log_signers())
_LOG.append([b"one", b"two", b"three"])
cosign(_LOG, witness_signers())
CHECKPOINT = _LOG.checkpoint()
RECEIPT = _LOG.receipt(1)
POLICY = policy_of("witness.example/w1", k=1)


def damaged(original: bytes) -> st.SearchStrategy[bytes]:
    """The original with a piece of it replaced."""

    def replace(start: int, length: int, piece: bytes) -> bytes:
        return original[:start] + piece + original[start + length :]

    return st.builds(replace, st.integers(0, len(original)), st.integers(0, 40), st.binary(max_size=40))


T = TypeVar("T")


def attempt(parse: Callable[[bytes], T], data: bytes) -> T | None:
    try:
        return parse(data)
    except CustodesError:
        return None


@given(st.binary(max_size=300) | damaged(CHECKPOINT))
@example(b"\n\n\xe2\x80\x94 a AAAAAAA=\n")
def test_a_note_that_parses_is_the_one_that_is_written(data: bytes) -> None:
    note = attempt(Note.parse, data)
    if note is not None:
        assert note.serialise() == data
    signed = attempt(SignedCheckpoint.parse, data)
    if signed is not None:
        assert signed.checkpoint.text == signed.note.text


@given(st.binary(max_size=300) | damaged(RECEIPT))
def test_a_damaged_receipt_proves_nothing_else(data: bytes) -> None:
    parsed = attempt(parse_receipt, data)
    if parsed is not None:
        remade = make_receipt(parsed.index, parsed.path, parsed.signed.serialise(), parsed.extra)
        assert remade == data
    verified = attempt(lambda receipt: verify_receipt(receipt, b"two", POLICY), data)
    if verified is not None:
        assert verified.index == 1
        assert verified.checkpoint == SignedCheckpoint.parse(CHECKPOINT).checkpoint


@given(st.text(max_size=120) | damaged(POLICY.log_keys[0].__str__().encode()).map(lambda data: data.decode("latin-1")))
def test_a_verifier_key_that_parses_is_the_one_that_is_written(text: str) -> None:
    key = attempt(lambda _: parse_vkey(text), b"")
    if key is not None:
        assert str(key) == text


@given(st.binary(max_size=200) | damaged(POLICY.serialise().encode()))
def test_a_policy_that_parses_means_the_same_when_written_and_read_again(data: bytes) -> None:
    policy = attempt(TlogPolicy.parse, data)
    if policy is not None:
        assert TlogPolicy.parse(policy.serialise()) == policy


@given(st.binary(max_size=300) | damaged(build_request(1, _LOG.prove_consistency(1, 3), CHECKPOINT)))
def test_a_request_that_parses_is_the_one_that_is_written(data: bytes) -> None:
    request = attempt(parse_request, data)
    if request is not None:
        assert build_request(request.old, request.proof, request.signed.serialise()) == data


@given(st.binary(max_size=600), st.integers(1, 256))
def test_bundles_and_tiles_hold_exactly_what_their_width_says(data: bytes, width: int) -> None:
    entries = attempt(lambda raw: parse_bundle(raw, width), data)
    if entries is not None:
        assert len(entries) == width
        assert b"".join(encode_entry(entry) for entry in entries) == data
    hashes = attempt(lambda raw: parse_tile(raw, width), data)
    assert (hashes is not None) == (len(data) == 32 * width)
