# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who is exposed in masked pictures, by suite. One JSON line on standard output.

``--suite footage``: real clips, judged by independent detectors (``exposure/footage.py``).
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

SUITES = {"footage": "benchmarks.exposure.footage"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", choices=sorted(SUITES), default="footage")
    parser.add_argument("--footage", type=Path, default=ROOT.parent / "shared/data/video", help="folder of clips")
    parser.add_argument("--sheets", type=Path, default=None, help="folder for contact sheets to look at")
    options = parser.parse_args()
    print(json.dumps(importlib.import_module(SUITES[options.suite]).run(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
