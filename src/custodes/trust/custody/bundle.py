# SPDX-License-Identifier: Apache-2.0
"""The evidence bundle: what a requester hands to a court. Everything in it can be checked offline.

Beside the documents (``documents``) it holds the native clips ``native/<name>-<start>.mp4``, the masked copies
``masked/<camera>.mp4``, a page in plain language ``index.html``, and ``bundle.json``, signed by the requester, which
names every other file with size and SHA-256.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from custodes.clock import Instant
from custodes.domain import times
from custodes.domain.canonical import Json, JsonObject, hexadecimal, integer, listed, member, text
from custodes.domain.ids import DeploymentId, Digest, KeyId
from custodes.errors import corrupt
from custodes.trust.custody.archive import Archive, Content, Part, measure, write_archive
from custodes.trust.custody.documents import Disclosure, ProvenPeriod
from custodes.trust.custody.opening import OpenedPeriod
from custodes.trust.custody.page import PageFile, render_page
from custodes.trust.custody.policy import Policy
from custodes.trust.seal.fields import only, versioned
from custodes.trust.seal.signing import SigningKey, check, read_signed

BUNDLE = "custodes/evidence-bundle"
INDEX = "bundle.json"
PAGE = "index.html"
_COPIED = ("request/", "grants/", "refusals/", "periods/", "masked/")


@dataclass(frozen=True, slots=True)
class CaseReference:
    """The case that the request committed to, and the salt (16 bytes) that proves it."""

    reference: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as ``bundle.json`` lists it."""

    name: str
    size: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class BundledClip:
    """A native clip: the period it was opened from, its file, and the key that undoes the commitments' blinding."""

    period: str
    file: str
    commitment_key: bytes


@dataclass(frozen=True, slots=True)
class BundleIndex:
    """``bundle.json``, its signatures verified."""

    deployment: DeploymentId
    request: Digest
    opened: Instant
    requester: KeyId
    case: CaseReference | None
    clips: tuple[BundledClip, ...]
    files: tuple[ListedFile, ...]


def native_name(period: ProvenPeriod) -> str:
    """Return the name of a period's native clip, for example ``native/00001-20261123t042539z.mp4``."""
    stamp = times.to_text(period.opening.sealed.header.started)[:19].replace("-", "").replace(":", "").lower()
    return f"native/{period.name}-{stamp}z.mp4"


def build_bundle(
    stream: BinaryIO,
    package: Archive,
    disclosure: Disclosure,
    opened: Sequence[OpenedPeriod],
    clips: Mapping[str, Content],
    policy: Policy,
    requester: SigningKey,
    now: Instant,
    case: CaseReference | None = None,
) -> None:
    """Write the bundle of an opened package.

    ``clips``: per name of a period what ``open_fragments`` gave, joined. Raises ``CustodesError`` (INVALID) if it is
    too large.
    """
    files: dict[str, Content] = {
        name: Part(package, name)
        for name in package.names
        if name.startswith(_COPIED) and not name.endswith("/segment")
    }
    files |= {native_name(found.period): clips[found.period.name] for found in opened}
    listed_files = [ListedFile(name, *measure(content)) for name, content in sorted(files.items())]
    page = render_page(
        disclosure,
        opened,
        policy,
        [PageFile(found.name, found.size, found.digest) for found in listed_files],
        case.reference if case else None,
        now,
    )
    files[PAGE] = page
    listed_files.append(ListedFile(PAGE, *measure(page)))
    files[INDEX] = requester.sign(BUNDLE, _index_body(disclosure, opened, sorted_files(listed_files), now, case))
    write_archive(stream, files)


def sorted_files(files: Sequence[ListedFile]) -> list[ListedFile]:
    """Return the files in the order of their names, as the index lists them."""
    return sorted(files, key=lambda found: found.name)


def _index_body(
    disclosure: Disclosure,
    opened: Sequence[OpenedPeriod],
    files: Sequence[ListedFile],
    now: Instant,
    case: CaseReference | None,
) -> JsonObject:
    clips: list[Json] = [
        {
            "period": found.period.name,
            "file": native_name(found.period),
            "commitment_key": found.keys.commitment.hex(),
        }
        for found in opened
    ]
    return {
        "v": 1,
        "deployment": disclosure.request.deployment,
        "request": disclosure.request.digest.hex(),
        "opened": times.to_text(now),
        "case": None if case is None else {"reference": case.reference, "salt": case.salt.hex()},
        "clips": clips,
        "files": [{"name": found.name, "size": found.size, "sha256": found.digest.hex()} for found in files],
    }


def read_index(data: bytes, policy: Policy) -> BundleIndex:
    """Verify ``bundle.json``; raises ``CustodesError``: DENIED for an unknown signer, else CORRUPT."""
    signed = read_signed(data, BUNDLE)
    check(signed, policy.requester_keys)
    body = signed.body
    versioned(body, "deployment", "request", "opened", "case", "clips", "files")
    case = None
    if body["case"] is not None:
        source = member(body, "case")
        only(source, "reference", "salt")
        case = CaseReference(text(source, "reference"), hexadecimal(source, "salt", 16))
    return BundleIndex(
        DeploymentId(text(body, "deployment")),
        Digest(hexadecimal(body, "request", 32)),
        times.from_text(body["opened"]),
        signed.key,
        case,
        tuple(_clip(item) for item in listed(body, "clips")),
        tuple(_file(item) for item in listed(body, "files")),
    )


def _clip(item: Json) -> BundledClip:
    if not isinstance(item, dict):
        raise corrupt("a clip in the index must be an object")
    only(item, "period", "file", "commitment_key")
    return BundledClip(text(item, "period"), text(item, "file"), hexadecimal(item, "commitment_key", 32))


def _file(item: Json) -> ListedFile:
    if not isinstance(item, dict):
        raise corrupt("a file in the index must be an object")
    only(item, "name", "size", "sha256")
    return ListedFile(text(item, "name"), integer(item, "size"), Digest(hexadecimal(item, "sha256", 32)))


def check_files(archive: Archive, files: Sequence[ListedFile]) -> int:
    """Check that the archive holds exactly these files and the index, unchanged; return how many.

    Raises ``CustodesError`` (CORRUPT) naming the first file that is not as listed.
    """
    expected = sorted([INDEX, *(found.name for found in files)])
    if archive.names != expected:
        odd = sorted(set(archive.names) ^ set(expected)) or ["a file"]
        raise corrupt(f"{odd[0][:100]} is missing from the bundle, or is not listed in it")
    for found in files:
        if measure(Part(archive, found.name)) != (found.size, found.digest):
            raise corrupt(f"{found.name} was changed")
    return len(expected)
