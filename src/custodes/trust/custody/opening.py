# SPDX-License-Identifier: Apache-2.0
"""Opening: from k grants to the originals, on the requester's machine and nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass

from custodes.errors import CustodesError, Kind, corrupt, denied
from custodes.trust.custody.archive import Archive
from custodes.trust.custody.documents import Disclosure, ProvenPeriod
from custodes.trust.custody.grant import open_grant
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.manifest import CloseReason, ClosingManifest
from custodes.trust.seal.segment import PREAMBLE_BYTES, open_record, read_preamble
from custodes.trust.seal.shares import PeriodKeys, combine_shares
from custodes.trust.seal.wrapping import WrappingKey


@dataclass(frozen=True, slots=True)
class OpenedPeriod:
    """A period whose key came together. ``false_shares`` says whose shares were not what the recorder dealt."""

    period: ProvenPeriod
    keys: PeriodKeys
    false_shares: tuple[str, ...]


def recover_keys(disclosure: Disclosure, policy: Policy, key: WrappingKey) -> tuple[OpenedPeriod, ...]:
    """Bring the key of every period together with the request's one-time key.

    A false share is set aside, named, and made up for by another one if more than k were granted. Raises
    ``CustodesError``: DENIED with fewer than k grants or with another one-time key, CORRUPT, naming the cheats, with
    fewer than k true shares.
    """
    if key.public.id != disclosure.request.one_time_key.id:
        raise denied("this is not the one-time key of the request")
    return tuple(_recover(period, disclosure, policy, key) for period in disclosure.periods)


def _recover(period: ProvenPeriod, disclosure: Disclosure, policy: Policy, key: WrappingKey) -> OpenedPeriod:
    quorum = policy.quorum(period.opening.sealed.quorum)
    grants = disclosure.granted(period.id)
    if len(grants) < quorum.k:
        raise denied(f"{len(grants)} of the {quorum.k} grants that {period.id} needs are there")
    shares: list[bytes] = []
    false: list[str] = []
    for grant in grants:
        try:
            shares.append(open_grant(grant.periods[period.id], grant, disclosure.request, period.opening, key))
        except CustodesError as problem:
            holder = quorum.holder(grant.custodian)
            false.append(f"{holder.label if holder else grant.custodian}: {problem}")
    if len(shares) < quorum.k:
        raise corrupt("; ".join(false))
    header = period.opening.sealed.digest
    secret = combine_shares(shares[: quorum.k], header, period.opening.key_commitment)
    return OpenedPeriod(period, PeriodKeys.derive(secret, header), tuple(false))


def open_fragments(archive: Archive, opened: OpenedPeriod) -> Iterator[bytes]:
    """Yield the plaintext of a period's sealed segment: the init segment, then every fragment in order.

    Written one after the other they are a playable fragmented MP4 file. Raises ``CustodesError`` (CORRUPT) at the first
    fragment that is not exactly what the recorder committed to.
    """
    period = opened.period
    name = f"periods/{period.name}/segment"
    check_segment_size(archive.size(name), period.closing)
    if period.closing.fragments and read_preamble(archive.read_at(name, 0, PREAMBLE_BYTES)) != period.closing.header:
        raise corrupt(f"the segment is not that of {period.id}")
    for record in period.closing.fragments:
        data = archive.read_at(name, record.offset, record.length)
        try:
            yield open_record(opened.keys, period.closing.header, record, data)
        except CustodesError as problem:
            raise CustodesError(Kind.CORRUPT, f"{period.id}: {problem}") from None


def check_segment_size(size: int, closing: ClosingManifest) -> None:
    """Check a segment's size against its manifest; raises ``CustodesError`` (CORRUPT).

    After a crash bytes of a torn record may follow: they were never promised to anybody.
    """
    if size < closing.length:
        raise corrupt("the segment was cut off: it is shorter than the manifest says")
    if size > closing.length and closing.reason is not CloseReason.RECOVERED:
        raise corrupt("the segment is longer than the manifest says")
