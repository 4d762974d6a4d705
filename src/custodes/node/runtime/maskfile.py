# SPDX-License-Identifier: AGPL-3.0-or-later
"""A recorded file of any recorder, masked in two passes into a file of its own: ``custodes mask file``.

The copy appears under its name only when it is whole and durable. *Crash before:* a file ``.custodes-….part`` beside
it, which nobody takes for the copy.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from custodes.clock import SECOND, Instant
from custodes.domain.video import Footage, MaskedFrame
from custodes.errors import conflict, corrupt, invalid, unavailable
from custodes.video.encode.wholefile import MaskedFile
from custodes.video.ingest.wholefile import RecordedFile, Shot, open_regular
from custodes.video.mask.detector import load_detector
from custodes.video.mask.masker import MASKER
from custodes.video.mask.samples import Scene
from custodes.video.mask.scaling import Scaling
from custodes.video.mask.survey import Found, Survey
from custodes.video.mask.tuning import Tuning
from custodes.video.mask.wholefile import FileMasker

Progress: TypeAlias = Callable[[int, float, float], None]
"""Called with the pass (1 or 2), and how many seconds of how many are done; 0 of them if the file does not say."""

_LONGEST = 3_660 * 86_400 * SECOND


@dataclass(frozen=True)
class Outcome:
    """What was done. Shares are between 0 and 1.

    ``covered``: of the pictures, those that are wholly covered; ``masked``: of the area of the others, what is under a
    mask; ``unsure``: of the area, what was never surely seen without people and is masked throughout; ``times_kept``:
    False if the file had no usable times and the pictures were spaced evenly; ``too_short``: nothing could be learnt.
    """

    frames: int
    covered: float
    masked: float
    unsure: float
    times_kept: bool
    too_short: bool
    masker: str
    sha256_in: str
    sha256_out: str


@dataclass(frozen=True)
class _Surveyed:
    footage: Footage
    scaling: Scaling
    scene: Scene | None
    found: list[Found]
    times: list[int]
    kept: bool
    too_short: bool


def mask_file(source: Path, target: Path, progress: Progress = lambda *_: None) -> Outcome:
    """Mask ``source`` into ``target``, which must not exist.

    ``CustodesError``: INVALID for paths that cannot be used, CONFLICT if the target is there, CORRUPT for a file that
    is no video or not a whole one, UNAVAILABLE if the disk or the detector fails. Then there is no target.
    """
    _check_paths(source, target)
    before = _fingerprint(source)
    surveyed = _survey(source, progress)
    part = target.absolute().with_name(f".custodes-{secrets.token_hex(8)}.part")
    try:
        covered, masked = _write(source, part, surveyed, progress)
        if _fingerprint(source) != before:
            raise conflict(f"{source} was changed while it was read: nothing was written")
        digest = _sha256(part)
        _publish(part, target)
    finally:
        part.unlink(missing_ok=True)
    frames, scene = len(surveyed.times), surveyed.scene
    unsure = 1.0 if scene is None else surveyed.scaling.grid.share(~scene.known)
    shown = frames - covered
    return Outcome(
        frames,
        covered / frames,
        masked / shown if shown else 1.0,
        unsure,
        surveyed.kept,
        surveyed.too_short,
        MASKER,
        before[0],
        digest,
    )


def _check_paths(source: Path, target: Path) -> None:
    try:
        there = os.path.lexists(target)
        if there and source.exists() and target.samefile(source):
            raise invalid("the masked copy cannot replace the file itself: name another one")
        if there:
            raise conflict(f"{target} is there already: name a file that is not")
        if not target.parent.is_dir():
            raise invalid(f"{target.parent} is not a folder")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise invalid(f"nothing can be written into {target.parent}")
    except ValueError:
        raise invalid("a file's name cannot hold a zero byte") from None
    except OSError as problem:
        raise invalid(f"{target} cannot be used: {problem.strerror}") from None


def _fingerprint(path: Path) -> tuple[str, int, int]:
    """Hash, size and time of change."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        facts = os.fstat(file.fileno())
    return digest, facts.st_size, facts.st_mtime_ns


