"""Measures the client beside its peers: side by side, in turns, as ratios.

| module           | subject                                                                  |
|------------------|--------------------------------------------------------------------------|
| `__main__`       | the command: `nox -s bench`, `startup`, `bulk`, `outages`, `reports`     |
| `cases`          | what is compared with what, in which unit, and the goal of each ratio    |
| `contenders`     | the ways of doing the same work: ours, httpx, aiohttp, msgspec, SDKs …   |
| `growth`         | the maintainer's tools, by the size of the spec                          |
| `runner`         | lets contenders take turns, each in a process of its own                 |
| `table`          | what was found, for a terminal, a page or a program                      |
| `bodies`         | the responses that are served and decoded; the generator's plain client  |
| `server`         | the server: with latency, a rate limit, or an outage                     |
| `outages`        | ids lost, requests and time in outages and behind limits                 |
| `reports`        | reports, budgets and reconciliation of a year, held against plain Python |
| `synthetic_year` | that year                                                                |

Only ratios mean anything on a machine that does other things, too: every ratio is of two turns that
follow each other, and the median of all rounds is what is told. pyperf is not used: it runs one
benchmark after the other, by the clock, so that a busy minute falls on one contender alone.
To add a contender, write its function and name it in a case; to add a case, describe it in `CASES`.
"""
