# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of the table in docs/threat-model.md that need an attack of their own: what is refused, what is revealed."""

import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from tests.custody_bundle import disclose
from tests.custody_world import INIT, MINUTE, START, Recorded, World, forge, fragment_of, source

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import PeriodId, Term
from custodes.errors import CustodesError, Kind
from custodes.trust.seal.manifest import parse_closing, parse_opening
from custodes.trust.seal.period import PeriodHeader, PeriodSealer
from custodes.trust.seal.segment import FragmentRecord, open_record
from custodes.trust.seal.shares import PeriodKeys, combine_shares, open_share, read_shares
from custodes.trust.verify.bundle import verify_bundle
from custodes.trust.verify.report import Report


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def _times(a: int, b: int) -> int:
    """Multiply in GCM's field (SP 800-38D, 6.3); bit 0 is the highest."""
    product = 0
    for bit in range(127, -1, -1):
        product ^= b if a >> bit & 1 else 0
        b = b >> 1 ^ (0xE1 << 120 if b & 1 else 0)
    return product


def _inverse(value: int) -> int:
    result, square = 1 << 127, value
    for _ in range(127):
        square = _times(square, square)
        result = _times(result, square)
    return result


def _block(key: bytes, data: bytes) -> int:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as GCM uses it
    return int.from_bytes(encryptor.update(data), "big")


def _one_ciphertext_for_two_keys(first: tuple[bytes, bytes], second: tuple[bytes, bytes]) -> bytes:
    """Two blocks and a tag that AES-256-GCM opens under both (key, nonce): one block is free, so the tags can agree."""
    shown = int.from_bytes(b"an innocent view", "big")
    lengths, sums, powers = 2 * 128, 0, 0
    for key, nonce in (first, second):
        h = _block(key, bytes(16))
        square = _times(h, h)
        sums ^= _times(shown, _times(square, h)) ^ _times(lengths, h) ^ _block(key, nonce + b"\0\0\0\1")
        powers ^= square
    free = _times(sums, _inverse(powers))
    key, nonce = first
    h = _block(key, bytes(16))
    square = _times(h, h)
    tag = _times(shown, _times(square, h)) ^ _times(free, square) ^ _times(lengths, h)
    tag ^= _block(key, nonce + b"\0\0\0\1")
    return b"".join(part.to_bytes(16, "big") for part in (shown, free, tag))


def test_one_ciphertext_under_two_keys_opens_under_the_one_that_was_committed_to_only(world: World) -> None:
    """AES-GCM alone lets a recorder make one ciphertext with two films in it, and choose later which one to show."""
    header = parse_opening(world.record().opening, world.policy.recorder_keys).sealed.digest
    keys = [PeriodKeys.derive(bytes([number]) * 32, header) for number in (1, 2)]
    salt = bytes(24)
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + header + bytes(4)
    derived = [HKDFExpand(SHA512(), 76, info).derive(key.encryption) for key in keys]
    chunk = _one_ciphertext_for_two_keys(*((found[:32], found[32:44]) for found in derived))
    films = [AESGCM(found[:32]).decrypt(found[32:44], chunk, None) for found in derived]
    assert films[0] != films[1]
    message = salt + derived[0][44:] + chunk
    record = parse_closing(world.record().closing, world.policy.recorder_keys).fragments[0]
    stated, data = _record(record, keys[0], films[0], message)
    assert open_record(keys[0], header, stated, data) == films[0]
    with pytest.raises(CustodesError, match="does not open with the period's key") as problem:
        open_record(keys[1], header, stated, data)
    assert problem.value.kind is Kind.CORRUPT


def _record(like: FragmentRecord, keys: PeriodKeys, plaintext: bytes, message: bytes) -> tuple[FragmentRecord, bytes]:
    """A record, and what a manifest states of it, with a ciphertext of the forger's."""
    head = hmac.digest(keys.commitment, b"\0" + hashlib.sha256(plaintext).digest(), "sha256")
    nals = hmac.digest(keys.commitment, b"\1" + hashlib.sha256(b"").digest(), "sha256")
    start = struct.pack(">IIQII32s32s", 0, len(message), like.start, like.ticks, 0, head, nals)
    digest = hashlib.sha256(start + message).digest()
    stated = replace(like, length=120 + len(message), head=head, nals=nals, digest=digest)  # type: ignore[arg-type]
    return stated, start + digest + message


