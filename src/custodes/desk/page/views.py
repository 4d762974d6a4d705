# SPDX-License-Identifier: AGPL-3.0-or-later
"""The pages: waiting requests, one request, what was answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custodes.desk.answers import Answered
from custodes.desk.page.facts import CameraShown, seen_digest
from custodes.desk.page.markup import Markup, asset, bullets, join, moment, plural, printable, sheet, tag, window
from custodes.desk.reading import Pending
from custodes.domain.ids import PeriodId
from custodes.domain.register import RegisterEntry
from custodes.trust.custody.dossier import ShownPeriod, VerifiedDossier

SURE = "yes"
"""What the box that stands before a grant must say."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages share. ``base`` begins every path; ``signs_here``: the private keys are opened in the browser."""

    base: str
    office: str
    deployment: str
    signs_here: bool

    def page(self, title: str, *content: str) -> bytes:
        """A whole page."""
        head = [
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("title", f"{title} · Custodian's desk"),
        ]
        if style := asset("styles/custodian.css"):
            head.append(tag("link", rel="stylesheet", href=style))
        if icon := asset("assets/icon.svg"):
            head.append(tag("link", rel="icon", type="image/svg+xml", href=icon))
        script = asset("src/custodian/page.ts")
        if script and self.signs_here:
            head.append(tag("script", type="module", src=script))
        body = tag(
            "body",
            tag("a", "Skip to the content", class_="skip", href="#desk"),
            self._top(),
            self._keys() if self.signs_here else "",
            tag("main", *content, id="desk", class_="page"),
            self._foot(),
            class_="custodian",
        )
        return ("<!doctype html>" + tag("html", tag("head", *head), body, lang="en")).encode()

    def _top(self) -> Markup:
        links = tag(
            "nav",
            tag("a", "Waiting requests", href=self.base),
            tag("a", "What you have answered", href=f"{self.base}history"),
            aria_label="Main",
        )
        who = tag("span", tag("strong", "Custodian"), " ", self.office, class_="brand")
        return tag("header", tag("div", who, links, class_="top-in"), class_="top")

    def _keys(self) -> Markup:
        noscript = tag("noscript", "Opening keys in the browser needs JavaScript; this program holds none.")
        return tag("c-custodian-keys", noscript, base=self.base)

    def _foot(self) -> Markup:
        keys = (
            "Your private keys are opened in this page and never reach the program."
            if self.signs_here
            else "Your private keys are held by this program, on this machine."
        )
        lines = (
            f"This page comes from your own program and loads nothing from elsewhere. {keys}",
            f"Deployment {self.deployment}",
        )
        return tag("footer", tag("div", *(tag("p", line) for line in lines), class_="foot-in"), class_="foot")


def problem(line: str, hint: str = "") -> Markup:
    """Something that did not work, or must not be done."""
    return join((tag("p", line, class_="problem", role="alert"), tag("p", hint, class_="quiet") if hint else ""))


def refused(line: str, hint: str) -> Markup:
    """A page that says what did not work."""
    return join((tag("h1", "That did not work"), problem(line, hint)))


def must_not(request: str, line: str) -> Markup:
    """A request whose dossier does not hold: no button."""
    return join(
        (
            tag("h1", "This must not be granted"),
            problem(line, "Nothing of what the operator says about it is shown, because it does not hold."),
            sheet([("Request", tag("code", request))]),
        )
    )


def locked() -> Markup:
    """The list as long as the keys are closed: asking the operator takes a signature."""
    return join(
        (
            tag("h1", "Open your keys first"),
            tag(
                "p",
                "The operator tells enrolled custodians only what is asked for, so asking takes your signature. "
                "Choose your key files above. They are opened in this page and do not leave it.",
                class_="lead",
            ),
        )
    )


def waiting(found: Sequence[Pending], base: str) -> Markup:
    """The list of requests without an answer."""
    if not found:
        return join((tag("h1", "Nothing to answer"), tag("p", "No request waits for you.", class_="empty")))
    cards = (_refusable(each) if each.request is None else _card(each, base) for each in found)
    return join((tag("h1", f"{plural(len(found), 'request')} waiting for you"), tag("div", *cards, class_="cards")))


