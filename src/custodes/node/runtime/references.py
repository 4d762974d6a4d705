# SPDX-License-Identifier: AGPL-3.0-or-later
"""Certified references at rest: one object a camera, encrypted under the server key, replaced as it follows the scene.

Bound to the certification it stems from: one that was filed while nobody masked is never taken for this picture. It
goes when the camera is removed, and when nobody has masked for as long as the camera's retention.
"""

import sys

from custodes.clock import SECOND, Instant
from custodes.domain.ids import CameraId
from custodes.errors import CustodesError, Kind
from custodes.node.store import Store, names

_FOLDER = "references"


def save(store: Store, camera: CameraId, certified: Instant, reference: bytes) -> None:
    """Keep a reference; if the disk does not take it, the camera has to be certified anew after a restart."""
    try:
        store.objects.put(names.reference(camera), store.encrypt(reference, _context(camera, certified)))
    except CustodesError as problem:
        sys.stderr.write(f"the reference of {camera} is not kept: {problem}\n")


def load(store: Store, camera: CameraId, certified: Instant | None, retention_hours: int) -> bytes | None:
    """The reference of this certification, if it is there and not too old."""
    name = names.reference(camera)
    if certified is None or not store.objects.exists(name):
        return None
    if store.clock.now() - _written(store, name) > retention_hours * 3_600 * SECOND:
        drop(store, camera)
        return None
    try:
        return store.decrypt(store.objects.get(name), _context(camera, certified))
    except CustodesError as problem:
        if problem.kind is not Kind.CORRUPT:
            sys.stderr.write(f"the reference of {camera} cannot be read: {problem}\n")
        return None  # altered, or of an earlier certification


def drop(store: Store, camera: CameraId) -> None:
    """Forget a camera's reference."""
    store.objects.delete([names.reference(camera)])


def drop_others(store: Store, cameras: set[CameraId]) -> None:
    """Forget the references of cameras that are not in service any more."""
    for name in store.objects.children(_FOLDER):
        camera = CameraId(name.partition(".")[0])
        if camera not in cameras:
            drop(store, camera)


def _written(store: Store, name: str) -> int:
    return store.objects.local_path(name).stat().st_mtime_ns


def _context(camera: CameraId, certified: Instant) -> str:
    return f"reference {camera} {certified}"
