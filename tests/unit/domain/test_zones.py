# SPDX-License-Identifier: AGPL-3.0-or-later
"""Privacy zones as people write them: taken exactly, or refused in one line that says where."""

import json

import pytest

from custodes.domain import zones
from custodes.domain.ids import CameraId
from custodes.domain.zones import MOST_CORNERS, MOST_ZONES, ZoneSet
from custodes.errors import CustodesError, Kind

CAMERA = CameraId("a" * 26)
SQUARE = [[0, 0], [0.5, 0], [0.5, 0.25], [0, 0.25]]


def parse(value: object) -> tuple[zones.Zone, ...]:
    return zones.parse(json.dumps(value).encode())


def test_corners_are_shares_of_the_picture_and_a_closed_polygon_is_the_same_as_an_open_one() -> None:
    assert parse([SQUARE]) == (((0, 0), (5_000, 0), (5_000, 2_500), (0, 2_500)),)
    assert parse([[*SQUARE, SQUARE[0]]]) == parse([SQUARE])
    assert parse([]) == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"zones": []}, "must hold a list of polygons"),
        ([5], "polygon 1 must be a list of corners"),
        ([SQUARE, [[0, 0], [1, 0], "x"]], "corner 3 of polygon 2 must be [x, y]"),
        ([[[0, 0], [1, 0], [1, 1.01]]], "corner 3 of polygon 1"),
        ([[[0, 0], [-0.01, 0], [1, 1]]], "corner 2 of polygon 1"),
        ([[[0, 0], [True, 0], [1, 1]]], "corner 2 of polygon 1"),
        ([[[0, 0], [float("nan"), 0], [1, 1]]], "corner 2 of polygon 1"),
        ([[[0, 0], [1, 0, 0], [1, 1]]], "corner 2 of polygon 1"),
        ([SQUARE, [[0, 0], [1, 1]]], "polygon 2 must have 3 to 64 corners"),
        ([[]], "polygon 1 must have 3 to 64 corners"),
        ([[[0, 0], [0.5, 0.5], [1, 1]]], "has no area"),
        ([[[0, 0], [1, 1], [1, 0], [0, 1]]], "crosses or touches itself"),
        ([[[0, 0], [1, 0], [0.5, 0], [0.5, 1]]], "crosses or touches itself"),
        ([[[0, 0], [0, 0], [1, 0], [1, 1]]], "crosses or touches itself"),
        ([[[0, 0], [0.4, 0.5], [0, 1], [1, 1], [0.4, 0.5], [1, 0]]], "crosses or touches itself"),
        ([SQUARE] * (MOST_ZONES + 1), f"at most {MOST_ZONES}"),
        ([[[at / 1000, (at % 2) / 100] for at in range(MOST_CORNERS + 5)]], "3 to 64 corners"),
    ],
)
def test_zones_that_are_none_are_refused_in_one_line_that_says_where(value: object, words: str) -> None:
    with pytest.raises(CustodesError) as refused:
        parse(value)
    assert refused.value.kind is Kind.INVALID
    assert words in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("data", [b"", b"[[", b"\xff", b"[" * 100_000, b" " * 300_000, b'["' + b"9" * 5_000 + b'"]'])
def test_bytes_that_are_no_zones_raise_one_type_of_error(data: bytes) -> None:
    with pytest.raises(CustodesError) as refused:
        zones.parse(data)
    assert refused.value.kind is Kind.INVALID


def test_a_document_gives_its_zones_back_and_any_other_is_refused() -> None:
    found = ZoneSet(CAMERA, parse([SQUARE, [[0.1, 0.1], [0.2, 0.1], [0.15, 0.9]]]), bytes(range(16)))
    document = zones.encode(found)
    assert zones.decode(document) == found
    assert document == (
        b'{"camera":"aaaaaaaaaaaaaaaaaaaaaaaaaa","salt":"000102030405060708090a0b0c0d0e0f","v":1,"zones":'
        b"[[[0,0],[5000,0],[5000,2500],[0,2500]],[[1000,1000],[2000,1000],[1500,9000]]]}"
    )
    for wrong in (
        document.replace(b'"v":1', b'"v":2'),
        document.replace(b"9000", b"10001"),
        document.replace(b"9000", b"true"),
        document.replace(b"[1500,9000]", b"5"),
        document.replace(b"[[0,0],[5000,0],[5000,2500],[0,2500]]", b"5"),
        document.replace(b'"salt"', b'"sold"'),
        document[:-1],
    ):
        with pytest.raises(CustodesError) as refused:
            zones.decode(wrong)
        assert refused.value.kind is Kind.CORRUPT
