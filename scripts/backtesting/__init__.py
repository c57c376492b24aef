"""Decodes the responses that one version of the spec allows with the client of another.

| module          | subject                                                                    |
|-----------------|----------------------------------------------------------------------------|
| `schema_oracle` | validates values against the published document, with jsonschema-rs        |
| `scalars`       | boundary strings and numbers of a schema                                   |
| `values`        | values that together cover everything that a schema allows                 |
| `bodies`        | response bodies that together cover everything that a document allows      |
| `clients`       | the client of a version, generated in a scratch directory                  |
| `workers`       | the processes that decode, with timeouts; one that dies is a result        |
| `decoding`      | the code that runs in such a process                                       |
| `fidelity`      | whether a decoded body is wrong, incomplete or unreadable                  |
| `observations`  | the results, place by place                                                |
| `records`       | the real records, decoded by every client                                  |
| `execution`     | runs a backtest: generates clients and bodies, decodes, collects results   |
| `report`        | the results as text, JSON and Markdown                                     |

What runs in a worker (`decoding`, `fidelity`) imports nothing of the tools.
"""
