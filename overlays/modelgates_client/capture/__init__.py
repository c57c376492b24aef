"""Capture: every generation of an application in a ledger, by one line.

>>> client = capture(OpenAI(base_url=GATEWAY), to="costs.db")  # doctest: +SKIP

| module          | subject                                                               |
|-----------------|-----------------------------------------------------------------------|
| `clients`       | `capture`: clients that an application has                            |
| `transports`    | `CaptureTransport`, `AsyncCaptureTransport`: for who makes the client |
| `streams`       | bodies that pass on unchanged while their beginning is read           |
| `response_ids`  | what an answer says of its generation                                 |
| `scanning`      | the id in a body that comes in pieces; pure                           |
| `encodings`     | Content-Encoding, undone as it comes                                  |
| `id_recorder`   | where ids go, without ever raising                                    |
| `label_context` | `labels`: what the application says of its generations                |
| `resolver`      | `Resolver`: asks for what was captured, while the application runs    |

Neither httpx nor httpx2 nor openai is imported here: who has a client has imported its library.
"""

from modelgates_client.capture.clients import capture
from modelgates_client.capture.label_context import labels
from modelgates_client.capture.resolver import Resolver
from modelgates_client.capture.transports import AsyncCaptureTransport, CaptureTransport

__all__ = ["AsyncCaptureTransport", "CaptureTransport", "Resolver", "capture", "labels"]
