# SPDX-License-Identifier: AGPL-3.0-or-later
"""A masked fragment with what is known of it, as it travels between processes and lies encrypted in the store.

The stored form is a 32-bit big-endian length, the note (JSON), and the fragment's bytes: an object of the store can be
understood without the catalogue.
"""

import json
from typing import Any

from custodes.clock import Instant
from custodes.domain.ids import CameraId, Term
from custodes.domain.video import Cover, Fragment, FrameNote, SourceTime
from custodes.errors import corrupt


def note(fragment: Fragment) -> dict[str, Any]:
    """What is known of a fragment beside its bytes, as JSON values."""
    return {
        "start": fragment.start,
        "duration_ms": fragment.duration_ms,
        "key": fragment.key,
        "masker": fragment.masker,
        "frames": [
            [
                None if frame.source is None else [frame.source.connection, frame.source.ticks],
                frame.cover.name if frame.cover else None,
                frame.masked_share,
            ]
            for frame in fragment.frames
        ],
    }


def with_note(camera: CameraId, known: dict[str, Any], data: bytes) -> Fragment:
    """Undo ``note``; a malformed one raises ``CustodesError`` (CORRUPT)."""
    try:
        frames = tuple(
            FrameNote(None if source is None else SourceTime(*source), Cover[cover] if cover else None, share)
            for source, cover, share in known["frames"]
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
