# SPDX-License-Identifier: AGPL-3.0-or-later
"""A data subject's request in a running town, by command: from receipt to the opened bundle, and closed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.node_town import Town, eventually, refused, town, until
from tests.redact_street import HEIGHT, WIDTH, is_exposed, leaked

from custodes.clock import SECOND, Instant
from custodes.demo.cameras.journal import SentNal, read_journal
from custodes.demo.processes import Ran
from custodes.demo.street import Street
from custodes.domain import times
from custodes.domain.ids import CameraId
from custodes.domain.video import StreamRole
from custodes.node.queries import disclosures, playback
from custodes.video.encode.join import as_mp4
from custodes.video.mask.detector import WEIGHTS
from custodes.video.mask.grid import Grid
from custodes.video.mask.palette import mask_pixels
from custodes.video.masked import masked_pictures

REFERENCE = "DSAR 2026/17"
VIEW = 1
"""The shopping street."""
LONG = 16 * SECOND
_APART = 50
"""Pixels between a person who is a good example and anybody else."""


@dataclass(frozen=True)
class Sight:
    """Somebody who stands apart: the camera's picture, when it was sent, and a point on them (pixels)."""

    index: int
    at: Instant
    spot: tuple[int, int]

    @property
    def point(self) -> str:
        return f"{self.spot[0] * 1000 // WIDTH},{self.spot[1] * 1000 // HEIGHT}"


@dataclass(frozen=True)
class Asked:
    """The town, the camera, the window that was asked for, and the good examples in it."""

    town: Town
    camera: CameraId
    street: Street
    start: Instant
    end: Instant
    sights: list[Sight]
    name: str

    def subject(self, *words: str | Path) -> Ran:
        return self.town.command("subject", *words, "--dir", self.town.root, "--json")


def standing_apart(street: Street, sent: dict[int, Instant]) -> list[Sight]:
    """People of some size whom nobody is near, about every second; the largest and most apart first."""
    found: list[tuple[int, Sight]] = []
    for index in sorted(sent)[::25]:
        persons = street.truth(index, WIDTH, HEIGHT).persons
        boxes = [np.nonzero(person.body) for person in persons]
        for number, (rows, columns) in enumerate(boxes):
            others = [each for place, each in enumerate(boxes) if place != number]
            gaps = [
                max(
                    columns.min() - other[1].max(), other[1].min() - columns.max(),
                    rows.min() - other[0].max(), other[0].min() - rows.max(),
                )
                for other in others
            ]  # fmt: skip
            spot = int(np.median(columns)), int(np.median(rows))
            gap = min(gaps, default=WIDTH)
            if len(rows) >= 300 and gap >= _APART and persons[number].body[spot[1], spot[0]]:
                found.append((min(int(gap), 100) * len(rows), Sight(index, sent[index], spot)))
    return [sight for _, sight in sorted(found, key=lambda each: -each[0])]