def _card(pending: Pending, base: str) -> Markup:
    asked = pending.request
    if asked is None:
        return _refusable(pending)
    return tag(
        "article",
        tag("h2", tag("a", asked.purpose, href=f"{base}requests/{pending.id}")),
        sheet(
            [
                ("Who asks", pending.requester),
                ("Legal basis", asked.legal_basis.value),
                ("Time asked for", window(asked.start, asked.end)),
                (
                    "Would be opened",
                    f"{plural(len(pending.periods), 'recorded minute')} of {plural(len(asked.cameras), 'camera')}",
                ),
                ("Answer by", moment(asked.expires)),
            ]
        ),
        class_="card",
    )


def _refusable(pending: Pending) -> Markup:
    title = "A request that cannot be judged yet" if pending.later else "A request that must not be granted"
    line = (
        tag("p", pending.problem, class_="doubt")
        if pending.later
        else problem(pending.problem, "Nothing of what the operator says about it is shown, because it does not hold.")
    )
    facts = sheet([("Request", tag("code", pending.id)), ("The operator calls it", pending.state)])
    return tag("article", tag("h2", title), line, facts, class_="card")


def request(
    frame: Frame,
    verified: VerifiedDossier,
    office: str,
    quorum: str,
    cameras: Sequence[CameraShown],
    checked: Sequence[str],
    unchecked: Sequence[str],
) -> Markup:
    """One request, with everything that there is to know, and the answer."""
    asked = verified.request
    facts = [
        ("Who asks", office),
        ("Purpose", asked.purpose),
        ("Legal basis", asked.legal_basis.value),
        ("Time asked for", window(asked.start, asked.end)),
        ("Would be opened", plural(len(verified.periods), "recorded minute")),
        ("Quorum", quorum),
        ("Asked", moment(asked.created)),
        ("Answer by", moment(asked.expires)),
        ("Case", join(("a sealed note of the reference: ", tag("code", asked.case.hex())))),
        ("Request", join((tag("code", asked.id), f", entry {verified.receipt.index} of the public log"))),
    ]
    return join(
        (
            tag("p", tag("a", "Waiting requests", href=frame.base), class_="crumb"),
            tag("h1", asked.purpose),
            tag(
                "p",
                f"{office} asks to see, unmasked, what {plural(len(asked.cameras), 'camera')} recorded.",
                class_="lead",
            ),
            sheet(facts),
            tag("section", tag("h2", "Verified on this machine"), bullets(checked, "checked")),
            tag("section", tag("h2", "Not verified by anybody"), bullets(unchecked, "unchecked")),
            _answer(frame, verified, cameras),
        )
    )


def _answer(frame: Frame, verified: VerifiedDossier, cameras: Sequence[CameraShown]) -> Markup:
    where = f"{frame.base}requests/{verified.request.id}/"
    grant = tag(
        "form",
        tag("input", type="hidden", name="seen", value=seen_digest(verified)),
        *(_camera(each) for each in cameras),
        tag(
            "label",
            tag("input", type="checkbox", name="sure", value=SURE, required=True),
            " I have read this and decide for myself. A grant cannot be taken back.",
            class_="sure",
        ),
        tag("div", tag("button", "Grant what is ticked", type="submit", disabled=frame.signs_here), class_="actions"),
        method="post",
        action=f"{where}grant",
        data_signs=frame.signs_here,
    )
    refuse = tag(
        "form",
        tag("label", "Reason, for the office and the operator; it does not go into the public log", for_="reason"),
        tag("input", id="reason", name="reason", required=True, maxlength=500, autocomplete="off"),
        tag(
            "div", tag("button", "Refuse", type="submit", class_="second", disabled=frame.signs_here), class_="actions"
        ),
        method="post",
        action=f"{where}refuse",
        data_signs=frame.signs_here,
    )
    nothing = tag("p", "There is nothing to grant.", class_="empty")
    return join(
        (
            tag("section", tag("h2", "Grant"), tag("p", "Untick what you do not want to open.", class_="quiet"), grant)
            if verified.periods
            else tag("section", tag("h2", "Grant"), nothing),
            tag("section", tag("h2", "Or refuse"), refuse),
        )
    )


