# SPDX-License-Identifier: AGPL-3.0-or-later
"""A custodian's page for tests, as the program serves it, and a visitor that is no browser."""

import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from custodes.clock import Clock
from custodes.desk.custodian import CustodianDesk
from custodes.desk.page.server import serve
from custodes.errors import CustodesError


@contextmanager
def page_of(folder: Path, location: str, clock: Clock, desk: CustodianDesk | None) -> Iterator[str]:
    """Serve a desk's page until the block ends; yields the start link."""
    links: list[str] = []
    wrong: list[CustodesError] = []
    is_ready, stop = threading.Event(), threading.Event()

    def ready(link: str) -> None:
        links.append(link)
        is_ready.set()

    def run() -> None:
        try:
            serve(folder, location, 0, clock, desk, ready, stop)
        except CustodesError as problem:
            wrong.append(problem)
            is_ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    is_ready.wait()
    try:
        if wrong:
            raise wrong[0]
        yield links[0]
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def words(self) -> str:
        """The page as a person reads it."""
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", self.text)))

    def fields(self, name: str) -> list[str]:
        """The values of a form's fields of this name."""
        found = re.findall(rf'<input [^>]*name="{name}"[^>]*>', self.text)
        return [value[1] for each in found if (value := re.search(r'value="([^"]*)"', each))]


class Visitor:
    """Speaks HTTP as a browser would, or as somebody else."""

    def __init__(self, link: str) -> None:
        parts = urlsplit(link)
        self.host, self.start = parts.netloc, parts.path
        self.cookie, self.base = "", "/"

    def enter(self) -> "Visitor":
        """Use the start link."""
        reply = self.get(self.start, below=False)
        assert reply.status == 303
        self.base, self.cookie = reply.headers["location"], reply.headers["set-cookie"].split(";")[0]
        return self

    def get(self, path: str = "", below: bool = True, **headers: str) -> Reply:
        return self.ask("GET", (self.base if below else "") + path, None, headers)

    def post(self, path: str, form: Mapping[str, str | list[str]], **headers: str) -> Reply:
        return self.send(path, urlencode(form, doseq=True), **headers)

    def send(self, path: str, body: str, **headers: str) -> Reply:
        """Post a body, as a page of ours would."""
        return self.ask("POST", self.base + path, body, {"Origin": f"http://{self.host}", **headers})

    def ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Reply:
        """Ask with these headers; ``_`` in their names is ``-``, and an empty one is left out."""
        sent = {"Host": self.host, "Cookie": self.cookie, **{name.replace("_", "-"): headers[name] for name in headers}}
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True)
            if body is not None:
                sent["Content-Length"] = str(len(body))
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders(None if body is None else body.encode())
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read().decode())
        finally:
            connection.close()
