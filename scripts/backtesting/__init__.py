"""Decodes the responses that one version of the spec allows with the client of another.

| module          | subject                                                                    |
|-----------------|----------------------------------------------------------------------------|
| `operations`    | the operations of a document, their statuses, and what each one sends      |
| `schema_oracle` | what the published document says of a value, by jsonschema-rs              |
| `scalars`       | the strings and numbers at the edges of what a schema allows               |
| `values`        | values that together show everything that a schema allows                  |
| `bodies`        | response bodies that together show everything that a document allows       |
| `clients`       | the client of a version, generated in a scratch directory                  |
| `workers`       | the processes that decode: their time limits, and what becomes of the dead |
| `decoding`      | what runs in such a process                                                |
| `fidelity`      | whether a decoded body lies, loses something, or cannot be read            |
| `observations`  | what was seen, place by place                                              |
| `records`       | the real records, decoded by every client                                  |
| `execution`     | clients generated, bodies made, the one decoding the other                 |
| `report`        | all that as text, JSON and Markdown                                        |

What runs in a worker (`decoding`, `fidelity`) imports nothing of the tools.
"""