def _camera(shown: CameraShown) -> Markup:
    count = len(shown.minutes)
    box = tag("input", type="checkbox", name="camera", value=shown.id, checked=bool(count), disabled=not count)
    facts = [*_register(shown.entry), ("Camera", tag("code", shown.id))]
    minutes = tag(
        "details",
        tag("summary", plural(count, "recorded minute")),
        tag("ul", *(_minute(*each) for each in shown.minutes), class_="minutes"),
        open=count <= 12,
    )
    return tag(
        "fieldset",
        tag("legend", tag("label", box, " ", printable(shown.name))),
        tag("p", f"Not verified: {shown.doubt}.", class_="doubt")
        if shown.doubt
        else tag("p", "The register entry is the one that the recorder signed for.", class_="quiet"),
        sheet(facts),
        minutes if count else tag("p", "Recorded nothing in the window.", class_="quiet"),
    )


def _register(entry: RegisterEntry | None) -> list[tuple[str, str]]:
    if entry is None:
        return []
    return [
        ("Declared purpose", printable(f"{entry.purpose.value}. {entry.purpose_note}")),
        ("Legal basis", printable(f"{entry.legal_basis.value}. {entry.legal_note}")),
        ("Owner", printable(entry.owner)),
        ("Place", f"{entry.latitude_e7 / 1e7:.5f}, {entry.longitude_e7 / 1e7:.5f}"),
        ("Looks", f"{entry.direction}° from north, {entry.range_cm / 100:.0f} m far"),
        ("Keeps", plural(entry.retention_hours, "hour")),
    ]


def _minute(period: PeriodId, shown: ShownPeriod) -> Markup:
    started, ended = shown.opening.sealed.header.started, shown.closing.ended
    box = tag("input", type="checkbox", name="minute", value=str(period), checked=True)
    gaps = f", {plural(len(shown.closing.gaps), 'gap')}" if shown.closing.gaps else ""
    return tag("li", tag("label", box, " ", window(started, ended), gaps))


def history(answers: Sequence[Answered], granted: int, offices: Mapping[str, str]) -> Markup:
    """What was answered, the newest first; ``granted``: minutes this month, ``offices``: who asked, by request."""
    if not answers:
        return join(
            (tag("h1", "Nothing answered yet"), tag("p", "Here stands what you grant and refuse.", class_="empty"))
        )
    cards = (_answered(each, offices.get(each.id, "")) for each in answers)
    lead = tag("p", f"You have granted {plural(granted, 'recorded minute')} this month.", class_="lead")
    return join((tag("h1", "What you have answered"), lead, tag("div", *cards, class_="cards")))


def _answered(answer: Answered, office: str) -> Markup:
    total = sum(answer.minutes.values())
    facts: list[tuple[str, str]] = []
    if answer.asked is not None:
        asked = answer.asked
        facts += [("Who asked", office), ("Time asked for", window(asked.start, asked.end))]
    if answer.minutes:
        facts.append(
            ("Granted", "; ".join(f"{plural(n, 'minute')} of {camera}" for camera, n in answer.minutes.items()))
        )
    else:
        facts.append(("Reason", answer.reason))
    facts += [("When", moment(answer.time)), ("Request", tag("code", answer.id))]
    badge = (
        tag("span", f"granted, {plural(total, 'minute')}", class_="badge")
        if total
        else tag("span", "refused", class_="badge state-refused")
    )
    title = answer.asked.purpose if answer.asked else "A request that was not kept"
    return tag("article", tag("h2", title, " ", badge), sheet(facts), class_="card", id=answer.id)
