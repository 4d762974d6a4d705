# SPDX-License-Identifier: AGPL-3.0-or-later
"""The measure of exposure: it must count whoever is shown, and nobody who is hidden."""

from collections.abc import Callable

import numpy as np
import pytest

from custodes.demo.exposure import EXPOSED_SHARE, Exposure, is_covered, measure
from custodes.demo.result import Shown, count_covered
from custodes.demo.street import Person, Street, Truth
from custodes.domain.video import SourceTime
from custodes.video.mask.palette import COVER, PERSON, VEHICLE, ZONE, Colour

WIDTH, HEIGHT = 640, 360
LUMA = WIDTH * HEIGHT
Picture = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@pytest.fixture(scope="module")
def truth() -> Truth:
    """A picture of the street with at least two persons who stand out clearly from what is behind them."""
    street = Street(1, 0)
    for index in range(0, 20_000, 250):
        found = street.truth(index, WIDTH, HEIGHT)
        if sum(person.head.sum() > 20 and person.body.sum() > 400 for person in found.persons) >= 2:
            return found
    raise AssertionError("the street is empty")


def planes(picture: Picture) -> tuple[Picture, Picture, Picture]:
    flat = picture.reshape(-1)
    quarter = (HEIGHT // 2, WIDTH // 2)
    return (
        flat[:LUMA].reshape(HEIGHT, WIDTH),
        flat[LUMA : LUMA * 5 // 4].reshape(quarter),
        flat[LUMA * 5 // 4 :].reshape(quarter),
    )


def painted(picture: Picture, where: np.ndarray, colour: Colour) -> Picture:
    """A copy in which ``where`` (height x width) has a mask's colour."""
    copy = picture.copy()
    y, u, v = planes(copy)
    blocks = where.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any(axis=(1, 3))
    y[blocks.repeat(2, 0).repeat(2, 1)] = colour.y
    u[blocks], v[blocks] = colour.u, colour.v
    return copy


def scene(picture: Picture, clean: Picture, persons: tuple[Person, ...], vehicles: tuple[np.ndarray, ...]) -> Truth:
    """A truth about a place in which nothing sways."""
    return Truth(picture, clean, clean[:HEIGHT], clean[:HEIGHT], persons, vehicles)


def measured(served: Picture, truth: Truth) -> Exposure:
    count = Exposure()
    measure(count, served.tobytes(), truth, WIDTH, HEIGHT)
    return count


def everybody(truth: Truth) -> np.ndarray:
    return np.any([person.body for person in truth.persons], axis=0)


def test_an_unmasked_picture_exposes_the_people_in_it(truth: Truth) -> None:
    count = measured(truth.picture, truth)
    assert count.person_frames == len(truth.persons)
    # Somebody may wear the colour of the wall behind; nearly all of them stand out.
    assert count.exposed >= 2
    assert count.false_masked == 0
    assert count.area == LUMA


def test_the_clean_background_exposes_nobody(truth: Truth) -> None:
    count = measured(truth.clean, truth)
    assert count.person_frames == len(truth.persons)
    assert count.exposed == 0


@pytest.mark.parametrize("colour", [PERSON, VEHICLE, ZONE])
def test_people_under_a_mask_are_not_exposed(truth: Truth, colour: Colour) -> None:
    count = measured(painted(truth.picture, everybody(truth), colour), truth)
    assert count.exposed == 0


def test_one_person_who_was_forgotten_is_the_one_that_is_counted(truth: Truth) -> None:
    exposed = []
    for forgotten in truth.persons:
        others = [person.body for person in truth.persons if person is not forgotten]
        hidden = np.any(others, axis=0) & ~forgotten.body
        exposed.append(measured(painted(truth.clean, hidden, PERSON), truth).exposed)
        # The clean background instead of everybody, but for this one.
        y, _, _ = planes(served := truth.clean.copy())
        y[forgotten.body] = planes(truth.picture)[0][forgotten.body]
        alone = measured(painted(served, hidden, PERSON), truth)
        assert alone.exposed <= 2  # overlapping people share pixels
        exposed.append(alone.exposed)
    assert set(exposed[::2]) == {0}
    assert sum(exposed[1::2]) >= 2


def test_a_head_that_looks_out_of_the_mask_is_counted(truth: Truth) -> None:
    heads = np.any([person.head for person in truth.persons], axis=0)
    count = measured(painted(truth.picture, everybody(truth) & ~heads, PERSON), truth)
    assert count.exposed >= 1


def test_less_than_the_named_share_is_not_counted_and_more_is() -> None:
    """On a made-up picture: a person of 400 pixels, of whom so many are shown."""
    clean = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    body = np.zeros((HEIGHT, WIDTH), np.bool_)
    body[100:120, 100:120] = True
    picture = clean.copy()
    planes(picture)[0][body] = 200
    person = type("Person", (), {"head": np.zeros_like(body), "body": body})()
    made = scene(picture, clean, (person,), ())
    for shown, exposed in ((0, 0), (int(400 * EXPOSED_SHARE), 0), (int(400 * EXPOSED_SHARE) + 1, 1), (400, 1)):
        served = clean.copy()
        places = np.argwhere(body)[:shown]
        planes(served)[0][places[:, 0], places[:, 1]] = 200
        assert measured(served, made).exposed == exposed, shown


def test_the_place_itself_exposes_nobody_wherever_its_foliage_is_and_if_an_edge_is_a_pixel_off() -> None:
    """A person of another brightness before leaves and before a kerb; served is the empty place at another moment."""
    clean = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    clean[:HEIGHT, 300:] = 60
    body = np.zeros((HEIGHT, WIDTH), np.bool_)
    body[100:120, 290:310] = True
    picture = clean.copy()
    picture[:HEIGHT][body] = 95
    person = type("Person", (), {"head": np.zeros_like(body), "body": body})()
    moved = np.roll(clean, 1, axis=1)
    assert measured(moved, scene(picture, clean, (person,), ())).exposed == 0
    assert measured(picture, scene(picture, clean, (person,), ())).exposed == 1
    luma = clean[:HEIGHT]
    darkest, brightest = (np.where(body, beyond(luma, 92), luma) for beyond in (np.minimum, np.maximum))
    sways = Truth(picture, clean, darkest, brightest, (person,), ())
    elsewhere = clean.copy()
    elsewhere[:HEIGHT][body] = 92
    assert measured(elsewhere, scene(picture, clean, (person,), ())).exposed == 1
    assert measured(elsewhere, sways).exposed == 0


def test_the_street_tells_how_dark_and_how_bright_its_foliage_gets() -> None:
    street = Street(1, 0)
    found = [street.truth(index, WIDTH, HEIGHT) for index in range(3000, 3500, 50)]
    for each in found:
        luma = each.clean[:HEIGHT].astype(int)
        # But for the sensor's noise.
        assert np.mean((luma < each.darkest.astype(int) - 6) | (luma > each.brightest.astype(int) + 6)) < 1e-3
    still = found[0].darkest == found[0].brightest
    assert 0.7 < still.mean() < 0.99


def test_masks_far_from_anybody_are_false_and_those_around_people_are_not(truth: Truth) -> None:
    nobody = scene(truth.clean, truth.clean, (), ())
    corner = np.zeros((HEIGHT, WIDTH), np.bool_)
    corner[:36, :64] = True
    count = measured(painted(truth.clean, corner, PERSON), nobody)
    assert count.false_masked == 36 * 64
    car = scene(truth.clean, truth.clean, (), (corner,))
    assert measured(painted(truth.clean, corner, PERSON), car).false_masked == 0
    assert measured(painted(truth.picture, everybody(truth), PERSON), truth).false_masked == 0


def flat(colour: tuple[int, int, int]) -> bytes:
    return bytes([colour[0]]) * LUMA + bytes([colour[1]]) * (LUMA // 4) + bytes([colour[2]]) * (LUMA // 4)


def test_a_cover_is_recognised_after_compression_and_nothing_else_is_taken_for_one(truth: Truth) -> None:
    assert is_covered(flat(COVER), WIDTH, HEIGHT)
    noisy = np.frombuffer(flat(COVER), np.uint8).copy()
    noisy[::7] += 4
    assert is_covered(noisy.tobytes(), WIDTH, HEIGHT)
    spoilt: list[Callable[[Picture], None]] = [
        lambda picture: picture.__setitem__(slice(0, 1), 200),
        lambda picture: picture.__setitem__(slice(LUMA, LUMA + 1), 200),
        lambda picture: picture.__setitem__(slice(-1, None), 20),
    ]
    for spoil in spoilt:
        picture = np.frombuffer(flat(COVER), np.uint8).copy()
        spoil(picture)
        assert not is_covered(picture.tobytes(), WIDTH, HEIGHT)
    for other in (flat(PERSON), flat((128, 128, 128)), flat((16, 128, 128)), truth.picture.tobytes()):
        assert not is_covered(other, WIDTH, HEIGHT)


def test_covered_pictures_are_counted_as_such_and_not_as_area(truth: Truth) -> None:
    source = SourceTime(1, 0)
    shown = [Shown(flat(COVER), None), Shown(truth.picture.tobytes(), source), Shown(flat(COVER), source)]
    count = count_covered(shown)
    assert (count.pictures, count.covered, count.area, count.person_frames) == (3, 2, 0, 0)


def test_counts_of_several_cameras_add_up() -> None:
    total = Exposure(1, 2, 3, 4, 5, 6)
    total.add(Exposure(10, 20, 30, 40, 50, 60))
    assert total == Exposure(11, 22, 33, 44, 55, 66)
