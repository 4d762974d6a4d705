# SPDX-License-Identifier: Apache-2.0
"""The package: what a requester downloads once k custodians have granted. Sealed; the server cannot open it either.

Beside the documents (``documents``) it holds the sealed segments, ``periods/<name>/segment``, and the masked copies,
``masked/<camera>.mp4``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from custodes.domain.ids import CameraId
from custodes.trust.custody.archive import Content, write_archive
from custodes.trust.custody.documents import Logged, PeriodDocuments, disclosure_files, period_name


@dataclass(frozen=True, slots=True)
class PackagedPeriod:
    """A period's documents and its sealed segment, cut to the closing manifest's length."""

    documents: PeriodDocuments
    segment: Content


@dataclass(frozen=True, slots=True)
class Package:
    """What goes into a package. ``masked``: one playable MP4 per camera that has masked video of the window."""

    request: Logged
    grants: Sequence[Logged]
    periods: Sequence[PackagedPeriod]
    refusals: Sequence[Logged] = ()
    masked: Mapping[CameraId, Content] = field(default_factory=dict)


def build_package(stream: BinaryIO, package: Package) -> None:
    """Write the package to a file that can seek; raises ``CustodesError`` (INVALID) if it is too large."""
    files = disclosure_files(
        package.request, package.grants, package.refusals, [period.documents for period in package.periods]
    )
    for number, period in enumerate(package.periods, 1):
        files[f"periods/{period_name(number)}/segment"] = period.segment
    for camera, content in package.masked.items():
        files[masked_name(camera)] = content
    write_archive(stream, files)


def masked_name(camera: CameraId) -> str:
    """Return the name of a camera's masked copy in packages and bundles."""
    return f"masked/{camera}.mp4"
