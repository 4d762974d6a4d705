# SPDX-License-Identifier: Apache-2.0
"""The register entry: what the public may know of a camera, and what a camera may do."""

from dataclasses import dataclass
from enum import Enum

from custodes.clock import Instant
from custodes.domain import canonical, schedule, times
from custodes.domain.canonical import JsonObject, integer, member, text
from custodes.domain.ids import CameraId, Digest, check_id
from custodes.domain.schedule import ALWAYS, Schedule
from custodes.errors import CustodesError, corrupt


class Purpose(Enum):
    """Declared purposes, a closed list; an entry explains its own in ``purpose_note``."""

    TRAFFIC_SAFETY = "traffic safety"
    VIOLENT_CRIME = "prevention and detection of violent crime"
    PROPERTY = "protection of property"
    PASSENGER_SAFETY = "passenger safety"
    PATIENT_SAFETY = "patient safety"
    ACCESS = "control of access"


class LegalBasis(Enum):
    """Where the right to record comes from (GDPR article 6(1) and national law named in ``legal_note``)."""

    PUBLIC_TASK = "public task (GDPR 6(1)(e))"
    LEGAL_OBLIGATION = "legal obligation (GDPR 6(1)(c))"
    LEGITIMATE_INTEREST = "legitimate interest (GDPR 6(1)(f))"


class Credentials(Enum):
    """Who knows the camera's password: with it, plain video can be had past this system."""

    REPLACED = "replaced"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """One camera on the public register.

    Angles are whole degrees clockwise from true north; positions are WGS 84 in units of 1e-7 degree; lengths are
    centimetres. ``salt`` (16 bytes) hides the entry's content behind its logged hash until it is published.
    ``schedule``: the hours in which the camera may record. ``credentials``: ``REPLACED`` by random ones that nobody has
    seen, or ``KNOWN`` to people. ``show_unconfirmed``: parts of the picture that have long been still may be shown,
    masked, before the steward has looked.
    """

    camera: CameraId
    name: str
    purpose: Purpose
    purpose_note: str
    legal_basis: LegalBasis
    legal_note: str
    owner: str
    contact: str
    retention_hours: int
    review: Instant
    expires: Instant
    latitude_e7: int
    longitude_e7: int
    direction: int
    field_of_view: int
    height_cm: int
    range_cm: int
    lens: str
    salt: bytes
    schedule: Schedule = ALWAYS
    credentials: Credentials = Credentials.KNOWN
    show_unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class RecordingPermit:
    """Leave to take a camera's streams: proof that its entry is in the public log, and until when it holds.

    Made by ``trust.verify.permit`` from a verified inclusion proof, and nowhere else (a test walks the syntax trees).
    """

    camera: CameraId
    entry: Digest
    log_index: int
    not_before: Instant
    expires: Instant
    retention_hours: int
    schedule: Schedule = ALWAYS
    show_unconfirmed: bool = False

    def holds_at(self, now: Instant) -> bool:
        """True while the entry is valid: published, and not expired."""
        return self.not_before <= now < self.expires

    def in_hours(self, now: Instant) -> bool:
        """True if ``now`` lies in the hours that the entry declares."""
        return self.schedule.covers(now)


def encode_entry(entry: RegisterEntry) -> bytes:
    """Return the entry's public document: canonical JSON. Its SHA-256 is what the log holds.

    Version 3 only where more is permitted than version 2 can say, so that whoever knows version 2 reads the others.
    """
    permitted: JsonObject = {"v": 3, "show_unconfirmed": True} if entry.show_unconfirmed else {"v": 2}
    return canonical.dumps(
        permitted
        | {
            "camera": entry.camera,
            "name": entry.name,
            "purpose": entry.purpose.value,
            "purpose_note": entry.purpose_note,
            "legal_basis": entry.legal_basis.value,
            "legal_note": entry.legal_note,
            "owner": entry.owner,
            "contact": entry.contact,
            "retention_hours": entry.retention_hours,
            "review": times.to_text(entry.review),
            "expires": times.to_text(entry.expires),
            "latitude_e7": entry.latitude_e7,
            "longitude_e7": entry.longitude_e7,
            "direction": entry.direction,
            "field_of_view": entry.field_of_view,
            "height_cm": entry.height_cm,
            "range_cm": entry.range_cm,
            "lens": entry.lens,
            "salt": entry.salt.hex(),
            "schedule": schedule.to_json(entry.schedule),
            "credentials": entry.credentials.value,
        }
    )


