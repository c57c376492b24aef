"""HTML of texts that may be hostile: nothing gets into the page but through here."""

import html
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from modelgates_client.reports import formatting

#: What of an amount is read first: dollars and cents, or two digits of what is less than a cent.
#: What is behind is shown smaller.
_FIRST: Final = re.compile(r"-?\$(?:0\.00+[1-9][0-9]?|[0-9]+\.[0-9]{1,2})")


@frozen
class Html:
    """Markup, as opposed to text that has to be escaped."""

    markup: str


@frozen
class HtmlCell:
    """A cell of a table.

    Attributes:
        text: What it shows.
        value: What the column is sorted by; None: not known, and last in either order.
        bar: The share of a bar behind it, from 0 to 1; None: there is none.
    """

    text: str | Html
    value: float | str | None = None
    bar: float | None = None


@frozen
class HtmlColumn:
    """A column of a table.

    Attributes:
        title: What it is.
        is_text: Whether it is aligned and sorted as text.
    """

    title: str
    is_text: bool = False


@frozen
class HtmlTable:
    """A table.

    Attributes:
        caption: What it is of.
        columns: Its columns; the first one heads the rows.
        rows: Its rows.
        last: Rows that stay below the others, however those are sorted.
        is_sortable: Whether a reader can sort it.
        note: What is to be said of all of it.
    """

    caption: str
    columns: Sequence[HtmlColumn]
    rows: Sequence[Sequence[HtmlCell]]
    last: Sequence[Sequence[HtmlCell]] = field(default=())
    is_sortable: bool = True
    note: str = ""


def escaped(text: str | Html) -> str:
    """Return text as HTML that shows it, in attributes too."""
    return text.markup if isinstance(text, Html) else html.escape(text)


def name(text: str | None) -> Html:
    """Return a name from a server or a stranger; its direction of writing ends with it."""
    kind = ' class="unknown"' if text is None else ""
    return Html(f"<bdi{kind}>{escaped(formatting.name(text))}</bdi>")


def amount(text: str) -> Html:
    """Return an amount whose last digits are shown smaller; none is left out."""
    first = _FIRST.match(text)
    if first is None or first.end() == len(text):
        return Html(escaped(text))
    rest = escaped(text[first.end() :])
    return Html(f'{escaped(first[0])}<span class="small">{rest}</span>')


def listed(texts: Iterable[str | Html], kind: str = "") -> str:
    """Return a list, or nothing if nothing is in it."""
    items = "".join(f"<li>{escaped(text)}</li>" for text in texts)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def table(what: HtmlTable) -> str:
    """Return a table that scrolls by itself if it is wider or longer than its place."""
    caption = escaped(what.caption)
    heads = "".join(
        f'<th scope="col"{_kind(column)}>{escaped(column.title)}</th>' for column in what.columns
    )
    body = "".join(_row(row, what.columns) for row in what.rows)
    foot = "".join(_row(row, what.columns) for row in what.last)
    last = f"<tfoot>{foot}</tfoot>" if foot else ""
    note = f'<p class="note">{escaped(what.note)}</p>' if what.note else ""
    sortable = " data-sortable" if what.is_sortable and len(what.rows) > 1 else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">'
        f"<table{sortable}><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody>{last}</table></div>{note}"
    )


def number(value: float | Decimal | None) -> float | None:
    """Return what a chart draws, or a column is sorted by: a length, never an amount to read."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _row(row: Sequence[HtmlCell], columns: Sequence[HtmlColumn]) -> str:
    cells = list[str]()
    for place, (cell, column) in enumerate(zip(row, columns, strict=True)):
        value = "" if cell.value is None else f' data-value="{html.escape(str(cell.value))}"'
        bar = "" if cell.bar is None else _bar(cell.bar)
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        cells.append(f"<{tag}{scope}{_kind(column)}{value}>{escaped(cell.text)}{bar}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def _kind(column: HtmlColumn) -> str:
    return ' class="text"' if column.is_text else ""


def _bar(share: float) -> str:
    """Return a bar; a drawing, because no policy allows styles in attributes."""
    width = max(0.0, min(1.0, share)) * 100
    return (
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.2f}" height="4"/></svg>'
    )
