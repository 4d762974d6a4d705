# SPDX-License-Identifier: AGPL-3.0-or-later
"""A region goes on by overlap alone, and ends wherever it is not sure whose it is."""

import numpy as np
import pytest

from custodes.clock import MILLISECOND, Instant
from custodes.errors import CustodesError, Kind
from custodes.video.mask.detector import Box
from custodes.video.mask.detector import Kind as What
from custodes.video.mask.grid import BLOCK, Grid
from custodes.video.redact.region import Ending, Kept, Seen, apart, keep

GRID = Grid(640, 352)
Place = tuple[int, int, int, int]
"""Left, top, right, bottom in blocks; the right and bottom ones belong to it."""


def box(place: Place, score: float = 0.9) -> Box:
    left, top, right, bottom = place
    return Box(What.PERSON, score, left * BLOCK + 1, top * BLOCK + 1, (right + 1) * BLOCK - 1, (bottom + 1) * BLOCK - 1)


def seen(number: int, *people: Place, also: tuple[Place, ...] = (), covered: bool = False) -> Seen:
    """People with their boxes; ``also``: silhouettes in which nobody is made out."""
    blocks = np.full(GRID.shape, covered)
    for left, top, right, bottom in (*people, *also):
        blocks[top : bottom + 1, left : right + 1] = True
    return Seen(Instant(number * 200 * MILLISECOND), blocks, tuple(map(box, people)), covered)


def walker(number: int) -> Place:
    """One block to the right in every moment."""
    return (2 + number, 5, 3 + number, 9)


def alone(count: int = 20) -> list[Seen]:
    return [seen(number, walker(number)) for number in range(count)]


def kept(moments: list[Seen], number: int = 0) -> Kept:
    left, top, right, bottom = walker(number)
    return keep(moments, number, ((left + right + 1) * BLOCK / 2, (top + bottom + 1) * BLOCK / 2), GRID)


def test_somebody_alone_is_shown_from_the_first_to_the_last_moment_and_nothing_else_is() -> None:
    moments = alone()
    found = kept(moments, 10)
    assert (found.begun, found.ended) == (Ending.CLIP, Ending.CLIP)
    assert sorted(found.blocks) == list(range(20))
    for number, blocks in found.blocks.items():
        assert (blocks == moments[number].blocks).all()


def test_of_a_silhouette_only_the_place_where_its_person_is_made_out_is_shown() -> None:
    trail: Place = (0, 9, 3, 9)
    found = kept([seen(number, walker(0), also=(trail,)) for number in range(5)])
    assert found.blocks[2][9, 2:4].all()
    assert not found.blocks[2][9, 0]


def test_two_who_meet_are_masked_from_half_a_second_before_until_somebody_points_again() -> None:
    standing: Place = (12, 5, 13, 9)
    moments = [seen(number, walker(number), standing) for number in range(20)]
    found = kept(moments)
    assert found.ended is Ending.MET
    # Their silhouettes touch at moment 8; the two moments before it lie within half a second of the last sure one.
    assert max(number for number, blocks in found.blocks.items() if blocks.any()) < 8 - 2


def test_who_meets_a_silhouette_in_which_nobody_is_made_out_is_masked_too() -> None:
    moments = [seen(number, walker(number), also=((12, 5, 13, 9),)) for number in range(20)]
    assert kept(moments).ended is Ending.MET


def test_going_back_from_the_point_ends_at_a_meeting_as_well() -> None:
    moments = [seen(number, walker(number), (1, 5, 1, 9)) for number in range(20)]
    found = kept(moments, 15)
    assert (found.begun, found.ended) == (Ending.MET, Ending.CLIP)
    assert 0 not in found.blocks


def test_a_region_that_falls_into_two_is_nobodys() -> None:
    two = [seen(10 + number, (10 - number, 5, 10 - number, 9), (13 + number, 5, 13 + number, 9)) for number in range(5)]
    together = [seen(number, also=((9, 5, 14, 9),)) for number in range(10)]
    one = [Seen(each.at, each.blocks, (box((9, 5, 14, 9)),), covered=False) for each in together]
    found = keep([*one, *two], 0, (11.5 * BLOCK, 7 * BLOCK), GRID)
    assert found.ended is Ending.APART


def test_a_region_that_grows_suddenly_is_nobodys() -> None:
    moments = [*alone(10), seen(10, walker(10), also=((4, 1, 20, 10),))]
    assert kept(moments).ended is Ending.GREW


def test_somebody_found_in_another_place_of_the_silhouette_is_somebody_else() -> None:
    wide: Place = (2, 5, 16, 9)
    moments = [seen(number, (2, 5, 3, 9), also=(wide,)) for number in range(5)]
    moments += [seen(number, (14, 5, 15, 9), also=(wide,)) for number in range(5, 10)]
    found = kept(moments)
    assert found.ended is Ending.MET
    assert not any(blocks[5:10, 10:].any() for blocks in found.blocks.values())


def test_a_region_in_which_nobody_is_made_out_for_a_second_ends() -> None:
    moments = [seen(0, walker(0)), *(seen(number, also=(walker(number),)) for number in range(1, 12))]
    assert kept(moments).ended is Ending.UNSEEN


def test_who_has_gone_is_not_found_again() -> None:
    moments = [*alone(8), *(seen(number) for number in range(8, 10)), *(seen(n, walker(n)) for n in range(10, 15))]
    found = kept(moments)
    assert found.ended is Ending.LEFT
    assert max(found.blocks) == 7


def test_a_cover_and_a_hole_in_the_footage_end_it() -> None:
    assert kept([*alone(8), seen(8, covered=True), *alone(20)[9:]]).ended is Ending.HOLE
    assert kept([*alone(8), *alone(20)[12:]]).ended is Ending.HOLE


def test_blocks_that_somebody_elses_box_touches_are_not_shown() -> None:
    moments = alone(8)
    other = Box(What.PERSON, 0.9, 4 * BLOCK, 8 * BLOCK, 30 * BLOCK, 20 * BLOCK)
    moments = [Seen(each.at, each.blocks | seen(0, (12, 12, 20, 18)).blocks, (*each.people, other), covered=False)
               for each in moments]  # fmt: skip
    found = kept(moments)
    assert found.blocks[3][5:8, 5:7].all()
    assert not found.blocks[3][8:, :].any()


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ((600, 300), "nobody is seen at that point"),
        ((2.5 * BLOCK, 7 * BLOCK), "more than one person"),
        ((20.5 * BLOCK, 7 * BLOCK), "nobody can be made out"),
    ],
)
def test_a_point_that_is_not_on_one_person_is_refused_in_one_line(point: tuple[float, float], said: str) -> None:
    moment = seen(0, (2, 5, 3, 9), (4, 5, 5, 9), also=((20, 5, 21, 9),))
    with pytest.raises(CustodesError, match=said) as problem:
        keep([moment], 0, point, GRID)
    assert problem.value.kind is Kind.INVALID


def test_a_point_in_a_covered_picture_is_refused() -> None:
    with pytest.raises(CustodesError, match="shows nothing at that time"):
        keep([seen(0, covered=True)], 0, (10, 10), GRID)


def test_boxes_of_parts_and_of_groups_do_not_count_as_people() -> None:
    one, two = box((2, 5, 3, 9)), box((5, 5, 6, 9))
    shoe, group = box((2, 9, 2, 9)), box((2, 5, 6, 9))
    assert set(apart([one, two, shoe, group])) == {one, two}
    torso = box((2, 5, 3, 7))
    assert apart([one, torso]) == (one,)
