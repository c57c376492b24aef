"""The responses that the stub sends. Pure."""

import datetime
import email.utils
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import TIMEOUT_MAX
from typing import Any, Final

_HTML: Final = "text/html; charset=utf-8"

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en-US">
<head><title>modelgates.ai | {status}: {title}</title></head>
<body>
<h1>{title}</h1>
<p>Error code {status}</p>
<p>The web server reported an error.</p>
</body>
</html>
"""
_TITLES: Final[Mapping[int, str]] = {
    403: "Access denied",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway time-out",
    524: "A timeout occurred",
}


@dataclass(frozen=True)
class StubResponse:
    """A response.

    Attributes:
        status: The status code.
        body: The body.
        headers: The headers, without the content length.
        delay_s: Seconds to wait before sending it.
        is_truncated: Whether the connection closes in the middle of the body.
        is_dropped: Whether the connection closes without a response.
        ready_s: Of a completion, seconds until its record exists; None: as usual.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_s: float = 0.0
    is_truncated: bool = False
    is_dropped: bool = False
    ready_s: float | None = None

    @property
    def is_cut_short(self) -> bool:
        """Whether the connection closes before the end of the response."""
        return self.is_truncated or self.is_dropped


@dataclass(frozen=True)
class StubStream(StubResponse):
    """A response that is sent event by event.

    Attributes:
        events: The events, in order.
        pause_s: Seconds between two events.
        is_broken: Whether the connection closes after the last event, without ending the response.
    """

    events: Sequence[bytes] = field(default=())
    pause_s: float = 0.0
    is_broken: bool = False

    @property
    def is_cut_short(self) -> bool:
        """Whether the connection closes before the end of the response."""
        return self.is_broken


#: Changes the response that would be sent.
Behaviour = Callable[[StubResponse], StubResponse]


def json_response(body: Any, status: int = 200, **headers: str) -> StubResponse:
    """Return a response with a JSON body; underscores in header names become hyphens."""
    content = json.dumps(body, allow_nan=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return StubResponse(status, content, {"Content-Type": "application/json", **named})


def text_response(status: int, text: str, **headers: str) -> StubResponse:
    """Return a line of plain text, as from a server that does not know the API."""
    return StubResponse(status, f"{text}\n".encode(), {"Content-Type": "text/plain", **headers})


def html_page(status: int) -> StubResponse:
    """Return an HTML error page, as from an edge server in front of the API."""
    title = _TITLES.get(status, "Web server is returning an error")
    content = _PAGE.format(status=status, title=title).encode()
    return StubResponse(status, content, {"Content-Type": _HTML})


def retry_after_header(value: int | datetime.datetime) -> str:
    """Return the value of `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).

    Raises:
        ValueError: The value is negative, or a datetime without a UTC offset.
        TypeError: The value is neither an integer nor a datetime.
    """
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError("retry_after is a datetime without a UTC offset; set its tzinfo")
        return email.utils.format_datetime(value.astimezone(datetime.UTC), usegmt=True)
    if type(value) is not int:
        raise TypeError(f"retry_after is {value!r}; it must be an integer of seconds or a datetime")
    if value < 0:
        raise ValueError(f"retry_after is {value}; it must be 0 seconds or more")
    return str(value)


def delayed(seconds: float) -> Behaviour:
    """Return a behaviour that sends the response later.

    Raises:
        ValueError: No thread can wait that long, or the seconds are negative or NaN.
    """
    if not 0 <= seconds <= TIMEOUT_MAX:  # false for NaN, too
        raise ValueError(f"cannot wait {seconds} seconds; it must be 0 to {TIMEOUT_MAX:.0f}")
    return lambda response: replace(response, delay_s=response.delay_s + seconds)


def compressed(response: StubResponse) -> StubResponse:
    """Return the response with its body compressed by gzip."""
    headers = {**response.headers, "Content-Encoding": "gzip"}
    return replace(response, body=gzip.compress(response.body, mtime=0), headers=headers)
