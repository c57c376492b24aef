"""Measures the client and its peers in alternating turns, and reports ratios.

| module           | subject                                                                  |
|------------------|--------------------------------------------------------------------------|
| `__main__`       | the command: `nox -s bench`, `startup`, `bulk`                           |
| `cases`          | what is compared with what, in which unit, and the goal of each ratio    |
| `contenders`     | different ways of doing the same work: ours, httpx, aiohttp, SDKs …      |
| `growth`         | the maintainers' tools, by the size of the spec                          |
| `runner`         | lets contenders take turns, each in a new process; the table of results  |
| `bodies`         | the responses that are served and decoded; the generator's plain client  |
| `server`         | the server: with latency, a rate limit, or an outage                     |
| `limits`         | its rate limits, and how fast a client could be that knows them          |
| `outages`        | ids lost, requests and time in outages and behind limits                 |
| `reports`        | reports, budgets, reconciliation: compared with plain Python and DuckDB  |
| `synthetic_year` | the year that they report, and what it adds up to                        |

On a busy machine only ratios are meaningful: each compares two turns of the same round. pyperf is
not used, because it runs one benchmark after the other, so that a busy minute affects only one
contender. To add a contender, write its function and name it in a case of `CASES`.
"""
