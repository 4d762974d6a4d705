# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls to a device: SOAP 1.2 with WS-UsernameToken (OASIS WSS 1.1, PasswordDigest) or HTTP Digest (RFC 7616).

Both are offered as the ONVIF Core Specification, 5.9.3 wants it: the token first, and where the device asks for Digest,
Digest from then on. A password is never sent in the clear, whatever a device asks for.
"""

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from custodes.clock import SECOND, Clock, SystemClock
from custodes.errors import CustodesError, Kind, corrupt, invalid
from custodes.video.ingest.onvif import http, markup
from custodes.video.ingest.onvif.account import Login
from custodes.video.ingest.onvif.http import Answer, Place
from custodes.video.ingest.rtsp.auth import Challenge, best_challenge

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_DIGEST = f"{_SECURITY}-username-token-profile-1.0#PasswordDigest"
_REFUSALS = {
    "NotAuthorized": "user name or password is wrong, or this user may not do it",
    "FailedAuthentication": "user name or password is wrong",
    "ActionNotSupported": "it does not offer this",
    "UnknownAction": "it does not offer this",
    "InvalidArgVal": "it does not take this value",
    "InvalidArgs": "it does not take these values",
    "PasswordTooWeak": "the password is too weak for it",
    "PasswordTooLong": "the password is too long for it",
    "UsernameMissing": "it has no such user",
    "FixedUser": "this user's password is fixed",
}
"""Fault codes (ONVIF Core, annex B) in our words; a device's own text could say anything, a password included."""
_AUTHORISATION = ("NotAuthorized", "FailedAuthentication")


class RefusedError(CustodesError):
    """The device answered with a fault."""


class Client:
    """Speaks to one device. ``timeout_s`` is for one request with its answer."""

    def __init__(
        self,
        place: Place,
        login: Login | None,
        *,
        timeout_s: float = 10.0,
        clock: Clock | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if login is not None and any(not letter.isprintable() for letter in login.user + login.password):
            raise invalid("user name and password must be printable text")
        self.place = place
        self.login = login
        self._timeout_s = timeout_s
        self._clock = clock or SystemClock()
        self._entropy = entropy
        self._offset = 0
        self._challenge: Challenge | None = None

    def set_offset(self) -> None:
        """Learn how far the device's clock is from ours: it refuses tokens that look old (ONVIF Core, 8.2).

        A device that does not tell is taken to have our time. Raises ``CustodesError`` as ``call`` does, except for a
        device's refusal.
        """
        try:
            answer = self.call(self.place, DEVICE, "GetSystemDateAndTime", "", anonymous=True)
        except RefusedError:
            return
        told = markup.find(answer, "SystemDateAndTime", "UTCDateTime")
        names = (
            ("Date", "Year"),
            ("Date", "Month"),
            ("Date", "Day"),
            ("Time", "Hour"),
            ("Time", "Minute"),
            ("Time", "Second"),
        )
        try:
            year, month, day, hour, minute, second = (int(markup.number(told, *name)) for name in names)
            theirs = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return
        self._offset = int(theirs.timestamp()) * SECOND - self._clock.now()

    def call(
        self, place: Place, namespace: str, operation: str, body: str, *, header: str = "", anonymous: bool = False,
        action: str = "", timeout_s: float = 0.0,
    ) -> Element:  # fmt: skip
        """Call an operation; ``body`` and ``header`` are XML, in which ``x:`` stands for ``namespace``.

        Returns the response element. ``action``: the SOAP action where it is not namespace and operation. Raises
        ``RefusedError`` for a fault (DENIED if it is about who asks), and ``CustodesError`` as ``http.post`` does.
        """
        inner = (
            f'<x:{operation} xmlns:x="{namespace}" xmlns:tt="http://www.onvif.org/ver10/schema">{body}</x:{operation}>'
        )
        action = action or f"{namespace}/{operation}"
        answer = self._send(place, action, inner, header, anonymous, timeout_s or self._timeout_s)
        if answer.status == 401:
            raise RefusedError(Kind.DENIED, f"{place}: {operation}: {_REFUSALS['NotAuthorized']}")
        try:
            envelope = markup.parse(answer.body)
        except CustodesError as problem:
            if answer.status != 200:
                raise corrupt(f"{place}: {operation} was answered with HTTP status {answer.status}") from None
            raise CustodesError(problem.kind, f"{place}: {problem.message}") from None
        content = markup.find(envelope, "Body")
        first = next(iter(content), None) if content is not None else None
        if first is None or markup.local(envelope) != "Envelope":
            raise corrupt(f"{place}: the answer to {operation} is not SOAP")
        if markup.local(first) == "Fault":
            raise _refusal(place, operation, first)
        if markup.local(first) != f"{operation}Response":
            raise corrupt(f"{place}: the answer to {operation} is one to something else")
        return first

    def _send(self, place: Place, action: str, inner: str, header: str, anonymous: bool, timeout_s: float) -> Answer:
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
        if self.login is None or anonymous:
            return http.post(place, _envelope(header, inner), headers, timeout_s)
        if self._challenge is None:
            answer = http.post(place, _envelope(header + self._token(self.login), inner), headers, timeout_s)
            if answer.status != 401 or not self._challenged(answer):
                return answer
        for _ in range(2):
            # A nonce may have become stale in the meantime: then there is a new challenge, once.
            given = {**headers, "Authorization": self._authorisation(self.login, place)}
            answer = http.post(place, _envelope(header, inner), given, timeout_s)
            if answer.status != 401 or not self._challenged(answer):
                break
        return answer

    def _challenged(self, answer: Answer) -> bool:
        """Keep the device's challenge; False if it has none that hides the password."""
        found = best_challenge(answer.challenges)
        if found is None or found.scheme != "digest":
            return False
        self._challenge = found
        return True

    def _authorisation(self, login: Login, place: Place) -> str:
        assert self._challenge is not None  # noqa: S101 - asked for only once there is one
        return self._challenge.answer(login.user, login.password, "POST", place.path)

    def _token(self, login: Login) -> str:
        nonce = self._entropy(16)
        moment = datetime.fromtimestamp((self._clock.now() + self._offset) // SECOND, UTC)
        created = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        # SHA-1 is what the profile says (OASIS UsernameToken 1.1, 4).
        digest = hashlib.sha1(nonce + created.encode() + login.password.encode(), usedforsecurity=False).digest()
        return (
            f'<w:Security xmlns:w="{_SECURITY}-wssecurity-secext-1.0.xsd" '
            f'xmlns:u="{_SECURITY}-wssecurity-utility-1.0.xsd" s:mustUnderstand="1"><w:UsernameToken>'
            f"<w:Username>{escape(login.user)}</w:Username>"
            f'<w:Password Type="{_DIGEST}">{base64.b64encode(digest).decode()}</w:Password>'
            f'<w:Nonce EncodingType="{_SECURITY}-soap-message-security-1.0#Base64Binary">'
            f"{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
            "</w:UsernameToken></w:Security>"
        )


def _envelope(header: str, inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f"<s:Header>{header}</s:Header><s:Body>{inner}</s:Body></s:Envelope>"
    ).encode()


def _refusal(place: Place, operation: str, fault: Element) -> RefusedError:
    codes = [markup.text(each).rpartition(":")[2] for each in markup.every(fault, "Value")]
    known = next((code for code in reversed(codes) if code in _REFUSALS), "")
    kind = Kind.DENIED if known in _AUTHORISATION else Kind.CORRUPT
    return RefusedError(kind, f"{place} refuses {operation}: {_REFUSALS.get(known, 'it gives no reason that we know')}")
