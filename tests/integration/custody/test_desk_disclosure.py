# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole disclosure between separate folders: custodians, requester, operator, over HTTP and by hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.custody_office import Courier, served
from tests.custody_town import Town
from tests.custody_world import MINUTE, START

from custodes.clock import SECOND, Instant
from custodes.desk import custodian, requester
from custodes.desk.transport import FolderTransport, HttpTransport, Transport, open_transport
from custodes.domain import canonical
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.statement import parse_custodian, parse_requester
from custodes.trust.verify.bundle import verify_bundle


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.world.close()


@contextmanager
def _http(town: Town) -> Iterator[tuple[Transport, Callable[[], None]]]:
    with served(town.office) as address:
        yield HttpTransport(address), lambda: None


@contextmanager
def _by_hand(town: Town) -> Iterator[tuple[Transport, Callable[[], None]]]:
    folder = town.folder / "stick"
    folder.mkdir()
    yield FolderTransport(folder), Courier(town.office, folder).carry


@pytest.mark.parametrize("way", [_http, _by_hand])
def test_two_of_three_custodians_open_the_minutes_and_the_bundle_stands(town: Town, way) -> None:  # type: ignore[no-untyped-def]
    with way(town) as (transport, carry):
        court = town.court()
        name = court.request(transport, town.asked())
        carry()
        assert court.status(transport, name).id == name
        [pending] = town.custodian(1).pending(transport)
        assert (pending.id, pending.problem, pending.requester) == (name, "", "District court")
        assert len(pending.periods) == 2
        town.custodian(1).grant(transport, name)
        carry()
        with pytest.raises(CustodesError) as early:
            court.open(transport, name)
        assert early.value.kind in (Kind.DENIED, Kind.NOT_FOUND)
        town.custodian(3).grant(transport, name)
        carry()
        opened = court.open(transport, name)
        carry()
        assert opened.clips[0].read_bytes() == town.period.clip
        assert opened.false_shares == ()
        report = verify_bundle(opened.bundle, town.world.policy)
        assert [check.name for check in report.checks if not check.ok] == []
        assert len(town.office.openings) == 1
        assert town.custodian(1).pending(transport) == []


def test_a_package_can_be_opened_again(town: Town) -> None:
    folder = town.folder / "stick"
    folder.mkdir()
    transport, courier = FolderTransport(folder), Courier(town.office, folder)
    name = town.court().request(transport, town.asked())
    courier.carry()
    for number in (1, 2):
        town.custodian(number).grant(transport, name)
    courier.carry()
    first = town.court().open(transport, name).clips[0].read_bytes()
    assert town.court().open(transport, name).clips[0].read_bytes() == first


def test_a_custodian_answers_once_and_can_refuse(town: Town) -> None:
    with served(town.office) as address:
        transport = HttpTransport(address)
        name = town.court().request(transport, town.asked())
        town.custodian(2).refuse(transport, name, "the purpose is too wide")
        assert len(town.office.refusals) == 1
        with pytest.raises(CustodesError, match="answered this request already") as problem:
            town.custodian(2).grant(transport, name)
        assert problem.value.kind is Kind.CONFLICT


def test_a_custodian_can_narrow_a_grant_but_never_widen_it(town: Town) -> None:
    with served(town.office) as address:
        transport = HttpTransport(address)
        name = town.court().request(transport, town.asked())
        desk = town.custodian(1)
        with pytest.raises(CustodesError, match="does not ask for the camera"):
            desk.grant(transport, name, cameras=[town.world.cameras[1]])
        with pytest.raises(CustodesError, match="does not ask for that time"):
            desk.grant(transport, name, window=(START, Instant(START + 5 * MINUTE)))
        desk.grant(transport, name, window=(START, Instant(START + 30 * SECOND)))
        # Its second minute has one grant too few, so the request as a whole does not open.
        town.custodian(2).grant(transport, name)
        with pytest.raises(CustodesError, match="1 of the 2 grants"):
            town.court().open(transport, name)


