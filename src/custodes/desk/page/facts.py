# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a custodian has to know of a request: fetched, verified, and put into plain sentences."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from custodes.clock import Instant
from custodes.desk.answers import Answered
from custodes.desk.transport import Transport
from custodes.domain import times
from custodes.domain.ids import CameraId, PeriodId
from custodes.domain.register import RegisterEntry, decode_entry
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.dossier import ShownPeriod, VerifiedDossier
from custodes.trust.custody.policy import Policy


@dataclass(frozen=True, slots=True)
class CameraShown:
    """A camera that is asked for: its register entry, None with a ``doubt`` that says why, and its recorded minutes."""

    id: CameraId
    entry: RegisterEntry | None
    doubt: str
    minutes: tuple[tuple[PeriodId, ShownPeriod], ...]

    @property
    def name(self) -> str:
        return self.entry.name if self.entry else self.id


def cameras_of(verified: VerifiedDossier, transport: Transport) -> list[CameraShown]:
    """The cameras of a request in its order; a register that does not answer is a doubt, no failure."""
    return [_camera(camera, verified, transport) for camera in verified.request.cameras]


def _camera(camera: CameraId, verified: VerifiedDossier, transport: Transport) -> CameraShown:
    minutes = tuple((period, shown) for period, shown in sorted(verified.periods.items()) if period.camera == camera)
    try:
        document = transport.register(camera)
        entry = None if document is None else decode_entry(document)
    except CustodesError as problem:
        missing = "was not to be had" if problem.kind is Kind.UNAVAILABLE else "cannot be read"
        return CameraShown(camera, None, f"its register entry {missing}: {problem}", minutes)
    if document is None or entry is None:
        return CameraShown(camera, None, "its register entry did not come along", minutes)
    if entry.camera != camera:
        return CameraShown(camera, None, "what came as its register entry is another camera's", minutes)
    digest = hashlib.sha256(document).digest()
    recorded = {shown.opening.sealed.header.register_entry for _, shown in minutes}
    doubt = ""
    if not recorded:
        doubt = "nothing was recorded, so the entry is not bound to anything"
    elif recorded != {digest}:
        doubt = "some or all of these minutes were recorded under another version of the entry than the one shown"
    return CameraShown(camera, entry, doubt, minutes)


def seen_digest(verified: VerifiedDossier) -> str:
    """A hash over all that a grant can cover, so that nothing else is granted than what was looked at."""
    state = hashlib.sha256(verified.request.digest)
    for _, shown in sorted(verified.periods.items()):
        state.update(shown.opening.digest + shown.closing.digest)
    return state.hexdigest()


def verified_lines(verified: VerifiedDossier, office: str, by_hand: bool) -> list[str]:
    """What was verified on this machine, against this desk's own policy."""
    receipt, count = verified.receipt, len(verified.periods)
    log = (
        f"The log has only grown since your last visit; it has {receipt.checkpoint.size:,} entries or more."
        if not by_hand
        else "Compared with your last visit, as far as the log was carried along."
    )
    return [
        f"The request is signed by “{office}”, an office that your policy names, and was not changed since.",
        (
            f"Exactly this request is entry {receipt.index} of the public log. "
            f"{_names(receipt.witnesses)} saw it there by {times.to_text(receipt.time)[:19].replace('T', ' ')} UTC."
        ),
        "The window had ended before that, and the request has not expired.",
        log,
        f"{_recordings(count)} of the cameras asked for, within the window, and signed by a recorder that your policy "
        "names."
        if count
        else "Nothing that was recorded lies in the window.",
        "The shares to be released are those that the recorder sealed, wrapped for the office's one-time key alone.",
    ]


def _recordings(count: int) -> str:
    return "The one recording below is" if count == 1 else f"The {count:,} recordings below are"


def _names(witnesses: Sequence[str]) -> str:
    return ("Witness " if len(witnesses) == 1 else "Witnesses ") + ", ".join(witnesses)


def unverified_lines(granted_this_month: int) -> list[str]:
    """What no program can verify, or this one does not."""
    return [
        "Whether the purpose is true, and who at the office asks: telephone it, by a number you know.",
        "Whether the law of your place allows it.",
        "The case: the request holds only a sealed note of the reference. Ask for the reference if you need it.",
        (
            "Whether the operator lists every recording of the window. It cannot change any, but it "
            "could leave some out."
        ),
        "What the recordings show. Nobody has seen them.",
        (
            "How much is asked for in all. No ceiling of minutes is set; you have granted "
            f"{granted_this_month:,} recorded minute{'s' * (granted_this_month != 1)} this month."
        ),
    ]


def granted_in_month(answers: Sequence[Answered], now: Instant) -> int:
    """Minutes that this custodian has granted in the calendar month of ``now`` (UTC)."""
    month = times.to_text(now)[:7]
    return sum(sum(each.minutes.values()) for each in answers if times.to_text(each.time)[:7] == month)


def quorum_line(verified: VerifiedDossier, policy: Policy) -> str:
    """How many custodians have to agree."""
    quorums = {policy.quorum(shown.opening.sealed.quorum) for shown in verified.periods.values()}
    found = sorted({(quorum.k, quorum.n) for quorum in quorums})
    if not found:
        return "Nothing to open."
    return "; ".join(f"{k} of {n} custodians have to grant before anything can be opened" for k, n in found)
