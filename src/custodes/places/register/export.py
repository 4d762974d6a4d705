# SPDX-License-Identifier: AGPL-3.0-or-later
"""The register for other people's maps and programs."""

import json
from collections.abc import Iterable
from typing import Any

from custodes.domain import schedule, times
from custodes.domain.register import RegisterEntry

_DEGREE = 10_000_000


def geojson(entries: Iterable[tuple[RegisterEntry, int | None]]) -> bytes:
    """Return the entries, each with its index in the log, as a GeoJSON FeatureCollection (RFC 7946).

    A feature is the camera's position (WGS 84). ``osm`` holds the tags under which OpenStreetMap keeps cameras
    (``man_made=surveillance``), so that the public can compare both.
    """
    features = [_feature(entry, index) for entry, index in entries]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _feature(entry: RegisterEntry, index: int | None) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": entry.camera,
        "geometry": {"type": "Point", "coordinates": [entry.longitude_e7 / _DEGREE, entry.latitude_e7 / _DEGREE]},
        "properties": {
            "name": entry.name,
            "purpose": entry.purpose.value,
            "purpose_note": entry.purpose_note,
            "legal_basis": entry.legal_basis.value,
            "legal_note": entry.legal_note,
            "owner": entry.owner,
            "contact": entry.contact,
            "retention_hours": entry.retention_hours,
            "schedule": schedule.to_json(entry.schedule),
            "credentials": entry.credentials.value,
            "show_unconfirmed": entry.show_unconfirmed,
            "review": times.to_text(entry.review),
            "expires": times.to_text(entry.expires),
            "direction": entry.direction,
            "field_of_view": entry.field_of_view,
            "height_m": entry.height_cm / 100,
            "range_m": entry.range_cm / 100,
            "lens": entry.lens,
            "log_index": index,
            "osm": {
                "man_made": "surveillance",
                "surveillance": "public",
                "surveillance:type": "camera",
                "camera:type": "fixed",
                "camera:direction": str(entry.direction),
                "operator": entry.owner,
                "ref": entry.camera,
            },
        },
    }
