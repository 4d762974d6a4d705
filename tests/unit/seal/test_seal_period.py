# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sealed periods: round trip, binding, recovery."""

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.custody_world import INIT, MINUTE, START, Recorded, World, forge, fragment_of, source

from custodes.clock import SECOND, Instant
from custodes.domain import canonical
from custodes.domain.ids import Epoch
from custodes.domain.video import Gap, GapCause
from custodes.errors import CustodesError, Kind
from custodes.trust.seal.manifest import CloseReason, ClosingManifest, check_pair, parse_closing, parse_opening
from custodes.trust.seal.period import recover
from custodes.trust.seal.segment import (
    PREAMBLE_BYTES,
    RECORD_BYTES,
    FragmentRecord,
    open_record,
    plaintext_size,
    read_preamble,
    split_fragment,
)
from custodes.trust.seal.shares import PeriodKeys, combine_shares, open_share, read_shares
from custodes.trust.seal.signing import SigningKey


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def _shares(world: World, period: Recorded, numbers: tuple[int, ...]) -> list[bytes]:
    opening = parse_opening(period.opening, world.policy.recorder_keys)
    boxes = read_shares(canonical.load_object(period.shares), opening.sealed.digest, opening.shares)
    return [open_share(boxes[n - 1], opening.sealed, opening.shares[n - 1], world.wrapping[n - 1]) for n in numbers]


def _plain(world: World, period: Recorded, numbers: tuple[int, ...]) -> bytes:
    opening = parse_opening(period.opening, world.policy.recorder_keys)
    closing = parse_closing(period.closing, world.policy.recorder_keys)
    check_pair(opening, closing)
    header = opening.sealed.digest
    keys = PeriodKeys.derive(combine_shares(_shares(world, period, numbers), header, opening.key_commitment), header)
    return b"".join(
        open_record(keys, header, record, period.segment[record.offset : record.offset + record.length])
        for record in closing.fragments
    )


@pytest.mark.parametrize("numbers", [(1, 2), (1, 3), (3, 2)])
def test_any_k_custodians_open_exactly_what_was_sealed(world: World, numbers: tuple[int, ...]) -> None:
    period = world.record()
    assert _plain(world, period, numbers) == period.clip


def test_fewer_than_k_shares_give_another_key_and_the_commitment_tells(world: World) -> None:
    wide = World(world.folder / "wide", k=3, n=3, seed="wide")
    with pytest.raises(CustodesError, match="do not give the key"):
        _plain(wide, wide.record(), (1, 2))
    wide.close()


def test_the_segment_holds_nothing_of_the_plaintext(world: World) -> None:
    period = world.record()
    for nal in period.nals:
        assert nal[1:65] not in period.segment
    assert INIT not in period.segment


def test_the_manifest_states_every_record_and_its_plaintext_size(world: World) -> None:
    period = world.record(fragments=4)
    closing = parse_closing(period.closing, world.policy.recorder_keys)
    assert read_preamble(period.segment[:PREAMBLE_BYTES]) == closing.header
    assert closing.length == len(period.segment)
    assert [record.units for record in closing.fragments] == [0, 2, 2, 2, 2]
    assert sum(plaintext_size(record) for record in closing.fragments) == len(period.clip)
    assert closing.ended == START + MINUTE


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 32_768, 50_000])
def test_the_plaintext_size_follows_from_the_record_at_every_chunk_border(world: World, size: int) -> None:
    sealer = world.sealer()
    sealer.seal_init(bytes(size))
    record = parse_closing(sealer.close(Instant(START + 1)), world.policy.recorder_keys).fragments[0]
    assert plaintext_size(record) == size


@pytest.mark.parametrize("length", [RECORD_BYTES + 1, RECORD_BYTES + 71, RECORD_BYTES + 56 + 16_400])
def test_a_length_that_no_message_has_is_refused(world: World, length: int) -> None:
    record = parse_closing(world.record().closing, world.policy.recorder_keys).fragments[0]
    with pytest.raises(CustodesError, match="length that no message has"):
        plaintext_size(replace(record, length=length))


