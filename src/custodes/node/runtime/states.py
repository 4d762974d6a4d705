# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the recorder and the masker report of a camera, as rows for the bookkeeper."""

from dataclasses import asdict

import sqlalchemy as sa

from custodes.clock import Instant
from custodes.domain.ids import CameraId
from custodes.domain.video import Cover, InitSegment, Tamper
from custodes.node.queries.views import RecordingState
from custodes.node.runtime.bookkeeper import Row
from custodes.node.runtime.recorder import wire
from custodes.node.store import tables


def _row(table: sa.Table, key: dict[str, object], values: dict[str, object]) -> Row:
    return lambda connection: tables.upsert(connection, table, key, values)


def recording_state(camera: CameraId, state: RecordingState, cause: str, since: Instant) -> Row:
    """The recorder's word on a camera."""
    values: dict[str, object] = {"state": state.value, "cause": cause, "since": since}
    return _row(tables.recording_states, {"camera": camera}, values)


def row(report: wire.State | wire.Hole | wire.Closed | wire.Health) -> Row:
    """What a shard reports."""
    members = asdict(report)
    table, keys = _TABLES[type(report)]
    key = {name: members.pop(name) for name in keys}
    return _row(table, key, members)


_TABLES: dict[type, tuple[sa.Table, tuple[str, ...]]] = {
    wire.State: (tables.recording_states, ("camera",)),
    wire.Hole: (tables.gaps, ("camera", "began")),
    wire.Closed: (tables.periods, ("camera", "start", "term")),
    wire.Health: (tables.camera_health, ("camera",)),
}


def candidate(camera: CameraId, picture: bytes | None, taken: Instant | None, progress: int, masker: str) -> Row:
    """How far the reference picture is; ``picture`` is an encrypted masked still of this version of the masker."""
    values: dict[str, object] = {"picture": picture, "taken": taken, "progress": progress, "masker": masker}
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
