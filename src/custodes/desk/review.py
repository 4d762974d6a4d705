# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person reads before a redacted clip leaves the steward's machine, and what the data subject reads with it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from custodes.clock import Instant
from custodes.domain import canonical, times
from custodes.trust.custody.redaction import Redaction, redaction_body

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; }
video, img { width: 100%; height: auto; display: block; background: #888; }
ol.sheet { list-style: none; padding: 0; display: grid; gap: .75rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); }
figure { margin: 0; border: 3px solid transparent; } figure.shown { border-color: #d40; }
figcaption { font-size: .9rem; padding: .2rem .4rem; } img { cursor: crosshair; }
code { overflow-wrap: anywhere; } output { position: sticky; top: 0; display: block; padding: .4rem;
  background: Canvas; min-height: 1.5rem; }
"""
_SCRIPT = """
for (const image of document.querySelectorAll("img")) image.addEventListener("click", (event) => {
  const place = image.getBoundingClientRect();
  const mille = (at, begin, size) => Math.min(999, Math.max(0, Math.floor((at - begin) * 1000 / size)));
  document.querySelector("output").textContent = "--point " + mille(event.clientX, place.left, place.width) + ","
    + mille(event.clientY, place.top, place.height) + " --at " + image.dataset.at;
});
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of the contact sheet: its time, its file and whether anything of it is not masked."""

    at: Instant
    file: str
    shown: bool


def code_of(made: Redaction) -> str:
    """What stands at the end of the review page, and must be typed to sign: 8 digits of the draft's SHA-256."""
    return hashlib.sha256(canonical.dumps(redaction_body(made))).hexdigest()[:8]


def review_page(made: Redaction, shots: Sequence[Shot]) -> str:
    """Return the review page (HTML): the clip, every half second of it as a picture, and at its end the code."""
    regions = "".join(
        f"<li>Point {each.x},{each.y} at {_clock(each.at)}: shown from {_clock(each.start)} to {_clock(each.end)}. "
        f"Before: {escape(each.begun)}. After: {escape(each.ended)}.</li>"
        for each in made.kept
    )
    sheet = "".join(
        f'<li><figure{" class=shown" if shot.shown else ""}><img src="{escape(shot.file)}" alt="" loading="lazy" '
        f'data-at="{times.to_text(shot.at)}"><figcaption>{_clock(shot.at)}: '
        f"{'somebody is visible' if shot.shown else 'everybody is masked'}</figcaption></figure></li>"
        for shot in shots
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Review before it leaves the house</title><style>{_STYLE}</style></head><body>
<h1>Review before it leaves the house</h1>
<p>Look at the whole clip, then at every picture with a coloured frame. Only the person who asked may be recognisable:
nobody beside, behind or in a mirror, no name, no number plate. If anybody else is, do not sign: choose other points,
or refuse. Everybody is masked wherever it was not certain whose a silhouette is; to go on after such a place, look up
in the original where the person is, click there in a picture below, and make the clip again with the point that
appears.</p>
<output>Click into a picture to get a point.</output>
<video src="clip.mp4" controls muted></video>
<ul>{regions}</ul>
<p>{made.showing} of {made.pictures} pictures show somebody.</p>
<ol class="sheet">{sheet}</ol>
<h2>If nobody else can be recognised</h2>
<p>Sign with the code <code>{code_of(made)}</code>. Your office answers for it.</p>
<script>{_SCRIPT}</script>
</body></html>
"""


def note(made: Redaction, office: str, reviewed: Instant) -> str:
    """Return what the data subject is told about the clip, as plain text."""
    regions = "\n".join(
        f"- from {_clock(each.start)} to {_clock(each.end)} UTC (before: {each.begun}; after: {each.ended})"
        for each in made.kept
    )
    return f"""What this clip is

clip.mp4 is a copy of what the camera {made.camera} recorded between
{_day(made.start)} and {_day(made.end)} (UTC),
made for a person who asked for the footage of themselves (GDPR, article 15).

What was done

Everything is what the masked stream showed at the time: everybody is a violet shape.
Only here the original picture was put back, in the place of one silhouette:
{regions}
That silhouette was followed from picture to picture by nothing but its overlap. Nobody
was identified or searched for. Wherever it was not certain that only one person is in
it, it is masked. {made.showing} of {made.pictures} pictures show somebody. There is no sound.

The clip was made at {_day(made.made)} and reviewed by a person at
{_day(reviewed)} (UTC), for: {office}.

How to check it

statement.json is signed by that office. SHA-256 of clip.mp4:
{made.clip.hex()}
Disclosure request, as it stands in the public log:
{made.request.hex()}
"""


def _clock(at: Instant) -> str:
    return times.to_text(at)[11:21]


def _day(at: Instant) -> str:
    return times.to_text(at)[:19].replace("T", " ")
