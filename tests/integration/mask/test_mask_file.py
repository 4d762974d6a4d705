# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes mask file`` from end to end: real files, the real detector, the real command."""

import hashlib
import json
import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.mask_scenes import Figure, Square
from tests.recorded_files import TURNED_LEFT, Picture, Way, read, write

from custodes.cli import main
from custodes.video.mask.detector import WEIGHTS
from custodes.video.mask.palette import COVER, mask_pixels

pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="the detector's weights are missing: run scripts/fetch_weights.py"
)
STEP = 250
"""Milliseconds between two pictures."""
SECONDS = 26
VISITOR = Figure(8.0, (60.0, 300.0), (250.0, 310.0), 3.0, 4.0, 130, (60, 150, 110))


def street(
    seconds: float = SECONDS, figure: Figure | None = VISITOR, size: tuple[int, int] = (640, 360)
) -> list[Picture]:
    """A quiet square with a visitor who walks in, stands and is gone, in RGB."""
    square = Square([figure] if figure else [], sway=0.0)
    dice = np.random.default_rng(5)
    pictures = []
    for number in range(round(seconds * 1000 / STEP)):
        scene = square.view(number * STEP / 1000).scene + dice.normal(0, 1, (360, 640, 1)).astype(np.float32)
        whole = cv2.cvtColor(np.clip(scene, 0, 255).astype(np.uint8)[..., [0, 2, 1]], cv2.COLOR_YCrCb2RGB)
        pictures.append(np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8))
    return pictures


def masked(source: Path, target: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Run the command; its JSON line."""
    assert main(["mask", "file", str(source), str(target), "--json"]) == 0
    facts: dict[str, object] = json.loads(capsys.readouterr().out)
    return facts


def visible(shown: list[Picture], pictures: list[Picture], empty: Picture) -> list[int]:
    """Pictures in which more than 5 % of a visitor's pixels are nearer to him than to the empty place."""
    found = []
    clean = cv2.cvtColor(empty, cv2.COLOR_RGB2GRAY).astype(int)
    for number, (one, whole) in enumerate(zip(shown, pictures, strict=True)):
        person = cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY).astype(int)
        body = abs(person - clean) > 25
        if body.sum() > 50:
            # A mask's violet has one luma; where it is nearer to the visitor's that is no trace of him.
            leaked = (
                body & (abs(one.astype(int) - person) < abs(one.astype(int) - clean)) & (abs(one.astype(int) - 99) > 8)
            )
            if leaked.sum() > 0.05 * body.sum():
                found.append(number)
    return found


def violet(path: Path) -> list[np.ndarray]:
    """Where each picture of a file shows a mask's colour."""
    with av.open(str(path)) as container:
        return [
            mask_pixels(frame.reformat(format="yuv420p").to_ndarray().tobytes(), frame.width, frame.height)
            for frame in container.decode(video=0)
        ]


