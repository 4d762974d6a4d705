# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers to a camera's challenge: Basic (RFC 7617) and Digest (RFC 7616, RFC 2069 where it names no ``qop``)."""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_LONGEST = 4_096
"""Characters of a challenge; no camera's is longer, and none may keep us busy."""
_PARAMETER = re.compile(r'(?<![\w-])([A-Za-z0-9_-]{1,32})\s{0,8}=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))')
_CHALLENGE = re.compile(r"(?:^|,)\s*(Basic|Digest)\b", re.IGNORECASE)
# Which hash is used is the camera's choice; we take its best. MD5 protects nothing but the password's plain text.
_HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {
    "SHA-256": hashlib.sha256,
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
}


@dataclass(slots=True)
class Challenge:
    """What the camera asked for; ``answer`` makes the ``Authorization`` header of one request."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    opaque: str | None = None
    algorithm: str = "MD5"
    session: bool = False
    qop: bool = False
    _count: int = field(default=0)

    def answer(self, user: str, password: str, method: str, url: str) -> str:
        """The header's value for a request of ``method`` to ``url``."""
        if self.scheme == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._count += 1
        fresh, count = secrets.token_hex(8), f"{self._count:08x}"
        secret = self._hash(f"{user}:{self.realm}:{password}")
        if self.session:
            secret = self._hash(f"{secret}:{self.nonce}:{fresh}")
        what = self._hash(f"{method}:{url}")
        middle = f"{self.nonce}:{count}:{fresh}:auth" if self.qop else self.nonce
        # With the characters that would end a quoted string the answer could say more than it should.
        name = user.replace("\\", "\\\\").replace('"', '\\"')
        parts = [
            f'username="{name}"',
            f'realm="{self.realm}"',
            f'nonce="{self.nonce}"',
            f'uri="{url}"',
            f'response="{self._hash(f"{secret}:{middle}:{what}")}"',
        ]
        if self.opaque is not None:
            parts.append(f'opaque="{self.opaque}"')
        if self.algorithm != "MD5" or self.session:
            parts.append(f"algorithm={self.algorithm}{'-sess' if self.session else ''}")
        if self.qop:
            parts += ["qop=auth", f"nc={count}", f'cnonce="{fresh}"']
        elif self.session:
            parts.append(f'cnonce="{fresh}"')
        return "Digest " + ", ".join(parts)

    def _hash(self, text: str) -> str:
        return _HASHES[self.algorithm](text.encode()).hexdigest()


def best_challenge(headers: Iterable[str]) -> Challenge | None:
    """Of all ``WWW-Authenticate`` headers the strongest challenge that we can answer: SHA-256, MD5, Basic."""
    found = [challenge for header in headers if len(header) <= _LONGEST for challenge in _challenges(header)]
    order = {"SHA-256": 0, "MD5": 1, "": 2}
    return min(found, key=lambda each: order[each.algorithm if each.scheme == "digest" else ""], default=None)


def _challenges(header: str) -> Iterable[Challenge]:
    begins = [match for match in _CHALLENGE.finditer(header) if header[: match.start()].count('"') % 2 == 0]
    for number, match in enumerate(begins):
        end = begins[number + 1].start() if number + 1 < len(begins) else len(header)
        given = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(header[match.end() : end])}
        if match[1].lower() == "basic":
            yield Challenge("basic")
            continue
        algorithm, _, suffix = given.get("algorithm", "MD5").upper().partition("-SESS")
        offered = [each.strip().lower() for each in given.get("qop", "").split(",") if each.strip()]
        if algorithm in _HASHES and not suffix and "nonce" in given and (not offered or "auth" in offered):
            session = given.get("algorithm", "").upper().endswith("-SESS")
            yield Challenge(
                "digest",
                given.get("realm", ""),
                given["nonce"],
                given.get("opaque"),
                algorithm,
                session,
                bool(offered),
            )
