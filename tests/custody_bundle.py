# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small evidence bundle, made the whole way: one period, two grants, one refusal."""

import tempfile
from functools import cache
from pathlib import Path

from tests.custody_world import MINUTE, World

from custodes.clock import Instant
from custodes.trust.custody.archive import Archive
from custodes.trust.custody.bundle import build_bundle
from custodes.trust.custody.documents import verify_disclosure
from custodes.trust.custody.opening import open_fragments, recover_keys


@cache
def made() -> tuple[World, Path, dict[str, bytes]]:
    """A world, its bundle, and the bundle's files. Made once; leave the file as it is."""
    folder = Path(tempfile.mkdtemp())
    world = World(folder)
    period = world.record(fragments=1)
    world.clock.advance(2 * MINUTE)
    documents = world.commit([period])
    request = world.logged_request(world.ask())
    dossier = world.dossier(request, [period])
    grants = [world.logged_grant(request, world.grant(dossier, number), [period]) for number in (1, 2)]
    package, path = folder / "package.zip", folder / "bundle.zip"
    package.write_bytes(world.package(request, grants, documents, [period], [world.logged_refusal(request, 3)]))
    with Archive(package) as archive, path.open("wb") as stream:
        disclosure = verify_disclosure(archive, world.policy)
        opened = recover_keys(disclosure, world.policy, world.one_time)
        clips = {found.period.name: b"".join(open_fragments(archive, found)) for found in opened}
        build_bundle(stream, archive, disclosure, opened, clips, world.policy, world.requester, Instant(0))
    with Archive(path) as bundle:
        files = {name: bundle.read(name) for name in bundle.names}
    return world, path, files
