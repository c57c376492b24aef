"""A report as one HTML page that needs nothing else: no request leaves it.

`render` returns it. The charts are drawn by plotly.js (extra `report`); what they show is in tables
too, so that the page can be read without JavaScript, by a screen reader, and on paper.

The modules, one subject each:

| module      | subject                                                      |
|-------------|--------------------------------------------------------------|
| `document`  | the page: its parts put together, and the policy it is under |
| `library`   | the code of plotly.js, packed                                |
| `charts`    | what the charts draw, as data                                |
| `fallbacks` | what the fallback map draws, as data                         |
| `summary`   | the tiles at the top: totals, and what they leave out        |
| `sections`  | a chart with its words and its table, one after another      |
| `tables`    | the tables                                                   |
| `markup`    | HTML of texts that may be hostile                            |
| `naming`    | what groups, slices and figures are called                   |

`page.html` is the frame, `page.css` the design. `figures.js` makes charts of the data of `charts`,
and `page.js` draws them, and sorts tables; browsers older than 2023 show the tables alone.
"""

from modelgates_client.reports.page.document import render

__all__ = ["render"]
