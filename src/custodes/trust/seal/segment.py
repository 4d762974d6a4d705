# SPDX-License-Identifier: Apache-2.0
"""The sealed segment: a preamble, then one record for the init segment and one for every fragment.

A record's own header holds what the closing manifest will say of it, under a hash, so that recovery after a crash can
tell a whole record from a torn one without any key. All numbers are big-endian.
"""

import hmac
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag

from custodes.clock import Instant
from custodes.domain.ids import Digest
from custodes.errors import corrupt
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.shares import PeriodKeys

MAGIC = b"custodes-segment"
VERSION = 1
_PREAMBLE = struct.Struct(">16sI32s")
PREAMBLE_BYTES = _PREAMBLE.size
_RECORD = struct.Struct(">IIQII32s32s")
RECORD_BYTES = _RECORD.size + 32
"""Bytes in front of each ciphertext: number, length, start, ticks, units, two commitments, digest."""
MAX_CIPHERTEXT = 64 * 1024 * 1024
"""No fragment of at most a second is larger; readers refuse what claims to be."""

_MESSAGE_OVERHEAD, _CHUNK, _TAG = 24 + 32, 16 * 1024, 16
"""C2SP chunked-encryption: salt and commitment, then chunks of 16 KiB with their tags, the last one shorter."""


@dataclass(frozen=True, slots=True)
class FragmentRecord:
    """One record, as its header and the closing manifest state it.

    ``offset`` and ``length`` are of the whole record in the file, ``start`` is receiver UTC of the first packet,
    ``ticks`` the duration at 90 kHz, ``units`` the number of NAL units. ``head`` and ``nals`` are commitments to the
    plaintext (see ``commitments``), ``digest`` is the SHA-256 of the record without the digest itself.
    """

    number: int
    offset: int
    length: int
    start: Instant
    ticks: int
    units: int
    head: Digest
    nals: Digest
    digest: Digest


def preamble(header: Digest) -> bytes:
    """Return the first bytes of the segment file."""
    return _PREAMBLE.pack(MAGIC, VERSION, header)


def read_preamble(data: bytes) -> Digest:
    """Return the header digest; raises ``CustodesError`` (CORRUPT) if this is no segment."""
    if len(data) != PREAMBLE_BYTES:
        raise corrupt("this is not a sealed segment: it is too short")
    magic, version, header = _PREAMBLE.unpack(data)
    if magic != MAGIC or version != VERSION:
        raise corrupt("this is not a sealed segment of a version that is known")
    return Digest(header)


def join_units(nals: Sequence[bytes]) -> bytes:
    """Return the units as they lie in a media data box: each after its length in four bytes (ISO/IEC 14496-15)."""
    parts: list[bytes] = []
    for nal in nals:
        parts += (len(nal).to_bytes(4, "big"), nal)
    return b"".join(parts)


def commitments(key: bytes, head: bytes, units: bytes) -> tuple[Digest, Digest]:
    """Commit to a fragment's plaintext: HMAC-SHA-256 under the period's commitment key.

    Over ``00 SHA-256(head)`` for what comes before the first unit, and ``01 SHA-256(units)`` for the length-prefixed
    units. Keyed, so that nobody can try guesses of a picture against the manifest; the key is given out with the clip.
    """
    return (
        Digest(hmac.digest(key, b"\0" + sha256(head), "sha256")),
        Digest(hmac.digest(key, b"\1" + sha256(units), "sha256")),
    )


def seal_record(
    keys: PeriodKeys, header: Digest, number: int, fragment: bytes, nals: Sequence[bytes], start: Instant, ticks: int
) -> tuple[bytes, FragmentRecord]:
    """Encrypt one fragment: a Cobblestone-256 message with the context header digest and number.

    The plaintext must end with its length-prefixed units (``ValueError``). The record's ``offset`` is left 0.
    """
    units = join_units(nals)
    if not fragment.endswith(units):
        raise ValueError("a fragment must end with its units")
    head_commitment, nal_commitment = commitments(keys.commitment, fragment[: len(fragment) - len(units)], units)
    encryptor = Cobblestone256Encryptor(keys.encryption, _context(header, number))
    ciphertext = encryptor.update(fragment) + encryptor.finalize()
    if len(ciphertext) > MAX_CIPHERTEXT:
        raise ValueError("a fragment holds at most 64 MiB")
    stated = _RECORD.pack(number, len(ciphertext), start, ticks, len(nals), head_commitment, nal_commitment)
    digest = sha256(stated, ciphertext)
    length = RECORD_BYTES + len(ciphertext)
    record = FragmentRecord(number, 0, length, start, ticks, len(nals), head_commitment, nal_commitment, digest)
    return b"".join((stated, digest, ciphertext)), record


