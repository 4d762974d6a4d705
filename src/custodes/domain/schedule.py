# SPDX-License-Identifier: Apache-2.0
"""Declared hours: when a camera may record, by the wall clock of a named time zone (IANA)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from custodes.clock import SECOND, Instant
from custodes.domain.canonical import Json, JsonObject, listed, text
from custodes.errors import CustodesError, corrupt, invalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_HOURS = 64
_MIDNIGHT = 24 * 60
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z][A-Za-z0-9_+-]{0,31}){0,2}")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_SPOKEN = re.compile(r"([a-z,-]+) +([0-9:]{5})-([0-9:]{5})")


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """On these ``days`` (0 is Monday, rising), from minute ``begin`` of the day up to and without minute ``end``."""

    days: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """The hours in which a camera may record; without any: always. ``time_zone`` is an IANA name."""

    time_zone: str = "UTC"
    hours: tuple[Hours, ...] = ()

    def covers(self, now: Instant) -> bool:
        """True if ``now`` lies in the declared hours.

        What counts is the wall clock at the camera: an hour that a change of the clock repeats counts twice, one that
        it leaves out never comes. A time zone that this machine does not know covers nothing.
        """
        if not self.hours:
            return True
        zone = _zone(self.time_zone)
        if zone is None:
            return False
        local = datetime.fromtimestamp(now // SECOND, zone)
        day, minute = local.weekday(), local.hour * 60 + local.minute
        return any(day in each.days and each.begin <= minute < each.end for each in self.hours)

    def known_here(self) -> bool:
        """True if this machine knows the rules of the time zone, or needs none."""
        return not self.hours or _zone(self.time_zone) is not None

    def __str__(self) -> str:
        """The hours in words, for example ``mon-fri 07:00-19:00, Europe/Berlin``."""
        if not self.hours:
            return "always"
        return "; ".join(_words(each) for each in self.hours) + f", {self.time_zone}"


ALWAYS = Schedule()


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def to_json(schedule: Schedule) -> JsonObject:
    """The member ``schedule`` of a register document."""
    hours: list[Json] = [
        {"days": [DAYS[day] for day in each.days], "from": _clock(each.begin), "until": _clock(each.end)}
        for each in schedule.hours
    ]
    return {"time_zone": schedule.time_zone, "hours": hours}


def from_json(source: JsonObject) -> Schedule:
    """Parse what ``to_json`` returns; anything else, or another spelling, raises ``CustodesError`` (CORRUPT)."""
    hours = []
    for item in listed(source, "hours"):
        if not isinstance(item, dict):
            raise corrupt("declared hours must be objects")
        days = [DAYS.index(day) if day in DAYS else -1 for day in listed(item, "days")]
        hours.append(Hours(tuple(days), _minute(text(item, "from")), _minute(text(item, "until"))))
    schedule = Schedule(text(source, "time_zone"), tuple(hours))
    if problem := problem_of(schedule):
        raise corrupt(problem)
    if to_json(schedule) != source:
        raise corrupt("declared hours have members that are not known")
    return schedule


def problem_of(schedule: Schedule) -> str:
    """Say in a few words why the schedule cannot be declared, or return the empty string."""
    if not _ZONE.fullmatch(schedule.time_zone):
        return "the time zone must be an IANA name like Europe/Berlin"
    if len(schedule.hours) > MAX_HOURS:
        return f"at most {MAX_HOURS} declared hours"
    if list(schedule.hours) != sorted(set(schedule.hours)):
        return "declared hours must be in order, each once"
    for each in schedule.hours:
        if not each.days or list(each.days) != sorted(set(each.days)) or not 0 <= each.days[0] <= each.days[-1] <= 6:
            return "days must be some of mon to sun, in order, each once"
        if not 0 <= each.begin < each.end <= _MIDNIGHT:
            return "declared hours must end after they begin, on the same day"
    return ""


def spoken(hours: Sequence[str], time_zone: str) -> Schedule:
    """Read hours as people write them: ``mon-fri 07:00-19:00``, ``sat,sun 22:00-02:00`` (until the next day).

    Anything else, or a time zone that this machine does not know: ``CustodesError`` (INVALID).
    """
    found: set[Hours] = set()
    for words in hours:
        match = _SPOKEN.fullmatch(words.strip().lower())
        if match is None:
            raise invalid(f"{words}: hours are written like 'mon-fri 07:00-19:00'")
        try:
            days, begin, end = _days(match[1]), _minute(match[2]), _minute(match[3])
        except (CustodesError, ValueError):
            raise invalid(f"{words}: hours are written like 'mon-fri 07:00-19:00'") from None
        if begin < end:
            found.add(Hours(days, begin, end))
        else:
            # Over midnight: the rest belongs to the following days.
            found.add(Hours(days, begin, _MIDNIGHT))
            if end:
                found.add(Hours(tuple(sorted((day + 1) % 7 for day in days)), 0, end))
    schedule = Schedule(time_zone, tuple(sorted(found)))
    if problem := problem_of(schedule):
        raise invalid(problem)
    if not schedule.known_here():
        raise invalid(f"{time_zone} is not a time zone that this machine knows (IANA names, like Europe/Berlin)")
    return schedule


def _days(words: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in words.split(","):
        first, _, last = part.partition("-")
        begin, end = DAYS.index(first), DAYS.index(last or first)
        days.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return tuple(sorted(days))


def _minute(words: str) -> int:
    if not _TIME.fullmatch(words):
        raise corrupt("times of day must have the form 07:00")
    return int(words[:2]) * 60 + int(words[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _words(hours: Hours) -> str:
    """Days as ranges, then the times."""
    runs: list[list[int]] = []
    for day in hours.days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    days = ",".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)
    return f"{days} {_clock(hours.begin)}-{_clock(hours.end)}"
