# SPDX-License-Identifier: AGPL-3.0-or-later
"""The demonstration's town: where its cameras hang, and what their register entries say. Everything is invented."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry

_DAY = 86_400 * SECOND
RETENTION_HOURS = 72
MakeEntry: TypeAlias = Callable[[CameraId, str, Instant, bytes], RegisterEntry]

_PLACES = (
    ("Market Square", Purpose.VIOLENT_CRIME, "Night-time assaults around the square, reviewed every year.", 0, 0, 215),
    ("Mill Street", Purpose.PROPERTY, "Repeated break-ins into shops between 2024 and 2026.", 9_000, 14_000, 290),
    ("Old Bridge Stop", Purpose.PASSENGER_SAFETY, "Falls and collisions at the tram platform.", -8_000, 24_000, 35),
)


def entry_of(number: int) -> tuple[str, MakeEntry]:
    """Name and register entry of the demonstration's camera ``number``, counted from 0."""
    place, purpose, note, north, east, direction = _PLACES[number % len(_PLACES)]
    turn = number // len(_PLACES)
    name = place if not turn else f"{place} {turn + 1}"
    shift = turn * 4_000
    return name, partial(_entry, purpose, note, north + shift, east - shift, (direction + 70 * turn) % 360)


def _entry(
    purpose: Purpose,
    note: str,
    north_e7: int,
    east_e7: int,
    direction: int,
    camera: CameraId,
    name: str,
    now: Instant,
    salt: bytes,
) -> RegisterEntry:
    return RegisterEntry(
        camera=camera,
        name=name,
        purpose=purpose,
        purpose_note=note,
        legal_basis=LegalBasis.PUBLIC_TASK,
        legal_note="Municipal Surveillance Ordinance, section 4 (invented)",
        owner="Town of Example, Department of Public Order",
        contact="cameras@town.example",
        retention_hours=RETENTION_HOURS,
        review=Instant(now + 180 * _DAY),
        expires=Instant(now + 210 * _DAY),
        latitude_e7=513_000_000 + north_e7,
        longitude_e7=65_000_000 + east_e7,
        direction=direction,
        field_of_view=62,
        height_cm=480,
        range_cm=4_500,
        lens="4 mm, fixed",
        salt=salt,
    )
