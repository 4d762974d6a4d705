# SPDX-License-Identifier: AGPL-3.0-or-later
"""A report as one HTML page: no script, nothing from elsewhere, readable without its drawings."""

from html import escape

from custodes.places.planner.report.document import Block, Bullets, Figure, Heading, Paragraph, Report, Table

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; font-size: .875rem; margin: 1rem 0 }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid #d1d5db }
.number { text-align: right; font-variant-numeric: tabular-nums }
figure { margin: 1rem 0 } figure svg { max-width: 100%; height: auto }
"""


def to_html(report: Report) -> str:
    """The page."""
    title, (year, month, day) = escape(report.title), report.date
    body = "\n".join(_block(each, number) for number, each in enumerate(report.blocks))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body><main><h1>{title}</h1>"
        f"<p>{year}-{month:02}-{day:02}</p>\n{body}\n</main></body></html>\n"
    )


def _block(block: Block, number: int) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
        case Figure(caption, svg, words):
            drawing = svg.replace("<svg ", f'<svg role="img" aria-labelledby="words-{number}" ', 1)
            drawing = drawing.replace(">", f'><title id="words-{number}">{escape(words)}</title>', 1)
            return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    def cell(tag: str, column: int, text: str) -> str:
        number = ' class="number"' if column in table.numbers else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{scope}{number}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(table.head))
    rows = (
        "<tr>" + "".join(cell("td", column, text) for column, text in enumerate(row)) + "</tr>" for row in table.rows
    )
    caption = escape(table.caption)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