def decode_entry(document: bytes) -> RegisterEntry:
    """Parse and check a public document; raises ``CustodesError`` (CORRUPT) naming the member that is wrong."""
    source = canonical.load_object(document)
    version = integer(source, "v")
    if version not in _MEMBERS:
        raise corrupt("this version of a register entry is not known")
    try:
        entry = RegisterEntry(
            camera=CameraId(check_id(text(source, "camera"))),
            name=text(source, "name"),
            purpose=Purpose(text(source, "purpose")),
            purpose_note=text(source, "purpose_note"),
            legal_basis=LegalBasis(text(source, "legal_basis")),
            legal_note=text(source, "legal_note"),
            owner=text(source, "owner"),
            contact=text(source, "contact"),
            retention_hours=integer(source, "retention_hours"),
            review=times.from_text(source.get("review")),
            expires=times.from_text(source.get("expires")),
            latitude_e7=integer(source, "latitude_e7"),
            longitude_e7=integer(source, "longitude_e7"),
            direction=integer(source, "direction"),
            field_of_view=integer(source, "field_of_view"),
            height_cm=integer(source, "height_cm"),
            range_cm=integer(source, "range_cm"),
            lens=text(source, "lens"),
            salt=canonical.hexadecimal(source, "salt", 16),
            # A document of version 1 means: at all hours, and with a password that people know.
            schedule=schedule.from_json(member(source, "schedule")) if version >= 2 else ALWAYS,
            credentials=Credentials(text(source, "credentials")) if version >= 2 else Credentials.KNOWN,
            show_unconfirmed=version == 3,
        )
    except CustodesError as problem:
        raise corrupt(f"register entry: {problem}") from None
    except ValueError:
        raise corrupt("register entry: purpose, legal basis or credentials is not one of the declared ones") from None
    if problem_of(entry):
        raise corrupt(f"register entry: {problem_of(entry)}")
    if set(source) != _MEMBERS[version]:
        raise corrupt("register entry: it has members that are not known")
    if version == 3 and source["show_unconfirmed"] is not True:
        raise corrupt("register entry: show_unconfirmed is true in version 3, or the version is 2")
    return entry


_FIRST = frozenset(
    (
        *("v", "camera", "name", "purpose", "purpose_note", "legal_basis", "legal_note", "owner", "contact"),
        *("retention_hours", "review", "expires", "latitude_e7", "longitude_e7", "direction", "field_of_view"),
        *("height_cm", "range_cm", "lens", "salt"),
    )
)
_SECOND = _FIRST | {"schedule", "credentials"}
_MEMBERS = {1: _FIRST, 2: _SECOND, 3: _SECOND | {"show_unconfirmed"}}


def problem_of(entry: RegisterEntry) -> str:
    """Say in a few words why the entry cannot be published, or return the empty string."""
    for label, value in (("name", entry.name), ("owner", entry.owner), ("contact", entry.contact)):
        if not value.strip():
            return f"{label} is missing"
    limits = (
        ("retention_hours", entry.retention_hours, 1, 24 * 366),
        ("latitude_e7", entry.latitude_e7, -900_000_000, 900_000_000),
        ("longitude_e7", entry.longitude_e7, -1_800_000_000, 1_800_000_000),
        ("direction", entry.direction, 0, 359),
        ("field_of_view", entry.field_of_view, 1, 360),
        ("height_cm", entry.height_cm, 0, 20_000),
        ("range_cm", entry.range_cm, 100, 200_000),
    )
    for label, number, low, high in limits:
        if not low <= number <= high:
            return f"{label} must lie between {low} and {high}"
    if problem := schedule.problem_of(entry.schedule):
        return problem
    if entry.expires < entry.review:
        return "the review must come before the expiry"
    return ""
