# SPDX-License-Identifier: AGPL-3.0-or-later
"""Evidence bundles, made the whole way."""

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.custody_world import MINUTE, Recorded, World

from custodes.clock import Instant
from custodes.domain.ids import PeriodId
from custodes.trust.custody.archive import Archive
from custodes.trust.custody.bundle import build_bundle
from custodes.trust.custody.documents import Logged, PeriodDocuments, verify_disclosure
from custodes.trust.custody.opening import open_fragments, recover_keys


def disclose(
    world: World, request: Logged, periods: Sequence[Recorded], documents: dict[PeriodId, PeriodDocuments]
) -> Path:
    """Let custodians 1 and 2 grant and 3 refuse, open, and return the bundle."""
    dossier = world.dossier(request, periods)
    grants = [world.logged_grant(request, world.grant(dossier, number), periods) for number in (1, 2)]
    package, path = world.folder / "package.zip", world.folder / "bundle.zip"
    package.write_bytes(world.package(request, grants, documents, periods, [world.logged_refusal(request, 3)]))
    with Archive(package) as archive, path.open("wb") as stream:
        disclosure = verify_disclosure(archive, world.policy)
        opened = recover_keys(disclosure, world.policy, world.one_time)
        clips = {found.period.name: b"".join(open_fragments(archive, found)) for found in opened}
        build_bundle(stream, archive, disclosure, opened, clips, world.policy, world.requester, Instant(0))
    return path


@cache
def made() -> tuple[World, Path, dict[str, bytes]]:
    """A world, its bundle of one period, and the bundle's files. Made once; leave the file as it is."""
    world = World(Path(tempfile.mkdtemp()))
    period = world.record(fragments=1)
    world.clock.advance(2 * MINUTE)
    documents = world.commit([period])
    path = disclose(world, world.logged_request(world.ask()), [period], documents)
    with Archive(path) as bundle:
        files = {name: bundle.read(name) for name in bundle.names}
    return world, path, files
