# SPDX-License-Identifier: AGPL-3.0-or-later
"""Nobody is shown: whatever happens to the masker, what an operator gets is covered, and the page says why."""

from pathlib import Path

import pytest
from tests.node_town import Town, Watched, covered, eventually, until

from custodes.clock import SECOND, Instant
from custodes.demo.exposure import is_covered
from custodes.domain.ids import CameraId
from custodes.node.runtime.maskers import HEIGHT, WIDTH
from custodes.node.store import names
from custodes.video.mask import detector

SEVERAL = 6


@pytest.fixture(scope="module")
def shown(running: Town) -> Town:
    """The town with every camera's reference certified: masked pictures are shown."""
    running.certify()
    return running


def assert_covered(town: Town, camera: CameraId, cover: str, words: str) -> None:
    """Live and played back, every picture from now on is covered, and page and socket say why."""
    until(lambda: town.says(camera, words), f"the page says: {words}")
    watched = town.live(camera, lambda seen: len(seen.pictures) >= SEVERAL)
    assert watched.states[-1]["cover"] == cover
    assert watched.states[-1]["words"] == words
    assert covered(watched.pictures)
    # A piece of playback begins up to four seconds before the window that it is in.
    start = Instant(town.system.now() + 5 * SECOND)
    played: list[bytes] = []

    def play() -> bool:
        played[:] = town.played(camera, start, Instant(start + 8 * SECOND))
        return len(played) >= SEVERAL

    eventually(play, "the covered stretch can be played back")
    assert covered(played)


def picture_shown(watched: Watched) -> bool:
    return any(not is_covered(picture, WIDTH, HEIGHT) for picture in watched.pictures)


def test_a_certified_camera_is_shown_so_that_being_covered_means_something(shown: Town) -> None:
    for camera in shown.system.cameras:
        assert shown.live(camera, picture_shown).states[-1]["cover"] is None
        assert "Shown, masked" in shown.page(camera)


def test_a_frozen_camera_is_covered_and_the_others_are_not(shown: Town) -> None:
    frozen, other = shown.system.cameras
    shown.order("freeze camera-1")
    try:
        assert_covered(shown, frozen, "FROZEN", "The camera sends the same picture over and over.")
        assert picture_shown(shown.live(other, picture_shown))
        until(lambda: shown.says(frozen, "Recording, with trouble"), "the camera is not called well")
        assert shown.says(frozen, "the masked picture is covered: the camera sends the same picture over and over")
    finally:
        shown.order("resume camera-1")
    since = shown.system.now()
    until(lambda: shown.shows(frozen, since), "it is shown again")


def test_a_masker_that_is_killed_leaves_nothing_to_see_and_one_that_comes_back_shows_nothing_unchecked(
    shown: Town,
) -> None:
    camera = shown.system.cameras[0]
    with shown.away("masker"):
        until(lambda: shown.says(camera, "The masker is not running."), "the page says so")
        watched = shown.live(camera, lambda seen: bool(seen.states))
        assert [state["cover"] for state in watched.states] == ["MASKER_DOWN"]
        assert not watched.pictures
        reference = shown.root / "store" / names.reference(camera)
        kept = reference.read_bytes()
    # It goes on with the reference that was certified, after it has recognised the scene.
    covers = [state["cover"] for state in shown.live(camera, picture_shown).states]
    assert "STARTING" in covers
    assert covers[-1] is None
    with shown.away("masker"):
        reference.write_bytes(kept[:-1] + bytes((kept[-1] ^ 1,)))
    assert_covered(shown, camera, "NOT_CERTIFIED", "The steward has not certified the masking yet.")


def test_a_page_that_watches_while_the_masker_is_killed_is_told(running: Town) -> None:
    camera = running.system.cameras[0]
    running.live(camera, lambda seen: len(seen.pictures) >= 1)
    killed: list[bool] = []

    def told(seen: Watched) -> bool:
        if seen.pictures and not killed:
            killed.append(True)
            running.kill("masker")
        return bool(killed) and seen.states[-1]["cover"] == "MASKER_DOWN"

    assert running.live(camera, told).states[-1]["words"] == "The masker is not running."


def test_a_detector_whose_model_is_broken_covers_every_camera(running: Town, tmp_path: Path) -> None:
    whole = detector.WEIGHTS.read_bytes()
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(whole[: len(whole) // 3])
    with running.started_with("masker", "--weights", str(broken)):
        for camera in running.system.cameras:
            assert_covered(running, camera, "DETECTOR_FAILED", "The person detector does not work.")
