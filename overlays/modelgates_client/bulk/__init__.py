"""Many ids at once: `client.generations.get_many`.

| module               | subject |
|----------------------|---------|
| `outcomes`           | what became of an id: `Resolved`, `Pending` or `Failed` |
| `pacer`              | the server's rate limit, learnt from what it refuses |
| `circuit_breaker`    | whether the server is there at all: a circuit breaker |
| `concurrency_window` | how many requests may be on their way at one time |
| `gate`               | what may be sent, by the three above, and whose doing a failure was |
| `lookups`            | one id on its way: its steps, and a clock that pauses while it is held up |
| `schedule`           | which lookup is next, which are waited for, what is ready; bounded |
| `in_flight`          | the requests on their way; those that hang are given up |
| `monitor`            | what is told of an outage, and when it has lasted too long |
| `bulk_run`           | sends what is next, on one event loop, paced |
| `async_iteration`    | the outcomes, for `AsyncModelGates` |
| `sync_iteration`     | the outcomes, for `ModelGates`: its event loop runs in a thread |
| `options`            | how many are asked for, and what became of each |
| `threads`            | threads of the operating system, under gevent too |
| `threaded_sender`    | an engine that blocks, awaited: each request in a thread |

All above `in_flight` are pure: time is what they are told, and nothing in them waits.
"""
