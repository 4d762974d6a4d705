# SPDX-License-Identifier: AGPL-3.0-or-later
"""Acts and states in plain words, for people who have never seen a log."""

from dataclasses import dataclass

from custodes.domain.acts import Act
from custodes.domain.video import Cover
from custodes.node.queries.views import DisclosureState, RecordingState


@dataclass(frozen=True, slots=True)
class Explained:
    """A short name and one sentence; ``group`` sorts acts by what they are about."""

    name: str
    meaning: str
    group: str


ACTS: dict[Act, Explained] = {
    Act.DEPLOYMENT_INITIALISED: Explained(
        "Log begun", "This installation and its log were given their names, once and for all.", "keys"
    ),
    Act.RECORDER_ENROLLED: Explained(
        "Recorder's key announced", "Recordings must carry this recorder's signature to count as genuine.", "keys"
    ),
    Act.CUSTODIANS_INSTALLED: Explained(
        "Custodians installed", "These custodians hold the shares; only so many of them together can open.", "keys"
    ),
    Act.KEYS_PUBLISHED: Explained(
        "Custodian's keys published",
        "A custodian made wrapping keys for days to come, to be destroyed later.",
        "sealed",
    ),
    Act.KEYS_LAPSED: Explained(
        "Custodian's keys have run out",
        "A custodian has no key for today. Recording goes on; that share goes under a key that is never destroyed.",
        "sealed",
    ),
    Act.KEYS_DESTROYED: Explained(
        "Custodian's keys destroyed", "A custodian states that keys of past days were destroyed, as is due.", "sealed"
    ),
    Act.SHARES_HELD: Explained(
        "Shares held", "A custodian wrapped its shares of held minutes anew, before it destroys their keys.", "sealed"
    ),
    Act.DRILL_BEGUN: Explained(
        "Drill begun", "A secret that never sealed anything was dealt to the custodians, to see who can open.", "sealed"
    ),
    Act.DRILL_ANSWERED: Explained(
        "Drill answered", "A custodian proved that it can open its shares; with enough of them, all together.", "sealed"
    ),
    Act.REQUESTER_ENROLLED: Explained(
        "Requester's key announced", "The holder of this key may ask the custodians for originals.", "keys"
    ),
    Act.ENTRY_PUBLISHED: Explained(
        "Register entry published", "What a camera is for, whose it is and how long it keeps: now public.", "register"
    ),
    Act.CAMERA_ADDED: Explained("Camera added", "A camera was made known. It stays dark until registered.", "register"),
    Act.CAMERA_CHANGED: Explained(
        "Camera changed",
        "A camera's settings, password or device are others now. Which of them is told.",
        "register",
    ),
    Act.ZONES_SET: Explained(
        "Privacy zones set",
        "So many parts of a camera's picture, windows for example, are never shown. Where is a sealed note.",
        "register",
    ),
    Act.CAMERA_REMOVED: Explained("Camera removed", "A camera was taken out of service.", "register"),
    Act.ALERTS_SNOOZED: Explained(
        "Alerts snoozed",
        "For a while nobody is told what a camera's trouble is. It is recorded all the same.",
        "register",
    ),
    Act.INVENTORY_IMPORTED: Explained(
        "Inventory imported", "A list of cameras that exist was read: its file's hash and how many rows.", "register"
    ),
    Act.INVENTORIES_RECONCILED: Explained(
        "Inventories compared",
        "Two lists were compared: how many rows are surely one camera, how many may be.",
        "register",
    ),
    Act.PAIR_DECIDED: Explained(
        "Doubtful pair decided",
        "Somebody said whether two rows are one camera. Who and which is a sealed note.",
        "register",
    ),
    Act.RECONCILIATION_UNDONE: Explained(
        "Comparison taken back", "Two lists that had been made one stand apart again.", "register"
    ),
    Act.LINK_ISSUED: Explained("Sign-in link issued", "Somebody was given a one-time link to sign in.", "watching"),
    Act.SESSION_BEGUN: Explained("Signed in", "Somebody used a one-time link. No name is in the log.", "watching"),
    Act.SESSION_ENDED: Explained("Signed out", "Somebody left; the session cannot be used again.", "watching"),
    Act.MASK_CERTIFIED: Explained(
        "Mask certified", "The steward checked a camera's masking; until then its whole picture is covered.", "watching"
    ),
    Act.MASK_HIDDEN: Explained(
        "Pictures hidden",
        "Somebody was visible in masked pictures: whoever saw it hid them from everybody, at once.",
        "watching",
    ),
    Act.MASK_SHOWN: Explained(
        "Live picture shown again", "The steward has looked; what was recorded meanwhile stays hidden.", "watching"
    ),
    Act.MASK_DECIDED: Explained(
        "Hidden pictures decided",
        "The steward keeps a hidden stretch hidden, or lets it be played back again.",
        "watching",
    ),
    Act.MASK_RECALLED: Explained(
        "Masker recalled", "Whatever this version of the masker has made is never shown again.", "watching"
    ),
    Act.VIEWING_BEGUN: Explained(
        "Viewing begun", "Somebody began to watch masked pictures. Who and which camera is a sealed note.", "watching"
    ),
    Act.VIEWING_ENDED: Explained("Viewing ended", "Somebody stopped watching masked pictures.", "watching"),
    Act.PERIODS_COMMITTED: Explained(
        "Minutes committed",
        "Fingerprints of sealed camera-minutes. They cannot be invented or changed later.",
        "sealed",
    ),
    Act.DISCLOSURE_REQUESTED: Explained(
        "Originals requested", "Somebody asked the custodians to open named camera-minutes, with a reason.", "opening"
    ),
    Act.DISCLOSURE_GRANTED: Explained(
        "Request granted", "One custodian agreed, after checking that the request is in this log.", "opening"
    ),
    Act.DISCLOSURE_REFUSED: Explained("Request refused", "One custodian said no.", "opening"),
    Act.DISCLOSURE_OPENED: Explained(
        "Originals opened", "Enough custodians agreed and the requester opened these minutes.", "opening"
    ),
    Act.RETENTION_DUE: Explained(
        "Deletion begun", "These minutes were kept as long as declared, or had to make room; now they go.", "sealed"
    ),
    Act.RETENTION_DONE: Explained(
        "Deletion done", "Shares, sealed recordings and masked copies of these minutes were deleted.", "sealed"
    ),
    Act.HOLD_ADDED: Explained(
        "Minutes held", "Named minutes will not be deleted for now. Which and why is a sealed note.", "sealed"
    ),
    Act.HOLD_RELEASED: Explained("Hold released", "Held minutes may be deleted again when they are due.", "sealed"),
    Act.SUBJECT_RECEIVED: Explained(
        "Access asked for",
        "Somebody asked for the footage of themselves. It is held; who and where is a sealed note.",
        "access",
    ),
    Act.SUBJECT_SHOWN: Explained(
        "Masked still shown", "Whoever asked was shown one masked picture, to say where they stood.", "access"
    ),
    Act.SUBJECT_POINTED: Explained(
        "Place pointed out", "Whoever asked said where in that picture they stood.", "access"
    ),
    Act.SUBJECT_EXTENDED: Explained(
        "Answer put off", "The answer may take two months more than the one that the law allows. Why is told.", "access"
    ),
    Act.SUBJECT_DECIDED: Explained("Access decided", "Access was given, or refused for the reason told.", "access"),
    Act.SUBJECT_CLOSED: Explained("Access closed", "The answer is out; the footage is no longer held.", "access"),
    Act.STORAGE_EXHAUSTED: Explained(
        "Disk full", "There is no room, and nothing may be deleted to make some: recording may stop.", "sealed"
    ),
    Act.STORAGE_RECOVERED: Explained("Disk has room again", "There is room for recordings again.", "sealed"),
}

