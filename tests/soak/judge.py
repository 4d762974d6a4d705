# SPDX-License-Identifier: AGPL-3.0-or-later
"""Judging a recording from outside: what the cameras pushed, what the segments hold, which holes have a cause.

Recorded pictures are recognised by their bytes. A mount plays its film from the beginning for each connection, so a
recorded connection is a run of the mount, and its pictures are numbered. Times of the judgement are the machine's own
clock: those of the cameras' statistics and of the files; the recorder's clock was tampered with.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from tests.recording_rig import Deployment

from custodes.clock import SECOND
from custodes.domain.ids import CameraId, PeriodId
from custodes.node.store import names, tables
from custodes.trust.seal.manifest import ClosingManifest, OpeningManifest
from custodes.video import cmaf_read, nal

FPS = 25
_HOLE = SECOND
"""A hole is what is longer than this, in the recorder's own time; pictures come every 40 ms."""
_NEAR = 3 * SECOND


@dataclass
class Run:
    """One time that a mount was played: from when to when, and how many pictures; what was recorded of it."""

    first: float
    last: float
    pushed: int
    recorded: int = 0
    newest: int = -1


@dataclass(frozen=True)
class Trouble:
    """Something was hurt at ``since``, and was whole again at ``ready``; ``kill``: a process was killed."""

    since: float
    ready: float
    cameras: frozenset[CameraId]
    kill: bool = False


@dataclass
class Judgement:
    """``lost_s_max``: pictures that were pushed before a kill and are not in the store, in seconds; ``outage_s_max``:
    from a kill, or from a camera or disk that is back, to the next recorded picture."""

    gaps: int = 0
    unexplained: int = 0
    lost_s_max: float = 0.0
    outage_s_max: float = 0.0
    notes: list[str] = field(default_factory=list)


def judge(
    made: Deployment,
    pushed: Mapping[CameraId, Sequence[tuple[Path, str]]],
    film: Path,
    troubles: Sequence[Trouble],
) -> Judgement:
    """Judge every camera; ``pushed``: where its pictures were counted, statistics files and the mount's name."""
    slices = [unit for unit in nal.split_annexb(film.read_bytes()) if nal.is_slice(unit)]
    places = {unit: number for number, unit in enumerate(slices)}
    found = Judgement()
    for camera, files in pushed.items():
        chain = chained(made, camera)
        holes(made, camera, chain, found)
        runs = _runs(files)
        _place(made, camera, chain, runs, places, found)
        for trouble in troubles:
            if camera in trouble.cameras:
                _losses(camera, runs, trouble, found)
                _outage(camera, runs, trouble, found)
    return found


Chain = list[tuple[PeriodId, OpeningManifest, ClosingManifest]]


def chained(made: Deployment, camera: CameraId) -> Chain:
    """A camera's periods in the order in which they were recorded: each names its predecessor."""
    all_ = {period: made.manifests(period) for period in made.periods(camera)}
    after = {opening.sealed.header.previous: (period, opening, closing) for period, (opening, closing) in all_.items()}
    if len(after) != len(all_):
        raise AssertionError(f"{camera}: two periods name the same predecessor")
    chain: Chain = []
    link = after.get(None)
    while link is not None:
        chain.append(link)
        link = after.get(link[2].digest)
    if len(chain) != len(all_):
        raise AssertionError(f"{camera}: {len(all_) - len(chain)} periods hang in no chain")
    return chain


def holes(made: Deployment, camera: CameraId, chain: Chain, found: Judgement) -> None:
    """Count holes in the recorder's own time, and those that no gap of the catalogue explains."""
    rows = tables.gaps.c
    known = made.store.read(sa.select(rows.began, rows.ended, rows.cause).where(rows.camera == camera))
    end: int | None = None
    for _, _, closing in chain:
        for record in closing.fragments[1:]:
            if end is not None and abs(record.start - end) > _HOLE:
                found.gaps += 1
                low, high = sorted((end, record.start))
                if not any(low - _NEAR <= row.began <= high + _NEAR for row in known):
                    found.unexplained += 1
                    found.notes.append(f"{camera}: nothing explains {(record.start - end) / SECOND:.1f} s at {end}")
            end = record.start + record.ticks * SECOND // 90_000


def _runs(files: Sequence[tuple[Path, str]]) -> list[Run]:
    runs = []
    for path, mount in files:
        if path.exists():
            for each in json.loads(path.read_text())[mount]:
                runs.append(Run(each["first"], each["last"], int(each["pictures"])))
    return sorted(runs, key=lambda run: run.first)


def _place(
    made: Deployment, camera: CameraId, chain: Chain, runs: Sequence[Run], places: Mapping[bytes, int], found: Judgement
) -> None:
    """Find the run that each period was recorded of, and see that its pictures follow one another without a hole."""
    for period, _, _ in chain:
        # A connection begins a period, and a period belongs to one connection: the newest run when it was begun.
        begun = made.store.objects.local_path(names.opening(period)).stat().st_mtime
        run = next(each for each in reversed(runs) if each.first <= begun)
        for fragment in list(made.fragments(period))[1:]:
            for unit in cmaf_read.fragment_nals(fragment):
                if not nal.is_slice(unit):
                    continue
                place = places[unit]
                if place != (run.newest + 1) % len(places):
                    found.unexplained += 1
                    found.notes.append(f"{camera}: picture {place} follows picture {run.newest} in {period}")
                run.recorded, run.newest = run.recorded + 1, place


def _losses(camera: CameraId, runs: Sequence[Run], trouble: Trouble, found: Judgement) -> None:
    """What a killed process had been sent and did not make durable."""
    for run in runs if trouble.kill else ():
        lost = (run.pushed - run.recorded) / FPS
        killed = run.first < trouble.since and abs(trouble.since - run.last) < 1.0
        if killed and run.recorded and lost > found.lost_s_max:
            found.lost_s_max = lost
            found.notes.append(f"{camera}: {lost:.2f} s lost at a kill")


def _outage(camera: CameraId, runs: Sequence[Run], trouble: Trouble, found: Judgement) -> None:
    """From the end of the trouble to the first picture that was recorded after it."""
    recorded = [run for run in runs if run.recorded]
    if any(run.first <= trouble.since and trouble.ready < run.last - 1.0 for run in recorded):
        return  # this camera was not touched
    after = next((run.first for run in recorded if run.first > trouble.since), None)
    outage = (time.time() if after is None else after) - trouble.ready
    if outage > found.outage_s_max:
        found.outage_s_max = outage
        found.notes.append(f"{camera}: {outage:.2f} s until it was recorded again")
