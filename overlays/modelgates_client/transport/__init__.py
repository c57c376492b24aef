"""How one request travels: one attempt, under a deadline, and what came back.

| module      | subject                                                             |
|-------------|---------------------------------------------------------------------|
| `messages`  | the request, the reply, and the failure to get one                  |
| `content`   | a body's content encoding, undone within a limit                     |
| `exchange`  | what both engines share: from httpcore's terms to those of `messages` |
| `blocking`  | the engine of `ModelGates`                                           |
| `network`   | sockets of `blocking` that end at the deadline                       |
| `awaiting`  | the engine of `AsyncModelGates`                                      |
| `options`   | where to connect to, and how: server, proxy, trust                   |

The engines use httpcore, the layer beneath httpx: httpx itself bounds each read, but not a call,
and one pool of it slows down with every connection. Nothing outside this package knows of it.
"""
