"""Capture: record every generation of an application in a ledger, with one line of code.

>>> client = capture(OpenAI(base_url=GATEWAY), to="costs.db")  # doctest: +SKIP

| module          | subject                                                               |
|-----------------|-----------------------------------------------------------------------|
| `clients`       | `capture`: hooks into existing clients                                |
| `transports`    | `CaptureTransport`, `AsyncCaptureTransport`: for new clients          |
| `streams`       | responses, and the ids in their headers or bodies                     |
| `scanning`      | finding the id in a body that arrives in chunks; pure                 |
| `encodings`     | incremental decoding of Content-Encoding                              |
| `id_recorder`   | where ids are recorded, without ever raising                          |
| `label_context` | `labels`: labels that the application gives its generations           |
| `resolver`      | `Resolver`: fetches captured records while the application runs       |

Neither httpx nor httpx2 nor openai is imported here: an application with a client has already
imported its library.
"""

from modelgates_client.capture.clients import capture
from modelgates_client.capture.label_context import labels
from modelgates_client.capture.resolver import Resolver
from modelgates_client.capture.transports import AsyncCaptureTransport, CaptureTransport

__all__ = ["AsyncCaptureTransport", "CaptureTransport", "Resolver", "capture", "labels"]
