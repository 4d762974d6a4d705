# SPDX-License-Identifier: AGPL-3.0-or-later
"""What lies in the store and what the catalogue says, one camera and day at a time: names and sizes only."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from custodes.clock import MILLISECOND, SECOND, Instant
from custodes.domain.ids import CameraId, PeriodId, Term
from custodes.node.store import Store, names, tables

KINDS = {
    "opening": names.opening,
    "closing": names.closing,
    "shares": names.shares,
    "segment": names.segment,
}
"""A period's objects by the ending of their names."""
_TREES = {
    "manifests": ("opening", "closing"),
    "shares": ("shares",),
    "segments": ("segment",),
    "masked": ("masked",),
}
_CAMERA = re.compile(r"[a-z2-7]{26}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NAME = re.compile(r"(\d{1,13})-(\d{1,9})\.([a-z]+)")
_DAY_LONG = 86_400 * SECOND
Row = sa.Row[Any]


@dataclass(slots=True)
class Day:
    """One camera's day: per period (or masked minute) the sizes of its objects, and its row.

    ``foreign``: paths below the store that are the name of nothing. ``unfinished``: what a crash left half written.
    """

    periods: dict[PeriodId, dict[str, int]] = field(default_factory=dict)
    masked: dict[PeriodId, int] = field(default_factory=dict)
    period_rows: dict[PeriodId, Row] = field(default_factory=dict)
    masked_rows: dict[PeriodId, Row] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)


def days(store: Store) -> Iterator[Day]:
    """Every camera and day of which there are objects or rows, one after the other; and before them what is foreign."""
    misplaced = Day()
    found: set[tuple[str, str]] = set()
    for tree in _TREES:
        for camera in _entries(store.objects.root / tree):
            if not _CAMERA.fullmatch(camera.name):
                misplaced.foreign += _files(store, camera)
                continue
            for day in _entries(camera):
                if _DAY.fullmatch(day.name) and not day.is_file():
                    found.add((camera.name, day.name))
                else:
                    misplaced.foreign += _files(store, day)
    yield misplaced
    found.update(_days_of_rows(store))
    for name, day_name in sorted(found):
        yield _day(store, CameraId(name), day_name)


def row_of(store: Store, table: sa.Table, period: PeriodId) -> Row | None:
    """The row of a period or masked minute, as it is now."""
    key = sa.and_(table.c.camera == period.camera, table.c.start == period.start, table.c.term == period.term)
    rows = store.read(sa.select(table).where(key))
    return rows[0] if rows else None


def objects_of(store: Store, period: PeriodId) -> dict[str, int]:
    """The sizes of a period's objects, as they are now."""
    found = {}
    for kind, name in KINDS.items():
        try:
            found[kind] = store.objects.local_path(name(period)).stat().st_size
        except FileNotFoundError:
            continue
    return found


def _name(kind: str, period: PeriodId) -> str:
    if kind == "masked":
        return names.masked(period.camera, period.start, period.term)
    return KINDS[kind](period)


def _entries(folder: Path) -> list[Path]:
    if folder.is_dir():
        return sorted(folder.iterdir())
    return [folder] if folder.exists() else []


def _files(store: Store, path: Path) -> list[str]:
    """A file's name below the store, or those of all files in a folder."""
    if not path.is_dir():
        return [str(path.relative_to(store.objects.root))]
    return [str(each.relative_to(store.objects.root)) for each in sorted(path.rglob("*")) if not each.is_dir()]


def _days_of_rows(store: Store) -> Iterator[tuple[str, str]]:
    for (camera,) in store.read(sa.select(tables.cameras.c.id)):
        for table in (tables.periods, tables.masked_minutes):
            following = sa.select(sa.func.min(table.c.start)).where(table.c.camera == camera)
            begins = 0
            while (start := store.read(following.where(table.c.start >= begins))[0][0]) is not None:
                yield camera, datetime.fromtimestamp(start // SECOND, UTC).strftime("%Y-%m-%d")
                begins = (start // _DAY_LONG + 1) * _DAY_LONG


def _day(store: Store, camera: CameraId, name: str) -> Day:
    day = Day()
    # Rows after objects: a period that is catalogued in between has its row, not the other way round.
    for tree, kinds in _TREES.items():
        _list(store, camera, f"{tree}/{camera}/{name}", kinds, day)
    try:
        start = int(datetime.fromisoformat(f"{name}T00:00:00+00:00").timestamp()) * SECOND
    except ValueError:
        return day  # a folder for a day that does not exist; what is in it is foreign
    for table, rows in ((tables.periods, day.period_rows), (tables.masked_minutes, day.masked_rows)):
        inside = sa.and_(table.c.camera == camera, table.c.start >= start, table.c.start < start + _DAY_LONG)
        for row in store.read(sa.select(table).where(inside)):
            rows[PeriodId(camera, Instant(row.start), Term(row.term))] = row
    return day


def _list(store: Store, camera: CameraId, folder: str, kinds: tuple[str, ...], day: Day) -> None:
    try:
        entries = list(os.scandir(store.objects.local_path(folder)))
    except FileNotFoundError:
        return
    for entry in sorted(entries, key=lambda each: each.name):
        name = f"{folder}/{entry.name}"
        match = _NAME.fullmatch(entry.name)
        if entry.name.endswith(".tmp"):
            day.unfinished.append(name)
        elif match is None or match[3] not in kinds or not entry.is_file(follow_symlinks=False):
            day.foreign += _files(store, Path(entry.path))
        else:
            period = PeriodId(camera, Instant(int(match[1]) * MILLISECOND), Term(int(match[2])))
            if _name(match[3], period) != name:
                day.foreign.append(name)  # in the folder of another day
                continue
            try:
                size = entry.stat().st_size
            except FileNotFoundError:
                continue  # it was deleted since
            if match[3] == "masked":
                day.masked[period] = size
            else:
                day.periods.setdefault(period, {})[match[3]] = size
