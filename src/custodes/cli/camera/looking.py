# SPDX-License-Identifier: AGPL-3.0-or-later
"""``custodes camera list`` and ``show``."""

import argparse

from custodes.cli._shell import show
from custodes.domain.cameras import CameraSettings
from custodes.domain.ids import CameraId, check_id
from custodes.domain.zones import UNIT
from custodes.node.config import Layout
from custodes.node.queries import Store, cameras, zones
from custodes.node.queries.views import CameraView


def _facts(view: CameraView) -> dict[str, object]:
    return {
        "camera": view.id,
        "name": view.name,
        "registered": view.entry is not None,
        "log_index": view.entry_index,
        "state": view.recording.value,
        "cause": view.cause,
    }


def _line(view: CameraView) -> str:
    return f"{view.id}  {view.recording.value:<10}  {view.name}{'  · ' if view.cause else ''}{view.cause}"


def list_all(arguments: argparse.Namespace) -> int:
    """A line per camera."""
    found = cameras.all_cameras(Store(Layout(arguments.dir)))
    show(arguments, [_facts(view) for view in found], "\n".join(map(_line, found)) or "no cameras yet")
    return 0


def show_one(arguments: argparse.Namespace) -> int:
    """One camera, its device and its entry."""
    store, camera = Store(Layout(arguments.dir)), CameraId(check_id(arguments.camera))
    view = cameras.camera(store, camera)
    device = _device(cameras.settings(store, camera), cameras.versions(store, camera))
    lines = [_line(view), *(f"{name:<12} {value}" for name, value in device.items() if value)]
    if view.entry:
        entry = view.entry
        lines += [f"purpose      {entry.purpose.value}", f"legal basis  {entry.legal_basis.value}"]
        lines += [f"owner        {entry.owner} ({entry.contact})", f"retention    {entry.retention_hours} h"]
        lines += [f"hours        {entry.schedule}", f"password     {entry.credentials.value}"]
        lines += ["unconfirmed  may be shown before the steward has looked"] if entry.show_unconfirmed else []
    zoned = zones.of(store, camera)
    lines.append(f"zones        {len(zoned)}")
    shares = [[[x / UNIT, y / UNIT] for x, y in zone] for zone in zoned]
    show(arguments, {**_facts(view), **device, "zones": shares}, "\n".join(lines))
    return 0


def _device(settings: CameraSettings, changed: int) -> dict[str, object]:
    """What is known of the camera as a machine, without any password."""
    device, link = settings.device, settings.link
    return {
        "manufacturer": device.manufacturer if device else "",
        "model": device.model if device else "",
        "firmware": device.firmware if device else "",
        "main": str(settings.main),
        "sub": str(settings.sub),
        "transport": link.transport,
        "certificate": link.pin,
        "onvif": link.onvif,
        "credentials": settings.credentials.value,
        "changed": changed,
    }
