# SPDX-License-Identifier: AGPL-3.0-or-later
"""Holds: custodians wrap their shares of held minutes anew, so that these, and no others, outlive the day's key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.custody_world import forge
from tests.keys_world import HOUR, KeyTown, key_town

from custodes.clock import SECOND, Instant
from custodes.desk.transport import open_transport
from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.ids import PeriodId
from custodes.domain.register import LegalBasis
from custodes.errors import CustodesError, Kind
from custodes.node.acts import disclosures, holds
from custodes.node.acts import keys as acts
from custodes.node.config import Settings, Storage
from custodes.node.queries import holds as queries
from custodes.node.queries import keys, log
from custodes.node.runtime.keeper.keeper import Keeper
from custodes.node.store import names
from custodes.node.store.evidence import manifests_of, policy_of
from custodes.trust.custody.access import make_access
from custodes.trust.custody.grant import open_grant, verify_grant
from custodes.trust.custody.held import verify_hold
from custodes.trust.custody.keys import DAY
from custodes.trust.custody.request import case_commitment, make_request, parse_request
from custodes.trust.seal.shares import combine_shares
from custodes.trust.seal.wrapping import WrappingKey

ONE_TIME = WrappingKey.generate()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        found.rotate(1, 2, 3)
        yield found


def held(town: KeyTown) -> tuple[PeriodId, str]:
    """A minute that is recorded, committed to and held."""
    period = town.record()
    town.later(120 * SECOND)
    town.later(120 * SECOND)
    hold = holds.add_hold(town.node.store, town.camera, period.start, Instant(period.start + 60 * SECOND), "12 C 34/26")
    town.settle()
    return period, hold


def granted(town: KeyTown, period: PeriodId, *numbers: int) -> list[bytes]:
    """Ask for the minute, have custodians grant it, and unwrap what they gave."""
    store, now = town.node.store, town.node.clock.now()
    signed = make_request(
        town.node.requester,
        deployment=policy_of(store).deployment,
        cameras=[town.camera],
        start=period.start,
        end=Instant(period.start + 2 * SECOND),
        purpose="assault in the square",
        legal_basis=LegalBasis.PUBLIC_TASK,
        case=case_commitment(bytes(16), "12 C 34/26"),
        one_time_key=ONE_TIME.public,
        created=now,
        expires=Instant(now + DAY),
    )
    name = disclosures.file_request(store, signed)
    town.settle()
    request = parse_request(signed, policy_of(store).requester_keys)
    openings, shares = manifests_of(store, request), []
    for number in numbers:
        given = verify_grant(town.desk(number).grant(town.way(number), name), request, openings, policy_of(store))
        shares.append(open_grant(given.periods[period], given, request, openings[period], ONE_TIME))
    return shares


def test_held_minutes_open_after_the_key_of_their_day_is_gone_and_others_of_that_day_do_not(town: KeyTown) -> None:
    free = town.record()
    town.later(300 * SECOND)
    period, _ = held(town)
    assert [town.agent(number).held for number in (1, 2, 3)] == [1, 1, 1]
    assert [town.agent(number).held for number in (1, 2, 3)] == [0, 0, 0]
    town.later(2 * DAY + 2 * HOUR)
    Keeper(town.node.store, Settings(Storage(reserve_mb=0))).step()
    for number in (1, 2, 3):
        done = town.agent(number)
        assert (done.problems, len(done.destroyed)) == ([], 1)
    opening = town.opening(period)
    shares = granted(town, period, 1, 3)
    assert combine_shares(shares, opening.sealed.digest, opening.key_commitment)
    assert not town.node.store.objects.exists(names.shares(free))
    entries = [row.facts for row in log.rows(town.node.store, 0, 200) if row.act is Act.SHARES_HELD]
    assert [entry["count"] for entry in entries] == [1, 1, 1]


def test_when_a_hold_is_released_its_keys_are_destroyed_and_what_was_wrapped_anew_is_forgotten(town: KeyTown) -> None:
    period, hold = held(town)
    town.agent(1)
    town.agent(2)
    town.later(3 * DAY)
    town.agent(1)
    town.agent(2)
    documents = queries.held_shares(town.node.store, [period])
    assert len(documents) == 2
    holds.release_hold(town.node.store, hold)
    town.settle()
    town.agent(1)
    Keeper(town.node.store, Settings(Storage(reserve_mb=0))).step()
    assert queries.held_shares(town.node.store, [period]) == ()
    note = canonical.load_object((town.folders[0] / "held" / f"{hold}.json").read_bytes())
    assert note["known"] is True
    town.later(3 * DAY)
    overdue = {view.index: view.overdue for view in keys.destruction(town.node.store)}
    assert (overdue[1], overdue[2]) == (1, 2)  # a day's key that nobody went round for since, and office 2's hold key
    town.agent(1)
    town.agent(2)
    assert {view.overdue for view in keys.destruction(town.node.store) if view.index < 3} == {0}


def test_a_hold_that_comes_after_the_retention_has_ended_brings_nothing_back(town: KeyTown) -> None:
    period = town.record()
    town.later(2 * DAY + 2 * HOUR)
    holds.add_hold(town.node.store, town.camera, period.start, Instant(period.start + 60 * SECOND), "too late")
    town.settle()
    done = town.agent(1)
    assert (done.held, len(done.destroyed), done.problems) == (0, 1, [])


def test_an_agent_that_cannot_see_to_a_hold_destroys_nothing_and_says_so(town: KeyTown) -> None:
    period, _ = held(town)
    town.node.store.objects.delete([names.shares(period)])
    town.later(3 * DAY)
    done = town.agent(1)
    assert done.destroyed == []
    assert len(done.problems) == 1


def test_a_hold_that_is_not_in_the_witnessed_log_or_was_changed_is_refused(town: KeyTown) -> None:
    period, hold = held(town)
    key = town.desk(1)._identity.public.id
    data = queries.shown(town.node.store, hold, key, Instant(0))
    policy = policy_of(town.node.store)
    assert [opening.period for opening, _ in verify_hold(data, policy).periods] == [period]
    later = data.replace(b'"reason":"12 C 34/26"', b'"reason":"12 C 34/27"')
    longer = canonical.load_object(data)
    canonical.member(longer, "hold")["from"] = "2026-09-20T00:00:00.000000000Z"
    released = canonical.load_object(data)
    released["released"] = released["added"]
    for changed in (later, canonical.dumps(longer), canonical.dumps(released)):
        with pytest.raises(CustodesError, match="not in the witnessed log") as refusal:
            verify_hold(changed, policy)
        assert refusal.value.kind is Kind.DENIED
    town.node.witness_up = False
    unseen = holds.add_hold(town.node.store, town.camera, period.start, Instant(period.start + SECOND), "unseen")
    town.settle()
    with pytest.raises(CustodesError) as waiting:
        queries.shown(town.node.store, unseen, key, Instant(0))
    assert waiting.value.kind is Kind.UNAVAILABLE


def test_a_hold_shows_no_minute_that_it_does_not_name(town: KeyTown) -> None:
    period, hold = held(town)
    town.later(HOUR)
    other = town.record()
    town.settle()
    store = town.node.store
    source = canonical.load_object(queries.shown(store, hold, town.desk(1)._identity.public.id, Instant(0)))
    source["periods"] = [
        {
            "opening": canonical.load_object(store.objects.get(names.opening(other))),
            "shares": canonical.load_object(store.objects.get(names.shares(other))),
        }
    ]
    with pytest.raises(CustodesError, match="does not name"):
        verify_hold(canonical.dumps(source), policy_of(store))
    assert period != other


def test_held_shares_of_others_or_for_another_hold_are_refused(town: KeyTown) -> None:
    period, hold = held(town)
    town.later(HOUR)
    second = holds.add_hold(town.node.store, town.camera, Instant(period.start + HOUR // 2), town.node.clock.now(), "x")
    town.settle()
    town.agent(1)
    (document,) = queries.held_shares(town.node.store, [period])
    one, two = town.desk(1)._identity, town.desk(2)._identity
    for forged, kind in (
        (forge(document, two), Kind.DENIED),
        (forge(document, one, hold=second), Kind.DENIED),
        (forge(document, one, hold="a" * 26), Kind.NOT_FOUND),
        (forge(document, one, deployment="a" * 26), Kind.DENIED),
        (document, Kind.CONFLICT),
    ):
        with pytest.raises(CustodesError) as refusal:
            acts.hold_shares(town.node.store, forged)
        assert refusal.value.kind is kind
    assert hold != second


def test_holds_are_shown_to_custodians_only(town: KeyTown) -> None:
    _, hold = held(town)
    store, requester = town.node.store, town.node.requester
    way = open_transport(
        town.address, lambda path: make_access(requester, policy_of(store).deployment, path, store.clock.now())
    )
    for path in ("holds", f"holds/{hold}/0"):
        with pytest.raises(CustodesError, match="custodians only"):
            way.document(path, 1 << 20)
