# SPDX-License-Identifier: Apache-2.0
"""What a log states about itself: origin, size, root (C2SP tlog-checkpoint, "Note text"); base64 and decimals."""

import base64
import binascii
import re
from dataclasses import dataclass

from custodes.errors import corrupt
from custodes.trust.tlog.merkle import HASH_SIZE

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_SIZE = 2**63 - 1


def to_base64(data: bytes) -> str:
    """Encode as RFC 4648, section 4."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str, what: str) -> bytes:
    """Decode the one canonical form; raises ``CustodesError`` (CORRUPT) naming ``what``."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise corrupt(f"{what}: not base64") from None
    if to_base64(data) != text:
        raise corrupt(f"{what}: not in canonical base64")
    return data


def hash_from_base64(text: str, what: str) -> bytes:
    """Decode 32 bytes; raises ``CustodesError`` (CORRUPT) naming ``what``."""
    data = from_base64(text, what)
    if len(data) != HASH_SIZE:
        raise corrupt(f"{what}: not a hash of 32 bytes")
    return data


def decimal(text: str, what: str) -> int:
    """Decode a decimal without leading zeroes, below 2^63; raises ``CustodesError`` (CORRUPT) naming ``what``."""
    if not _DECIMAL.fullmatch(text) or int(text) > _MAX_SIZE:
        raise corrupt(f"{what}: not a decimal number")
    return int(text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: ``size`` entries with Merkle root ``root`` (32 bytes) in the log named ``origin``.

    ``extensions`` are opaque lines. Ours has none; nobody may rely on another log's, since no monitor can audit them
    and ML-DSA-44 signatures do not cover them.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The note text that is signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_head(text: str) -> Checkpoint:
    """Parse a checkpoint's note text; raises ``CustodesError`` (CORRUPT)."""
    *lines, rest = text.split("\n")
    if len(lines) < 3 or rest or not all(lines):
        raise corrupt("checkpoint: it must have the lines origin, size and root, none of them empty")
    size = decimal(lines[1], "checkpoint size")
    return Checkpoint(lines[0], size, hash_from_base64(lines[2], "checkpoint root"), tuple(lines[3:]))
