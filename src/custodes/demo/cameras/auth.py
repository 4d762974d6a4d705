# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may look at a virtual camera: Digest (RFC 2617 without qop, what cameras do) and Basic (RFC 7617)."""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from custodes.demo.cameras.rtsp import RefusedError, Request, path_of

_REALM = "virtual camera"
_PARAMETER = re.compile(r'([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^,\s"]*))')


@dataclass(frozen=True, slots=True)
class Login:
    """The one account of the cameras."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user})"


class Gate:
    """Checks the requests of one connection, with a nonce of its own."""

    def __init__(self, login: Login, entropy: bytes) -> None:
        self._login, self._nonce = login, entropy.hex()

    def check(self, request: Request) -> None:
        """Return if the request shows the right password, else raise ``RefusedError`` (401) with both challenges."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic" and self._basic(rest):
            return
        if scheme.lower() == "digest" and self._digest(rest, request):
            return
        raise RefusedError(
            401,
            ("WWW-Authenticate", f'Digest realm="{_REALM}", nonce="{self._nonce}"'),
            ("WWW-Authenticate", f'Basic realm="{_REALM}"'),
        )

    def _basic(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self._login.user}:{self._login.password}".encode())

    def _digest(self, parameters: str, request: Request) -> bool:
        given = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(parameters)}
        uri = given.get("uri", "")
        if given.get("nonce") != self._nonce or given.get("username") != self._login.user:
            return False
        # Some clients name the stream where they ask for its track.
        if request.path != path_of(uri) and not request.path.startswith(path_of(uri) + "/"):
            return False
        account = _md5(f"{self._login.user}:{_REALM}:{self._login.password}")
        expected = _md5(f"{account}:{self._nonce}:{_md5(f'{request.method}:{uri}')}")
        return hmac.compare_digest(given.get("response", "").encode(), expected.encode())


def _md5(text: str) -> str:
    # MD5 is what RFC 2617 says and what cameras and their clients still speak.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
