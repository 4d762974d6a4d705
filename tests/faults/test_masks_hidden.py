# SPDX-License-Identifier: AGPL-3.0-or-later
"""A running system of its own: hidden, zoned and recalled by command, seen as an operator sees it."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from tests.node_town import Town, Watched, covered, eventually, refused, town, until

from custodes.clock import SECOND, Instant
from custodes.demo.exposure import is_covered
from custodes.domain.ids import CameraId
from custodes.node.queries import playback
from custodes.node.queries.views import SpanKind
from custodes.node.runtime.maskers import HEIGHT, WIDTH
from custodes.video.mask import palette
from custodes.video.mask.masker import MASKER

SEVERAL = 6
ZONE = [[0, 0], [0.25, 0], [0.25, 0.5], [0, 0.5]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("hidden") / "D", cameras=1) as found:
        found.certify()
        yield found


def picture_shown(watched: Watched) -> bool:
    return any(not is_covered(picture, WIDTH, HEIGHT) for picture in watched.pictures)


def run(town: Town, *words: str) -> dict[str, object]:
    ran = town.command(*words, "--dir", town.root, "--json")
    assert ran.code == 0, ran.errors
    found: dict[str, object] = ran.json()
    return found


def zoned(picture: bytes) -> bool:
    """Whether the upper left quarter of a picture's width and half of its height are one colour, a zone's."""
    luma = np.frombuffer(picture, np.uint8)[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    inside = luma[: HEIGHT // 2, : WIDTH // 4].astype(int)
    return bool((np.abs(inside - palette.ZONE.y) <= 12).all())


def playable(town: Town, camera: CameraId, start: Instant, end: Instant) -> list[SpanKind]:
    spans = playback.timeline(town.store, camera, start, end)
    return [span.kind for span in spans if span.kind is not SpanKind.GAP]


def test_a_page_that_is_open_is_covered_by_a_command_and_what_was_seen_cannot_be_played_back(shown: Town) -> None:
    camera = shown.system.cameras[0]
    made: list[dict[str, object]] = []
    before = shown.system.now()

    def hide(seen: Watched) -> bool:
        if picture_shown(seen) and not made:
            made.append(run(shown, "mask", "hide", camera))
        return bool(made) and bool(seen.states) and seen.states[-1]["cover"] == "HIDDEN"

    said = shown.live(camera, hide).states[-1]["words"]
    assert said == "Somebody was visible. Hidden until the steward has looked."
    assert shown.says(camera, str(said))
    hid = shown.system.now()
    # The masker covers what is recorded from now on, so that health says so.
    until(lambda: shown.says(camera, "the masked picture is covered: somebody was visible"), "health says so")
    later = Instant(hid + 5 * SECOND)
    until(lambda: shown.system.now() > later, "some seconds pass")
    assert shown.played(camera, Instant(before - 20 * SECOND), later) == []
    assert set(playable(shown, camera, Instant(before - 20 * SECOND), hid)) == {SpanKind.HIDDEN}
    assert shown.live(camera, lambda seen: bool(seen.states)).pictures == []
    # The steward looks, and shows it again; what was recorded stays hidden until that is lifted.
    run(shown, "mask", "show", camera)
    assert picture_shown(shown.live(camera, picture_shown))
    assert shown.played(camera, Instant(before - 20 * SECOND), hid) == []
    again = shown.system.now()
    until(lambda: shown.shows(camera, again), "pictures are stored again")
    window = str(made[0]["hidden"])
    stages = {each["hidden"]: each["stage"] for each in run(shown, "mask", "hidden")["hidden"]}  # type: ignore[attr-defined]
    assert stages == {window: "to be decided"}
    run(shown, "mask", "lift", window)
    assert any(
        not is_covered(picture, WIDTH, HEIGHT) for picture in shown.played(camera, Instant(before - 20 * SECOND), hid)
    )


def test_a_zone_is_in_force_while_a_page_watches_and_goes_when_it_is_taken_away(shown: Town) -> None:
    camera = shown.system.cameras[0]
    file = shown.root / "zones.json"
    file.write_text(json.dumps([ZONE]))
    assert not any(map(zoned, shown.live(camera, picture_shown).pictures))
    assert run(shown, "camera", "edit", camera, "--zones", str(file))["zones"] == 1
    assert run(shown, "camera", "show", camera)["zones"] == [ZONE]

    def visible(seen: Watched) -> list[bytes]:
        return [picture for picture in seen.pictures if not is_covered(picture, WIDTH, HEIGHT)]

    eventually(lambda: all(map(zoned, visible(shown.live(camera, picture_shown)))), "every picture has the zone in it")
    since = shown.system.now()
    assert all(map(zoned, visible(shown.live(camera, lambda seen: len(visible(seen)) >= SEVERAL))))
    until(lambda: shown.shows(camera, since), "it is stored")
    end = shown.system.now()
    until(lambda: shown.system.now() > end + 5 * SECOND, "it can be played back")
    assert all(zoned(picture) or is_covered(picture, WIDTH, HEIGHT) for picture in shown.played(camera, since, end))
    file.write_text(json.dumps([[[0, 0], [1, 1], [1, 0], [0, 1]]]))
    crossing = shown.command("camera", "edit", camera, "--zones", str(file), "--dir", shown.root)
    refused(crossing, "polygon 1 crosses or touches itself", 2)
    assert run(shown, "camera", "show", camera)["zones"] == [ZONE]


def test_a_recall_covers_the_running_masker_and_hides_all_that_it_has_made_and_still_writes(shown: Town) -> None:
    camera = shown.system.cameras[0]
    begun = Instant(shown.system.now() - 60 * SECOND)
    assert picture_shown(shown.live(camera, picture_shown))
    refused(shown.command("mask", "recall", "--version", "no such", "--dir", shown.root), "no masker of this version")
    assert run(shown, "mask", "recall", "--version", MASKER)["recalled"] == MASKER
    watched = shown.live(camera, lambda seen: bool(seen.states) and seen.states[-1]["cover"] == "RECALLED")
    assert watched.states[-1]["words"] == "What this version of the masker made was recalled."
    assert not watched.pictures or covered(watched.pictures)
    recalled = shown.system.now()
    until(lambda: shown.says(camera, "What this version of the masker made was recalled."), "the page says so")
    until(lambda: shown.system.now() > recalled + 8 * SECOND, "the masker goes on writing")
    assert shown.played(camera, begun, shown.system.now()) == []
    assert set(playable(shown, camera, begun, recalled)) == {SpanKind.HIDDEN}
    # Nor does the masker that is started again show anything.
    shown.kill("masker")
    watched = shown.live(camera, lambda seen: bool(seen.states) and seen.states[-1]["cover"] == "RECALLED")
    assert not watched.pictures or covered(watched.pictures)
    refused(shown.command("mask", "recall", "--version", MASKER, "--dir", shown.root), "recalled already")
