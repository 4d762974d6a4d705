# SPDX-License-Identifier: AGPL-3.0-or-later
"""The custodian's agent: destroys what is due and nothing before, says so, and is missed when it does not."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.custody_world import forge
from tests.keys_world import HOUR, KeyTown, key_town

from custodes.clock import FakeClock
from custodes.desk.agent import Agent
from custodes.desk.custodian import CustodianDesk
from custodes.desk.keyfile import destroy_key
from custodes.domain.acts import Act
from custodes.domain.ids import KeyId
from custodes.errors import CustodesError, Kind
from custodes.node.acts import keys as acts
from custodes.node.queries import keys, log
from custodes.node.store.alarms import OVERDUE
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.keys import AHEAD, DAY, GRACE, parse_destroyed, state_destroyed


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        found.rotate(1, 2, 3)
        yield found


def private(town: KeyTown, number: int) -> set[str]:
    return {path.stem for path in (town.folders[number - 1] / "wrapping").glob("*.key")}


def used(town: KeyTown, number: int) -> str:
    """The key that a minute of now is sealed to."""
    return town.opening(town.record()).shares[number - 1].wrapping_key


def test_a_key_is_destroyed_an_hour_after_the_last_retention_under_it_and_not_before(town: KeyTown) -> None:
    key = used(town, 1)
    dated = next(each for batch in town.desk(1).keys.batches() for each in batch.keys if each.id == key)
    town.later(dated.due - town.node.clock.now() - 1)
    assert town.agent(1).destroyed == []
    assert key in private(town, 1)
    town.later(1)
    done = town.agent(1)
    assert (done.destroyed, done.problems) == ([key], [])
    assert key not in private(town, 1)
    assert len(private(town, 1)) > 80


def test_a_destruction_is_stated_in_the_log_and_the_statement_is_public(town: KeyTown) -> None:
    key = used(town, 1)
    town.later(3 * DAY)
    town.agent(1)
    (facts,) = [row.facts for row in log.rows(town.node.store, 0, 100) if row.act is Act.KEYS_DESTROYED]
    index = httpx.get(f"{town.address}/api/custody/keys").json()
    assert index["destructions"] == [facts["statement"]]
    document = httpx.get(f"{town.address}/api/custody/keys/{facts['statement']}").content
    assert key in parse_destroyed(document, policy_of(town.node.store)).keys
    assert town.agent(1).destroyed == []
    assert len([row for row in log.rows(town.node.store, 0, 100) if row.act is Act.KEYS_DESTROYED]) == 1


def test_a_custodian_who_does_not_destroy_is_named_in_public_two_days_after_it_was_due(town: KeyTown) -> None:
    used(town, 1)
    town.later(DAY + 25 * HOUR + GRACE)
    for number in (1, 3):
        town.agent(number)
    assert {each for each in town.alarms() if each[0] == OVERDUE} == {(OVERDUE, "custodian 2")}
    (overdue,) = httpx.get(f"{town.address}/api/custody/keys").json()["overdue"]
    assert (overdue["index"], overdue["label"], overdue["keys"]) == (2, "office 2", 1)
    page = httpx.get(f"{town.address}/log/").text
    assert "<strong>1 overdue</strong>" in page
    town.agent(2)
    assert {each for each in town.alarms() if each[0] == OVERDUE} == set()
    assert "overdue</strong>" not in httpx.get(f"{town.address}/log/").text


def test_a_clock_that_is_ahead_destroys_nothing_unless_its_owner_says_so(town: KeyTown) -> None:
    ahead = FakeClock(town.node.clock.now() + 30 * DAY)
    desk = CustodianDesk(town.folders[0], ahead)
    done = Agent(desk, town.way(1), ahead).round()
    assert done.destroyed == []
    assert any("clock is ahead" in problem for problem in done.problems)
    forced = Agent(desk, town.way(1), ahead, own_clock=True).round()
    assert len(forced.destroyed) > 25


def test_witnesses_whose_clock_is_ahead_destroy_nothing(town: KeyTown) -> None:
    behind = FakeClock(town.node.clock.now())
    town.later(30 * DAY)
    assert Agent(CustodianDesk(town.folders[0], behind), town.way(1), behind).round().destroyed == []


def test_without_the_log_nothing_is_destroyed_and_the_agent_says_why(town: KeyTown, tmp_path: Path) -> None:
    town.later(30 * DAY)
    (tmp_path / "stick").mkdir()
    done = Agent(town.desk(1), town.desk(1).transport(str(tmp_path / "stick")), town.node.clock).round()
    assert done.destroyed == []
    assert "the log was not carried along" in done.problems


def test_an_agent_publishes_the_next_keys_long_before_they_end_and_grants_nothing(town: KeyTown) -> None:
    assert town.agent(1).published == 0
    town.later(AHEAD // 2 + DAY)
    assert town.agent(1).published > 40
    assert not any("granted" in row.act.value for row in log.rows(town.node.store, 0, 100))


def test_after_a_crash_between_destroying_and_stating_the_next_round_states_it(town: KeyTown) -> None:
    key = used(town, 1)
    town.later(3 * DAY)
    assert destroy_key(town.folders[0] / "wrapping" / f"{key}.key")
    town.agent(1)
    assert {view.index: view.overdue for view in keys.destruction(town.node.store)}[1] == 0
    assert keys.index(town.node.store)["destructions"]


def test_a_destroyed_key_file_is_overwritten_before_it_is_unlinked(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.key", tmp_path / "link"
    path.write_bytes(b"secret" * 20)
    copy.hardlink_to(path)
    assert destroy_key(path)
    assert not path.exists()
    assert b"secret" not in copy.read_bytes()
    assert len(copy.read_bytes()) == 120
    assert not destroy_key(path)


def test_a_statement_about_keys_of_others_or_by_others_is_refused(town: KeyTown) -> None:
    store, now = town.node.store, town.node.clock.now()
    deployment = policy_of(store).deployment
    mine, theirs = used(town, 1), used(town, 2)
    identity = town.desk(1)._identity
    for document, kind in (
        (state_destroyed(identity, deployment, now, [KeyId(theirs)]), Kind.DENIED),
        (state_destroyed(identity, deployment, now, [KeyId("0" * 32)]), Kind.DENIED),
        (forge(state_destroyed(identity, deployment, now, [KeyId(mine)]), identity, deployment="a" * 26), Kind.DENIED),
        (forge(state_destroyed(identity, deployment, now, [KeyId(mine)]), identity, keys=[mine, mine]), Kind.CORRUPT),
    ):
        with pytest.raises(CustodesError) as refusal:
            acts.destroy_keys(store, document)
        assert refusal.value.kind is kind
    acts.destroy_keys(store, state_destroyed(identity, deployment, now, [KeyId(mine)]))
    # A key that was destroyed too early is sealed to no more, whatever its days.
    town.settle()
    assert used(town, 1) == policy_of(store).custodians[-1].members[0].wrapping.id
