# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write ``THIRD-PARTY-NOTICES.md``: what the product is built on, and under which licences.

Names and versions come from ``requirements/planner.txt`` and ``frontend/package-lock.json``, licences from the metadata
of what is installed and from the lock file. Run it after ``make lock`` or a change of the lock file:
``python scripts/notices.py``. A package whose licence is not clear ends it with one line.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "THIRD-PARTY-NOTICES.md"
PINS = ROOT / "requirements" / "planner.txt"
LOCK = ROOT / "frontend" / "package-lock.json"

_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ ;\\]+)")
# How packages without an SPDX expression say it. "BSD" is not here: it does not tell which of its forms is meant.
_SPELLINGS = {
    "Apache 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT": "MIT",
    "PSFL": "PSF-2.0",
    "MPL-2.0 AND MIT": "MPL-2.0 AND MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "MPL-2.0": "MPL-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD-2-Clause": "BSD-2-Clause",
}
# Read in the packages' own licence files: their metadata does not say enough, or they belong to another system only.
_READ = {
    "colorama": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    "scipy": "BSD-3-Clause",
}

_HEAD = """\
# Third-party notices

<!-- Written by scripts/notices.py; change that, not this. -->

Custodes is built on the software below. Python packages are fetched from a package index when Custodes is installed
and bring their licence texts along (in their `.dist-info` folders). What the browser gets is bundled; its licence texts
are served with it under `/static/licences.txt`.

## Worth knowing

- **PyAV** (`av`) is BSD-3-Clause, but its wheels contain FFmpeg built with **libx264** and **libx265**, which are under
  the **GPL, version 2 or later** (and LAME, GnuTLS and others under the LGPL). Whoever hands on an installed Custodes
  with those wheels hands on GPL software: possible together with the platform's AGPL-3.0-or-later, not in a closed
  product. `trust` and `desk` need no video and install without it. H.264 and H.265 are also covered by patents in some
  countries.
- **opencv-python-headless** is Apache-2.0; its wheels contain FFmpeg (LGPL-2.1-or-later), libaom, libvpx and others,
  listed in the `LICENSE-3RD-PARTY.txt` that comes with them.
- **pyshamir** and parts of **tqdm** are MPL-2.0: changes to their own files must stay open.
- **The person detector's weights** (`ssd_person.tflite`, MediaPipe's SSD MobileNetV2 trained on Open Images V4) come
  out of the npm package `@mediapipe/objectron` 0.4.1675468480, Apache-2.0, by `scripts/fetch_weights.py`, and are made
  to compute in 8 bits by `scripts/quantise_weights.py`. See [docs/model-card.md](docs/model-card.md).
- **Public Sans** is under the SIL Open Font License 1.1.
"""


class NoticesError(Exception):
    """One line that says which package is unclear."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One package as it stands in the table."""

    name: str
    version: str
    licence: str

    def row(self) -> str:
        """A line of a Markdown table."""
        return f"| {self.name} | {self.version} | {self.licence} |"


def pins() -> list[tuple[str, str]]:
    """Name and version of every package that ``requirements/planner.txt`` pins (one may have several versions)."""
    return [(match[1], match[2]) for line in PINS.read_text().splitlines() if (match := _PIN.match(line))]


def python_packages() -> Iterator[Notice]:
    """Every pinned package with its licence, from its own metadata."""
    for name, version in pins():
        yield Notice(name, version, licence_of(name))


def licence_of(name: str) -> str:
    """The SPDX expression of a package; raises ``NoticesError`` where it does not say one that is known."""
    if name in _READ:
        return _READ[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        raise NoticesError(f"{name} is not installed: run `make setup` first") from None
    expression = about.get("License-Expression")
    if expression:
        return str(expression)
    for text in (about.get("License"), *(about.get_all("Classifier") or [])):
        if text in _SPELLINGS:
            return _SPELLINGS[text]
    raise NoticesError(f"the licence of {name} is not clear: read it and add it to scripts/notices.py")


def npm_packages() -> Iterator[Notice]:
    """Every package that is bundled for the browser."""
    for place, facts in sorted(json.loads(LOCK.read_text())["packages"].items()):
        if place and not facts.get("dev") and not facts.get("devOptional"):
            yield Notice(place.removeprefix("node_modules/"), facts["version"], facts["license"].strip("()"))


def document() -> str:
    """The whole file."""
    parts = [_HEAD]
    for title, notices in (
        ("Python packages (`requirements/planner.txt`)", python_packages()),
        ("In the browser (`frontend/package-lock.json`)", npm_packages()),
    ):
        rows = "\n".join(notice.row() for notice in notices)
        parts.append(f"## {title}\n\n| Package | Version | Licence |\n|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def main() -> int:
    """Write the file; 0 when it is written."""
    try:
        TARGET.write_text(document())
    except NoticesError as problem:
        print(f"notices: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
