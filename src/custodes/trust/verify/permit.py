# SPDX-License-Identifier: Apache-2.0
"""The permit to record: the only maker of ``RecordingPermit`` (guarantee 4, "registered or dark")."""

from hashlib import sha256

from custodes.clock import SECOND, Instant
from custodes.domain import canonical, times
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, Digest
from custodes.domain.register import RecordingPermit, decode_entry
from custodes.errors import corrupt, denied
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.tlog.receipt import verify_receipt

_SKEW = 5 * 60 * SECOND
"""A witness's clock may run this far ahead of ours."""
_MEMBERS = {"v", "act", "time", "camera", "document"}


def permit(document: bytes, entry: bytes, receipt: bytes, policy: TlogPolicy, now: Instant) -> RecordingPermit:
    """Return leave to record, from a verified proof that the camera's entry is published and witnessed.

    ``document``: the public document (``domain.register.encode_entry``); ``entry``: the log entry that publishes its
    hash; ``receipt``: the log entry's ``.tlog-proof``. That no later entry replaces this one is for the caller to know.
    Raises ``CustodesError``: DENIED if the entry is expired, of another document, or not witnessed; CORRUPT.
    """
    camera, digest = _published(entry)
    if sha256(document).digest() != digest:
        raise denied("permit: the register entry is not the one that was published")
    registered = decode_entry(document)
    if registered.camera != camera:
        raise denied("permit: the register entry was published for another camera")
    verified = verify_receipt(receipt, entry, policy)
    if not verified.witnesses:
        raise denied("permit: no witness has seen the register entry's publication")
    if verified.time > now + _SKEW:
        raise denied("permit: the witness's clock is ahead of this machine's by more than five minutes")
    if registered.expires <= now:
        raise denied(f"permit: the register entry expired at {times.to_text(registered.expires)}; renew it")
    if not registered.schedule.known_here():
        raise denied(
            f"permit: this machine does not know the time zone {registered.schedule.time_zone}: install tzdata"
        )
    return RecordingPermit(
        camera=registered.camera,
        entry=Digest(digest),
        log_index=verified.index,
        # The proof is in our hands now, whatever a witness's clock that runs ahead says.
        not_before=min(verified.time, now),
        expires=registered.expires,
        retention_hours=registered.retention_hours,
        schedule=registered.schedule,
        show_unconfirmed=registered.show_unconfirmed,
    )


def _published(entry: bytes) -> tuple[CameraId, bytes]:
    """Return camera and document hash of a ``register.published`` log entry."""
    facts = canonical.load_object(entry)
    if facts.get("act") != Act.ENTRY_PUBLISHED.value:
        raise denied("permit: the log entry does not publish a register entry")
    if set(facts) != _MEMBERS or facts["v"] != 1:
        raise corrupt("permit: the log entry has other members than it should")
    times.from_text(facts["time"])
    return CameraId(canonical.text(facts, "camera")), canonical.hexadecimal(facts, "document", 32)
