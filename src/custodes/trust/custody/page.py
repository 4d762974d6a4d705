# SPDX-License-Identifier: Apache-2.0
"""The page in a bundle: in plain language what it holds, what it proves and what it does not; made to print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from custodes.clock import SECOND, Instant
from custodes.domain import times
from custodes.domain.ids import Digest
from custodes.trust.custody.continuity import holes
from custodes.trust.custody.documents import Disclosure
from custodes.trust.custody.opening import OpenedPeriod
from custodes.trust.custody.policy import Policy

_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:#16202a;background:#fff}
body{max-width:60rem;margin:2rem auto;padding:0 1.25rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}.lead{color:#465462}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid #d5dde5}
th{font-weight:600}time{white-space:nowrap}code{font:.8rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:12rem 1fr;gap:.35rem 1rem;margin:.5rem 0}dt{color:#465462}dd{margin:0}
ul{padding-left:1.25rem}.warn{border-left:4px solid #b3541e;padding-left:.75rem}
@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}
@page{size:A4;margin:18mm}
@media print{body{margin:0;max-width:none;font-size:10.5pt}h2,tr{break-inside:avoid;break-after:avoid}}
"""
_LEAD = (
    "This bundle holds original footage that nobody, not even the operator of the cameras, could view before "
    "independent custodians agreed to open it. This page says what is in it and how to check it."
)
_PROVES = (
    "The native clips are, byte for byte, what the recorder took from the camera and sealed at the time.",
    "The request was in the public log, seen by independent witnesses, before any custodian gave a share.",
    "As many custodians as the rules demand agreed, each with an own signature, to exactly these minutes.",
    "Nothing in this bundle was changed since it was made.",
)
_PROVES_NOT = (
    "That the camera itself was honest, or that nobody staged what stood before it.",
    "That the camera's and the recorder's clocks were right to the second; the log only bounds them.",
    "That the masked copies show the same scene: they are for viewing, the native clips are the evidence.",
    "Anything about minutes that are not in this bundle.",
)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that the page lists with its size and SHA-256."""

    name: str
    size: int
    digest: Digest


def render_page(
    disclosure: Disclosure,
    opened: Sequence[OpenedPeriod],
    policy: Policy,
    files: Sequence[PageFile],
    case: str | None,
    now: Instant,
) -> bytes:
    """Return the page: HTML 5 in UTF-8, complete in itself, no script."""
    body = "".join(
        (
            "<h1>Footage disclosed from a sealed camera recording</h1>",
            f'<p class="lead">{_LEAD}</p>',
            _facts(disclosure, policy, case, now),
            _answers(disclosure, policy),
            _recordings(disclosure),
            _gaps(disclosure, opened),
            _files(files),
            _checking(),
        )
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Disclosed footage {escape(disclosure.request.id)}</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )
    return page.encode()


def moment(instant: Instant) -> str:
    """Return an instant for people, to the millisecond, for example ``2026-11-23 04:25:39.123 UTC``."""
    return f"{times.to_text(instant)[:23].replace('T', ' ')} UTC"


def _time(instant: Instant) -> str:
    return f"<time>{moment(instant)}</time>"


def _row(cells: Iterable[str], tag: str = "td") -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join(_row(row) for row in rows)
    return f"<table><thead>{_row(map(escape, head), 'th')}</thead><tbody>{body}</tbody></table>"


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _facts(disclosure: Disclosure, policy: Policy, case: str | None, now: Instant) -> str:
    request = disclosure.request
    requester = policy.requester(request.requester)
    facts = [
        ("Requested by", requester.label if requester else request.requester),
        ("Purpose", request.purpose),
        ("Legal basis", request.legal_basis.value),
        *([("Case", case)] if case is not None else []),
        ("Time asked for", f"{moment(request.start)} to {moment(request.end)}"),
        ("Cameras", ", ".join(request.cameras)),
        ("Request number", f"{request.id}, entry {disclosure.receipt.index} of the public log"),
        ("Seen by witnesses", f"{', '.join(disclosure.receipt.witnesses)}, {moment(disclosure.receipt.time)}"),
        ("Opened", moment(now)),
    ]
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<h2>The request</h2><dl>{pairs}</dl>"


def _answers(disclosure: Disclosure, policy: Policy) -> str:
    rows = []
    for logged in disclosure.grants:
        grant = logged.grant
        rows.append(
            (
                _office(policy, grant.custodian),
                f"granted {len(grant.periods)} recording{'s' * (len(grant.periods) > 1)}",
                grant.granted,
                logged.receipt,
            )
        )
    for refused in disclosure.refusals:
        refusal = refused.refusal
        what = f"refused: {refusal.reason}"
        rows.append((_office(policy, refusal.custodian), what, refusal.refused, refused.receipt))
    cells = [(escape(who), escape(what), _time(when), f"entry {receipt.index}") for who, what, when, receipt in rows]
    return "<h2>Who decided</h2>" + _table(("Custodian", "Decision", "When", "Public log"), cells)


def _office(policy: Policy, key: str) -> str:
    for found in reversed(policy.custodians):
        for custodian in found.members:
            if custodian.identity.id == key:
                return custodian.label
    return key


def _recordings(disclosure: Disclosure) -> str:
    rows = []
    for period in disclosure.periods:
        header = period.opening.sealed.header
        units = sum(record.units for record in period.closing.fragments)
        rows.append(
            (
                escape(period.name),
                f"<code>{escape(header.period.camera)}</code>",
                _time(header.started),
                _time(period.closing.ended),
                f"{header.width} × {header.height}, {units:,} data units",
                f"entry {period.receipt.index}",
            )
        )
    return "<h2>Recordings</h2>" + _table(("No.", "Camera", "From", "To", "Picture", "Public log"), rows)


def _gaps(disclosure: Disclosure, opened: Sequence[OpenedPeriod]) -> str:
    lines = [
        f"{hole.camera}: nothing from {moment(hole.start)} to {moment(hole.end)} "
        f"({(hole.end - hole.start) / SECOND:.1f} s): {hole.cause}"
        for hole in holes(disclosure.request, disclosure.periods)
    ]
    text = _list(lines) if lines else "<p>The recordings cover the whole time asked for.</p>"
    false = [line for found in opened for line in found.false_shares]
    warning = (
        f'<div class="warn"><p>False shares were handed in and set aside:</p>{_list(false)}</div>' if false else ""
    )
    return f"<h2>Gaps</h2>{text}{warning}"


def _files(files: Sequence[PageFile]) -> str:
    shown = [found for found in files if found.name.startswith(("native/", "masked/"))]
    rows = [
        (
            f'<a href="{escape(found.name)}">{escape(found.name)}</a>',
            f"{found.size:,}",
            f"<code>{found.digest.hex()}</code>",
        )
        for found in shown
    ]
    note = (
        "<p>Native clips are the evidence, exactly as the camera sent them. Masked copies hide people and are for "
        "viewing.</p>"
    )
    return "<h2>Files</h2>" + note + _table(("File", "Bytes", "SHA-256"), rows)


def _checking() -> str:
    return (
        "<h2>How to check it</h2><p>On any computer, without a network: "
        "<code>custodes verify bundle FILE --policy POLICY</code>. Get the policy file from somebody you trust, not "
        "together with this bundle.</p>"
        f"<h2>What this proves</h2>{_list(_PROVES)}<h2>What it does not prove</h2>{_list(_PROVES_NOT)}"
    )