def test_the_copy_shows_nobody_has_every_picture_at_its_time_and_nothing_else_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    pictures = street()
    # Of variable rate: some pictures come late, one after a pause.
    ticks = [number * STEP + (number % 3) * 37 + (700 if number > 60 else 0) for number in range(len(pictures))]
    titles = {"location": "+52.5200+013.4050/", "title": "Platform 7", "comment": "a name"}
    write(source, pictures, ticks, Way(between=2, sound=True, titles=titles, aspect=Fraction(12, 11)))
    facts = masked(source, target, capsys)
    before, after = read(source), read(target)
    assert after[0] == before[0]
    assert len(set(np.diff([float(time) for time in after[0]]).round(3))) > 2
    assert facts["frames"] == len(pictures)
    assert facts["covered_share"] == 0
    assert facts["unsure_share"] < 0.3  # the detector takes the painted tree for somebody
    assert facts["times_kept"] is True
    assert facts["sha256_in"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert facts["sha256_out"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert visible(after[1], pictures, pictures[0]) == []
    assert min(mask[200:300, 220:270].mean() for mask in violet(target)[46:58]) > 0.5  # he stands there, in violet
    assert violet(target)[8][:, :360].mean() < 0.01
    with av.open(str(target)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert container.streams.video[0].sample_aspect_ratio == Fraction(12, 11)
        assert {
            name for name in container.metadata if name not in {"major_brand", "minor_version", "compatible_brands"}
        } == set()
    data = target.read_bytes()
    assert not any(text.encode() in data for text in titles.values())
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4", "out.mp4"] or len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "size", "way"),
    [
        ("in.mkv", (319, 179), Way("libvpx", options={"deadline": "realtime", "cpu-used": "8", "b": "1M"})),
        ("in.avi", (322, 182), Way("mjpeg", "yuvj422p", Fraction(1, 4))),
        ("in.avi", (320, 180), Way("libx264", base=Fraction(1, 4), between=2)),
        ("in.ts", (320, 180), Way("mpeg2video", base=Fraction(1, 25))),
        ("in.mkv", (64, 360), Way("ffv1", "yuv422p10le")),
        ("in.mov", (1284, 722), Way(base=Fraction(1, 30000), options={"preset": "ultrafast"})),
    ],
)
def test_files_of_every_kind_keep_their_size_their_number_of_pictures_and_their_times(
    name: str, size: tuple[int, int], way: Way, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / name, tmp_path / "out.mp4"
    pictures = street(22, size=size)
    per_second = round(1 / way.base)
    ticks = [number * per_second * STEP // 1000 for number in range(len(pictures))]
    write(source, pictures, ticks, way)
    facts = masked(source, target, capsys)
    before, after = read(source), read(target)
    assert facts["frames"] == len(after[1]) == len(before[1]) == len(pictures)
    assert after[0] == sorted(before[0])
    assert {picture.shape for picture in after[1]} == {size[::-1]}
    assert facts["covered_share"] == 0
    assert visible(after[1], pictures, pictures[0]) == []


def test_a_picture_that_is_stored_lying_is_judged_upright_and_stays_lying(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    lying = [np.ascontiguousarray(np.rot90(picture, -1)) for picture in street()]
    write(source, lying, [number * STEP for number in range(len(lying))], Way(matrix=TURNED_LEFT))
    masked(source, target, capsys)
    with av.open(str(target)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height, frame.rotation) == (360, 640, 90)
    assert visible(read(target)[1], lying, lying[0]) == []
    standing = np.rot90(violet(target)[52])
    assert standing[200:300, 220:270].mean() > 0.5
    assert standing[:, 300:370].mean() < 0.1


def test_a_cut_to_another_scene_is_covered_until_the_scene_is_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mp4"
    pictures = street()
    for number in range(50, 70):
        pictures[number] = np.ascontiguousarray(255 - pictures[number][::-1])
    write(source, pictures, [number * STEP for number in range(len(pictures))], Way())
    facts = masked(source, target, capsys)
    assert 20 / len(pictures) <= facts["covered_share"] <= 36 / len(pictures)
    shown = read(target)[1]
    assert all(np.ptp(shown[number]) == 0 for number in range(50, 70))
    assert np.ptp(shown[30]) > 50
    assert np.ptp(shown[-1]) > 50


def test_a_file_that_is_too_short_to_learn_from_is_covered_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Names that mean something to libav, too: a colon ends a protocol's name, a percent sign begins a number.
    monkeypatch.chdir(tmp_path)
    Path("a:%d").mkdir()
    source, target = Path("a:%d/in.mp4"), Path("a:%d/out:%d.mp4")
    pictures = street(5)
    write(source.absolute(), pictures, [number * STEP for number in range(len(pictures))], Way())
    assert main(["mask", "file", str(source), str(target)]) == 0
    assert "too short" in capsys.readouterr().out
    with av.open(str(target.absolute())) as container:
        for frame in container.decode(video=0):
            planes = (
                np.asarray(plane) for plane in frame.reformat(format="yuv420p").to_ndarray()[:360, :640].reshape(1, -1)
            )
            assert {int(level) for plane in planes for level in np.unique(plane)} == {COVER.y}


def short(path: Path) -> bytes:
    """A file of some pictures."""
    write(path, street(4, size=(320, 180)), [number * STEP for number in range(16)], Way())
    return path.read_bytes()


def silent(path: Path) -> None:
    """A file with nothing but sound."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        piece = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        piece.sample_rate, piece.pts = 8000, 0
        container.mux(sound.encode(piece))
        container.mux(sound.encode(None))


def prepared(kind: str, folder: Path) -> Path:
    """A file with something wrong."""
    path = folder / "in.mp4"
    match kind:
        case "text":
            path.write_text("this is no video\n" * 99)
        case "empty":
            path.write_bytes(b"")
        case "cut":
            data = short(path)
            path.write_bytes(data[: len(data) * 2 // 3])
        case "cut matroska":
            path = folder / "in.mkv"
            data = short(path)
            path.write_bytes(data[: len(data) * 2 // 3])
        case "cut avi":
            path = folder / "in.avi"
            data = short(path)
            path.write_bytes(data[: len(data) * 2 // 3])
        case "holed":
            data = bytearray(short(path))
            begin = data.index(b"mdat") + 400
            data[begin : begin + 3000] = os.urandom(3000)
            path.write_bytes(data)
        case "sound":
            silent(path)
        case "playlist":
            short(folder / "there.ts")
            path = folder / "in.m3u8"
            path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{folder}/there.ts\n#EXT-X-ENDLIST\n")
        case "list":
            short(folder / "there.mp4")
            path = folder / "in.ffconcat"
            path.write_text(f"ffconcat version 1.0\nfile {folder}/there.mp4\n")
        case "large":
            write(path, [np.zeros((2200, 3900, 3), np.uint8)], [0], Way("mjpeg", "yuvj420p"))
        case "folder":
            path = folder / "folder"
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "nothing":
            pass
    return path


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("text", 1, "not a video"),
        ("empty", 1, "empty"),
        ("cut", 1, "torn"),
        ("cut matroska", 1, "torn"),
        ("cut avi", 1, "torn"),
        ("holed", 1, "damaged"),
        ("sound", 1, "no video"),
        ("playlist", 1, "not a video"),
        ("list", 1, "not a video"),
        ("large", 1, "too large"),
        ("folder", 2, "not a file"),
        ("pipe", 2, "not a file"),
        ("nothing", 2, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_masked_is_refused_in_one_line_and_leaves_nothing(
    kind: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = prepared(kind, tmp_path)
    there = sorted(tmp_path.iterdir())
    assert main(["mask", "file", str(source), str(tmp_path / "out.mp4"), "--json"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("custodes: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in said.err
    assert sorted(tmp_path.iterdir()) == there


@pytest.mark.parametrize(
    ("target", "code"), [("in.mp4", 2), ("link.mp4", 2), ("there.mp4", 1), ("nowhere/out.mp4", 2), ("in.mp4/out", 2)]
)
def test_nothing_is_written_over_or_into_what_cannot_hold_it(
    target: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.mp4"
    data = short(source)
    (tmp_path / "link.mp4").symlink_to(source)
    (tmp_path / "there.mp4").write_bytes(b"something of yours")
    there = sorted(tmp_path.iterdir())
    assert main(["mask", "file", str(source), str(tmp_path / target)]) == code
    assert capsys.readouterr().err.count("custodes: ") == 1
    assert source.read_bytes() == data
    assert (tmp_path / "there.mp4").read_bytes() == b"something of yours"
    assert sorted(tmp_path.iterdir()) == there


def test_a_disk_that_takes_no_more_is_told_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    dice = np.random.default_rng(2)
    noise = [dice.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(90)]
    write(source, noise, [number * STEP for number in range(90)], Way())
    done = subprocess.run(
        [sys.executable, "-m", "custodes", "mask", "file", str(source), str(tmp_path / "out.mp4")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
    )
    assert done.returncode == 3
    assert done.stderr.count("cannot be written") == 1
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
