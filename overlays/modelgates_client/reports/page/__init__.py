"""A report as one self-contained HTML page, which makes no requests.

`render` returns it. The charts are drawn by plotly.js (extra `report`). Their figures are in
tables, too, so that the page can be read without JavaScript, by a screen reader, and on paper.

The modules:

| module      | subject                                                         |
|-------------|-----------------------------------------------------------------|
| `document`  | the page: renders the template, with a security policy          |
| `library`   | the code of plotly.js, compressed                               |
| `summary`   | the tiles at the top: totals, and what they do not include      |
| `charts`    | the data of the charts                                          |
| `tables`    | the cells of the tables                                         |

`page.html` is the template, by jinja2, which escapes all text; `page.css` is the style.
`figures.js` builds charts from the data of `charts`; `page.js` draws them, and sorts tables.
Browsers older than 2023 show only the tables.
"""

from modelgates_client.reports.page.document import render

__all__ = ["render"]