def moved(record: FragmentRecord, offset: int) -> FragmentRecord:
    """Return the record at its place in the file."""
    return replace(record, offset=offset)


def open_record(keys: PeriodKeys, header: Digest, record: FragmentRecord, data: bytes) -> bytes:
    """Decrypt a whole record (``data``) that the manifest states as ``record`` and check its commitments.

    Raises ``CustodesError`` (CORRUPT) if it was changed, belongs elsewhere, or is not what was committed to.
    """
    where = f"fragment {record.number}"
    check_record(record, data)
    decryptor = Cobblestone256Decryptor(keys.encryption, _context(header, record.number))
    try:
        fragment = decryptor.update(data[RECORD_BYTES:]) + decryptor.finalize()
    except InvalidTag:
        raise corrupt(f"{where} does not open with the period's key") from None
    head, units = split_fragment(fragment, record.units)
    if commitments(keys.commitment, head, units) != (record.head, record.nals):
        raise corrupt(f"{where} is not what the recorder committed to")
    return fragment


def check_record(record: FragmentRecord, data: bytes) -> None:
    """Check a whole record against what the manifest states of it; raises ``CustodesError`` (CORRUPT)."""
    stated = _RECORD.pack(
        record.number,
        record.length - RECORD_BYTES,
        record.start,
        record.ticks,
        record.units,
        record.head,
        record.nals,
    )
    if data[:RECORD_BYTES] != stated + record.digest or sha256(stated, data[RECORD_BYTES:]) != record.digest:
        raise corrupt(f"fragment {record.number} is not the one that the manifest states: the segment was changed")


def plaintext_size(record: FragmentRecord) -> int:
    """Return how many bytes the record's plaintext has: its ciphertext without salt, commitment and chunk tags.

    Raises ``CustodesError`` (CORRUPT) for a length that no Cobblestone-256 message has.
    """
    body = record.length - RECORD_BYTES - _MESSAGE_OVERHEAD
    chunks, rest = divmod(body, _CHUNK + _TAG)
    if body < _TAG or rest < _TAG:
        raise corrupt(f"fragment {record.number} has a length that no message has")
    return body - (chunks + 1) * _TAG


def split_fragment(fragment: bytes, units: int) -> tuple[bytes, bytes]:
    """Split the plaintext of a record into head and length-prefixed units.

    A record without units (the init segment) is all head. Raises ``CustodesError`` (CORRUPT) if no media data box
    ends the plaintext.
    """
    if units == 0:
        return fragment, b""
    offset = 0
    while offset + 8 <= len(fragment):
        size = int.from_bytes(fragment[offset : offset + 4], "big")
        if fragment[offset + 4 : offset + 8] == b"mdat" and offset + size == len(fragment):
            return fragment[: offset + 8], fragment[offset + 8 :]
        if size < 8:
            break
        offset += size
    raise corrupt("a fragment does not end with its media data")


def whole_records(stream: BinaryIO) -> Iterator[FragmentRecord]:
    """Yield the records of a segment, from behind its preamble, up to the first that is torn; holds one in memory."""
    offset, number = PREAMBLE_BYTES, 0
    while True:
        stated = stream.read(RECORD_BYTES)
        if len(stated) < RECORD_BYTES:
            return
        found, size, start, ticks, units, head, nals = _RECORD.unpack(stated[:-32])
        if found != number or size > MAX_CIPHERTEXT or start >= 2**63:
            return
        ciphertext = stream.read(size)
        # A file that was extended but never written reads as zeros: length alone does not make a record whole.
        if len(ciphertext) < size or sha256(stated[:-32], ciphertext) != stated[-32:]:
            return
        yield FragmentRecord(
            *(number, offset, RECORD_BYTES + size, Instant(start), ticks, units),
            *(Digest(head), Digest(nals), Digest(stated[-32:])),
        )
        offset += RECORD_BYTES + size
        number += 1


def _context(header: Digest, number: int) -> bytes:
    return header + number.to_bytes(4, "big")
