# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages from templates, and the front end's built files."""

import functools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.node.queries.health import lasting as duration
from custodes.web import words

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


def render(request: Request, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
    """Render a template; every page knows the request and the server's own address (``base``)."""
    base = str(request.base_url).rstrip("/")
    page = _environment().get_template(template).render(request=request, base=base, path=request.url.path, **facts)
    return HTMLResponse(page, status)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        moment=moment,
        clock=clock,
        day=day,
        lasting=lasting,
        duration=duration,
        degrees=degrees,
        compass=compass,
        grouped=grouped,
        sentence=sentence,
    )
    environment.globals.update(asset=asset, styles_of=styles_of, words=words)
    return environment


def moment(instant: Instant) -> Markup:
    """A full point in time as a ``time`` element, in UTC; the browser adds local time."""
    return _time(instant, "%-d %b %Y, %H:%M:%S UTC")


def clock(instant: Instant) -> Markup:
    """The time of day as a ``time`` element, in UTC."""
    return _time(instant, "%H:%M:%S UTC")


def day(instant: Instant) -> Markup:
    """The day as a ``time`` element."""
    return _time(instant, "%-d %B %Y")


def _time(instant: Instant, form: str) -> Markup:
    text = datetime.fromtimestamp(instant // SECOND, UTC).strftime(form)
    return Markup('<time datetime="{}">{}</time>').format(times.to_text(instant)[:23] + "Z", text)


def lasting(hours: int) -> str:
    """A retention in words: hours up to two days, then days."""
    if hours <= 48:
        return f"{hours} hour{'s' if hours != 1 else ''}"
    days, rest = divmod(hours, 24)
    return f"{days} days" + (f" and {rest} hours" if rest else "")


def degrees(e7: int) -> str:
    """A coordinate with five decimals: about a metre."""
    return f"{e7 / 10_000_000:.5f}"


def compass(direction: int) -> str:
    """A direction as one of eight winds."""
    winds = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    return winds[round(direction / 45) % 8]


def sentence(text: str) -> str:
    """The text with its first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


def grouped(value: str, size: int = 8) -> Markup:
    """A long hash or key in groups, so that people can compare it."""
    groups = (value[at : at + size] for at in range(0, len(value), size))
    return Markup('<span class="hash">{}</span>').format(Markup("<wbr>").join(escape(group) for group in groups))


def _manifest() -> dict[str, dict[str, Any]]:
    path = STATIC / "manifest.json"
    try:
        return _parsed_manifest(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        # Without the built front end the pages still work: unstyled, and without live pictures.
        return {}


@functools.lru_cache(maxsize=1)
def _parsed_manifest(path: Path, _changed: int) -> dict[str, dict[str, Any]]:
    manifest: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return manifest


def asset(entry: str) -> str | None:
    """The address of a built entry point (its name in the front end's sources), or None if it was not built."""
    built = _manifest().get(entry)
    return f"/static/{built['file']}" if built else None


def styles_of(entry: str) -> list[str]:
    """The style sheets that a built entry point brings along."""
    return [f"/static/{name}" for name in _manifest().get(entry, {}).get("css", [])]


class Static(StaticFiles):
    """The built front end: names hold hashes, so they never change; compressed at build."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        accepts = Request(scope).headers.get("accept-encoding", "")
        zipped = "gzip" in accepts and (STATIC / f"{path}.gz").is_file()
        response = await super().get_response(f"{path}.gz" if zipped else path, scope)
        if zipped and response.status_code == 200:
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Type"] = _MEDIA_TYPES.get(Path(path).suffix, "application/octet-stream")
        response.headers["Vary"] = "Accept-Encoding"
        if path.startswith("assets/"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
