# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a camera checks a password: Basic (RFC 7617) and Digest (RFC 7616, RFC 2069), and what cameras do wrong with it.

Written from the RFCs, for a camera's side; it shares nothing with the client that it tests.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Protocol

_HASH = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Asked(Protocol):
    """A client's request."""

    method: str
    url: str

    def header(self, name: str) -> str: ...


@dataclass
class Login:
    """``offers``: challenges in order, ``basic`` or the name of a hash, with ``+auth`` where ``qop`` is asked for.

    ``joined``: all challenges in one header. ``stale_after``: a nonce is good for so many requests, 0 for all.
    ``tail`` is added to each Digest challenge. ``used``: what each accepted request was authorised with.
    """

    user: str
    password: str
    offers: tuple[str, ...] = ("MD5",)
    realm: str = "IP Camera(C1234)"
    joined: bool = False
    stale_after: int = 0
    tail: str = ""
    used: list[str] = field(default_factory=list)
    refused: int = 0
    _nonce: int = 1
    _uses: int = 0
    _counts: set[tuple[str, str]] = field(default_factory=set)

    @property
    def nonce(self) -> str:
        return f"{self._nonce:032x}"

    def challenge(self, connection: int, request: Asked) -> list[str]:
        """Header lines to refuse a request with, none if it is in order."""
        given = request.header("authorization")
        if self._holds(request, given):
            self._uses += 1
            if not self.stale_after or self._uses <= self.stale_after:
                return []
            self._nonce, self._uses = self._nonce + 1, 0
            return self._lines(stale=True)
        self.refused += 1
        return self._lines(stale=bool(given) and self.nonce not in given and self.stale_after > 0)

    def _lines(self, stale: bool) -> list[str]:
        values = []
        for offer in self.offers:
            name, _, quality = offer.partition("+")
            if name == "basic":
                values.append(f'Basic realm="{self.realm}"')
                continue
            value = f'Digest realm="{self.realm}", nonce="{self.nonce}"'
            value += f', qop="{quality}"' if quality else ""
            value += f", algorithm={name}" if name != "MD5" else ""
            values.append(value + (', stale="true"' if stale else ', stale="FALSE"') + self.tail)
        return [f"WWW-Authenticate: {each}" for each in ([", ".join(values)] if self.joined else values)]

    def _holds(self, request: Asked, given: str) -> bool:
        scheme, _, rest = given.partition(" ")
        if scheme.lower() == "basic" and "basic" in self.offers:
            right = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if rest.strip() == right:
                self.used.append("basic")
            return rest.strip() == right
        if scheme.lower() != "digest":
            return False
        found = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))', rest)
        said = {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for name, quoted, plain in found}
        return self._digest(request, said)

    def _digest(self, request: Asked, said: dict[str, str]) -> bool:
        name = said.get("algorithm", "MD5").upper()
        quality = said.get("qop", "")
        offered = {each.partition("+")[0] for each in self.offers}
        wanted = any(each.startswith(f"{name}+auth") for each in self.offers)
        if name not in offered or bool(quality) != wanted or said.get("username") != self.user:
            return False
        if said.get("nonce") != self.nonce or said.get("uri") != request.url:
            return False

        def digest(text: str) -> str:
            return _HASH[name](text.encode()).hexdigest()

        first, second = digest(f"{self.user}:{self.realm}:{self.password}"), digest(f"{request.method}:{request.url}")
        middle = self.nonce
        if quality:
            if (self.nonce, said.get("nc", "")) in self._counts or not said.get("cnonce"):
                return False  # a count that was used before is a replay (RFC 7616, 3.4)
            self._counts.add((self.nonce, said["nc"]))
            middle = f"{self.nonce}:{said['nc']}:{said['cnonce']}:{quality}"
        if said.get("response") != digest(f"{first}:{middle}:{second}"):
            return False
        self.used.append(name)
        return True
