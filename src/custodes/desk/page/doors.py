# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who may use the page: whoever opened the start link first, in that browser, from the page itself.

Loopback keeps other machines out, not other users of this one, nor pages of the web in the custodian's own browser.
Browsers send cookies to every port of an address, so that another user's program could collect them: the cookie is
bound to a path that nobody can guess, and the path opens nothing without the cookie.
"""

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from threading import Lock

COOKIE = "custodian"


@dataclass(frozen=True, slots=True)
class RefusedError(Exception):
    """Somebody who may not; ``status`` is the HTTP code, ``line`` says what to do."""

    status: int
    line: str


class Doors:
    """The secrets of one run, 256 bits each: the start link's, the path's and the cookie's."""

    def __init__(self, port: int, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._host = f"127.0.0.1:{port}"
        self._start, self._path, self._cookie = (entropy(32).hex() for _ in range(3))
        self._lock = Lock()
        self._used = False

    @property
    def origin(self) -> str:
        return f"http://{self._host}"

    @property
    def link(self) -> str:
        """The start link: good once."""
        return f"{self.origin}/start/{self._start}"

    @property
    def base(self) -> str:
        """What the paths of all pages begin with."""
        return f"/{self._path}/"

    def check_host(self, headers: Message) -> None:
        """Refuse every name but our own address: a web site's name can be made to point here (DNS rebinding)."""
        if headers.get_all("Host") != [self._host]:
            raise RefusedError(421, f"this page answers at {self.origin} only")

    def start(self, path: str, headers: Message) -> Mapping[str, str]:
        """Take the start link, once; returns the headers that let this browser in. Raises ``RefusedError``."""
        self._check_origin("GET", headers)
        if not hmac.compare_digest(path.encode(), f"/start/{self._start}".encode()):
            raise RefusedError(404, "there is no such page")
        with self._lock:
            if self._used:
                raise RefusedError(
                    410,
                    "this link was used before. If that was not you, end the program with Ctrl-C and start it again",
                )
            self._used = True
        cookie = f"{COOKIE}={self._cookie}; Path={self.base}; HttpOnly; SameSite=Strict"
        return {"Location": self.base, "Set-Cookie": cookie}

    def enter(self, method: str, path: str, headers: Message) -> str:
        """Return the path below ``base``; ``RefusedError`` unless our page asks, in the browser that started it."""
        self._check_origin(method, headers)
        inside = hmac.compare_digest(path[: len(self.base)].encode(), self.base.encode())
        if not inside or not self._has_cookie(headers):
            raise RefusedError(
                404, "there is no such page: open the link that the program printed, once, in this browser"
            )
        return path[len(self.base) :]

    def _check_origin(self, method: str, headers: Message) -> None:
        # "none" is a person who typed or pasted an address.
        site = headers.get("Sec-Fetch-Site", "same-origin")
        allowed = ("same-origin", "none") if method == "GET" else ("same-origin",)
        if site not in allowed or (method != "GET" and headers.get_all("Origin") != [self.origin]):
            raise RefusedError(403, "only this page itself may ask for that")

    def _has_cookie(self, headers: Message) -> bool:
        # Another port's server can set a cookie of the same name; ours must count beside it.
        sent = (part.strip().encode() for part in ";".join(headers.get_all("Cookie", [])).split(";"))
        return any(hmac.compare_digest(part, f"{COOKIE}={self._cookie}".encode()) for part in sent)
