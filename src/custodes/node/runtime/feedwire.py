# SPDX-License-Identifier: AGPL-3.0-or-later
"""Masked video between processes: what travels on the Unix socket from the masker to the web.

A message is a 32-bit big-endian length of the header, the header (JSON, one of the three kinds below), a 32-bit
length of the body, and the body (an init segment or a fragment; empty for a state).
"""

import json

from custodes.clock import Instant
from custodes.domain.feeds import FeedEvent, FeedState
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Fragment, InitSegment
from custodes.errors import corrupt
from custodes.node.store import fragments

MAX_HEADER = 64 * 1024
MAX_BODY = 8 * 1024 * 1024


def encode(camera: CameraId, event: FeedEvent) -> bytes:
    """Return the message for one event of one camera."""
    match event:
        case InitSegment():
            header = {"init": camera, "codec": event.codec, "width": event.width, "height": event.height}
            body = event.data
        case Fragment():
            header, body = {"fragment": camera, **fragments.note(event)}, event.data
        case FeedState():
            cover = event.cover.name if event.cover else None
            header, body = {"state": camera, "cover": cover, "since": event.since, "detail": event.detail}, b""
    head = json.dumps(header).encode()
    return len(head).to_bytes(4) + head + len(body).to_bytes(4) + body


def decode(head: bytes, body: bytes) -> tuple[CameraId, FeedEvent]:
    """Undo ``encode`` for one header and body; a malformed one raises ``CustodesError`` (CORRUPT)."""
    try:
        header = json.loads(head)
        if "fragment" in header:
            camera = CameraId(header["fragment"])
            return camera, fragments.with_note(camera, header, body)
        if "init" in header:
            return CameraId(header["init"]), InitSegment(header["codec"], header["width"], header["height"], body)
        camera = CameraId(header["state"])
        cover = Cover[header["cover"]] if header["cover"] else None
        return camera, FeedState(camera, cover, Instant(header["since"]), header["detail"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise corrupt("a message of the masker cannot be read") from None