def test_a_tampered_segment_opens_nothing_and_leaves_no_clip(town: Town) -> None:
    changed = bytearray(town.period.segment)
    changed[2000] ^= 1
    with served(town.office) as address:
        transport = HttpTransport(address)
        name = town.court().request(transport, town.asked())
        for number in (1, 2):
            town.custodian(number).grant(transport, name)
        town.office.periods[0] = replace(town.period, segment=bytes(changed))
        with pytest.raises(CustodesError, match=r"fragment 1 .*segment was changed") as problem:
            town.court().open(transport, name)
        assert problem.value.kind is Kind.CORRUPT
        assert not list((town.court().folder(name) / "native").glob("*"))
        assert not (town.court().folder(name) / "bundle.zip").exists()


def test_a_window_that_has_not_ended_never_leaves_the_requesters_desk(town: Town) -> None:
    with served(town.office) as address:
        end = Instant(town.world.clock.now() + MINUTE)
        with pytest.raises(CustodesError, match="window has not ended"):
            town.court().request(HttpTransport(address), town.asked(end))
        assert town.office.request is None


def test_a_log_that_was_rewritten_between_two_visits_is_noticed(town: Town) -> None:
    with served(town.office) as address:
        transport = HttpTransport(address)
        name = town.court().request(transport, town.asked())
        assert town.custodian(1).pending(transport)[0].problem == ""
        seen = town.folder / "custodian1" / "seen"
        seen.write_bytes(_other_root(seen))
        assert "another history" in town.custodian(1).pending(transport)[0].problem
        with pytest.raises(CustodesError, match="another history"):
            town.custodian(1).grant(transport, name)


def _other_root(seen: Path) -> bytes:

    return canonical.dumps({**canonical.load_object(seen.read_bytes()), "root": "00" * 32})


def test_the_keys_of_each_office_lie_in_its_own_folder_only(town: Town) -> None:
    keys = sorted(path.relative_to(town.folder) for path in town.folder.rglob("*.key"))
    assert [path.parts[0] for path in keys] == ["court", *(f"custodian{n}" for n in (1, 1, 2, 2, 3, 3))]
    for path in keys:
        assert (town.folder / path).stat().st_mode & 0o077 == 0
        assert (town.folder / path).parent.stat().st_mode & 0o077 == 0
    with pytest.raises(CustodesError, match="already"):
        custodian.keygen(town.folder / "custodian1", "Office 1")
    with pytest.raises(CustodesError, match="already"):
        requester.keygen(town.folder / "court", "District court")


def test_statements_come_back_and_a_strangers_label_is_refused(town: Town) -> None:

    assert parse_custodian(custodian.statement(town.folder / "custodian2")).label == "Office 2"
    assert parse_requester(requester.statement(town.folder / "court")).label == "District court"
    with pytest.raises(CustodesError, match="label"):
        custodian.keygen(town.folder / "new", "two\nlines")
    with pytest.raises(CustodesError, match="another"):
        parse_requester(custodian.statement(town.folder / "custodian2"))


def test_a_server_that_is_away_or_talks_nonsense_is_one_clear_line(town: Town) -> None:
    with served(town.office) as address:
        gone = HttpTransport(address)
        with pytest.raises(CustodesError, match="no such") as missing:
            gone.dossier("a" * 26)
        assert missing.value.kind is Kind.NOT_FOUND
        with pytest.raises(CustodesError, match="identifier") as escape:
            gone.dossier("../../policy")
        assert escape.value.kind is Kind.INVALID
    with pytest.raises(CustodesError, match="does not answer") as away:
        gone.policy()
    assert away.value.kind is Kind.UNAVAILABLE
    for location in ("ftp://x", "/no/such/folder", "http://"):
        with pytest.raises(CustodesError) as problem:
            open_transport(location)
        assert problem.value.kind is Kind.INVALID
