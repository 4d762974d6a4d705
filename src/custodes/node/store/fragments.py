# SPDX-License-Identifier: AGPL-3.0-or-later
"""A masked fragment with what is known of it, as it travels between processes and lies encrypted in the store.

The stored form is a 32-bit big-endian length, the note (JSON), and the fragment's bytes, encrypted. In its object each
stands behind its length (32 bits) and start in milliseconds (64 bits): so an object of the store can be understood
without the catalogue.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from custodes.clock import Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Cover, Fragment, FrameNote, SourceTime
from custodes.errors import corrupt

_FRAME = struct.Struct(">IQ")
FRAME_BYTES = _FRAME.size
_LARGEST = 16 * 1024 * 1024
"""No fragment of two small pictures is larger: what claims to be is none."""


def note(fragment: Fragment) -> dict[str, Any]:
    """What is known of a fragment beside its bytes, as JSON values."""
    return {
        "start": fragment.start,
        "duration_ms": fragment.duration_ms,
        "key": fragment.key,
        "masker": fragment.masker,
        "frames": [_frame_note(frame) for frame in fragment.frames],
    }


def _frame_note(frame: FrameNote) -> list[Any]:
    source = None if frame.source is None else [frame.source.connection, frame.source.ticks]
    known = [source, frame.cover.name if frame.cover else None, frame.masked_share]
    return known if frame.confirmed else [*known, False]


def with_note(camera: CameraId, known: dict[str, Any], data: bytes) -> Fragment:
    """Undo ``note``; a malformed one raises ``CustodesError`` (CORRUPT)."""
    try:
        frames = tuple(
            FrameNote(
                None if source is None else SourceTime(*source),
                Cover[cover] if cover else None,
                share,
                confirmed != [False],
            )
            for source, cover, share, *confirmed in known["frames"]
        )
        start = Instant(known["start"])
        return Fragment(camera, start, known["duration_ms"], known["key"], data, frames, known["masker"])
    except (KeyError, TypeError, ValueError):
        raise corrupt("what is known of a masked fragment cannot be read") from None


def encode(fragment: Fragment) -> bytes:
    """The stored form, before encryption."""
    head = json.dumps(note(fragment)).encode()
    return len(head).to_bytes(4) + head + fragment.data


def decode(camera: CameraId, stored: bytes) -> Fragment:
    """Undo ``encode``; a malformed form raises ``CustodesError`` (CORRUPT)."""
    length = int.from_bytes(stored[:4])
    try:
        known = json.loads(stored[4 : 4 + length])
    except ValueError:
        raise corrupt("what is known of a masked fragment cannot be read") from None
    return with_note(camera, known, stored[4 + length :])


def context(camera: CameraId, minute: Instant, term: Term, start_ms: int) -> str:
    """What a stored fragment is bound to under the server key."""
    return f"masked {camera} {minute} {term} {start_ms}"


def framed(start_ms: int, message: bytes) -> bytes:
    """A stored fragment as it stands in its object."""
    return _FRAME.pack(len(message), start_ms) + message


def in_object(stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Offset, start in milliseconds and message of every whole fragment of an object, in order."""
    offset = 0
    while len(head := stream.read(FRAME_BYTES)) == FRAME_BYTES:
        length, start_ms = _FRAME.unpack(head)
        message = stream.read(min(length, _LARGEST))
        if len(message) < length:
            return
        yield offset + FRAME_BYTES, start_ms, message
        offset += FRAME_BYTES + length
