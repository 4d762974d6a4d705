# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much of anybody the masker showed, against exact truth. One JSON line per suite; progress on stderr.

``footage`` is real clips, judged by independent detectors, with figures of its own (``exposure/footage.py``). The other
suites: ``rendered`` is the project's street; ``composite`` pastes drawn people and people cut out of a lobby clip on
places known to be empty (footage of a car park and of that lobby, the street without its people). Scenes last seven
minutes, 640x360 at 5 pictures a second; what the camera sends is H.264 at 500 kbit/s with a key picture every 2 s. The
product's masker and detector take it slot by slot on a clock that is only counted, and a steward confirms the
reference as soon as the masker says that it is complete, whoever may be on it. Judged is the picture that the encoder
gets. Everything depends on fixed seeds.

``{"suite", "person_frames", "exposed_head_frames", "exposed_tracks_share", "longest_exposure_s", "masked_share",
"false_masked_share", "covered_share", "by": {condition: the same seven}}``

- ``person_frames``: persons times pictures, without pictures that are wholly covered (a black picture scores nothing).
- ``exposed_head_frames``: person-frames in which more than 5 % of the pixels of the head or of the visible body are
  exposed, as ``custodes.demo.exposure`` defines it: person and empty place differ there by more than 12 luma steps, the
  served picture is nearer to the person, and it shows no mask. Truth is what is there in that picture's light; the
  sensor's noise, rain on its way and drops on the glass are not part of it.
- ``exposed_tracks_share``: share of stays (one person from coming to going) exposed in at least one picture.
- ``longest_exposure_s``: longest run of consecutive exposed pictures of one person, seconds; 0 if there is none.
- ``masked_share``: pixels with a mask's colour / pixels of pictures that are not covered.
- ``false_masked_share``: those of them more than 24 pixels from every true person and vehicle / the same.
- ``covered_share``: covered pictures / pictures, from the sixth minute of each scene on.

Conditions: ``day`` (ordinary daylight, passing clouds and swaying trees included, no rain and no sudden light),
``night``, ``crowd``, ``rain`` and ``light_change`` are those of whole scenes; ``standing`` (some for more than five
minutes), ``walking`` (and cycling), ``seated`` and ``distant`` (12 to 25 pixels tall) those of persons, and areas under
them are those of the pictures with such a person. A person-frame counts under all that apply. ``first_start_sleeper``
is somebody who is still from the very first picture until after the confirmation: measured, and left out at the top.
"""

import argparse
import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.exposure.run import FOOTAGE, Options

SUITES = {
    "rendered": "benchmarks.exposure.rendered",
    "composite": "benchmarks.exposure.composite",
    "footage": "benchmarks.exposure.footage",
}
"""Modules with a ``run(options) -> dict``, the suite's line."""


def main(argv: list[str] | None = None) -> int:
    """Print a line for the suite, or one for each of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suite", choices=sorted(SUITES), help="one suite only")
    parser.add_argument("--quick", action="store_true", help="two short scenes, to see that it works")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1, help="processes (default 1)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="write pictures of whoever was exposed, and of false masks"
    )
    parser.add_argument("--only", default="", metavar="NAME", help="only scenes whose name holds this")
    parser.add_argument("--footage", type=Path, default=FOOTAGE, metavar="DIR", help="folder of clips")
    given = parser.parse_args(argv)
    options = Options(given.quick, given.jobs, given.keep, given.only, given.footage)
    for suite in [given.suite] if given.suite else SUITES:
        try:
            found = importlib.import_module(SUITES[suite]).run(options)
        except FileNotFoundError as error:
            print(error, file=sys.stderr)
            return 3
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
