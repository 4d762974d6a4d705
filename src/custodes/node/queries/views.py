# SPDX-License-Identifier: AGPL-3.0-or-later
"""What queries return: plain facts for pages and commands, nothing sensitive."""

from dataclasses import dataclass
from enum import Enum

from custodes.clock import Instant
from custodes.domain.acts import Act
from custodes.domain.cameras import Credentials
from custodes.domain.canonical import JsonObject
from custodes.domain.ids import CameraId, PeriodId
from custodes.domain.register import RegisterEntry


class Role(Enum):
    """What a signed-in person may do."""

    OPERATOR = "operator"
    STEWARD = "steward"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person; ``person`` is a random id, never a name."""

    person: str
    role: Role
    expires: Instant


class RecordingState(Enum):
    """What the recorder does with a camera."""

    RECORDING = "recording"
    DEGRADED = "degraded"
    CONNECTING = "connecting"
    DOWN = "down"
    DARK = "dark"
    UNKNOWN = "unknown"  # it has not reported: said by queries, never by the recorder


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera with its register entry (None: not registered, so it is dark) and what the recorder says.

    ``credentials``: who may know its password.
    """

    id: CameraId
    name: str
    entry: RegisterEntry | None
    entry_index: int | None
    recording: RecordingState
    cause: str
    since: Instant
    credentials: Credentials = Credentials.KNOWN


class SpanKind(Enum):
    """A stretch of a camera's timeline."""

    SHOWN = "shown"
    COVERED = "covered"
    HIDDEN = "hidden"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class TimelineSpan:
    """``SHOWN``: masked video; ``COVERED``: video, wholly covered; ``HIDDEN``: video that may not be played (any more);
    ``GAP``: no video. ``activity`` 0 to 3.
    """

    start: Instant
    end: Instant
    kind: SpanKind
    cause: str
    activity: int


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A sealed period in the store; ``log_index`` is the entry that commits to it, once there."""

    id: PeriodId
    end: Instant
    size: int
    log_index: int | None


@dataclass(frozen=True, slots=True)
class LogState:
    """The public log now. ``checkpoint`` is the signed note as served; ``witnesses`` cosigned it."""

    origin: str
    size: int
    pending: int
    checkpoint: str
    witnesses: tuple[str, ...]
    witnessed_at: Instant | None


@dataclass(frozen=True, slots=True)
class LogRow:
    """One entry of the log; ``index`` is None while it waits for its place."""

    index: int | None
    act: Act
    time: Instant
    facts: JsonObject
    leaf_hash: bytes


class DisclosureState(Enum):
    """How far a request has come."""

    REQUESTED = "requested"
    WITNESSED = "in the witnessed log"
    GRANTED = "granted"
    REFUSED = "refused"
    OPENED = "opened"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class DisclosureStep:
    """One logged act of a disclosure. ``by`` is an office (for example ``custodian 2``), never a person."""

    act: Act
    at: Instant
    by: str
    log_index: int | None
    witnessed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class DisclosureView:
    """A request for originals and everything that was done about it."""

    id: str
    state: DisclosureState
    cameras: tuple[CameraId, ...]
    start: Instant
    end: Instant
    purpose: str
    legal_basis: str
    expires: Instant
    quorum: int
    custodians: int
    steps: tuple[DisclosureStep, ...]


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A reference picture that waits for the steward: a masked still (JPEG) and how far learning has come (0-100)."""

    camera: CameraId
    picture: bytes | None
    taken: Instant | None
    progress: int
    certified_at: Instant | None
