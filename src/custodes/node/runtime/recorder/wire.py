# SPDX-License-Identifier: AGPL-3.0-or-later
"""What coordinator and shards tell each other: one JSON object a line, through the shard's standard streams.

Never through arguments or environment, which other users of the machine may read: addresses hold passwords.
"""

import base64
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

from custodes.errors import corrupt


@dataclass(frozen=True, slots=True)
class Record:
    """Record this camera, under the permit that document, log entry and receipt prove (the shard checks that).

    ``turn`` numbers the orders, so that it can be told which one has come to its end.
    """

    camera: str
    turn: int
    main: str = field(repr=False)
    transport: str
    pin: str
    document: bytes
    entry: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Leave:
    """Record this camera no longer."""

    camera: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The custodians' wrapping keys of today and of the days to come.

    ``published``: canonical JSON of ``documents`` (as the custodians signed them; the shard verifies them) and
    ``gone`` (ids of keys that were destroyed).
    """

    published: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """What the recorder does with a camera from ``since`` on (UTC, nanoseconds), and why."""

    camera: str
    state: str
    cause: str
    since: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap; ``ended`` is the arrival of the first packet after it, None while it lasts."""

    camera: str
    began: int
    cause: str
    detail: str
    ended: int | None


@dataclass(frozen=True, slots=True)
class Closed:
    """A period whose closing manifest is durable; ``closing`` is the manifest's SHA-256."""

    camera: str
    start: int
    term: int
    ended: int
    size: int
    closing: bytes


@dataclass(frozen=True, slots=True)
class Health:
    """What was measured of a camera; the catalogue's table ``camera_health`` says what each member is."""

    camera: str
    at: int
    since: int | None
    connections: int
    pictures: int
    octets: int
    lost: int
    written: int
    pictures_per_s: int
    bits_per_s: int
    waiting: int
    sync_ms: int
    clock_offset_ms: int | None
    codec: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The recording that was ordered in this turn has ended: the permit is over, or it was told to, or it failed."""

    camera: str
    turn: int


Order: TypeAlias = Record | Leave | Keys
Report: TypeAlias = State | Hole | Closed | Health | Gone
_KINDS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind for kind in (Record, Leave, Keys, State, Hole, Closed, Health, Gone)
}


def encode(message: Order | Report) -> bytes:
    """Return the line, its end included."""
    members = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in asdict(message).items()
    }
    return json.dumps({"is": type(message).__name__.lower(), **members}).encode() + b"\n"


def decode(line: bytes) -> Any:
    """Return the message of a line; anything else raises ``CustodesError`` (CORRUPT)."""
    try:
        members = json.loads(line)
        kind = _KINDS[members.pop("is")]
        for each in fields(kind):
            if each.type is bytes:
                members[each.name] = base64.b64decode(members[each.name])
        return kind(**members)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise corrupt("a message between coordinator and shard cannot be understood") from None
