# SPDX-License-Identifier: AGPL-3.0-or-later
"""Wrapping keys: made by custodians, published ahead, sealed to by the recorder, missed when they run out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.custody_world import forge
from tests.keys_world import HOUR, KeyTown, key_town

from custodes.clock import Instant
from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.errors import CustodesError, Kind
from custodes.node.acts import keys as acts
from custodes.node.queries import keys, log
from custodes.node.runtime.recorder.keywatch import KeyWatch
from custodes.node.runtime.taking import take
from custodes.node.store import custody_tables
from custodes.node.store.alarms import KEYS, LAPSED, OVERDUE
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.keys import AHEAD, DAY, DatedKey, parse_keys, publish
from custodes.trust.seal.signing import SigningKey
from custodes.trust.seal.wrapping import WrappingKey


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        yield found


def logged(town: KeyTown, act: Act) -> list[canonical.JsonObject]:
    return [row.facts for row in log.rows(town.node.store, 0, 100) if row.act is act]


def test_a_minute_is_sealed_to_the_published_key_of_its_day_and_of_its_retention(town: KeyTown) -> None:
    town.rotate(1, 2, 3)
    period = town.record()
    for number in (1, 2, 3):
        used = town.opening(period).shares[number - 1].wrapping_key
        batch = town.desk(number).keys.batches()[0]
        key = next(each for each in batch.keys if each.id == used)
        assert key.start <= period.start < key.until
        assert key.hours == 24
        assert key.until - key.start == DAY
    town.node.clock.advance(DAY)
    tomorrow = town.record()
    ours = [each.wrapping_key for each in town.opening(period).shares]
    assert not set(ours) & {each.wrapping_key for each in town.opening(tomorrow).shares}
    facts = logged(town, Act.KEYS_PUBLISHED)
    assert [fact["custodian"] for fact in facts] == [
        each.identity.id for each in policy_of(town.node.store).custodians[-1].members
    ]
    assert facts[0]["document"] == town.desk(1).keys.batches()[0].digest.hex()


def test_without_a_published_key_recording_goes_on_under_the_long_lived_one_with_an_alarm_and_an_entry(
    town: KeyTown,
) -> None:
    town.rotate(1, 2)
    shares, member = town.opening(town.record()).shares, policy_of(town.node.store).custodians[-1].members[2]
    assert shares[2].wrapping_key == member.wrapping.id
    assert shares[0].wrapping_key != policy_of(town.node.store).custodians[-1].members[0].wrapping.id
    assert town.alarms() == {(LAPSED, "custodian 3, 24 h")}
    town.settle()
    assert [(fact["custodian"], fact["hours"]) for fact in logged(town, Act.KEYS_LAPSED)] == [(member.identity.id, 24)]
    town.rotate(3)
    assert town.alarms() == set()
    assert town.opening(town.record()).shares[2].wrapping_key != member.wrapping.id


def test_what_is_missing_for_a_moment_at_the_start_is_no_lapse(town: KeyTown) -> None:
    watch = KeyWatch(town.node.store)
    watch.look()
    town.settle_log()
    assert town.alarms() == set()
    assert logged(town, Act.KEYS_LAPSED) == []


def test_a_document_in_the_catalogue_that_was_changed_stops_no_recording(
    town: KeyTown, capsys: pytest.CaptureFixture[str]
) -> None:
    town.rotate(1, 2, 3)
    rows = custody_tables.custodian_keys
    with town.node.store.begin() as connection:
        changed = connection.execute(sa.select(rows.c.document).order_by(rows.c.seq)).first()
        assert changed is not None
        data = bytes(changed.document).replace(b'"hours":24', b'"hours":48', 1)
        connection.execute(sa.update(rows).where(rows.c.document == changed.document).values(document=data))
    town.settle()
    members, shares = policy_of(town.node.store).custodians[-1].members, town.opening(town.record()).shares
    assert "a custodian's keys cannot be used" in capsys.readouterr().err
    assert [shares[n].wrapping_key == members[n].wrapping.id for n in range(3)] == [True, False, False]
    with town.node.store.begin() as connection:
        connection.execute(sa.update(rows).values(document=b"no document"))
    watch = KeyWatch(town.node.store)
    assert watch.look() is False
    assert "cannot be looked at" in capsys.readouterr().err
    assert town.record()


def test_keys_that_run_out_are_alarmed_weeks_ahead_and_the_next_batch_follows_without_a_hole(town: KeyTown) -> None:
    town.rotate(1, 2, 3)
    assert town.alarms() == set()
    town.node.clock.advance(AHEAD - 20 * DAY)
    town.settle()
    ending = {(KEYS, f"custodian {number}, 24 h") for number in (1, 2, 3)}
    assert town.alarms() == ending | {(OVERDUE, f"custodian {number}") for number in (1, 2, 3)}
    town.rotate(1, 2, 3)
    assert not ending & town.alarms()
    first, second = sorted(town.desk(1).keys.batches(), key=lambda batch: batch.issued)
    assert second.keys[0].start == first.keys[-1].until
    assert not {key.id for key in first.keys} & {key.id for key in second.keys}


def test_keys_are_used_only_once_their_publication_is_witnessed(town: KeyTown) -> None:
    town.node.witness_up = False
    town.rotate(1, 2, 3)
    assert keys.usable(town.node.store) == []
    town.node.witness_up = True
    town.node.clock.advance(HOUR)
    town.settle()
    assert len(keys.usable(town.node.store)) == 3


def test_keys_that_somebody_else_signed_or_changed_or_that_were_published_before_are_refused(town: KeyTown) -> None:
    store, clock = town.node.store, town.node.clock
    town.rotate(1)
    (path,) = (town.folders[0] / "published").glob("*.json")
    signed = path.read_bytes()
    policy = policy_of(store)
    key = DatedKey(WrappingKey.generate().public, 24, clock.now(), Instant(clock.now() + DAY))
    stranger = publish(SigningKey.generate(), policy.deployment, clock.now(), [key])
    for document, kind in (
        (stranger, Kind.DENIED),
        (signed.replace(b'"hours":24', b'"hours":25', 1), Kind.CORRUPT),
        (signed, Kind.CONFLICT),
        (b"{}", Kind.CORRUPT),
    ):
        with pytest.raises(CustodesError) as refusal:
            take(store, document) if document == signed else acts.publish_keys(store, document)
        assert refusal.value.kind is kind
    town.node.clock.advance(2 * AHEAD)
    assert keys.usable(store) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"until": "2026-12-01T00:00:00.000000000Z"},
        {"hours": 0},
        {"hours": 8785},
        {"from": "2026-09-22T00:00:00.000000000Z"},
        {"label": "x"},
    ],
)
def test_a_key_for_too_long_or_for_no_time_is_refused_even_if_the_custodian_signs_it(
    town: KeyTown, changes: dict[str, canonical.Json]
) -> None:
    desk = town.desk(1)
    signed = desk.keys.extend([24], DAY)
    assert signed is not None
    item = canonical.member(canonical.load_object(signed), "body")["keys"]
    assert isinstance(item, list)
    assert isinstance(item[0], dict)
    forged = forge(signed, desk._identity, keys=[{**item[0], **changes}])
    with pytest.raises(CustodesError) as refusal:
        parse_keys(forged, policy_of(town.node.store))
    assert refusal.value.kind is Kind.CORRUPT


def test_keys_published_for_another_deployment_are_refused(town: KeyTown) -> None:
    signed = town.desk(1).keys.extend([24], DAY)
    assert signed is not None
    with pytest.raises(CustodesError, match="another deployment"):
        parse_keys(forge(signed, town.desk(1)._identity, deployment="a" * 26), policy_of(town.node.store))


def test_a_longer_retention_has_keys_of_a_week_that_begin_on_monday(town: KeyTown) -> None:
    signed = town.desk(1).keys.extend([720], 15 * DAY)
    assert signed is not None
    found = parse_keys(signed, policy_of(town.node.store)).keys
    assert {key.until - key.start for key in found} == {7 * DAY}
    assert {(key.start // DAY + 3) % 7 for key in found} == {0}
    assert found[0].start <= town.node.clock.now() < found[0].until
    assert found[0].due == found[0].until + 720 * HOUR + HOUR


def test_keys_carried_by_hand_are_filed_like_those_over_http(town: KeyTown, tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.mkdir()
    desk = town.desk(2)
    way = desk.transport(str(folder))
    with pytest.raises(CustodesError, match="--hours"):
        desk.rotate(way)
    assert desk.rotate(way, [24]) == len(desk.keys.batches()[0].keys)
    for path in folder.glob("keys-*.json"):
        assert take(town.node.store, path.read_bytes()) == "custodes/custodian-keys"
    town.settle()
    assert [each.index for each in keys.coverage(town.node.store, [24]) if each.until is not None] == [2]
    assert desk.rotate(town.way(2)) == 0
