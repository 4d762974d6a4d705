# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drills: the quorum proves that it can still open, and no share of real footage can be had that way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.custody_world import forge
from tests.keys_world import KeyTown, key_town

from custodes.clock import SECOND
from custodes.domain import canonical
from custodes.domain.acts import Act
from custodes.domain.canonical import listed
from custodes.errors import CustodesError, Kind
from custodes.node.acts import drills as acts
from custodes.node.queries import drills, log
from custodes.node.store import names
from custodes.node.store.evidence import policy_of
from custodes.trust.custody.access import make_access
from custodes.trust.custody.drill import answer, parse_drill
from custodes.trust.custody.keys import DAY


@pytest.fixture
def town(tmp_path: Path) -> Iterator[KeyTown]:
    with key_town(tmp_path) as found:
        found.rotate(1, 2, 3)
        yield found


def test_custodians_prove_one_by_one_that_they_can_open_and_the_log_says_when_enough_have(town: KeyTown) -> None:
    told = [town.desk(number).drill(town.way(number)) for number in (3, 1, 2)]
    assert len({digest for digest, _ in told}) == 1
    assert [(said["answered"], said["opened"]) for _, said in told] == [(1, False), (2, True), (3, True)]
    town.settle()
    facts = [row.facts for row in log.rows(town.node.store, 0, 100) if row.act is Act.DRILL_ANSWERED]
    assert [(fact["answered"], fact["opened"]) for fact in facts] == [(1, False), (2, True), (3, True)]
    last = drills.last(town.node.store)
    assert last is not None
    assert (last.digest, last.answered, last.opened) == (told[0][0], 3, True)
    # Who has answered begins the next one.
    assert town.desk(1).drill(town.way(1))[0] != told[0][0]


def test_a_drill_is_dealt_under_the_keys_that_a_minute_of_now_is_sealed_to(town: KeyTown) -> None:
    used = [place.wrapping_key for place in town.opening(town.record()).shares]
    town.desk(1).drill(town.way(1))
    document = drills.current(town.node.store, town.desk(2)._identity.public.id)
    (exercise,) = parse_drill(document).exercises
    assert [share.key for share in exercise.shares] == used
    assert exercise.hours == 24


def test_a_custodian_whose_key_of_today_is_lost_learns_it_in_a_drill(town: KeyTown) -> None:
    key = town.opening(town.record()).shares[0].wrapping_key
    town.desk(1).keys.destroy_one(key)
    with pytest.raises(CustodesError, match="is not here"):
        town.desk(1).drill(town.way(1))
    town.node.clock.advance(SECOND)
    assert town.agent(1).published == 1
    assert town.opening(town.record()).shares[0].wrapping_key != key
    town.node.clock.advance(DAY)
    town.settle()
    assert town.desk(1).drill(town.way(1))[1]["answered"] == 1


def test_a_share_of_real_footage_cannot_be_had_as_a_drill(town: KeyTown) -> None:
    period = town.record()
    town.desk(2).drill(town.way(2))
    identity, store = town.desk(1)._identity, town.node.store
    source = canonical.load_object(drills.current(store, identity.public.id))
    real = canonical.load_object(store.objects.get(names.shares(period)))
    (exercise,) = listed(source, "exercises")
    assert isinstance(exercise, dict)
    (first, *_) = listed(exercise, "shares")
    assert isinstance(first, dict)
    first["share"] = listed(real, "shares")[0]
    own = {key.public.id: key for key in town.desk(1).keys.private()}
    with pytest.raises(CustodesError, match="does not open") as refusal:
        answer(canonical.dumps(source), policy_of(store), identity, own, town.node.clock.now())
    assert refusal.value.kind is Kind.CORRUPT


def test_a_false_answer_a_second_one_and_a_strangers_are_refused(town: KeyTown) -> None:
    store = town.node.store
    town.desk(1).drill(town.way(1))
    document = drills.current(store, town.desk(2)._identity.public.id)
    two = town.desk(2)
    own = {key.public.id: key for key in two.keys.private()}
    true = answer(document, policy_of(store), two._identity, own, town.node.clock.now())
    guess = forge(true, two._identity, shares=["A" * 44])
    for forged, kind in (
        (guess, Kind.CORRUPT),
        (forge(true, town.desk(3)._identity), Kind.CORRUPT),
        (forge(true, town.node.requester), Kind.DENIED),
        (forge(true, two._identity, drill="0" * 64), Kind.NOT_FOUND),
        (forge(true, two._identity, shares=[]), Kind.CORRUPT),
    ):
        with pytest.raises(CustodesError) as refusal:
            acts.answer_drill(store, forged)
        assert refusal.value.kind is kind
    assert acts.answer_drill(store, true) == (2, True)
    with pytest.raises(CustodesError) as second:
        acts.answer_drill(store, true)
    assert second.value.kind is Kind.CONFLICT


def test_only_custodians_begin_a_drill(town: KeyTown) -> None:
    store = town.node.store
    statement = make_access(town.node.requester, policy_of(store).deployment, "drills", town.node.clock.now())
    with pytest.raises(CustodesError) as refusal:
        acts.begin_drill(store, statement, drills.material(store))
    assert refusal.value.kind is Kind.DENIED
    assert drills.last(store) is None