GROUPS = {
    "register": "Cameras and register",
    "keys": "Keys and offices",
    "watching": "Watching masked pictures",
    "sealed": "Sealed recordings",
    "opening": "Opening originals",
    "access": "People who ask for footage of themselves",
}

DISCLOSURE_STATES: dict[DisclosureState, str] = {
    DisclosureState.REQUESTED: "Waiting for the log",
    DisclosureState.WITNESSED: "Waiting for custodians",
    DisclosureState.GRANTED: "Granted, not opened yet",
    DisclosureState.REFUSED: "Refused",
    DisclosureState.OPENED: "Opened",
    DisclosureState.EXPIRED: "Expired",
}

RECORDING_STATES: dict[RecordingState, str] = {
    RecordingState.RECORDING: "Recording, sealed",
    RecordingState.DEGRADED: "Recording, with trouble",
    RecordingState.CONNECTING: "Connecting",
    RecordingState.DOWN: "Not recording",
    RecordingState.DARK: "Dark: must not record",
    RecordingState.UNKNOWN: "Recorder not reporting",
}

COVERS: dict[Cover, str] = {
    Cover.STARTING: "Just started: no picture has been checked yet.",
    Cover.NOT_CERTIFIED: "The steward has not certified the masking yet.",
    Cover.NO_SIGNAL: "No picture is coming from the camera.",
    Cover.FROZEN: "The camera sends the same picture over and over.",
    Cover.LATE: "The camera's pictures arrive too late to be checked.",
    Cover.SWITCHED: "The camera has switched between colour and night pictures, not certified or checked yet.",
    Cover.CAMERA_MOVED: "The camera was moved, or the whole scene has changed.",
    Cover.DETECTOR_FAILED: "The person detector does not work.",
    Cover.MASKER_FAILED: "The masker failed on a picture.",
    Cover.MASKER_DOWN: "The masker is not running.",
    Cover.NOT_REGISTERED: "The camera has no valid register entry.",
    Cover.HIDDEN: "Somebody was visible. Hidden until the steward has looked.",
    Cover.RECALLED: "What this version of the masker made was recalled.",
    Cover.UNCHECKED: "It cannot be checked whether this picture is to be hidden.",
}

REFUSALS = (
    ("Recognise faces", "No face recognition, no face embeddings, no galleries, no match scores."),
    ("Read number plates", "A car is hidden like a person is. Plates are never read."),
    ("Recognise somebody again", "No re-identification by clothes, gait, body or voice; no tracks across cameras."),
    ("Describe people", "No age, gender, ethnicity, mood or health. Detection exists only to hide."),
    ("Keep watch lists", "There is no list of people or vehicles to look out for, and no place to put one."),
    ("Count crowds or flag protest", "No crowd counting, no behaviour alerts, no anomaly scores about people."),
    ("Show people live, unmasked", "Nobody can watch unmasked video live. A window must have ended to be requested."),
    ("Open originals alone", "Not the operator, the administrator, the maker or any single custodian."),
    ("Act in secret", "Every viewing, request, grant and opening is an entry in a log that nobody can rewrite."),
    ("Keep for ever", "Every camera declares its retention on the register. Nothing may be kept longer."),
)