def test_shares_of_another_period_camera_or_epoch_do_not_fit(world: World) -> None:
    mine = parse_opening(world.record().opening, world.policy.recorder_keys)
    key = world.wrapping[0]
    others = [
        world.record(start=Instant(START + MINUTE)),
        world.record(camera=1),
        world.record(custodians=world.custodians(Epoch(2))),
    ]
    for other in others:
        shares = canonical.load_object(other.shares)
        with pytest.raises(CustodesError, match="another period"):
            read_shares(shares, mine.sealed.digest, mine.shares)
        # Whoever relabels the share object is caught by the manifest, and who changes that too by HPKE.
        shares["header"] = mine.sealed.digest.hex()
        with pytest.raises(CustodesError, match="not those that the recorder sealed"):
            read_shares(shares, mine.sealed.digest, mine.shares)
        theirs = parse_opening(other.opening, world.policy.recorder_keys)
        box = read_shares(canonical.load_object(other.shares), theirs.sealed.digest, theirs.shares)[0]
        with pytest.raises(CustodesError, match="does not open"):
            open_share(box, mine.sealed, mine.shares[0], key)


def test_shares_that_were_swapped_among_custodians_are_refused(world: World) -> None:
    period = world.record()
    opening = parse_opening(period.opening, world.policy.recorder_keys)
    shares = canonical.load_object(period.shares)
    listed = canonical.listed(shares, "shares")
    listed[0], listed[1] = listed[1], listed[0]
    with pytest.raises(CustodesError, match="not those that the recorder sealed"):
        read_shares(shares, opening.sealed.digest, opening.shares)


def test_a_fragment_does_not_open_in_another_place(world: World) -> None:
    period = world.record()
    opening = parse_opening(period.opening, world.policy.recorder_keys)
    records = parse_closing(period.closing, world.policy.recorder_keys).fragments
    header = opening.sealed.digest
    keys = PeriodKeys.derive(combine_shares(_shares(world, period, (1, 2)), header, opening.key_commitment), header)
    second = period.segment[records[2].offset : records[2].offset + records[2].length]
    with pytest.raises(CustodesError, match="not the one that the manifest states"):
        open_record(keys, header, records[1], second)
    # The same ciphertext under a manifest that claims it for another number does not open: the number is its context.
    stated = second[RECORD_BYTES:]
    moved = _restate(records[1], records[2], stated)
    with pytest.raises(CustodesError, match="does not open with the period's key"):
        open_record(keys, header, moved[0], moved[1])


def _restate(place: object, record: object, ciphertext: bytes):  # type: ignore[no-untyped-def]

    assert isinstance(place, FragmentRecord)
    assert isinstance(record, FragmentRecord)
    stated = struct.pack(
        ">IIQII32s32s",
        place.number,
        len(ciphertext),
        record.start,
        record.ticks,
        record.units,
        record.head,
        record.nals,
    )
    digest = hashlib.sha256(stated + ciphertext).digest()
    return replace(record, number=place.number, digest=digest), stated + digest + ciphertext  # type: ignore[arg-type]


def test_manifests_name_only_recorders_of_the_policy(world: World) -> None:
    period = world.record()
    stranger = SigningKey.generate(source("stranger"))
    for document, parse in ((period.opening, parse_opening), (period.closing, parse_closing)):
        with pytest.raises(CustodesError) as problem:
            parse(forge(document, stranger), world.policy.recorder_keys)
        assert problem.value.kind is Kind.DENIED


def test_manifests_of_two_periods_are_no_pair(world: World) -> None:
    first, second = world.record(), world.record(start=Instant(START + MINUTE))
    keys = world.policy.recorder_keys
    with pytest.raises(CustodesError, match="do not belong together"):
        check_pair(parse_opening(first.opening, keys), parse_closing(second.closing, keys))


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 5},
        {"reason": "because"},
        {"fragments": [{}]},
        {"fragments": []},
        {"gaps": [3]},
        {"period": "2026-11-23"},
        {"camera": "../../etc"},
        {"v": 2},
        {"more": 1},
    ],
)
def test_a_closing_manifest_that_is_not_sound_is_refused(world: World, changes: canonical.JsonObject) -> None:
    with pytest.raises(CustodesError) as problem:
        parse_closing(forge(world.record().closing, world.recorder, **changes), world.policy.recorder_keys)
    assert problem.value.kind is Kind.CORRUPT


