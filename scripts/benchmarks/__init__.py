"""Measures the client and its peers in alternating turns, and reports ratios.

| module           | subject                                                                  |
|------------------|--------------------------------------------------------------------------|
| `__main__`       | the command: `nox -s bench`, `startup`, `bulk`, `outages`, `reports`     |
| `cases`          | what is compared with what, in which unit, and the goal of each ratio    |
| `contenders`     | different ways of doing the same work: ours, httpx, aiohttp, SDKs …      |
| `growth`         | the maintainer's tools, by the size of the spec                          |
| `runner`         | lets contenders take turns, each in a process of its own                 |
| `table`          | the results, for a terminal, a page or a program                         |
| `bodies`         | the responses that are served and decoded; the generator's plain client  |
| `server`         | the server: with latency, a rate limit, or an outage                     |
| `outages`        | ids lost, requests and time in outages and behind limits                 |
| `reports`        | reports, budgets and reconciliation of a year, held against plain Python |
| `synthetic_year` | that year                                                                |

On a busy machine only ratios are meaningful: every ratio compares two consecutive turns, and the
median of all rounds is reported. pyperf is not used: it runs one
benchmark after the other, so that a busy minute affects only one contender.
To add a contender, write its function and name it in a case; to add a case, describe it in `CASES`.
"""
