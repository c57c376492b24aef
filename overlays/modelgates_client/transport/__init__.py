"""How one request travels: one attempt, under a deadline, and what came back.

| module             | subject                                                        |
|--------------------|----------------------------------------------------------------|
| `messages`         | the request, the reply, and the failure to get one             |
| `content`          | a body's content encoding, undone within a limit               |
| `exchange`         | what all engines share: limits, and what an ending says        |
| `httpcore_mapping` | from the terms of httpcore and httpx to ours, and back         |
| `httpcore_sync`    | the engine of `ModelGates`                                     |
| `engines`          | what engines can, and which of them suits                      |
| `httpcore_async`   | that of `AsyncModelGates` that works everywhere, over httpcore |
| `httptools_async`  | that of `AsyncModelGates` that is fast, over httptools         |
| `protocol`         | a connection of `httptools_async`, and the answers on it       |
| `happy_eyeballs`   | a TCP connection to whichever address answers first            |
| `async_pool`       | connections that awaited calls share                           |
| `httpx_engine`     | the engines over a client of httpx that the caller gives       |
| `httpx_exchange`   | what such an engine sends, and what comes of it                |
| `lazy_httpx`       | httpx, as annotations name it                                  |
| `options`          | where to connect to, and how: server, proxy, trust             |
| `credentials`      | the API key: where it comes from, and that it is never shown   |
| `deadline`         | the point in time by which a call is over                      |
| `addresses`        | the addresses of a host, looked up in a thread                 |

Two engines use httpcore, the layer beneath httpx: httpx itself bounds each read, but not a call,
and one pool of it slows down with every connection. The third uses httptools, the binding of the
parser llhttp, when that is installed. Nothing outside this package knows of either.
"""
