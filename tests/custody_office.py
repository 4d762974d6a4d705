# SPDX-License-Identifier: AGPL-3.0-or-later
"""An operator for tests of the desks: keeps what is filed and serves what is asked for, as a server and as a folder."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.custody_world import Recorded, World, with_policy

from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.ids import CameraId, Digest
from custodes.errors import CustodesError, denied, not_found
from custodes.trust.custody import facts
from custodes.trust.custody.documents import Logged, PeriodDocuments
from custodes.trust.custody.opening_statement import verify_opening
from custodes.trust.custody.policy import Requester, encode_policy
from custodes.trust.custody.request import check_request, parse_request
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.seal.custodians import Custodian, CustodianSet
from custodes.trust.seal.signing import PublicKey


class Office:
    """The operator's side of one request at a time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.periods: list[Recorded] = []
        self.documents: dict[object, PeriodDocuments] = {}
        self.request: Logged | None = None
        self.grants: list[Logged] = []
        self.refusals: list[bytes] = []
        self.openings: list[bytes] = []

    def enrol(self, custodians: list[bytes], requester: bytes, k: int) -> bytes:
        """Enrol by statements; returns the policy file."""
        members = []
        for index, data in enumerate(custodians, 1):
            stated = parse_custodian(data)
            members.append(Custodian(index, stated.label, stated.identity, stated.wrapping))
        self.world.set = CustodianSet(self.world.set.epoch, k, tuple(members))
        asks = parse_requester(requester)
        self.world.policy = with_policy(
            self.world, custodians=(self.world.set,), requesters=(Requester(asks.label, asks.identity),)
        )
        return encode_policy(self.world.policy)

    def requester(self) -> PublicKey:
        return self.world.policy.requesters[0].identity

    def record(self, period: Recorded) -> None:
        """Take a sealed period in and commit to it."""
        self.periods.append(period)
        self.documents |= self.world.commit([period])

    def id(self) -> str:
        assert self.request is not None
        return parse_request(self.request.document, self.world.policy.requester_keys).id

    def file(self, what: str, data: bytes) -> bytes:
        """Accept a document, as POST does."""
        if what == "requests":
            request = parse_request(data, self.world.policy.requester_keys)
            check_request(request, self.world.clock.now())
            self.request = self.world.logged_request(data)
            return canonical.dumps({"id": request.id})
        assert self.request is not None
        if what == "grants":
            self.grants.append(self.world.logged_grant(self.request, data, self.periods))
        elif what == "refusals":
            self.refusals.append(data)
        elif what == "openings":
            asked = parse_request(self.request.document, self.world.policy.requester_keys)
            verify_opening(data, asked, self.world.policy)
            self.openings.append(data)
            digest = Digest(hashlib.sha256(data).digest())
            self.world.add(Act.DISCLOSURE_OPENED, facts.opened(asked.digest, digest))
        return b""

    def serve(self, what: str) -> bytes:
        """Give a document out, as GET does."""
        if what == "policy":
            return encode_policy(self.world.policy)
        if self.request is None:
            raise not_found("there is no such request")
        if what == "requests":
            return canonical.dumps({"requests": [{"id": self.id(), "state": "witnessed"}]})
        if what == f"requests/{self.id()}/dossier":
            return self.world.dossier(self.request, self.periods)
        if what == f"requests/{self.id()}/package":
            if len(self.grants) < self.world.set.k:
                raise denied(f"{len(self.grants)} of {self.world.set.k} grants are there")
            return self.world.package(self.request, self.grants, self.documents, self.periods)  # type: ignore[arg-type]
        raise not_found("there is no such document")


@contextmanager
def served(office: Office) -> Iterator[str]:
    """Serve the office, and its log, on loopback; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Tests are quiet."""

        def do_GET(self) -> None:
            if self.path.startswith("/register/"):
                document = office.world.register.get(
                    CameraId(self.path.removeprefix("/register/").removesuffix(".json"))
                )
                self._answer(404, b"") if document is None else self._answer(200, document)
                return
            if self.path.startswith("/log/"):
                file = office.world.folder / self.path[1:]
                self._answer(200, file.read_bytes()) if file.is_file() else self._answer(404, b"")
                return
            self._run(lambda: office.serve(self.path.removeprefix("/api/custody/")))

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            self._run(lambda: office.file(self.path.removeprefix("/api/custody/"), data))

        def _run(self, act) -> None:  # type: ignore[no-untyped-def]
            codes = {"denied": 403, "not found": 404, "conflict": 409, "corrupt": 422, "invalid": 400}
            try:
                self._answer(200, act())
            except CustodesError as problem:
                self._answer(codes.get(problem.kind.value, 503), canonical.dumps({"error": problem.message}))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Courier:
    """Carries documents between the office and a folder, as a person with a memory stick would."""

    def __init__(self, office: Office, folder: Path) -> None:
        self.office, self.folder = office, folder
        self._taken: set[str] = set()

    def carry(self) -> None:
        """Hand new documents in, and put everything that the office has into the folder."""
        for kind, what in (
            ("request", "requests"),
            ("grant", "grants"),
            ("refusal", "refusals"),
            ("opening", "openings"),
        ):
            for path in sorted(self.folder.glob(f"{kind}-*.json")):
                if path.name not in self._taken:
                    self._taken.add(path.name)
                    self.office.file(what, path.read_bytes())
        if self.office.request is not None:
            name = self.office.id()
            (self.folder / f"dossier-{name}.json").write_bytes(self.office.serve(f"requests/{name}/dossier"))
            if len(self.office.grants) >= self.office.world.set.k:
                (self.folder / f"package-{name}.zip").write_bytes(self.office.serve(f"requests/{name}/package"))
