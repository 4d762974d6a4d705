# SPDX-License-Identifier: AGPL-3.0-or-later
"""A report as PDF by typst: PDF/A-2b for archives, PDF/UA-1 for screen readers.

Everything that comes from elsewhere reaches typst as JSON, so that no name can be taken for markup.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import typst

from custodes.errors import unavailable
from custodes.places.planner.report.document import Block, Bullets, Figure, Heading, Paragraph, Report, Table

_LAYOUT = """
#let report = json("report.json")
#set document(title: report.title, author: "Custodes",
  date: datetime(year: report.date.at(0), month: report.date.at(1), day: report.date.at(2)))
#set text(lang: "en", size: 10pt, font: "Libertinus Serif")
#set page(paper: "a4", margin: (x: 20mm, y: 20mm), numbering: "1 / 1")
#set par(justify: false, leading: 0.62em)
#set heading(numbering: "1")
#show heading.where(level: 1): it => block(above: 1.6em, below: 0.8em, text(size: 14pt, it))
#show figure.where(kind: table): set figure.caption(position: top)
#show figure.where(kind: table): set block(breakable: true)
#show figure.caption: set text(size: 9pt)
#show figure.caption: it => block(sticky: true, width: 100%, align(left, it))
#set table(stroke: (x, y) => (bottom: 0.4pt + luma(180)), inset: (x: 4pt, y: 3pt))
#block(below: 1.4em)[#text(size: 20pt, weight: "bold", title())]
#for each in report.blocks {
  if each.kind == "heading" { heading(level: 1, each.text) }
  else if each.kind == "paragraph" { par(text(each.text)) }
  else if each.kind == "bullets" { list(..each.items.map(item => text(item))) }
  else if each.kind == "figure" {
    figure(image(each.file, alt: each.words, width: 100%), caption: text(each.caption), alt: each.words)
  } else {
    set text(size: 8.5pt)
    figure(caption: text(each.caption), table(
      columns: if each.widths.len() > 0 { each.widths.map(w => w * 1fr) } else { each.head.len() },
      align: (x, y) => if each.numbers.contains(x) { right } else { left },
      table.header(..each.head.map(cell => strong(text(cell)))),
      ..each.rows.flatten().map(cell => text(cell)),
    ))
  }
}
"""


def to_pdf(report: Report) -> bytes:
    """Set the report; raises ``CustodesError`` (UNAVAILABLE) if typst refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        blocks = [_plain(each, number, place) for number, each in enumerate(report.blocks)]
        source = {"title": report.title, "date": list(report.date), "blocks": blocks}
        (place / "report.json").write_text(json.dumps(source))
        (place / "report.typ").write_text(_LAYOUT)
        try:
            pages: Any = typst.compile(
                str(place / "report.typ"),
                root=folder,
                format="pdf",
                pdf_standards=["a-2b", "ua-1"],
                ignore_system_fonts=True,
            )
        except typst.TypstError as problem:
            raise unavailable(f"the PDF cannot be set: {problem}") from None
    return bytes(pages)


def _plain(block: Block, number: int, place: Path) -> dict[str, Any]:
    match block:
        case Heading(text):
            return {"kind": "heading", "text": text}
        case Paragraph(text):
            return {"kind": "paragraph", "text": text}
        case Bullets(items):
            return {"kind": "bullets", "items": list(items)}
        case Figure(caption, svg, words):
            (place / f"{number}.svg").write_text(svg)
            return {"kind": "figure", "caption": caption, "file": f"{number}.svg", "words": words}
        case Table(caption, head, rows, numbers, widths):
            cells = [list(row) for row in rows]
            return {"kind": "table", "caption": caption, "head": list(head), "rows": cells,
                    "numbers": sorted(numbers), "widths": list(widths)}  # fmt: skip
