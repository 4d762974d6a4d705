# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the page does with a path: parse, call the desk, render. One request at a time."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from custodes.clock import Clock
from custodes.desk.custodian import CustodianDesk, statement
from custodes.desk.page import views
from custodes.desk.page.draft import draft_grant, draft_refusal
from custodes.desk.page.facts import (
    cameras_of,
    granted_in_month,
    quorum_line,
    seen_digest,
    unverified_lines,
    verified_lines,
)
from custodes.desk.page.markup import asset
from custodes.desk.page.statements import Statements
from custodes.desk.reading import ReadingDesk
from custodes.desk.transport import Transport, open_transport
from custodes.domain import canonical
from custodes.domain.ids import PeriodId
from custodes.errors import CustodesError, Kind, conflict, denied, invalid, not_found, unavailable
from custodes.trust.custody.access import ACCESS
from custodes.trust.custody.dossier import VerifiedDossier
from custodes.trust.custody.grant import GRANT, MAX_GRANT, REFUSAL
from custodes.trust.custody.statement import parse_custodian

HTML, JSON = "text/html; charset=utf-8", "application/json"
MAX_FORM = 4 * 1024 * 1024
_MAX_FIELDS = 100_000
_REQUEST = re.compile(r"requests/([a-z2-7]{26})(?:/([a-z-]+))?")
_STATUS = {
    Kind.INVALID: 400,
    Kind.DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.CORRUPT: 422,
    Kind.UNAVAILABLE: 503,
}
Body = Callable[[int], bytes]
"""Reads a request's body of at most so many bytes; raises ``CustodesError`` (INVALID)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the browser."""

    status: int
    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Page:
    """The desk in a folder as pages. With a ``desk`` the program holds the keys, else they are opened in the browser.

    Raises ``CustodesError``: NOT_FOUND without statement or policy, UNAVAILABLE if the browser is to sign and its part
    of the page was not built, INVALID for an unusable ``location``.
    """

    def __init__(self, folder: Path, location: str, base: str, clock: Clock, desk: CustodianDesk | None) -> None:
        self._clock, self._base, self._keys = clock, base, desk
        self._desk: ReadingDesk = desk or ReadingDesk(folder, clock)
        stated = parse_custodian(statement(folder))
        self._me = stated.identity.id
        self._statements = Statements(self._desk.policy, self._me, clock)
        if desk is None and asset("src/custodian/page.ts") is None:
            raise unavailable("the part that signs in the browser is not built: run scripts/build_frontend.py")
        self._transport = self._open(location)
        self._by_hand = not location.startswith("http")
        self._frame = views.Frame(base, stated.label, self._desk.policy.deployment, desk is None)
        self._drafts: dict[str, tuple[str, VerifiedDossier, tuple[PeriodId, ...]]] = {}
        self._lock = threading.Lock()

    def _open(self, location: str) -> Transport:
        return self._keys.transport(location) if self._keys else open_transport(location, self._statements.get)

    def get(self, path: str) -> Answer:
        """Answer a GET; ``path`` is what follows the base."""
        with self._lock:
            try:
                return self._get(path)
            except CustodesError as problem:
                return self._failed(problem)

    def _get(self, path: str) -> Answer:
        if path == "":
            return self._list()
        if path == "history":
            return self._history()
        if path == "access" and self._keys is None:
            return self._access()
        match = _REQUEST.fullmatch(path)
        if match and not match[2]:
            return self._request(match[1])
        raise not_found("there is no such page")

    def post(self, path: str, body: Body) -> Answer:
        """Answer a POST of this page's own forms and program."""
        with self._lock:
            match = _REQUEST.fullmatch(path)
            acts = self._forms(self._keys) if self._keys else self._signing()
            try:
                if path == "access" and self._keys is None:
                    return self._take_access(body)
                act = acts.get(match[2] or "") if match else None
                if match is None or act is None:
                    raise not_found("there is no such page")
                return act(match[1], body)
            except CustodesError as problem:
                return self._failed(problem, nothing_released=True)

    def _failed(self, problem: CustodesError, nothing_released: bool = False) -> Answer:
        status = _STATUS[problem.kind]
        if self._keys is None and nothing_released:
            return Answer(status, JSON, json.dumps({"error": problem.message}).encode())
        hint = "Nothing was handed in." if nothing_released else ""
        return self._page("Not possible", views.refused(problem.message, hint), status)

    def _page(self, title: str, content: str, status: int = 200) -> Answer:
        return Answer(status, HTML, self._frame.page(title, content))

    def _list(self) -> Answer:
        if self._keys is None and not self._by_hand and not self._statements.has("requests"):
            return self._page("Keys", views.locked())
        return self._page("Waiting requests", views.waiting(self._desk.pending(self._transport), self._base))

    def _history(self) -> Answer:
        answers = self._desk.answered()
        offices = {each.id: self._desk.office(each.asked) for each in answers if each.asked}
        granted = granted_in_month(answers, self._clock.now())
        return self._page("What you have answered", views.history(answers, granted, offices))

    def _request(self, request: str) -> Answer:
        answers = self._desk.answered()
        if any(each.id == request for each in answers):
            return self._answered(request)
        try:
            verified = self._desk.examine(self._transport, request)
        except CustodesError as problem:
            if problem.kind in (Kind.UNAVAILABLE, Kind.NOT_FOUND):
                raise
            return self._page("Must not be granted", views.must_not(request, problem.message))
        office, policy = self._desk.office(verified.request), self._desk.policy
        content = views.request(
            *(self._frame, verified, office, quorum_line(verified, policy), cameras_of(verified, self._transport)),
            verified_lines(verified, office, self._by_hand),
            unverified_lines(granted_in_month(answers, self._clock.now())),
        )
        return self._page(verified.request.purpose, content)

    # The program signs: plain forms.

    def _forms(self, keys: CustodianDesk) -> Mapping[str, Callable[[str, Body], Answer]]:
        def grant(request: str, body: Body) -> Answer:
            verified, minutes = self._chosen(request, _form(body))
            keys.grant_verified(self._transport, verified, minutes)
            return self._answered(request)

        def refuse(request: str, body: Body) -> Answer:
            keys.refuse(self._transport, request, _reason(_form(body)))
            return self._answered(request)

        return {"grant": grant, "refuse": refuse}

    def _answered(self, request: str) -> Answer:
        return Answer(303, HTML, b"", {"Location": f"{self._base}history#{request}"})

    def _chosen(self, request: str, form: Mapping[str, list[str]]) -> tuple[VerifiedDossier, tuple[PeriodId, ...]]:
        """Verify the request once more, and that what is shown has not changed since the form was made."""
        verified = self._desk.examine(self._transport, request)
        if form.get("sure") != [views.SURE]:
            raise invalid("tick the box above the button first")
        if form.get("seen") != [seen_digest(verified)]:
            raise conflict("what the operator shows has changed since you looked: go back, reload and look again")
        names = {str(period): period for period in verified.periods}
        ticked, cameras = set(form.get("minute", [])), set(form.get("camera", []))
        if ticked - set(names) or cameras - set(verified.request.cameras):
            raise denied("the request does not ask for that")
        minutes = tuple(names[name] for name in sorted(ticked) if names[name].camera in cameras)
        if not minutes:
            raise invalid("nothing is ticked: tick what you grant, or refuse with a reason")
        return verified, minutes

    # The browser signs: it is given what to sign, and hands back what it has signed.

    def _signing(self) -> Mapping[str, Callable[[str, Body], Answer]]:
        return {"grant": self._draft_grant, "refuse": self._draft_refusal, "signed": self._signed}

    def _access(self) -> Answer:
        paths = [] if self._by_hand else ["requests"]
        if self._statements.has("requests"):
            paths += [f"requests/{each.id}/dossier" for each in self._desk.waiting(self._transport)]
        wanted: list[canonical.Json] = [
            self._statements.wanted(path) for path in paths if not self._statements.has(path)
        ]
        return _json({"kind": ACCESS, "signer": self._me, "bodies": wanted})

    def _take_access(self, body: Body) -> Answer:
        for signed in canonical.listed(canonical.load_object(body(MAX_FORM)), "signed"):
            self._statements.take(canonical.dumps(signed))
        return _json({})

    def _draft_grant(self, request: str, body: Body) -> Answer:
        verified, minutes = self._chosen(request, _form(body))
        self._drafts = {request: (GRANT, verified, minutes)}
        return _json(draft_grant(verified, self._desk.policy, self._me, minutes, self._clock.now()))

    def _draft_refusal(self, request: str, body: Body) -> Answer:
        verified = self._desk.examine(self._transport, request)
        self._drafts = {request: (REFUSAL, verified, ())}
        return _json(draft_refusal(verified, self._me, _reason(_form(body)), self._clock.now()))

    def _signed(self, request: str, body: Body) -> Answer:
        signed = body(MAX_GRANT)
        draft = self._drafts.pop(request, None)
        if draft is None:
            raise conflict("nothing was prepared here to be signed: reload and look again")
        kind, verified, minutes = draft
        if kind == GRANT:
            self._desk.hand_in_grant(self._transport, verified, signed, self._me, minutes)
        else:
            self._desk.hand_in_refusal(self._transport, verified, signed, self._me)
        return _json({"next": f"{self._base}history#{request}"})


def _form(body: Body) -> Mapping[str, list[str]]:
    try:
        return parse_qs(body(MAX_FORM).decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise invalid("the form cannot be read") from None


def _reason(form: Mapping[str, list[str]]) -> str:
    reason = form.get("reason", [""])[0].strip()
    if not reason:
        raise invalid("say why: the reason goes to the office and the operator")
    return reason


def _json(value: canonical.JsonObject) -> Answer:
    return Answer(200, JSON, json.dumps(value).encode())
