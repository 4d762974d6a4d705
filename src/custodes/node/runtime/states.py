# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the recorder and the masker report of a camera, as rows for the bookkeeper."""

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, Gap, InitSegment, Tamper
from custodes.node.queries.views import RecordingState
from custodes.node.runtime.bookkeeper import Row
from custodes.node.store import tables


def _row(table: sa.Table, key: dict[str, object], values: dict[str, object]) -> Row:
    return lambda connection: tables.upsert(connection, table, key, values)


def recording_state(camera: CameraId, state: RecordingState, cause: str, since: Instant) -> Row:
    """The recorder's word on a camera."""
    values: dict[str, object] = {"state": state.value, "cause": cause, "since": since}
    return _row(tables.recording_states, {"camera": camera}, values)


def gap(camera: CameraId, hole: Gap) -> Row:
    """A hole in what the camera sent, with its cause."""
    values: dict[str, object] = {"cause": hole.cause.value, "detail": hole.detail}
    return _row(tables.gaps, {"camera": camera, "began": hole.began}, values)


def candidate(camera: CameraId, picture: bytes | None, taken: Instant | None, progress: int) -> Row:
    """How far the reference picture is; ``picture`` is an encrypted masked still."""
    values: dict[str, object] = {"picture": picture, "taken": taken, "progress": progress}
    return _row(tables.candidates, {"camera": camera}, values)


def masked_init(camera: CameraId, init: InitSegment) -> Row:
    """What a player needs before the camera's first fragment."""
    size = {"width": init.width, "height": init.height}
    return _row(tables.masked_inits, {"camera": camera}, {"codec": init.codec, "data": init.data, **size})


def view(
    camera: CameraId,
    at: Instant,
    tamper: tuple[Tamper | None, Instant],
    infrared: bool,
    cover: tuple[Cover | None, Instant],
) -> Row:
    """What is wrong with a camera's view and why its masked picture is covered, each with its beginning."""
    values: dict[str, object] = {"at": at, "infrared": infrared}
    for name, since, (what, began) in (("tamper", "since", tamper), ("cover", "covered_since", cover)):
        values |= {name: "" if what is None else what.name, since: began}
    return _row(tables.tamper_states, {"camera": camera}, values)