def test_gaps_are_stated_by_cause(world: World) -> None:
    sealer = world.sealer()
    sealer.seal_init(INIT)
    gap = Gap(Instant(START + 5 * SECOND), GapCause.SILENT, "rtsp://camera.test/main")
    closing = parse_closing(sealer.close(Instant(START + MINUTE), [gap]), world.policy.recorder_keys)
    assert [(found.began, found.cause) for found in closing.gaps] == [(gap.began, gap.cause)]


def test_a_sealer_that_is_closed_or_out_of_order_refuses(world: World) -> None:
    sealer = world.sealer()
    units = [b"\x65unit"]
    with pytest.raises(ValueError, match="init segment comes first"):
        sealer.seal(fragment_of(units), units, START, 1)
    sealer.seal_init(INIT)
    with pytest.raises(ValueError, match="init segment comes first"):
        sealer.seal_init(INIT)
    with pytest.raises(ValueError, match="end with its units"):
        sealer.seal(fragment_of(units), [b"\x65other"], START, 1)
    sealer.close(START)
    with pytest.raises(ValueError, match="closed"):
        sealer.seal(fragment_of(units), units, START, 1)


def _recovered(world: World, period: Recorded, segment: bytes) -> ClosingManifest:
    closing = parse_closing(recover(period.opening, segment, world.recorder), world.policy.recorder_keys)
    check_pair(parse_opening(period.opening, world.policy.recorder_keys), closing)
    return closing


def test_recovery_names_the_durable_length_and_keeps_the_commitments(world: World) -> None:
    period = world.record()
    whole = parse_closing(period.closing, world.policy.recorder_keys)
    found = _recovered(world, period, period.segment)
    assert found.reason is CloseReason.RECOVERED
    assert found.fragments == whole.fragments
    assert found.ended == START + 40_000_000 + MINUTE
    torn = _recovered(world, period, period.segment[:-1])
    assert torn.fragments == whole.fragments[:-1]
    assert torn.length == whole.fragments[-1].offset
    assert plaintext_size(torn.fragments[0]) == len(INIT)


@pytest.mark.parametrize("segment", [b"", b"custodes", bytes(PREAMBLE_BYTES), bytes(100_000)])
def test_a_segment_without_a_durable_byte_is_a_period_without_a_byte(world: World, segment: bytes) -> None:
    found = _recovered(world, world.record(), segment)
    assert (found.length, found.fragments, found.ended) == (0, (), START + 40_000_000)


def test_a_tail_of_zeros_is_no_record(world: World) -> None:
    period = world.record()
    whole = parse_closing(period.closing, world.policy.recorder_keys)
    last = whole.fragments[-1]
    # Power was lost after the file had grown and before its blocks were written.
    zeros = period.segment[: last.offset + 200] + bytes(last.length - 200)
    assert _recovered(world, period, zeros).fragments == whole.fragments[:-1]


def test_recovery_refuses_the_segment_of_another_period(world: World) -> None:
    first, second = world.record(), world.record(start=Instant(START + MINUTE))
    with pytest.raises(CustodesError, match="another period"):
        recover(first.opening, io.BytesIO(second.segment), world.recorder)


def test_a_new_recorder_key_may_close_what_the_old_one_opened(world: World) -> None:
    period = world.record()
    fresh = SigningKey.generate(source("fresh"))
    both = {**world.policy.recorder_keys, fresh.public.id: fresh.public}
    closing = parse_closing(recover(period.opening, period.segment, fresh, both), both)
    check_pair(parse_opening(period.opening, both), closing)
    with pytest.raises(CustodesError, match="policy does not name"):
        recover(period.opening, period.segment, fresh)


def test_only_media_data_that_ends_the_plaintext_is_split() -> None:
    data = fragment_of([b"\x65unit"])
    head, units = split_fragment(data, 1)
    assert head + units == data
    assert units == b"\x00\x00\x00\x05\x65unit"
    for hostile in (data + b"\x00", data[:-1], b"", b"\x00\x00\x00\x00mdat", b"\xff" * 40):
        with pytest.raises(CustodesError, match="media data"):
            split_fragment(hostile, 1)
