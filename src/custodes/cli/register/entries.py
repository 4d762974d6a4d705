# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes register add``, ``renew`` and ``export``: cameras of our own on the public register."""

import argparse
from dataclasses import replace
from pathlib import Path

from custodes.cli._shell import add_dir, add_json, decimal, instant, show, write_file
from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId, check_id
from custodes.domain.register import LegalBasis, Purpose, RegisterEntry
from custodes.domain.schedule import spoken
from custodes.errors import not_found
from custodes.node.acts.register import publish_entry
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras
from custodes.node.queries.register import geojson

_YEAR = 365 * 86_400 * SECOND


def configure(add: argparse.ArgumentParser, renew: argparse.ArgumentParser, export: argparse.ArgumentParser) -> None:
    """Arguments of all three."""
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
    add.add_argument(
        "--hours",
        action="append",
        default=[],
        metavar="'mon-fri 07:00-19:00'",
        help="record in these hours only (may be repeated; default: always)",
    )
    add.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of --hours, for example Europe/Berlin")
    add.add_argument(
        "--show-unconfirmed",
        action="store_true",
        help="show, masked, what was still for ten minutes before the steward has looked (default: nothing)",
    )
    _add_dates(add)
    add.add_argument("--latitude", type=decimal, required=True)
    add.add_argument("--longitude", type=decimal, required=True)
    add.add_argument("--direction", type=int, required=True, help="degrees clockwise from north")
    add.add_argument("--field-of-view", type=int, required=True, help="degrees")
    add.add_argument("--height", type=decimal, required=True, help="metres above ground")
    add.add_argument("--range", type=decimal, required=True, help="metres")
    add.add_argument("--lens", required=True, help="for example '4 mm, fixed'")
    add.set_defaults(run=_add)
    add_dir(renew)
    add_json(renew)
    renew.add_argument("--camera", required=True)
    _add_dates(renew)
    renew.set_defaults(run=_renew)
    add_dir(export)
    export.add_argument("--out", type=Path, metavar="FILE", help="default: print it")
    export.set_defaults(run=_export)


def _add_dates(command: argparse.ArgumentParser) -> None:
    command.add_argument("--review", help="when the need is looked at again (default: in a year)")
    command.add_argument("--expires", help="when the permit ends (default: 30 days after the review)")


def _dates(arguments: argparse.Namespace, store: Store) -> tuple[Instant, Instant]:
    """Review and expiry, as given or by default."""
    review = instant(arguments.review) if arguments.review else Instant(store.clock.now() + _YEAR)
    return review, instant(arguments.expires) if arguments.expires else Instant(review + 30 * 86_400 * SECOND)


def _renew(arguments: argparse.Namespace) -> int:
    store = Store(Layout(arguments.dir))
    entry = cameras.camera(store, check_id(arguments.camera)).entry
    if entry is None:
        raise not_found("this camera has no register entry to renew: publish one with `custodes register add`")
    review, expires = _dates(arguments, store)
    return _publish(
        arguments,
        store,
        replace(
            entry,
            review=review,
            expires=expires,
            salt=store.entropy(16),
            credentials=cameras.password_known(store, entry.camera),
        ),
    )


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
    review, expires = _dates(arguments, store)
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
        schedule=spoken(arguments.hours, arguments.time_zone),
        credentials=cameras.password_known(store, camera),
        show_unconfirmed=arguments.show_unconfirmed,
    )
    return _publish(arguments, store, entry)


def _publish(arguments: argparse.Namespace, store: Store, entry: RegisterEntry) -> int:
    digest = publish_entry(store, entry)
    text = f"published, SHA-256 {digest.hex()}; the camera records as soon as the entry is in the witnessed log"
    show(arguments, {"camera": entry.camera, "document": digest.hex()}, text)
    return 0
