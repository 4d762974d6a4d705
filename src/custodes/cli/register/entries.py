# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register add`` and ``export``: cameras of our own on the public register."""

import argparse
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, decimal, instant, show, write_file
from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, check_id
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry
from custodes.node.acts.register import publish_entry
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras
from custodes.node.queries.register import geojson

_YEAR = 365 * 86_400 * SECOND


def configure(add: argparse.ArgumentParser, export: argparse.ArgumentParser) -> None:
    """Arguments of both."""
    add_dir(add)
    add_json(add)
    add.add_argument("--camera", required=True)
    add.add_argument("--purpose", required=True, choices=[each.name.lower() for each in Purpose])
    add.add_argument("--purpose-note", default="", help="why here, in a sentence")
    add.add_argument("--basis", required=True, choices=[each.name.lower() for each in LegalBasis])
    add.add_argument("--basis-note", default="", help="the national law")
    add.add_argument("--owner", required=True)
    add.add_argument("--contact", required=True, help="e-mail or address for questions and complaints")
    add.add_argument("--retention-hours", type=int, required=True)
    add.add_argument("--review", help="when the need is looked at again (default: in a year)")
    add.add_argument("--expires", help="when the permit ends (default: 30 days after the review)")
    add.add_argument("--latitude", type=decimal, required=True)
    add.add_argument("--longitude", type=decimal, required=True)
    add.add_argument("--direction", type=int, required=True, help="degrees clockwise from north")
    add.add_argument("--field-of-view", type=int, required=True, help="degrees")
    add.add_argument("--height", type=decimal, required=True, help="metres above ground")
    add.add_argument("--range", type=decimal, required=True, help="metres")
    add.add_argument("--lens", required=True, help="for example '4 mm, fixed'")
    add.set_defaults(run=_add)
    add_dir(export)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: print it")
    export.set_defaults(run=_export)


def _export(arguments: argparse.Namespace) -> int:
    document = geojson(Store(Layout(arguments.dir)))
    if arguments.out:
        write_file(arguments.out, document)
    else:
        print(document.decode())
    return 0


def _add(arguments: argparse.Namespace) -> int:
    store = Store(Layout(arguments.dir))
    camera = CameraId(check_id(arguments.camera))
    review = instant(arguments.review) if arguments.review else Instant(store.clock.now() + _YEAR)
    expires = instant(arguments.expires) if arguments.expires else Instant(review + 30 * 86_400 * SECOND)
    entry = RegisterEntry(
        camera=camera,
        name=cameras.camera(store, camera).name,
        purpose=Purpose[arguments.purpose.upper()],
        purpose_note=arguments.purpose_note,
        legal_basis=LegalBasis[arguments.basis.upper()],
        legal_note=arguments.basis_note,
        owner=arguments.owner,
        contact=arguments.contact,
        retention_hours=arguments.retention_hours,
        review=review,
        expires=expires,
        latitude_e7=round(arguments.latitude * 1e7),
        longitude_e7=round(arguments.longitude * 1e7),
        direction=arguments.direction,
        field_of_view=arguments.field_of_view,
        height_cm=round(arguments.height * 100),
        range_cm=round(arguments.range * 100),
        lens=arguments.lens,
        salt=store.entropy(16),
    )
    digest = publish_entry(store, entry)
    text = f"published, SHA-256 {digest.hex()}; the camera records as soon as the entry is in the witnessed log"
    show(arguments, {"camera": camera, "document": digest.hex()}, text)
    return 0
