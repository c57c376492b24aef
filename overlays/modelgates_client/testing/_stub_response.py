"""What the stub sends. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class StubResponse:
    """What is sent.

    Attributes:
        status: The status.
        body: The body.
        headers: The headers, without the length.
        delay_s: Seconds to wait before it.
        truncated: Whether the connection closes in the middle of the body.
        dropped: Whether the connection closes in place of it.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0.0
    truncated: bool = False
    dropped: bool = False


def as_json(body: Any, status: int = 200, **headers: str) -> StubResponse:
    """Answer with JSON."""
    content = json.dumps(body, allow_nan=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return StubResponse(status, content, {"Content-Type": "application/json", **named})
