"""Many ids at once: `client.generations.get_many`.

| module     | subject                                                                  |
|------------|--------------------------------------------------------------------------|
| `outcomes` | what became of an id: `Resolved`, `Pending` or `Failed`                   |
| `pacer`    | the server's rate limit, learnt from what it refuses                      |
| `outage`   | whether the server is there at all: a circuit breaker                     |
| `window`   | how many requests may be on their way at one time                         |
| `gate`     | what may be sent, by the three above, and whose doing a failure was       |
| `lookups`  | one id on its way: its steps, and a clock that stands still when it is held up |
| `schedule` | which lookup is next, which are waited for, what is ready; bounded        |
| `flights`  | the requests on their way; those that hang are given up                  |
| `alarm`    | what is told of an outage, and when it has lasted too long                |
| `running`  | sends what is next, on one event loop, paced                              |
| `awaited`  | the outcomes, for `AsyncModelGates`                                       |
| `blocking` | the outcomes, for `ModelGates`: its event loop runs in a thread           |
| `asking`   | how many are asked for, and what became of each                           |
| `threads`  | threads of the operating system, under gevent too                         |
| `threaded` | an engine that blocks, awaited: each request in a thread                  |

All above `flights` are pure: time is what they are told, and nothing in them waits.
"""
