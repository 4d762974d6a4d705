# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a custodian has answered: one signed grant or refusal per request, and the request that it answers.

``answers/<id>.json`` is the answer, ``answers/<id>.request`` the request's document, both 0600.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from custodes.clock import Instant
from custodes.desk.keyfile import private_folder, read_file
from custodes.domain import canonical, times
from custodes.domain.canonical import JsonObject, listed, member, text
from custodes.domain.ids import CameraId, check_id
from custodes.errors import CustodesError, conflict, corrupt
from custodes.trust.custody.grant import GRANT, MAX_GRANT, REFUSAL
from custodes.trust.custody.policy import Policy
from custodes.trust.custody.request import MAX_REQUEST, Request, parse_request
from custodes.trust.tlog.store import write_durably


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was handed in; ``minutes`` (periods by camera) is empty for a refusal, ``reason`` for a grant.

    ``asked`` is None where the request was not kept, or its signer is not in the policy any more.
    """

    id: str
    time: Instant
    minutes: dict[CameraId, int]
    reason: str
    asked: Request | None


class Answers:
    """The folder of answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def given(self, request: str) -> bool:
        """Whether this request was answered; raises ``CustodesError`` (INVALID) for what is no id."""
        return self._path(request).exists()

    def check_open(self, request: str) -> None:
        """Raise ``CustodesError`` (CONFLICT) if this request was answered: there is one answer each."""
        if self.given(request):
            raise conflict("you have answered this request already")

    def keep(self, request: str, asked: bytes, signed: bytes) -> None:
        """Remember an answer that was handed in. *Crash before:* the server refuses a second one all the same."""
        private_folder(self._folder)
        write_durably(self._folder / f"{check_id(request)}.request", asked, 0o600)
        write_durably(self._path(request), signed, 0o600)

    def all(self, policy: Policy) -> list[Answered]:
        """Every answer, the newest first; raises ``CustodesError`` (CORRUPT) for a file that is none."""
        found = [self._read(path, policy) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda answer: answer.time, reverse=True)

    def _path(self, request: str) -> Path:
        return self._folder / f"{check_id(request)}.json"

    def _read(self, path: Path, policy: Policy) -> Answered:
        try:
            source = canonical.load_object(read_file(path, MAX_GRANT))
            kind, body = text(source, "kind"), member(source, "body")
            if kind not in (GRANT, REFUSAL):
                raise corrupt("it is neither a grant nor a refusal")
            granted = kind == GRANT
            return Answered(
                check_id(path.stem),
                times.from_text(body.get("granted" if granted else "refused")),
                _minutes(body) if granted else {},
                "" if granted else text(body, "reason"),
                _asked(path.with_suffix(".request"), policy),
            )
        except CustodesError as problem:
            raise corrupt(f"{path}: {problem}") from None


def _minutes(body: JsonObject) -> dict[CameraId, int]:
    items = (item for item in listed(body, "periods") if isinstance(item, dict))
    return dict(Counter(CameraId(check_id(text(item, "camera"))) for item in items))


def _asked(path: Path, policy: Policy) -> Request | None:
    if not path.exists():
        return None
    try:
        return parse_request(read_file(path, MAX_REQUEST), policy.requester_keys)
    except CustodesError:
        return None