def test_a_key_that_the_recorder_did_not_commit_to_is_refused_however_many_shares_give_it(world: World) -> None:
    opening = parse_opening(world.record().opening, world.policy.recorder_keys)
    theirs = world.record(camera=1)
    other = parse_opening(theirs.opening, world.policy.recorder_keys)
    boxes = read_shares(canonical.load_object(theirs.shares), other.sealed.digest, other.shares)
    shares = [open_share(boxes[n], other.sealed, other.shares[n], world.wrapping[n]) for n in (0, 1)]
    with pytest.raises(CustodesError, match="do not give the key"):
        combine_shares(shares, opening.sealed.digest, opening.key_commitment)


@pytest.mark.parametrize("hours", [24, 8760])
def test_a_retention_that_was_changed_in_a_header_fits_no_share_even_if_the_recorder_signs_it(
    world: World, hours: int
) -> None:
    period = world.record()
    true = parse_opening(period.opening, world.policy.recorder_keys)
    header = canonical.member(canonical.member(canonical.load_object(period.opening), "body"), "header")
    changed = {**header, "retention": {"class": "long", "hours": hours}}
    lie = parse_opening(forge(period.opening, world.recorder, header=changed), world.policy.recorder_keys)
    shares = canonical.load_object(period.shares)
    with pytest.raises(CustodesError, match="another period"):
        read_shares(shares, lie.sealed.digest, lie.shares)
    box = read_shares(shares, true.sealed.digest, true.shares)[0]
    with pytest.raises(CustodesError, match="does not open"):
        open_share(box, lie.sealed, lie.shares[0], world.wrapping[0])


def _detail(report: Report, name: str) -> tuple[bool, str]:
    return next((check.ok, check.detail) for check in report.checks if check.name == name)


def test_a_minute_that_was_written_into_the_log_days_later_is_shown_with_its_delay(world: World) -> None:
    """Invented history can be logged late only, and the bundle says how late witnesses first saw it."""
    period = world.record()
    world.clock.advance(3 * 24 * 3600 * SECOND)
    documents = world.commit([period])
    path = disclose(world, world.logged_request(world.ask()), [period], documents)
    assert _detail(verify_bundle(path, world.policy), "times") == (
        True,
        f"witnesses saw every recording in the log at most {3 * 24 * 3600 - 60} s after its end",
    )


def test_a_recorder_whose_clock_is_ahead_is_refused_by_the_witnesses_time(world: World) -> None:
    start = Instant(START + 2 * MINUTE)
    period = world.record(start=start)
    world.clock.advance(MINUTE)
    documents = world.commit([period])
    world.clock.advance(5 * MINUTE)
    request = world.logged_request(world.ask(start=start, end=Instant(start + MINUTE)))
    ok, detail = _detail(verify_bundle(disclose(world, request, [period], documents), world.policy), "times")
    assert (ok, "the recorder's clock was wrong" in detail) == (False, True)


def _recorded_under(world: World, header: PeriodHeader) -> Recorded:
    sealer = PeriodSealer(header, world.set, world.recorder, world.draw)
    units = [b"\x65" + world.draw(300)]
    data = fragment_of(units)
    segment = sealer.preamble + sealer.seal_init(INIT) + sealer.seal(data, units, header.started, 60 * 90_000)
    closing = sealer.close(Instant(START + MINUTE))
    period = PeriodId(header.period.camera, header.period.start, Term(1))
    return Recorded(period, sealer.opening, sealer.shares, segment, closing, tuple(units), INIT + data)


def test_a_header_that_names_a_state_of_the_log_that_came_later_is_refused(world: World) -> None:
    """Clock fraud the other way: a period that was made up later knows more of the log than its log entry allows."""
    period = _recorded_under(world, replace(world.header(), checkpoint_size=1_000))
    world.clock.advance(2 * MINUTE)
    documents = world.commit([period])
    path = disclose(world, world.logged_request(world.ask()), [period], documents)
    ok, detail = _detail(verify_bundle(path, world.policy), "times")
    assert (ok, "did not exist when it was recorded" in detail) == (False, True)


def test_a_stranger_with_every_share_on_the_operators_disk_opens_none(world: World) -> None:
    """Copied disks and stolen servers hold wrapped shares; the keys are in other houses."""
    period = world.record()
    opening = parse_opening(period.opening, world.policy.recorder_keys)
    boxes = read_shares(canonical.load_object(period.shares), opening.sealed.digest, opening.shares)
    thief = type(world.wrapping[0]).generate(source("thief"))
    for box, place in zip(boxes, opening.shares, strict=True):
        with pytest.raises(CustodesError, match="does not open"):
            open_share(box, opening.sealed, place, thief)
