# SPDX-License-Identifier: Apache-2.0
"""Receipts: ``.tlog-proof`` files, which show offline that an entry is in a witnessed log (C2SP tlog-proof)."""

from collections.abc import Sequence
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.errors import corrupt
from custodes.trust.tlog.checkpoint import Checkpoint, SignedCheckpoint
from custodes.trust.tlog.head import decimal, from_base64, hash_from_base64, to_base64
from custodes.trust.tlog.merkle import MAX_PATH, leaf_hash, verify_inclusion
from custodes.trust.tlog.policy import TlogPolicy

_FIRST = b"c2sp.org/tlog-proof@v1\n"
_MAX_EXTRA = 64 * 1024


@dataclass(frozen=True, slots=True)
class ParsedReceipt:
    """A receipt's content, nothing of it verified. ``extra`` is never authenticated."""

    index: int
    path: tuple[bytes, ...]
    signed: SignedCheckpoint
    extra: bytes | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified receipt: the entry has number ``index`` in the log of ``checkpoint``.

    ``witnesses``: names, in the policy, of those who cosigned. ``time`` and ``seen_by``: see ``policy.Witnessed``.
    """

    index: int
    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    time: Instant
    seen_by: Instant | None


def make_receipt(index: int, path: Sequence[bytes], checkpoint: bytes, extra: bytes | None = None) -> bytes:
    """Return the ``.tlog-proof`` of entry ``index``, from its audit path and the published checkpoint."""
    lines = [] if extra is None else [f"extra {to_base64(extra)}"]
    lines += [f"index {index}", *(to_base64(value) for value in path)]
    return _FIRST + "".join(f"{line}\n" for line in lines).encode() + b"\n" + checkpoint


def parse_receipt(receipt: bytes) -> ParsedReceipt:
    """Parse; raises ``CustodesError`` (CORRUPT)."""
    if not receipt.startswith(_FIRST):
        raise corrupt("receipt: it does not begin as a tlog-proof")
    head, separator, checkpoint = receipt[len(_FIRST) :].partition(b"\n\n")
    if not separator or len(head) > 2 * _MAX_EXTRA:
        raise corrupt("receipt: proof, empty line and checkpoint are expected")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise corrupt("receipt: the proof is not ASCII") from None
    extra = None
    if lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "), "receipt extra data")
    if not lines or not lines[0].startswith("index "):
        raise corrupt("receipt: the line with the index is missing")
    if len(lines) > 1 + MAX_PATH:
        raise corrupt("receipt: the proof is too long")
    path = tuple(hash_from_base64(line, "receipt proof") for line in lines[1:])
    index = decimal(lines[0].removeprefix("index "), "receipt index")
    return ParsedReceipt(index, path, SignedCheckpoint.parse(checkpoint), extra)


def verify_receipt(receipt: bytes, entry: bytes, policy: TlogPolicy) -> Receipt:
    """Check that exactly ``entry`` is in a log that satisfies ``policy``; raises ``CustodesError``."""
    parsed = parse_receipt(receipt)
    witnessed = policy.satisfied(parsed.signed)
    checkpoint = witnessed.checkpoint
    verify_inclusion(leaf_hash(entry), parsed.index, checkpoint.size, parsed.path, checkpoint.root)
    return Receipt(parsed.index, checkpoint, witnessed.witnesses, witnessed.time, witnessed.seen_by)
