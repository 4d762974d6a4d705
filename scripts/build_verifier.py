# SPDX-License-Identifier: AGPL-3.0-or-later
"""Build ``custodes-verify.pyz``: ``custodes verify`` as a single file that needs Python and ``cryptography`` only.

The same sources give the same bytes, so that two people can build it and compare. Usage:
``python scripts/build_verifier.py [FILE]`` (``dist/custodes-verify.pyz`` if no file is named).
"""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "custodes"
PARTS = ("domain", "trust", "clock.py", "errors.py", "__init__.py", "cli/__init__.py", "cli/_shell.py", "cli/verify.py")
LICENCES = ("LICENSE", "LICENSES/AGPL-3.0-or-later.txt", "LICENSES/Apache-2.0.txt")
START = b"#!/usr/bin/env python3\n"
MAIN = """# SPDX-License-Identifier: AGPL-3.0-or-later
import sys

try:
    import cryptography.cobblestone
    from custodes.cli import main
except (ImportError, SyntaxError):
    sys.stderr.write("this needs Python 3.11 or newer and cryptography: pip install 'cryptography>=50,<51'\\n")
    sys.exit(3)

sys.exit(main(["verify", *sys.argv[1:]]))
"""


def sources() -> dict[str, bytes]:
    """What goes in, by name."""
    found = {"__main__.py": MAIN.encode()}
    for part in PARTS:
        path = PACKAGE / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found[f"custodes/{file.relative_to(PACKAGE).as_posix()}"] = file.read_bytes()
    return found | {name: (ROOT / name).read_bytes() for name in LICENCES}


def build() -> bytes:
    """The file; nothing in it depends on when or where it was built."""
    stream = io.BytesIO()
    stream.write(START)
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in sorted(sources().items()):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return stream.getvalue()


def main(arguments: list[str]) -> int:
    """Write the file; print its name and SHA-256, as ``sha256sum`` does."""
    target = Path(arguments[0]) if arguments else ROOT / "dist" / "custodes-verify.pyz"
    target.parent.mkdir(parents=True, exist_ok=True)
    data = build()
    target.write_bytes(data)
    target.chmod(0o755)
    print(f"{hashlib.sha256(data).hexdigest()}  {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
