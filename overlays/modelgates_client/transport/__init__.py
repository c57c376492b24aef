"""How one request travels: one attempt, under a deadline, and what came back.

| module           | subject                                                          |
|------------------|------------------------------------------------------------------|
| `messages`       | the request, the reply, and the failure to get one               |
| `content`        | a body's content encoding, undone within a limit                 |
| `exchange`       | what all engines share: limits, and what an ending says          |
| `httpcore_terms` | from httpcore's terms to those of `messages`, and back           |
| `blocking`       | the engine of `ModelGates`                                       |
| `network`        | sockets of `blocking` that end at the deadline                   |
| `engines`        | which of the next two is the engine of `AsyncModelGates`         |
| `awaiting`       | the one that works everywhere, over httpcore                     |
| `fast`           | the one that is fast, over httptools                             |
| `protocol`       | a connection of `fast`, and the answers on it                    |
| `dialling`       | a TCP connection to whichever address answers first              |
| `pooling`        | connections that awaited calls share                             |
| `options`        | where to connect to, and how: server, proxy, trust               |

Two engines use httpcore, the layer beneath httpx: httpx itself bounds each read, but not a call,
and one pool of it slows down with every connection. The third uses httptools, the binding of the
parser llhttp, when that is installed. Nothing outside this package knows of either.
"""