def _survey(source: Path, progress: Progress) -> _Surveyed:
    tuning = Tuning()
    with RecordedFile(source) as file:
        footage = file.footage
        scaling = _scaling(footage)
        survey = Survey(scaling, load_detector(), tuning)
        ticks: list[int | None] = []
        for shot, at in _timed(file.shots(), footage.time_base, file.step):
            ticks.append(shot.ticks)
            if survey.wants(at):
                survey.look(shot.frame(Instant(at)), at)
            progress(1, at / SECOND, file.seconds or 0.0)
        times, kept = _times(ticks, file.step)
    too_short = (times[-1] - times[0]) * footage.time_base * SECOND < tuning.candidate_time
    return _Surveyed(footage, scaling, survey.finish(), survey.found, times, kept, too_short)


def _write(source: Path, part: Path, surveyed: _Surveyed, progress: Progress) -> tuple[int, float]:
    """Return how many pictures are covered, and the sum of the others' masked shares."""
    copy = MaskedFile(part, surveyed.footage, surveyed.times)
    covered, thousandths = 0, 0
    try:
        for frame in _masked(source, surveyed, progress):
            copy.write(frame)
            if frame.cover is None:
                thousandths += frame.masked_share
            else:
                covered += 1
        copy.close()
    except BaseException:
        copy.abandon()
        raise
    return covered, thousandths / 1000


def _masked(source: Path, surveyed: _Surveyed, progress: Progress) -> Iterator[MaskedFrame]:
    masker = FileMasker(surveyed.scaling, surveyed.scene, surveyed.found, Tuning())
    count, total = 0, _since(surveyed, surveyed.times[-1]) / SECOND
    with RecordedFile(source) as file:
        for shot in file.shots():
            if count == len(surveyed.times):
                raise conflict(f"{source} did not read the same twice: nothing was written")
            at = _since(surveyed, surveyed.times[count])
            count += 1
            yield from masker.push(shot.frame(Instant(at)))
            progress(2, at / SECOND, total)
    if count < len(surveyed.times):
        raise conflict(f"{source} did not read the same twice: nothing was written")
    yield from masker.flush()


def _since(surveyed: _Surveyed, tick: int) -> int:
    return int((tick - surveyed.times[0]) * surveyed.footage.time_base * SECOND)


def _scaling(footage: Footage) -> Scaling:
    return Scaling(footage.width + footage.width % 2, footage.height + footage.height % 2, footage.turns)


def _timed(shots: Iterator[Shot], base: Fraction, step: int) -> Iterator[tuple[Shot, int]]:
    """Each picture with its time in ns since the first one; never falling, whatever the file says."""
    first: int | None = None
    latest = 0
    for number, shot in enumerate(shots):
        tick = number * step if shot.ticks is None else shot.ticks
        first = tick if first is None else first
        latest = max(latest, int((tick - first) * base * SECOND))
        if latest > _LONGEST:
            raise corrupt("the pictures' times make no sense: they span more than ten years")
        yield shot, latest


def _times(ticks: list[int | None], step: int) -> tuple[list[int], bool]:
    """When each picture is, rising, and whether that is what the file says.

    Pictures come in the order of display. Where a container knows only the order of decoding (AVI), its times come
    jumbled: the pictures take them in order.
    """
    if any(tick is None for tick in ticks):
        return [number * step for number in range(len(ticks))], False
    times = sorted(tick for tick in ticks if tick is not None)
    kept = True
    for place in range(1, len(times)):
        if times[place] <= times[place - 1]:
            times[place], kept = times[place - 1] + 1, False
    return times, kept


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _publish(part: Path, target: Path) -> None:
    """Give the durable file its name; that is durable too."""
    if os.path.lexists(target):
        raise conflict(f"{target} has appeared meanwhile: nothing was written")
    try:
        part.rename(target)
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        raise unavailable(f"{target} cannot be written: {problem.strerror}") from None
