# SPDX-License-Identifier: AGPL-3.0-or-later
"""Disclosure by commands: what must be refused is, in one line; what may be opened is bit by bit what was sent."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tests.node_town import Crash, Town, eventually, refused

from custodes.clock import SECOND, Instant
from custodes.demo.cameras.journal import read_journal
from custodes.demo.processes import Ran
from custodes.domain import canonical, times
from custodes.domain.acts import Act, LogEntry
from custodes.domain.ids import Digest
from custodes.domain.video import StreamRole
from custodes.node.queries import disclosures
from custodes.node.store import names
from custodes.trust.custody import facts
from custodes.trust.custody.clip import nal_units


class Case:
    """A request that touches a torn period and the one after it."""

    def __init__(self, town: Town, crash: Crash) -> None:
        self.town, self.crash = town, crash
        self.start, self.end = Instant(crash.torn.start + SECOND), Instant(crash.after.start + 2 * SECOND)
        self.id: str = self.ask(town.url, self.start, self.end).json()["request"]

    def ask(self, server: str | Path, start: int, end: int) -> Ran:
        return self.town.command(
            "disclosure", "request", "--dir", self.town.system.layout.requester, "--server", server,
            "--camera", self.crash.camera, "--from", times.to_text(Instant(start)),
            "--until", times.to_text(Instant(end)), "--purpose", "assault at the fountain",
            "--basis", "public_task", "--case", "2026/1147", "--json",
        )  # fmt: skip

    def grant(self, number: int, *words: str, server: str | Path = "", request: str = "") -> Ran:
        folder = self.town.system.layout.custodian(number)
        where = ("--dir", folder, "--server", server or self.town.url)
        return self.town.command("custodian", "grant", *where, request or self.id, *words)

    def open(self) -> Ran:
        where = ("--dir", self.town.system.layout.requester, "--server", self.town.url)
        return self.town.command("disclosure", "open", *where, self.id, "--json")

    def dossier(self) -> bytes:
        return disclosures.dossier(self.town.store, self.id)


@pytest.fixture(scope="module")
def case(running: Town, crash: Crash) -> Case:
    found = Case(running, crash)
    eventually(found.dossier, "request and minutes are in the witnessed log")
    return found


@pytest.fixture(scope="module")
def one_grant(case: Case) -> Case:
    assert case.grant(1).code == 0
    return case


@pytest.fixture(scope="module")
def two_grants(one_grant: Case) -> Case:
    assert one_grant.grant(2).code == 0
    return one_grant


def carried(case: Case, folder: Path, name: str, **changes: bytes) -> None:
    """Put a dossier into a folder that is carried by hand: the true one with parts changed."""
    body = canonical.load_object(case.dossier())
    for member, part in changes.items():
        body[member] = canonical.load_object(part)
    (folder / f"dossier-{name}.json").write_bytes(canonical.dumps(body))


def test_a_window_that_has_not_ended_cannot_be_asked_for(case: Case) -> None:
    now = case.town.system.now()
    refused(case.ask(case.town.url, now - 10 * SECOND, now + 60 * SECOND), "has not ended")


def test_nothing_is_granted_beyond_what_was_asked(case: Case) -> None:
    refused(case.grant(2, "--camera", case.town.system.cameras[1]), "does not ask for the camera")
    later = times.to_text(Instant(case.end + SECOND))
    refused(case.grant(2, "--until", later), "does not ask for that time")
    earlier = times.to_text(Instant(case.start - SECOND))
    refused(case.grant(2, "--from", earlier), "does not ask for that time")


def test_a_request_that_is_not_in_the_log_is_not_granted(case: Case, tmp_path: Path) -> None:
    # Signed by the true requester, but never filed: the dossier shows another request's entry.
    request = case.ask(tmp_path, case.start, case.end).json()["request"]
    signed = (tmp_path / f"request-{request}.json").read_bytes()
    carried(case, tmp_path, request, request=signed)
    refused(case.grant(2, server=tmp_path, request=request), "log")
    # The same with an entry that was written for it, under the other one's receipt.
    asked = facts.requested(Digest(sha256(signed).digest()))
    entry = LogEntry(Act.DISCLOSURE_REQUESTED, case.town.system.now(), asked).encode()
    carried(case, tmp_path, request, request=signed, entry=entry)
    refused(case.grant(2, server=tmp_path, request=request), "log")
    assert not list(tmp_path.glob("grant-*"))


def test_a_true_dossier_can_be_carried_by_hand(case: Case, tmp_path: Path) -> None:
    """The forgeries above are refused for what they are, not because folders do not work."""
    carried(case, tmp_path, case.id)
    where = ("--dir", case.town.system.layout.custodian(3), "--server", tmp_path)
    pending = case.town.command("custodian", "pending", *where, "--json").json()
    assert [(each["id"], each["problem"]) for each in pending] == [(case.id, "")]


def test_fewer_than_k_grants_open_nothing(one_grant: Case) -> None:
    refused(one_grant.open(), "1 of 2 custodians")
    assert not list((one_grant.town.system.layout.requester / "requests" / one_grant.id).rglob("*.mp4"))


def test_a_custodian_answers_once(one_grant: Case) -> None:
    refused(one_grant.grant(1), "answered this request already")


@pytest.fixture
def tampered(two_grants: Case) -> Iterator[Case]:
    """One byte in the middle of a sealed segment of the store is another one."""
    path = two_grants.town.store.objects.local_path(names.segment(two_grants.crash.torn))
    with path.open("r+b") as file:
        middle = two_grants.crash.written // 2
        file.seek(middle)
        (byte,) = file.read(1)
        file.seek(middle)
        file.write(bytes([byte ^ 1]))
        file.flush()
        yield two_grants
        file.seek(middle)
        file.write(bytes([byte]))


def test_a_segment_that_was_tampered_with_is_not_opened_and_is_named(tampered: Case) -> None:
    refused(tampered.open(), str(tampered.crash.torn))


@pytest.fixture(scope="module")
def opened(two_grants: Case) -> dict[str, object]:
    facts_of: dict[str, object] = two_grants.open().json()
    return facts_of


def test_what_is_opened_is_what_the_camera_sent_on_both_sides_of_the_crash(
    two_grants: Case, opened: dict[str, object]
) -> None:
    clips = opened["clips"]
    assert isinstance(clips, list)
    assert len(clips) >= 2
    sent = [nal.sha256 for nal in read_journal(two_grants.town.system.layout.cameras, "camera-1", StreamRole.MAIN)]
    ends = 0
    for clip in clips:
        found = [sha256(nal).digest() for nal in nal_units(Path(clip).read_bytes())]
        assert len(found) > 20
        places = [at for at, first in enumerate(sent) if first == found[0] and sent[at : at + len(found)] == found]
        assert len(places) == 1, f"{clip} is no run of what was sent"
        assert places[0] >= ends
        ends = places[0] + len(found)


def test_the_bundle_is_verified_by_anybody_and_one_flipped_byte_is_found(
    two_grants: Case, opened: dict[str, object], tmp_path: Path
) -> None:
    bundle, policy = Path(str(opened["bundle"])), two_grants.town.system.layout.requester / "policy"
    assert two_grants.town.command("verify", "bundle", bundle, "--policy", policy).code == 0
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    changed = tmp_path / "changed.zip"
    changed.write_bytes(data)
    ran = two_grants.town.command("verify", "bundle", changed, "--policy", policy)
    assert ran.code == 1
    assert "Traceback" not in ran.errors


def test_the_state_of_a_request_is_told_by_command(two_grants: Case, opened: dict[str, object]) -> None:
    assert opened
    where = ("--dir", two_grants.town.system.layout.requester, "--server", two_grants.town.url)
    assert two_grants.town.command("disclosure", "status", *where, two_grants.id).output.strip() == "opened"
