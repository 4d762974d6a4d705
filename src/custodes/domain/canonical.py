# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON (RFC 8785) without floating-point numbers.

One value has one encoding, so hashes and signatures are over the bytes that everybody sees. Numbers are integers within
±(2^53 - 1) (RFC 7493, I-JSON); larger ones and times are text.
"""

import json
from typing import TypeAlias

from custodes.errors import corrupt

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

_MAX_INT = 2**53 - 1
_MAX_DEPTH = 32


def dumps(value: Json) -> bytes:
    """Encode; raises ``ValueError`` for what has no canonical form (a programming error)."""
    return _encode(value, 0).encode("utf-8")


def _encode(value: object, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply")
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > _MAX_INT:
            raise ValueError("an integer beyond 2^53 - 1 must be written as text")
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(_encode(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        # RFC 8785, 3.2.3: names are sorted by their UTF-16 code units.
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_encode(name, 0)}:{_encode(value[name], depth + 1)}" for name in names) + "}"
    raise ValueError(f"{type(value).__name__} has no canonical form")


def loads(data: bytes) -> Json:
    """Decode; anything but the canonical encoding of its value raises ``CustodesError`` (CORRUPT)."""
    try:
        value: Json = json.loads(data.decode("utf-8"))
        canonical = dumps(value)
    except (ValueError, RecursionError):
        raise corrupt("not canonical JSON") from None
    if canonical != data:
        raise corrupt("not canonical JSON")
    return value


def load_object(data: bytes) -> JsonObject:
    """Decode a canonical object; anything else raises ``CustodesError`` (CORRUPT)."""
    value = loads(data)
    if not isinstance(value, dict):
        raise corrupt("not a canonical JSON object")
    return value


def text(source: JsonObject, name: str) -> str:
    """Return the member ``name`` as text, else raise ``CustodesError`` (CORRUPT)."""
    value = source.get(name)
    if not isinstance(value, str):
        raise corrupt(f"{name} must be text")
    return value


def integer(source: JsonObject, name: str) -> int:
    """Return the member ``name`` as an integer, else raise ``CustodesError`` (CORRUPT)."""
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise corrupt(f"{name} must be an integer")
    return value


def listed(source: JsonObject, name: str) -> list[Json]:
    """Return the member ``name`` as a list, else raise ``CustodesError`` (CORRUPT)."""
    value = source.get(name)
    if not isinstance(value, list):
        raise corrupt(f"{name} must be a list")
    return value


def member(source: JsonObject, name: str) -> JsonObject:
    """Return the member ``name`` as an object, else raise ``CustodesError`` (CORRUPT)."""
    value = source.get(name)
    if not isinstance(value, dict):
        raise corrupt(f"{name} must be an object")
    return value


def hexadecimal(source: JsonObject, name: str, length: int | None = None) -> bytes:
    """Return ``name``, lower-case hexadecimal of ``length`` bytes, else raise ``CustodesError`` (CORRUPT)."""
    value = text(source, name)
    try:
        decoded = bytes.fromhex(value)
    except ValueError:
        raise corrupt(f"{name} must be hexadecimal") from None
    if decoded.hex() != value or (length is not None and len(decoded) != length):
        raise corrupt(f"{name} must be {length or 'some'} bytes in lower-case hexadecimal")
    return decoded
