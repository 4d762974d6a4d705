# SPDX-License-Identifier: Apache-2.0
"""The permit to record: what makes one, and everything that does not."""

import ast
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from tests.unit.tlog.tlog_tools import CLOCK, MemoryTiles, cosign, log_signers, policy_of, witness_signers

import custodes
from custodes.clock import SECOND, Instant
from custodes.domain.acts import Act, LogEntry
from custodes.domain.ids import CameraId, new_id
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry, encode_entry
from custodes.domain.schedule import spoken
from custodes.errors import CustodesError, Kind
from custodes.trust.tlog.log import Log
from custodes.trust.tlog.policy import TlogPolicy
from custodes.trust.verify.permit import permit

NOW = CLOCK.now()
DAY = 24 * 3600 * SECOND
CAMERA = CameraId(new_id(b"camera of a test"))
OTHER = CameraId(new_id(b"another camera.."))
POLICY = policy_of("witness.example/w1", k=1)
REGISTERED = RegisterEntry(
    camera=CAMERA,
    name="Market square, north",
    purpose=Purpose.TRAFFIC_SAFETY,
    purpose_note="accidents at the crossing",
    legal_basis=LegalBasis.PUBLIC_TASK,
    legal_note="city ordinance 12",
    owner="City of Example",
    contact="privacy@example.org",
    retention_hours=72,
    review=Instant(NOW + 30 * DAY),
    expires=Instant(NOW + 60 * DAY),
    latitude_e7=480_000_000,
    longitude_e7=110_000_000,
    direction=90,
    field_of_view=70,
    height_cm=400,
    range_cm=5_000,
    lens="4 mm",
    salt=bytes(16),
)


def published(document: bytes, act: Act = Act.ENTRY_PUBLISHED, camera: str = CAMERA, **more: str) -> bytes:
    digest = sha256(document).hexdigest()
    return LogEntry(act, NOW, {"camera": camera, "document": digest, **more}).encode()


def receipt_of(entry: bytes, witnessed: bool = True) -> bytes:
    log = Log(MemoryTiles(), log_signers())
    log.append([b"{}", entry, b"{}"])
    if witnessed:
        cosign(log, witness_signers())
    return log.receipt(1)


DOCUMENT = encode_entry(REGISTERED)
ENTRY = published(DOCUMENT)


def test_a_witnessed_entry_permits_recording_until_it_expires() -> None:
    made = permit(DOCUMENT, ENTRY, receipt_of(ENTRY), POLICY, NOW)
    assert (made.camera, made.log_index, made.retention_hours) == (CAMERA, 1, 72)
    assert made.entry == sha256(DOCUMENT).digest()
    assert made.not_before <= NOW
    assert made.holds_at(NOW)
    assert made.holds_at(Instant(REGISTERED.expires - 1))
    assert not made.holds_at(REGISTERED.expires)


def refused(
    document: bytes = DOCUMENT,
    entry: bytes = ENTRY,
    receipt: bytes | None = None,
    policy: TlogPolicy = POLICY,
    now: Instant = NOW,
) -> CustodesError:
    with pytest.raises(CustodesError) as caught:
        permit(document, entry, receipt_of(entry) if receipt is None else receipt, policy, now)
    return caught.value


def test_an_expired_entry_permits_nothing() -> None:
    problem = refused(now=REGISTERED.expires)
    assert (problem.kind, "expired" in problem.message) == (Kind.DENIED, True)


def test_another_document_than_the_published_one_permits_nothing() -> None:
    longer = encode_entry(replace(REGISTERED, retention_hours=8_000))
    assert refused(document=longer).kind is Kind.DENIED


def test_an_entry_of_another_camera_permits_nothing() -> None:
    problem = refused(entry=published(DOCUMENT, camera=OTHER))
    assert (problem.kind, "another camera" in problem.message) == (Kind.DENIED, True)


@pytest.mark.parametrize("act", [act for act in Act if act is not Act.ENTRY_PUBLISHED])
def test_no_other_act_permits_recording(act: Act) -> None:
    assert refused(entry=published(DOCUMENT, act)).kind is Kind.DENIED


def test_an_unwitnessed_entry_permits_nothing_even_if_the_policy_asks_for_no_witness() -> None:
    lax = policy_of(k=0)
    assert refused(receipt=receipt_of(ENTRY, witnessed=False)).kind is Kind.DENIED
    assert refused(receipt=receipt_of(ENTRY, witnessed=False), policy=lax).kind is Kind.DENIED


def test_the_receipt_of_another_entry_permits_nothing() -> None:
    another = published(encode_entry(replace(REGISTERED, camera=OTHER)), camera=OTHER)
    assert refused(receipt=receipt_of(another)).kind is Kind.CORRUPT


def test_members_that_are_not_known_make_no_permit() -> None:
    assert refused(entry=published(DOCUMENT, more="x")).kind is Kind.CORRUPT
    assert refused(entry=b"{}").kind is Kind.DENIED
    assert refused(entry=b"not json", receipt=b"").kind is Kind.CORRUPT


def test_a_document_that_is_no_valid_register_entry_permits_nothing() -> None:
    broken = DOCUMENT.replace(b'"retention_hours":72', b'"retention_hours":0')
    assert refused(document=broken, entry=published(broken)).kind is Kind.CORRUPT


def test_a_witness_whose_clock_is_far_ahead_is_not_believed() -> None:
    assert refused(now=Instant(NOW - 301 * SECOND)).kind is Kind.DENIED
    slightly = permit(DOCUMENT, ENTRY, receipt_of(ENTRY), POLICY, Instant(NOW - 10 * SECOND))
    assert slightly.holds_at(Instant(NOW - 10 * SECOND))


def test_nothing_else_in_the_package_makes_a_permit() -> None:
    makers = []
    for path in Path(custodes.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "RecordingPermit":
                makers.append(path.name)
    assert makers == ["permit.py"]


def test_the_permit_carries_the_declared_hours_and_an_unknown_time_zone_permits_nothing() -> None:
    hours = spoken(["mon-fri 07:00-19:00"], "Europe/Berlin")
    document = encode_entry(replace(REGISTERED, schedule=hours))
    made = permit(document, published(document), receipt_of(published(document)), POLICY, NOW)
    assert made.schedule == hours
    lost = encode_entry(replace(REGISTERED, schedule=replace(hours, time_zone="Atlantis/Capital")))
    with pytest.raises(CustodesError, match="time zone") as refusal:
        permit(lost, published(lost), receipt_of(published(lost)), POLICY, NOW)
    assert refusal.value.kind is Kind.DENIED
