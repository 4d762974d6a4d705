# SPDX-License-Identifier: AGPL-3.0-or-later
"""Redaction of the rendered street, whose exact truth is known: one person is seen, and nobody else in any picture."""

from dataclasses import dataclass
from pathlib import Path

import av
import pytest
from tests.redact_street import (
    BEGIN,
    HEIGHT,
    WIDTH,
    Film,
    decoded,
    is_exposed,
    leaked,
    same,
    share_seen,
)

from custodes.clock import SECOND, Instant
from custodes.demo.street import Person, Street, Truth
from custodes.errors import CustodesError, Kind
from custodes.video.mask.detector import WEIGHTS, load_detector
from custodes.video.redact.clips import Clip
from custodes.video.redact.redactor import Point, Result, redact
from custodes.video.redact.region import Ending
from custodes.video.redact.scene import Scene, look

FILM = Film(Street(1, 1), 35 * 25, 5, 80)
"""Sixteen seconds of a shopping street: somebody walks up it alone, others pass by, and at its end two of them meet."""
WINDOW = (BEGIN, FILM.at(FILM.count))
AT, SPOT = 30, (338, 219)


@dataclass(frozen=True)
class Made:
    """What was made, the truth of every picture, and who the point was on."""

    folder: Path
    scene: Scene
    clip: Clip
    masked: bytes
    result: Result
    truths: list[Truth]
    subject: dict[int, Person]


def per_mille(spot: tuple[int, int], number: int) -> Point:
    return Point(spot[0] * 1000 // WIDTH, spot[1] * 1000 // HEIGHT, FILM.at(number))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    folder, detector = tmp_path_factory.mktemp("redacted"), load_detector()
    clip, masked = FILM.write(folder / "original.mp4"), FILM.masked_copy(detector)
    scene = look([clip], masked, WINDOW, detector, lambda *_: None)
    result = redact(scene, [clip], masked, [per_mille(SPOT, AT)], folder, lambda *_: None)
    truths = [FILM.truth(number) for number in range(FILM.count)]
    subject = {AT: next(each for each in truths[AT].persons if each.body[SPOT[1], SPOT[0]])}
    for numbers in (range(AT - 1, -1, -1), range(AT + 1, FILM.count)):
        person: Person | None = subject[AT]
        for number in numbers:
            person = same(person, truths[number].persons) if person is not None else None
            if person is not None:
                subject[number] = person
    return Made(folder, scene, clip, masked, result, truths, subject)


def test_the_subject_is_visible_and_nobody_else_in_any_picture(made: Made) -> None:
    pictures = list(decoded(made.folder / "clip.mp4"))
    assert len(pictures) == FILM.count == made.result.pictures
    visible, others = 0, []
    for number, (picture, truth) in enumerate(zip(pictures, made.truths, strict=True)):
        exposed = leaked(picture, truth)
        subject = made.subject.get(number)
        visible += subject is not None and share_seen(subject, exposed) > 0.5
        others += [number for person in truth.persons if person is not subject and is_exposed(person, exposed)]
    assert others == []
    assert visible >= 25
    present = [person for truth in made.truths for person in truth.persons]
    assert len(present) - len(made.subject) > 60


def test_where_another_person_comes_close_everybody_is_masked_and_it_is_said(made: Made) -> None:
    [stretch] = made.result.stretches
    assert stretch.ended is Ending.MET
    assert stretch.end < WINDOW[1]
    pictures = list(decoded(made.folder / "clip.mp4"))
    after = [number for number in range(FILM.count) if FILM.at(number) > stretch.end + SECOND // 4]
    assert after
    for number in after:
        exposed = leaked(pictures[number], made.truths[number])
        assert not any(is_exposed(person, exposed) for person in made.truths[number].persons)


def test_the_clip_has_no_sound_no_metadata_and_the_originals_size(made: Made) -> None:
    with av.open(str(made.folder / "clip.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video"]
        assert (file.streams[0].width, file.streams[0].height) == (1280, 720)
        assert set(file.metadata) <= {"major_brand", "minor_version", "compatible_brands"}
        assert set(file.streams[0].metadata) <= {"language", "handler_name", "vendor_id"}
        assert abs(file.duration / 1_000_000 - 16) < 0.5
    assert b"x264" not in (made.folder / "clip.mp4").read_bytes()


def test_the_review_has_a_picture_of_every_half_second_and_of_every_change(made: Made) -> None:
    names = [each.name for each in made.result.review]
    assert sorted(path.name for path in (made.folder / "pictures").iterdir()) == names
    assert all(two.at - one.at <= SECOND for one, two in zip(made.result.review, made.result.review[1:], strict=False))
    assert {each.shown for each in made.result.review} == {True, False}


def test_a_second_point_shows_more(made: Made, tmp_path: Path) -> None:
    points = [per_mille(SPOT, AT), per_mille((342, 241), 21)]
    result = redact(made.scene, [made.clip], made.masked, points, tmp_path, lambda *_: None)
    assert [each.point for each in result.stretches] == points
    assert result.showing > made.result.showing


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (Point(20, 20, FILM.at(AT)), "nobody is seen at that point"),
        (Point(500, 500, Instant(BEGIN - 5 * SECOND)), "outside the footage"),
        (Point(1000, 0, FILM.at(AT)), "thousandths"),
    ],
)
def test_a_point_at_which_there_is_nobody_is_refused_in_one_line(
    made: Made, tmp_path: Path, point: Point, said: str
) -> None:
    with pytest.raises(CustodesError, match=said) as problem:
        redact(made.scene, [made.clip], made.masked, [point], tmp_path, lambda *_: None)
    assert problem.value.kind is Kind.INVALID
    assert not (tmp_path / "clip.mp4").exists()


def test_without_a_masked_copy_that_tells_its_time_nothing_is_redacted(made: Made) -> None:
    for masked in (b"", b"not a film", made.masked.replace(b"prft", b"free")):
        with pytest.raises(CustodesError) as problem:
            look([made.clip], masked, WINDOW, load_detector(), lambda *_: None)
        assert problem.value.kind is Kind.CORRUPT
