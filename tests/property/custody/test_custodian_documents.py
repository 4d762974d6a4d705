# SPDX-License-Identifier: AGPL-3.0-or-later
"""Documents about wrapping keys with anything in any place are refused in one way, even if their signer vouches."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.custody_world import World

from custodes.domain import canonical
from custodes.errors import CustodesError
from custodes.trust.custody.drill import answer, parse_answer
from custodes.trust.custody.held import parse_held, rewrap_held, verify_hold
from custodes.trust.custody.keys import parse_destroyed, parse_keys
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.seal.wrapping import WrappingKey

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "custody" / "keys.json").read_text(encoding="utf-8")
)
POLICY = parse_policy(canonical.dumps(VECTOR["policy"]))
KEYS = {key.public.id: key for key in (WrappingKey.from_seed(bytes.fromhex(seed)) for seed in VECTOR["wrapping_seeds"])}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The one that the published documents come from."""
    return World(tmp_path_factory.mktemp("world"), seed="custody vector")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, each in inner for place in places(each, (*path, name)))]


def replaced(source: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    found = copy.deepcopy(source)
    at = found
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = by
    return found


def judge(read: Callable[[], object]) -> None:
    """Anything else than a ``CustodesError`` fails the test."""
    with suppress(CustodesError):
        read()


PARSERS: dict[str, Callable[[bytes, Policy], object]] = {
    "keys": parse_keys,
    "destroyed": parse_destroyed,
    "held": parse_held,
    "answer": parse_answer,
}


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_signed_document_with_anything_anywhere_is_read_or_refused(
    world: World, name: str, data: st.DataObject
) -> None:
    body = VECTOR[name]["body"]
    changed = replaced(body, data.draw(st.sampled_from(places(body))), data.draw(JSON))
    signed = world.identities[0].sign(VECTOR[name]["kind"], changed)
    judge(lambda: PARSERS[name](signed, POLICY))


@pytest.mark.parametrize("name", ["hold", "drill"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_an_operator_shows_with_anything_anywhere_is_read_or_refused(
    world: World, name: str, data: st.DataObject
) -> None:
    source = VECTOR[name]
    changed = canonical.dumps(replaced(source, data.draw(st.sampled_from(places(source))), data.draw(JSON)))
    now, mine = world.clock.now(), world.identities[0]
    if name == "drill":
        judge(lambda: answer(changed, POLICY, mine, KEYS, now))
    else:
        to = WrappingKey.from_seed(bytes(32)).public
        judge(lambda: rewrap_held(verify_hold(changed, POLICY), POLICY, mine, KEYS, to, now))
