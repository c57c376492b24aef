"""Conversion of texts, which may be hostile, to HTML; all of the page goes through here."""

import html
import math
import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from modelgates_client.reports import formatting

#: The part of an amount that is shown in full size: dollars and cents, or two significant digits if
#: it is less than a cent. The rest is shown smaller.
_LARGE_PART: Final = re.compile(r"-?\$(?:0\.00+[1-9][0-9]?|[0-9,]+\.[0-9]{1,2})")


@frozen
class Html:
    """Markup, in contrast to text, which has to be escaped."""

    markup: str


@frozen
class HtmlCell:
    """A cell of a table.

    Attributes:
        text: The text to show.
        value: The value to sort the column by; None: unknown, which is last in either order.
        bar: The length of a bar below the text, from 0 to 1; None: no bar.
    """

    text: str | Html
    value: float | str | None = None
    bar: float | None = None


@frozen
class HtmlTable:
    """A table.

    Attributes:
        caption: The caption.
        columns: The titles of the columns; the first one contains the headings of the rows.
        text_columns: The titles of those that are aligned and sorted as text.
        rows: The rows.
        footer: Rows that stay below the others, however those are sorted.
        is_sortable: Whether the reader can sort the table.
        note: A note below the table.
    """

    caption: str
    columns: Sequence[str]
    text_columns: Collection[str]
    rows: Sequence[Sequence[HtmlCell]]
    footer: Sequence[Sequence[HtmlCell]] = field(default=())
    is_sortable: bool = True
    note: str = ""


def escaped(text: str | Html) -> str:
    """Return text as HTML, for content or an attribute."""
    return text.markup if isinstance(text, Html) else html.escape(text)


def name(text: str | None) -> Html:
    """Return a name from a server or a user; its writing direction does not affect other text."""
    kind = ' class="unknown"' if text is None else ""
    return Html(f"<bdi{kind}>{escaped(formatting.name(text))}</bdi>")


def amount(text: str) -> Html:
    """Return an amount with all its digits, the last ones smaller."""
    large = _LARGE_PART.match(text)
    if large is None or large.end() == len(text):
        return Html(escaped(text))
    rest = escaped(text[large.end() :])
    return Html(f'{escaped(large[0])}<span class="small">{rest}</span>')


def unordered_list(texts: Iterable[str | Html], css_class: str = "") -> str:
    """Return a list; "" without items."""
    items = "".join(f"<li>{escaped(text)}</li>" for text in texts)
    return f'<ul class="{css_class}">{items}</ul>' if items else ""


def table(html_table: HtmlTable) -> str:
    """Return a table in a container that scrolls if the table does not fit."""
    caption = escaped(html_table.caption)
    classes = [
        ' class="text"' if title in html_table.text_columns else "" for title in html_table.columns
    ]
    heads = "".join(
        f'<th scope="col"{css_class}>{escaped(title)}</th>'
        for title, css_class in zip(html_table.columns, classes, strict=True)
    )
    body = "".join(_row(row, classes) for row in html_table.rows)
    foot = "".join(_row(row, classes) for row in html_table.footer)
    footer = f"<tfoot>{foot}</tfoot>" if foot else ""
    note = f'<p class="note">{escaped(html_table.note)}</p>' if html_table.note else ""
    sortable = " data-sortable" if html_table.is_sortable and len(html_table.rows) > 1 else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">'
        f"<table{sortable}><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody>{footer}</table></div>{note}"
    )


def number(value: float | Decimal | None) -> float | None:
    """Return a number to draw or to sort by, never to show as text; None if it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def _row(row: Sequence[HtmlCell], classes: Sequence[str]) -> str:
    cells = list[str]()
    for place, (cell, css_class) in enumerate(zip(row, classes, strict=True)):
        value = "" if cell.value is None else f' data-value="{html.escape(str(cell.value))}"'
        bar = "" if cell.bar is None else _bar(cell.bar)
        tag, scope = ("td", "") if place else ("th", ' scope="row"')
        cells.append(f"<{tag}{scope}{css_class}{value}>{bar}{escaped(cell.text)}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"


def _bar(share: float) -> str:
    """Return a bar, as SVG, because the policy allows no style attributes."""
    width = max(0.0, min(1.0, share)) * 100
    return (
        '<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.2f}" height="4"/></svg>'
    )
