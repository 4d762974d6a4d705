# SPDX-License-Identifier: AGPL-3.0-or-later
"""How custodians and requesters exchange documents with the operator: over HTTP, or as files carried by hand.

Neither way is trusted: every document is verified by whoever reads it.
"""

import http.client
import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from custodes.desk.keyfile import read_file
from custodes.domain import canonical
from custodes.domain.canonical import JsonObject, listed, text
from custodes.domain.ids import CameraId, check_id
from custodes.errors import CustodesError, Kind, conflict, corrupt, invalid, not_found, unavailable
from custodes.trust.custody.access import HEADER
from custodes.trust.custody.archive import MAX_ARCHIVE
from custodes.trust.custody.dossier import MAX_DOSSIER
from custodes.trust.custody.request import request_id
from custodes.trust.seal.fields import sha256, to_base64
from custodes.trust.tlog.source import FolderSource, HttpSource, Source
from custodes.trust.tlog.store import write_durably

TIMEOUT = 30.0
"""Seconds without an answer after which the server counts as unavailable."""
_CUSTODY = "api/custody"
_MAX_ANSWER = 4 * 1024 * 1024
_MAX_DOCUMENT = 256 * 1024
_PIECE = 1024 * 1024
_KINDS = {
    400: Kind.INVALID,
    403: Kind.DENIED,
    404: Kind.NOT_FOUND,
    409: Kind.CONFLICT,
    413: Kind.INVALID,
    422: Kind.CORRUPT,
    503: Kind.UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class RequestState:
    """A request as the operator lists it; ``state`` is for people only."""

    id: str
    state: str


class Transport(Protocol):
    """The custody documents, wherever they come from. Every method raises ``CustodesError`` only."""

    def policy(self) -> bytes:
        """The policy as the operator states it: to compare with one's own, never to trust."""
        ...

    def requests(self) -> list[RequestState]:
        """All requests."""
        ...

    def file_request(self, signed: bytes) -> str:
        """Hand a signed request in; returns its id."""
        ...

    def dossier(self, request: str) -> bytes:
        """What a custodian is shown of a request."""
        ...

    def file_grant(self, request: str, signed: bytes) -> None:
        """Hand a grant in."""
        ...

    def file_refusal(self, request: str, signed: bytes) -> None:
        """Hand a refusal in."""
        ...

    def package(self, request: str, into: Path) -> None:
        """Write the package of a granted request to ``into``."""
        ...

    def file_opening(self, request: str, signed: bytes) -> None:
        """Hand the statement in that the originals were opened."""
        ...

    def register(self, camera: CameraId) -> bytes | None:
        """The camera's current document of the public register, None where there is none."""
        ...

    def document(self, path: str, limit: int) -> bytes:
        """A document of at most ``limit`` bytes, by its path below ``/api/custody/``."""
        ...

    def file(self, what: str, signed: bytes) -> bytes:
        """Hand a signed document of another kind in; returns the answer, which is empty for a folder."""
        ...

    def log(self) -> Source | None:
        """The public log, None where it was not carried along. The caller closes it."""
        ...


MakeAccess: TypeAlias = Callable[[str], bytes]
"""Returns the signed statement that goes with a request for a path (``trust.custody.access``)."""


def open_transport(location: str, access: MakeAccess | None = None) -> Transport:
    """Open an ``http(s)://`` address or a folder; raises ``CustodesError`` (INVALID) if it is neither.

    ``access`` makes the statement that the server asks for; without one it answers little.
    """
    if location.startswith(("http://", "https://")):
        return HttpTransport(location, access)
    folder = Path(location)
    if not location or not folder.is_dir():
        raise invalid(f"there is no folder {location}, and it is no http address")
    return FolderTransport(folder)


class HttpTransport:
    """The operator's server. Redirects are not followed and no proxy is asked."""

    def __init__(self, address: str, access: MakeAccess | None = None, timeout: float = TIMEOUT) -> None:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        usable = address.isascii() and address.isprintable() and " " not in address
        if not usable or not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment:
            raise invalid(f"not an http or https address: {address}")
        self._access = access
        self._address = address.rstrip("/")
        self._host, self._port, self._timeout = host, port, timeout
        self._tls = parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")

    def policy(self) -> bytes:
        return self._get("policy", _MAX_ANSWER)

    def requests(self) -> list[RequestState]:
        found = []
        for item in listed(_object(self._get("requests", _MAX_ANSWER)), "requests"):
            if not isinstance(item, dict):
                raise corrupt("the server's list of requests cannot be read")
            found.append(RequestState(_checked(text(item, "id")), _one_line(text(item, "state"))))
        return found

    def file_request(self, signed: bytes) -> str:
        return _checked(text(_object(self._post("requests", signed)), "id"))

    def dossier(self, request: str) -> bytes:
        return self._get(f"requests/{_checked(request)}/dossier", MAX_DOSSIER)

    def file_grant(self, request: str, signed: bytes) -> None:
        self._post("grants", signed)

    def file_refusal(self, request: str, signed: bytes) -> None:
        self._post("refusals", signed)

    def package(self, request: str, into: Path) -> None:
        with self._call("GET", f"requests/{_checked(request)}/package") as response:
            _save(_pieces(response), into)

    def file_opening(self, request: str, signed: bytes) -> None:
        self._post("openings", signed)

    def register(self, camera: CameraId) -> bytes | None:
        try:
            with self._call("GET", f"{check_id(camera)}.json", below="register") as response:
                return _bounded(response, _MAX_DOCUMENT)
        except CustodesError as problem:
            if problem.kind is Kind.NOT_FOUND:
                return None
            raise

    def document(self, path: str, limit: int) -> bytes:
        return self._get(path, limit)

    def file(self, what: str, signed: bytes) -> bytes:
        return self._post(what, signed)

    def log(self) -> Source | None:
        return HttpSource(f"{self._address}/log")

    def _get(self, path: str, limit: int) -> bytes:
        with self._call("GET", path) as response:
            return _bounded(response, limit)

    def _post(self, path: str, body: bytes) -> bytes:
        with self._call("POST", path, body) as response:
            return _bounded(response, _MAX_ANSWER)

    @contextmanager
    def _call(
        self, method: str, path: str, body: bytes | None = None, below: str = _CUSTODY
    ) -> Iterator[http.client.HTTPResponse]:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=self._timeout)
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._access is not None and method == "GET" and below == _CUSTODY:
            headers[HEADER] = to_base64(self._access(path))
        try:
            connection.request(method, f"{self._prefix}/{below}/{path}", body, headers)
            response = connection.getresponse()
            if not 200 <= response.status < 300:
                raise _refused(response.status, _bounded(response, _MAX_ANSWER))
            yield response
        except (http.client.HTTPException, OSError) as problem:
            reason = "it is silent" if isinstance(problem, socket.timeout) else str(problem) or type(problem).__name__
            raise unavailable(f"{self._address} does not answer: {reason}") from None
        finally:
            connection.close()


