# SPDX-License-Identifier: AGPL-3.0-or-later
"""The redactor on the steward's machine: out of an opened bundle, a clip in which one person is visible.

A draft is a folder (0700): ``clip.mp4``, ``pictures/``, ``review.html`` and ``draft.json``; signing it adds
``statement.json`` and ``note.txt``. The video stack is loaded only here, and only when something is redacted.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from custodes.clock import Clock, Instant
from custodes.desk.keyfile import load_key, load_policy_file, private_folder, read_file
from custodes.desk.requester import IDENTITY
from custodes.desk.review import Shot, code_of, note, review_page
from custodes.domain import canonical
from custodes.domain.ids import CameraId
from custodes.errors import conflict, corrupt, denied, invalid, unavailable
from custodes.trust.custody.archive import Archive, Part, measure
from custodes.trust.custody.bundle import INDEX, native_name
from custodes.trust.custody.documents import ProvenPeriod, verify_periods, verify_request
from custodes.trust.custody.policy import Policy, parse_policy
from custodes.trust.custody.redaction import (
    MAX_POINTS,
    MAX_STATEMENT,
    KeptRegion,
    Redaction,
    read_redaction,
    redaction_body,
    sign_redaction,
)
from custodes.trust.custody.request import Request
from custodes.trust.seal.signing import SigningKey
from custodes.trust.tlog.store import write_durably
from custodes.trust.verify.bundle import verify_bundle

_MAX_CLIP = 4 * 1024 * 1024 * 1024
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody stood: thousandths of the picture's width and height, and when."""

    x: int
    y: int
    at: Instant


@dataclass(frozen=True, slots=True)
class Draft:
    """A clip that waits for a person's review."""

    folder: Path
    made: Redaction


def redact(
    folder: Path, bundle: Path, spots: Sequence[Spot], out: Path, clock: Clock, camera: CameraId | None, say: Progress
) -> Draft:
    """Make a draft in ``out``, a new folder; ``folder`` is the requester's, whose policy is believed.

    ``camera`` may be left out if the bundle has one only. Raises ``CustodesError``: CORRUPT for a bundle that does not
    verify, CONFLICT if ``out`` exists, INVALID for a point that is on nobody, or on more than one person.
    """
    if out.exists():
        raise conflict(f"{out} exists already: name a new folder")
    if not 1 <= len(spots) <= MAX_POINTS:
        raise invalid(f"name 1 to {MAX_POINTS} points")
    policy = parse_policy(load_policy_file(folder))
    failed = next((check for check in verify_bundle(bundle, policy).checks if not check.ok), None)
    if failed is not None:
        raise corrupt(f"the bundle does not verify: {failed.name}: {failed.detail}")
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    private_folder(part)
    try:
        with Archive(bundle) as archive:
            made = _make(archive, policy, (spots, camera), part, clock, say)
        part.rename(out)
    except OSError as problem:
        raise unavailable(f"the draft cannot be written: {problem.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Draft(out, made)


def _make(
    archive: Archive,
    policy: Policy,
    asked: tuple[Sequence[Spot], CameraId | None],
    part: Path,
    clock: Clock,
    say: Progress,
) -> Redaction:
    # A court's machine, or a custodian's, has no video stack; the steward's has.
    from custodes.video.mask.detector import load_detector
    from custodes.video.redact.clips import Clip
    from custodes.video.redact.redactor import Point
    from custodes.video.redact.redactor import redact as write_clip
    from custodes.video.redact.scene import look

    request, _ = verify_request(archive, policy)
    spots, camera = asked[0], _camera(request, asked[1])
    masked = f"masked/{camera}.mp4"
    if masked not in archive.names:
        raise invalid("the bundle has no masked copy of that camera: nothing can be told apart")
    clips = [
        Clip(each.opening.sealed.header.started, partial(archive.read, native_name(each), _MAX_CLIP))
        for each in _periods(archive, request, policy, camera)
    ]
    masked_copy = archive.read(masked, _MAX_CLIP)
    scene = look(clips, masked_copy, (request.start, request.end), load_detector(), say)
    result = write_clip(scene, clips, masked_copy, [Point(each.x, each.y, each.at) for each in spots], part, say)
    size, digest = measure(part / "clip.mp4")
    made = Redaction(
        deployment=request.deployment,
        request=request.digest,
        bundle=measure(Part(archive, INDEX))[1],
        camera=camera,
        start=request.start,
        end=request.end,
        made=clock.now(),
        clip=digest,
        size=size,
        pictures=result.pictures,
        showing=result.showing,
        kept=tuple(
            KeptRegion(
                each.point.x, each.point.y, each.point.at, each.start, each.end, each.begun.value, each.ended.value
            )
            for each in result.stretches
        ),
    )
    shots = [Shot(each.at, f"pictures/{each.name}", each.shown) for each in result.review]
    write_durably(part / "review.html", review_page(made, shots).encode(), 0o600)
    write_durably(part / "draft.json", canonical.dumps(redaction_body(made)), 0o600)
    return made


def _camera(request: Request, named: CameraId | None) -> CameraId:
    if named is None and len(request.cameras) > 1:
        raise invalid("the bundle has several cameras: name one")
    camera = named or request.cameras[0]
    if camera not in request.cameras:
        raise invalid("the bundle has no footage of that camera")
    return camera


def _periods(archive: Archive, request: Request, policy: Policy, camera: CameraId) -> list[ProvenPeriod]:
    mine = [each for each in verify_periods(archive, request, policy) if each.id.camera == camera]
    return sorted(mine, key=lambda each: each.opening.sealed.header.started)


def sign(folder: Path, draft: Path, code: str, clock: Clock, passphrase: str | None = None) -> Redaction:
    """Sign a draft that a person has reviewed: ``code`` stands at the end of its review page.

    Raises ``CustodesError``: DENIED for another code, or a key that is no requester's, CONFLICT if it was signed
    already, CORRUPT if the clip is not the one that the draft was written for.
    """
    made = read_redaction(canonical.load_object(read_file(draft / "draft.json", MAX_STATEMENT)))
    if (draft / "statement.json").exists():
        raise conflict("this clip was reviewed and signed already")
    size, digest = measure(draft / "clip.mp4")
    if (made.size, made.clip) != (size, digest):
        raise corrupt("the clip was changed after it was made: make it again")
    if code != code_of(made):
        raise denied("that is not the code at the end of review.html: look through all of it")
    policy = parse_policy(load_policy_file(folder))
    identity = SigningKey.from_seed(load_key(folder / "identity.key", IDENTITY, passphrase))
    office = policy.requester(identity.public.id)
    if office is None:
        raise denied("your key is not a requester's in your policy")
    now = clock.now()
    write_durably(draft / "note.txt", note(made, office.label, now).encode(), 0o600)
    write_durably(draft / "statement.json", sign_redaction(made, identity, now), 0o600)
    return made
