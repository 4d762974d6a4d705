# SPDX-License-Identifier: AGPL-3.0-or-later
"""Access: requests and dossiers are for enrolled parties, for one path, for five minutes."""

import pytest
from tests.custody_world import World

from custodes.clock import SECOND, Instant
from custodes.errors import CustodesError, Kind
from custodes.trust.custody.access import LIFE, make_access, verify_access

PATH = "requests/aaaaaaaaaaaaaaaaaaaaaaaaaa/dossier"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def test_an_enrolled_custodian_and_requester_are_recognised(world: World) -> None:
    now = world.clock.now()
    for identity in (world.identities[0], world.requester):
        statement = make_access(identity, world.deployment, PATH, now)
        assert verify_access(statement, world.policy, PATH, now) == identity.public.id


def test_anybody_else_is_denied(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = World(tmp_path_factory.mktemp("stranger"), seed="stranger").requester
    now = world.clock.now()
    with pytest.raises(CustodesError, match="policy does not name") as refused:
        verify_access(make_access(stranger, world.deployment, PATH, now), world.policy, PATH, now)
    assert refused.value.kind is Kind.DENIED


def test_a_statement_for_another_path_is_denied(world: World) -> None:
    now = world.clock.now()
    statement = make_access(world.requester, world.deployment, "requests", now)
    with pytest.raises(CustodesError, match="something else"):
        verify_access(statement, world.policy, PATH, now)


@pytest.mark.parametrize("shift", [LIFE + SECOND, -LIFE - SECOND])
def test_a_statement_is_good_for_five_minutes(world: World, shift: int) -> None:
    now = world.clock.now()
    statement = make_access(world.requester, world.deployment, PATH, now)
    assert verify_access(statement, world.policy, PATH, Instant(now + shift // 2))
    with pytest.raises(CustodesError, match="too old or ahead"):
        verify_access(statement, world.policy, PATH, Instant(now + shift))


def test_a_changed_statement_is_refused(world: World) -> None:
    now = world.clock.now()
    statement = make_access(world.requester, world.deployment, "requests", now).replace(
        b'"requests"', b'"' + PATH.encode() + b'"'
    )
    with pytest.raises(CustodesError, match="does not hold"):
        verify_access(statement, world.policy, PATH, now)
