# SPDX-License-Identifier: Apache-2.0
"""Identifiers: random, never reused, and free of meaning."""

import base64
import re
from dataclasses import dataclass
from typing import NewType

from custodes.clock import Instant
from custodes.errors import invalid

DeploymentId = NewType("DeploymentId", str)
CameraId = NewType("CameraId", str)
KeyId = NewType("KeyId", str)
"""First 32 hexadecimal digits of the SHA-256 of a public key's canonical JSON."""
Digest = NewType("Digest", bytes)
"""A SHA-256 value, 32 bytes."""
Term = NewType("Term", int)
"""One writer's turn (fencing token); 1 on a single machine."""
Epoch = NewType("Epoch", int)
"""One set of custodians, counted from 1."""

_ID = re.compile(r"[a-z2-7]{26}")


def new_id(entropy: bytes) -> str:
    """Return 16 random bytes as 26 lower-case base32 characters (RFC 4648, no padding)."""
    if len(entropy) != 16:
        raise ValueError("an identifier is made of 16 random bytes")
    return base64.b32encode(entropy).decode().rstrip("=").lower()


def check_id(text: str) -> str:
    """Return ``text`` if it has the form of an identifier, else raise ``CustodesError`` (INVALID)."""
    if not _ID.fullmatch(text):
        raise invalid("an identifier has 26 characters of a-z and 2-7")
    return text


@dataclass(frozen=True, slots=True, order=True)
class PeriodId:
    """One period: at most 60 s of one camera's main stream, written by one writer under one key.

    ``start`` is the nominal start: the camera's own staggered minute where its predecessor ended with the minute, the
    instant of the first packet (whole milliseconds) where recording began, began again, or was cut within a minute. It
    is never reused.
    """

    camera: CameraId
    start: Instant
    term: Term

    def __str__(self) -> str:
        return f"{self.camera}/{self.start // 1_000_000}-{self.term}"