def _refused(status: int, answer: bytes) -> CustodesError:
    """The server's own line, if it gave one; it is shown to people, so it may hold nothing but one line of text."""
    line = ""
    with suppress(CustodesError):
        line = text(_object(answer), "error")
    return CustodesError(_KINDS.get(status, Kind.UNAVAILABLE), _one_line(line) or f"the server answers {status}")


def _one_line(text_of_others: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text_of_others)[:300].strip()


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    total = 0
    while piece := response.read(_PIECE):
        total += len(piece)
        if total > MAX_ARCHIVE:
            raise corrupt("the package is larger than any package can be")
        yield piece
    if response.length:
        raise unavailable("the server broke off in the middle of the package: try again")


def _save(pieces: Iterable[bytes], into: Path) -> None:
    """Write a file under its name only when it is whole."""
    temporary = into.with_name(into.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.writelines(pieces)
        temporary.replace(into)
    except OSError as problem:
        # A broken connection is an OSError too, and becomes "unavailable" either way.
        raise unavailable(f"{into} cannot be written, or the connection broke: {problem}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _bounded(response: http.client.HTTPResponse, limit: int) -> bytes:
    data = response.read(limit + 1)
    if len(data) > limit:
        raise corrupt(f"the server's answer is longer than {limit} bytes")
    if response.length:
        raise unavailable("the server broke off in the middle of its answer: try again")
    return data


def _object(data: bytes) -> JsonObject:
    """Parse an answer of the server's own, which need not be canonical."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise corrupt("the server's answer is not JSON") from None
    if not isinstance(value, dict):
        raise corrupt("the server's answer is not a JSON object")
    return value


def own_answer(data: bytes) -> JsonObject:
    """Parse a server's answer that is for people only; empty where documents are carried by hand."""
    return _object(data) if data else {}


def _checked(request: str) -> str:
    """An id goes into paths and file names: nothing else may."""
    return check_id(request)


class FolderTransport:
    """A folder that is carried between the operator and the others; the operator's side fills and empties it.

    ``policy``, ``request-<id>.json``, ``dossier-<id>.json``, ``grant-<id>-<key>.json``, ``refusal-<id>-<key>.json``,
    ``package-<id>.zip``, ``opening-<id>.json``, ``<what>-<key>-<digest>.json`` for what else is signed, and, where they
    were carried along, ``log/`` and ``register/`` as they are served.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def policy(self) -> bytes:
        return read_file(self._folder / "policy", _MAX_ANSWER)

    def requests(self) -> list[RequestState]:
        found = {}
        for path in sorted(self._folder.glob("dossier-*.json")):
            name = path.name.removeprefix("dossier-").removesuffix(".json")
            answered = [*self._folder.glob(f"grant-{name}-*.json"), *self._folder.glob(f"refusal-{name}-*.json")]
            state = f"{len(answered)} answers in this folder" if answered else "waiting"
            found[name] = RequestState(_checked(name), state)
        return list(found.values())

    def file_request(self, signed: bytes) -> str:
        name = request_id(sha256(signed))
        self._put(f"request-{name}.json", signed)
        return name

    def dossier(self, request: str) -> bytes:
        return read_file(self._folder / f"dossier-{_checked(request)}.json", MAX_DOSSIER)

    def file_grant(self, request: str, signed: bytes) -> None:
        self._put(f"grant-{_checked(request)}-{_signer(signed)}.json", signed)

    def file_refusal(self, request: str, signed: bytes) -> None:
        self._put(f"refusal-{_checked(request)}-{_signer(signed)}.json", signed)

    def package(self, request: str, into: Path) -> None:
        source = self._folder / f"package-{_checked(request)}.zip"
        if not source.is_file():
            raise not_found(f"there is no {source}")
        with source.open("rb") as file:
            _save(iter(partial(file.read, _PIECE), b""), into)

    def file_opening(self, request: str, signed: bytes) -> None:
        self._put(f"opening-{_checked(request)}.json", signed)

    def register(self, camera: CameraId) -> bytes | None:
        path = self._folder / "register" / f"{check_id(camera)}.json"
        return read_file(path, _MAX_DOCUMENT) if path.exists() else None

    def document(self, path: str, limit: int) -> bytes:
        return read_file(self._folder / f"{path.replace('/', '-')}.json", limit)

    def file(self, what: str, signed: bytes) -> bytes:
        self._put(f"{what}-{_signer(signed)}-{sha256(signed).hex()[:16]}.json", signed)
        return b""

    def log(self) -> Source | None:
        folder = self._folder / "log"
        return FolderSource(folder) if folder.is_dir() else None

    def _put(self, name: str, data: bytes) -> None:
        if (self._folder / name).exists():
            raise conflict(f"{name} is in the folder already")
        write_durably(self._folder / name, data)


def _signer(signed: bytes) -> str:
    return canonical.hexadecimal(canonical.load_object(signed), "key", 16).hex()
