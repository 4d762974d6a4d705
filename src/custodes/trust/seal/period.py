# SPDX-License-Identifier: Apache-2.0
"""Sealing one period, and closing what a crash has left open. Pure: bytes in, bytes out.

Order of durability (the caller's): ``opening`` and ``shares`` before the first byte of the segment; then the segment's
``preamble`` and its records in order; last the closing manifest. A crash between any two of them leaves a prefix that
``recover`` closes. A segment is never resumed: what follows is a new period with a new key.
"""

import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from custodes.clock import SECOND, Instant
from custodes.domain.ids import KeyId
from custodes.domain.video import TICKS, Gap
from custodes.errors import corrupt
from custodes.trust.seal import segment as segments
from custodes.trust.seal.custodians import CustodianSet
from custodes.trust.seal.fields import sha256
from custodes.trust.seal.header import PeriodHeader, Quorum, SealedHeader, seal_header
from custodes.trust.seal.manifest import (
    CLOSING,
    OPENING,
    CloseReason,
    StatedGap,
    closing_body,
    opening_body,
    parse_opening,
)
from custodes.trust.seal.segment import PREAMBLE_BYTES, FragmentRecord
from custodes.trust.seal.shares import KEY_BYTES, PeriodKeys, key_commitment, seal_shares
from custodes.trust.seal.signing import PublicKey, SigningKey
from custodes.trust.seal.wrapping import WrappingPublicKey

__all__ = ["CloseReason", "PeriodHeader", "PeriodSealer", "SealedHeader", "recover"]


class PeriodSealer:
    """Seals one period. Holds the period's key in memory until ``close``; gives out nothing that could open it."""

    def __init__(
        self,
        header: PeriodHeader,
        custodians: CustodianSet,
        recorder: SigningKey,
        entropy: Callable[[int], bytes] = os.urandom,
        dated: Mapping[int, WrappingPublicKey] | None = None,
    ) -> None:
        """``dated``: the custodians' wrapping keys of the day, by index; others' shares go under the set's own keys."""
        self._sealed = seal_header(header, Quorum.of(custodians))
        self._recorder = recorder
        key = entropy(KEY_BYTES)
        self._keys: PeriodKeys | None = PeriodKeys.derive(key, self._sealed.digest)
        places, self._shares = seal_shares(key, self._sealed, custodians, dated)
        commitment = key_commitment(self._sealed.digest, key)
        self._opening = recorder.sign(OPENING, opening_body(self._sealed, commitment, places))
        self._records: list[FragmentRecord] = []
        self._length = PREAMBLE_BYTES

    @property
    def opening(self) -> bytes:
        """The signed opening manifest: durable before the first byte of the segment."""
        return self._opening

    @property
    def shares(self) -> bytes:
        """The share object: durable before the first byte of the segment, kept apart from it."""
        return self._shares

    @property
    def preamble(self) -> bytes:
        """The first bytes of the segment file."""
        return segments.preamble(self._sealed.digest)

    @property
    def length(self) -> int:
        """Bytes of the segment so far, preamble included."""
        return self._length

    def seal_init(self, init: bytes) -> bytes:
        """Return the record of the init segment (``ftyp`` and ``moov``); it comes first."""
        if self._records:
            raise ValueError("the init segment comes first")
        return self._seal(init, (), self._sealed.header.started, 0)

    def seal(self, fragment: bytes, nals: Sequence[bytes], start: Instant, duration_ticks: int) -> bytes:
        """Return the record of one fragment, to be appended to the segment.

        ``fragment`` is one ``moof`` and ``mdat`` that ends with ``nals``, each after its length in four bytes;
        ``start`` is receiver UTC of its first packet, the duration is in ticks of 90 kHz.
        """
        if not self._records:
            raise ValueError("the init segment comes first")
        return self._seal(fragment, nals, start, duration_ticks)

    def _seal(self, fragment: bytes, nals: Sequence[bytes], start: Instant, ticks: int) -> bytes:
        if self._keys is None:
            raise ValueError("the period is closed")
        number = len(self._records)
        data, record = segments.seal_record(self._keys, self._sealed.digest, number, fragment, nals, start, ticks)
        self._records.append(segments.moved(record, self._length))
        self._length += len(data)
        return data

    def close(self, ended: Instant, gaps: Sequence[Gap] = (), reason: CloseReason = CloseReason.CUT) -> bytes:
        """Forget the key and return the signed closing manifest."""
        self._keys = None
        stated = [StatedGap(gap.began, gap.cause) for gap in gaps]
        body = closing_body(self._sealed, sha256(self._opening), ended, reason, self._length, self._records, stated)
        return self._recorder.sign(CLOSING, body)


def recover(
    opening: bytes,
    segment: bytes | BinaryIO,
    recorder: SigningKey,
    recorders: Mapping[KeyId, PublicKey] | None = None,
) -> bytes:
    """Close a segment that a crash left open: return a closing manifest that names its durable length.

    Only whole records count; what follows them was never promised to anybody and may be cut off. Their commitments to
    the plaintext stand in the records themselves, so nothing is missing from the manifest but the gaps. ``recorders``
    are the keys that may have signed the opening manifest (None: ``recorder`` itself), ``recorder`` signs now. Raises
    ``CustodesError``: CORRUPT if the segment belongs to another opening manifest or that one was changed, DENIED if
    another recorder opened it. An empty, torn or unwritten preamble is a period without a byte.
    """
    manifest = parse_opening(opening, recorders or {recorder.public.id: recorder.public})
    stream = io.BytesIO(segment) if isinstance(segment, bytes) else segment
    first = stream.read(PREAMBLE_BYTES)
    records: list[FragmentRecord] = []
    length = 0
    if len(first) == PREAMBLE_BYTES and any(first):
        if segments.read_preamble(first) != manifest.sealed.digest:
            raise corrupt("the segment belongs to another period")
        records = list(segments.whole_records(stream))
        length = PREAMBLE_BYTES + sum(record.length for record in records)
    header = manifest.sealed.header
    ended = max((Instant(record.start + record.ticks * SECOND // TICKS) for record in records), default=header.started)
    body = closing_body(manifest.sealed, manifest.digest, ended, CloseReason.RECOVERED, length, records, ())
    return recorder.sign(CLOSING, body)
