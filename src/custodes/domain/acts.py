# SPDX-License-Identifier: Apache-2.0
"""Acts: everything that somebody must be able to answer for. Each is one entry of the public log.

A log entry is canonical JSON with the members ``v`` (1), ``act``, ``time`` and those listed here: hashes, enums,
counts and salted commitments only; no personal data, no names (design, section 5, "Log").
"""

from dataclasses import dataclass
from enum import Enum

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.domain.canonical import JsonObject


class Act(Enum):
    """Every kind of act. The values are what stands in the log."""

    DEPLOYMENT_INITIALISED = "deployment.initialised"
    RECORDER_ENROLLED = "recorder.enrolled"
    CUSTODIANS_INSTALLED = "custodians.installed"
    REQUESTER_ENROLLED = "requester.enrolled"
    KEYS_PUBLISHED = "custodian.keys-published"
    KEYS_LAPSED = "custodian.keys-lapsed"
    KEYS_DESTROYED = "custodian.keys-destroyed"
    SHARES_HELD = "custodian.shares-held"
    DRILL_BEGUN = "custodian.drill-begun"
    DRILL_ANSWERED = "custodian.drill-answered"
    ENTRY_PUBLISHED = "register.published"
    INVENTORY_IMPORTED = "inventory.imported"
    INVENTORIES_RECONCILED = "inventories.reconciled"
    PAIR_DECIDED = "reconciliation.decided"
    RECONCILIATION_UNDONE = "reconciliation.undone"
    CAMERA_ADDED = "camera.added"
    CAMERA_CHANGED = "camera.changed"
    CAMERA_REMOVED = "camera.removed"
    LINK_ISSUED = "link.issued"
    SESSION_BEGUN = "session.begun"
    SESSION_ENDED = "session.ended"
    MASK_CERTIFIED = "mask.certified"
    MASK_HIDDEN = "mask.hidden"
    MASK_SHOWN = "mask.shown"
    MASK_DECIDED = "mask.decided"
    MASK_RECALLED = "mask.recalled"
    ZONES_SET = "zones.set"
    VIEWING_BEGUN = "viewing.begun"
    VIEWING_ENDED = "viewing.ended"
    ALERTS_SNOOZED = "alerts.snoozed"
    PERIODS_COMMITTED = "periods.committed"
    DISCLOSURE_REQUESTED = "disclosure.requested"
    DISCLOSURE_GRANTED = "disclosure.granted"
    DISCLOSURE_REFUSED = "disclosure.refused"
    DISCLOSURE_OPENED = "disclosure.opened"
    RETENTION_DUE = "retention.due"
    RETENTION_DONE = "retention.done"
    HOLD_ADDED = "hold.added"
    HOLD_RELEASED = "hold.released"
    SUBJECT_RECEIVED = "subject.received"
    SUBJECT_SHOWN = "subject.shown"
    SUBJECT_POINTED = "subject.pointed"
    SUBJECT_EXTENDED = "subject.extended"
    SUBJECT_DECIDED = "subject.decided"
    SUBJECT_CLOSED = "subject.closed"
    STORAGE_EXHAUSTED = "storage.exhausted"
    STORAGE_RECOVERED = "storage.recovered"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry, before it has an index."""

    act: Act
    time: Instant
    facts: JsonObject

    def encode(self) -> bytes:
        """Return the bytes that are hashed into the log (at most 65,535, C2SP tlog-tiles)."""
        data = canonical.dumps({**self.facts, "v": 1, "act": self.act.value, "time": times.to_text(self.time)})
        if len(data) > 65_535:
            raise ValueError("a log entry holds at most 65,535 bytes")
        return data
