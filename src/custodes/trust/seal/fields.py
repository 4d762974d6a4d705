# SPDX-License-Identifier: Apache-2.0
"""Bytes and hashes inside canonical JSON: one spelling each, everything else is refused."""

import base64
import binascii
import hashlib

from custodes.domain import canonical
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import Digest
from custodes.errors import corrupt


def sha256(*parts: bytes | bytearray | memoryview) -> Digest:
    """Return the SHA-256 of the parts, one after the other."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return Digest(state.digest())


def to_base64(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode("ascii")


def binary(source: JsonObject, name: str, length: int | None = None) -> bytes:
    """Return ``name``, base64 of ``length`` bytes in its one spelling, else raise ``CustodesError`` (CORRUPT)."""
    value = canonical.text(source, name)
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise corrupt(f"{name} must be base64") from None
    # Unused trailing bits let one value be spelled in several ways; signatures must not survive a changed letter.
    if to_base64(data) != value or (length is not None and len(data) != length):
        raise corrupt(f"{name} must be {length or 'some'} bytes in base64")
    return data


def only(source: JsonObject, *names: str) -> None:
    """Raise ``CustodesError`` (CORRUPT) unless ``source`` has exactly the members ``names``."""
    if set(source) != set(names):
        odd = sorted(set(source) ^ set(names))[0]
        raise corrupt(f"the member {odd[:40]!r} is missing or not known")


def versioned(source: JsonObject, *names: str) -> None:
    """Raise ``CustodesError`` (CORRUPT) unless ``source`` is of version 1 and has exactly ``names`` besides ``v``."""
    if canonical.integer(source, "v") != 1:
        raise corrupt("this version of the format is not known")
    only(source, "v", *names)