def alone_under_mask(running: Town, street: Street, sight: Sight) -> bool:
    """Whether nobody else is under the silhouette that this person is under, as the operator's playback has it."""
    camera = running.system.cameras[VIEW]
    init, fragments = playback.window(running.store, camera, sight.at, Instant(sight.at + SECOND))
    if not fragments:
        return False
    _, frame = min(masked_pictures(as_mp4(init, fragments)), key=lambda each: abs(each[0] - sight.at))
    grid = Grid(WIDTH, HEIGHT)
    blocks = grid.means(mask_pixels(frame.to_ndarray().tobytes(), WIDTH, HEIGHT).view(np.uint8)) > 0.3
    _, labels = cv2.connectedComponents(blocks.view(np.uint8), connectivity=8)
    here = grid.spread(np.asarray(labels == labels[sight.spot[1] // 16, sight.spot[0] // 16]))
    persons = street.truth(sight.index, WIDTH, HEIGHT).persons
    under = [person for person in persons if (person.body & here).any()]
    return bool(blocks[sight.spot[1] // 16, sight.spot[0] // 16]) and len(under) == 1


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    if not WEIGHTS.is_file():
        pytest.skip("the detector's weights are missing: run scripts/fetch_weights.py")
    with town(tmp_path_factory.mktemp("town") / "D") as running:
        camera, street = running.system.cameras[VIEW], Street(1, VIEW)
        running.certify()
        begun = Instant(running.system.now() + 5 * SECOND)
        sights: list[Sight] = []
        looked = [0]

        def seen() -> bool:
            now = running.system.now()
            nals = journal(running)
            sent = {nal.index: nal.utc for nal in nals if begun + 9 * SECOND < nal.utc < now - 12 * SECOND}
            new = {index: at for index, at in sent.items() if index > looked[-1]}
            looked.append(max(sent, default=looked[-1]))
            sights.extend(each for each in standing_apart(street, new) if alone_under_mask(running, street, each))
            return len(sights) >= 1

        until(seen, "somebody stands apart", 400)
        middle = sights[0].at
        start, end = Instant(middle - LONG // 2), Instant(middle + LONG // 2)
        until(lambda: running.system.now() > end + 2 * SECOND, "the window has ended")
        received = running.command(
            "subject", "receive", "--dir", running.root, "--camera", camera, "--from", times.to_text(start),
            "--until", times.to_text(end), "--reference", REFERENCE, "--json",
        ).json()  # fmt: skip
        inside = [sight for sight in sights if start < sight.at < end]
        yield Asked(running, camera, street, start, end, inside, received["request"])


def journal(running: Town) -> list[SentNal]:
    return list(read_journal(running.system.layout.cameras, f"camera-{VIEW + 1}", StreamRole.MAIN))


@pytest.fixture(scope="module")
def bundle(asked: Asked) -> Path:
    """Shown, pointed out, accepted; asked for by the steward's own machine, granted, and opened there."""
    sight = asked.sights[0]
    still = asked.town.root / "still.jpg"
    asked.subject("still", asked.name, "--at", times.to_text(sight.at), "--out", still).json()
    with av.open(str(still)) as file:
        picture = next(file.decode(video=0)).reformat(format="yuv420p").to_ndarray().tobytes()
    truth = asked.street.truth(sight.index, WIDTH, HEIGHT)
    assert not any(is_exposed(person, leaked(picture, truth)) for person in truth.persons)
    asked.subject("point", asked.name, "--point", sight.point).json()
    decided = asked.subject("decide", asked.name, "--decision", "accepted").json()
    assert (decided["state"], decided["point"]) == ("accepted", [int(part) for part in sight.point.split(",")])
    layout, url = asked.town.system.layout, asked.town.url
    request = asked.town.command(
        "disclosure", "request", "--dir", layout.steward, "--server", url, "--camera", asked.camera,
        "--from", times.to_text(asked.start), "--until", times.to_text(asked.end),
        "--purpose", "subject access (GDPR, article 15)", "--basis", "legal_obligation", "--case", REFERENCE, "--json",
    ).json()["request"]  # fmt: skip
    eventually(lambda: disclosures.dossier(asked.town.store, request), "request and minutes are in the witnessed log")
    for number in (1, 2):
        asked.town.command("custodian", "grant", "--dir", layout.custodian(number), "--server", url, request)
    opened = ("disclosure", "open", "--dir", layout.steward, "--server", url, request, "--json")
    eventually(lambda: asked.town.command(*opened).json(), "the grants are witnessed")
    return Path(asked.town.command(*opened).json()["bundle"])


def test_the_request_is_shown_with_its_clock_and_its_footage_is_held(asked: Asked) -> None:
    [listed] = asked.subject("list").json()
    assert (listed["request"], listed["reference"]) == (asked.name, REFERENCE)
    assert 27 <= listed["days_left"] <= 31
    holds = asked.town.command("hold", "list", "--dir", asked.town.root, "--json").json()
    assert [each["hold"] for each in holds if each["released"] is None] == [listed["hold"]]
    refused(
        asked.town.command("hold", "release", "--dir", asked.town.root, listed["hold"]), "until that request is closed"
    )


def test_a_point_at_which_nobody_is_is_refused_in_one_line(asked: Asked, bundle: Path) -> None:
    # Nothing more is needed of these, and this is a small machine.
    asked.town.system.stop_recording()
    steward, at = asked.town.system.layout.steward, times.to_text(asked.sights[0].at)
    out = asked.town.root / "nobody"
    where = ("--point", "1,999", "--at", at, "--out", out, "--dir", steward)
    refused(asked.town.command("subject", "redact", bundle, *where), "nobody", code=2)
    assert not out.exists()


def test_once_closed_nothing_is_held_and_the_log_names_nobody(asked: Asked, bundle: Path) -> None:
    assert bundle.exists()
    closed = asked.subject("close", asked.name).json()
    assert closed["state"] == "closed"
    holds = asked.town.command("hold", "list", "--dir", asked.town.root, "--json").json()
    assert all(each["released"] for each in holds)
    until(lambda: b"subject.closed" in all_tiles(asked.town), "the end is in the log")
    log = all_tiles(asked.town)
    assert b"subject.received" in log
    for secret in (REFERENCE, asked.name, asked.sights[0].point, closed["hold"]):
        assert secret.encode() not in log


def all_tiles(running: Town) -> bytes:
    return b"".join(path.read_bytes() for path in (running.root / "log").rglob("*") if path.is_file())
