"""The transport: sends a request once, under a deadline, and returns a response or a failure.

| module             | subject                                                        |
|--------------------|----------------------------------------------------------------|
| `messages`         | the request, the response, and the failure to get a response   |
| `content`          | decodes a body's content encoding within a size limit          |
| `exchange`         | what all engines share: limits, and how an attempt's result is built |
| `httpcore_mapping` | translates requests and exceptions of httpcore and httpx       |
| `httpcore_sync`    | the engine of `ModelGates`                                     |
| `engines`          | the engine interfaces, and the choice of an engine             |
| `httpcore_async`   | the portable engine of `AsyncModelGates`, over httpcore        |
| `httptools_async`  | the fast engine of `AsyncModelGates`, over httptools           |
| `protocol`         | the asyncio protocol of `httptools_async`: reads responses     |
| `happy_eyeballs`   | a TCP connection to whichever address answers first            |
| `async_pool`       | the connection pool that async engines share                   |
| `httpx_engine`     | the engines over the caller's own httpx client                 |
| `httpx_exchange`   | one request and its result through the caller's httpx client   |
| `lazy_modules`     | httpx and ssl, imported on first use                           |
| `options`          | where and how to connect: server, proxy, certificates          |
| `credentials`      | the API key: its source, and how it is masked                  |
| `deadline`         | the point in time by which a call is over                      |
| `addresses`        | looks up the addresses of a host in a thread                   |

Two engines use httpcore, the layer below httpx: httpx bounds each read but not a whole call, and
its connection pool slows down with every connection. The third engine uses httptools, Python
bindings of the llhttp parser, when it is installed. Nothing outside this package depends on either
library.
"""
