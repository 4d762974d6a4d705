# SPDX-License-Identifier: AGPL-3.0-or-later
"""The masked pictures as an operator gets them: over HTTP, signed in, from the playback of the running system."""

import http.cookiejar
import io
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import av

from custodes.clock import MILLISECOND, Instant
from custodes.domain.ids import CameraId
from custodes.errors import unavailable


@dataclass(frozen=True, slots=True)
class Piece:
    """One playback segment: its address' name (``<minute>-<term>/<n>.m4s``) and the pictures in it (I420)."""

    name: str
    pictures: tuple[bytes, ...]


class Operator:
    """A browser's worth of HTTP: a one-time link, its cookie, and nothing kept on the disk."""

    def __init__(self, link: str) -> None:
        self._open = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), urllib.request.ProxyHandler({})
        ).open
        self.base = "{0.scheme}://{0.netloc}".format(urlsplit(link))
        self.get(link)

    def get(self, url: str) -> bytes:
        """Fetch an address of this server."""
        try:
            with self._open(urljoin(self.base, url), timeout=30) as answer:
                data: bytes = answer.read()
                return data
        except OSError as problem:
            raise unavailable(f"{urlsplit(url).path} cannot be fetched: {problem}") from None

    def _post(self, url: str, body: dict[str, int]) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Origin": self.base}
        request = urllib.request.Request(urljoin(self.base, url), json.dumps(body).encode(), headers)  # noqa: S310 - own server
        try:
            with self._open(request, timeout=30) as answer:
                found: dict[str, str] = json.load(answer)
                return found
        except (OSError, ValueError) as problem:
            raise unavailable(f"{url} does not answer: {problem}") from None

    def playback(self, camera: CameraId, start: Instant, end: Instant) -> Iterator[Piece]:
        """Play a camera's window, as a logged viewing, from its beginning to its end."""
        window = {"start": start // MILLISECOND, "end": -(-end // MILLISECOND)}
        begun = self._post(f"/operator/cameras/{camera}/playback", window)
        playlist_url = urljoin(self.base, begun["playlist"])
        init = b""
        for line in self.get(playlist_url).decode().splitlines():
            if line.startswith("#EXT-X-MAP:"):
                init = self.get(urljoin(playlist_url, line.split('"')[1]))
            elif line and not line.startswith("#"):
                segment = self.get(urljoin(playlist_url, line))
                yield Piece("/".join(line.rsplit("/", 2)[-2:]), tuple(decode(init + segment)))


def decode(mp4: bytes) -> Iterator[bytes]:
    """Decode every picture of a piece of video to I420."""
    with av.open(io.BytesIO(mp4), mode="r", format="mp4") as container:
        for frame in container.decode(video=0):
            yield frame.reformat(format="yuv420p").to_ndarray().tobytes()
