# SPDX-License-Identifier: AGPL-3.0-or-later
"""The register as GeoJSON."""

import json

from custodes.clock import Instant
from custodes.demo.town import entry_of
from custodes.domain.ids import CameraId
from custodes.domain.register import decode_entry, encode_entry
from custodes.places.register.export import geojson


def test_the_export_says_what_the_document_says() -> None:
    name, make = entry_of(1)
    entry = make(CameraId("a" * 26), name, Instant(1_790_000_000_000_000_000), bytes(16))
    assert decode_entry(encode_entry(entry)) == entry
    collection = json.loads(geojson([(entry, 7)]))
    (feature,) = collection["features"]
    assert collection["type"] == "FeatureCollection"
    assert feature["geometry"] == {"type": "Point", "coordinates": [entry.longitude_e7 / 1e7, entry.latitude_e7 / 1e7]}
    assert feature["properties"]["name"] == entry.name
    assert feature["properties"]["log_index"] == 7
    assert feature["properties"]["osm"]["man_made"] == "surveillance"


def test_an_empty_register_is_an_empty_collection() -> None:
    assert json.loads(geojson([])) == {"type": "FeatureCollection", "features": []}
