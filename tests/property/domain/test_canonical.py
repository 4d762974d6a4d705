# SPDX-License-Identifier: Apache-2.0
"""Our canonical JSON against somebody else's (``rfc8785``), and against every other spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custodes.domain import canonical
from custodes.errors import CustodesError, Kind

rfc8785 = pytest.importorskip("rfc8785")

LARGEST = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_every_value_is_spelled_as_the_rfc_spells_it_and_comes_back(value: canonical.Json) -> None:
    data = canonical.dumps(value)
    assert data == rfc8785.dumps(value)
    assert canonical.loads(data) == value


@given(VALUES)
def test_no_other_spelling_of_a_value_is_read(value: canonical.Json) -> None:
    data = canonical.dumps(value)
    for other in (json.dumps(value, indent=1).encode(), json.dumps(value).encode(), data + b"\n", b" " + data):
        if other != data:
            with pytest.raises(CustodesError) as caught:
                canonical.loads(other)
            assert caught.value.kind is Kind.CORRUPT


@given(st.binary())
def test_arbitrary_bytes_are_read_in_their_one_spelling_or_refused(data: bytes) -> None:
    try:
        value = canonical.loads(data)
    except CustodesError:
        return
    assert canonical.dumps(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b"1.0",
        b"1e3",
        b"-0",
        b"NaN",
        b"9007199254740992",
        b'"\\u0041"',
        b'"\xff"',
        b'"\\ud800"',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b"",
    ],
)
def test_what_is_ambiguous_large_or_deep_is_refused(data: bytes) -> None:
    with pytest.raises(CustodesError) as caught:
        canonical.loads(data)
    assert caught.value.kind is Kind.CORRUPT


@pytest.mark.parametrize("value", [1.5, 2**53, {"a": b""}, "\ud800"])
def test_what_has_no_canonical_form_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical.dumps(value)  # type: ignore[arg-type]  # what the types forbid is what is tried
