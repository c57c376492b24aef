"""Bulk fetching: many ids in one run, as in `client.generations.get_many`.

| module               | subject |
|----------------------|---------|
| `outcomes`           | the result for one id: `Resolved`, `Pending` or `Failed` |
| `pacer`              | the server's rate limit, learnt from its refusals |
| `circuit_breaker`    | detects outages, and decides when to probe |
| `concurrency_window` | how many requests may be in flight |
| `gate`               | combines the three above: when to send, and what caused a failure |
| `lookups`            | one id in progress: its steps, and a clock that can stand still |
| `schedule`           | the bounded queue of lookups: new, parked and completed |
| `in_flight`          | the requests in flight; cancels those that hang |
| `outage_monitor`     | reports an outage, and ends the run when it lasts too long |
| `bulk_run`           | the run: sends paced requests on one event loop |
| `async_iteration`    | yields the outcomes for `AsyncModelGates` |
| `sync_iteration`     | yields the outcomes for `ModelGates`; the event loop runs in a thread |
| `options`            | the options of a run, and the values it takes and yields |
| `threads`            | starts operating system threads, also under gevent |
| `threaded_sender`    | awaits a sync engine: each request runs in a thread |

The modules above `in_flight` are pure: they take the time as an argument, and never wait.
"""
