"""Answers, and what can become of one on its way. Pure."""

import datetime
import email.utils
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import TIMEOUT_MAX
from typing import Any, Final

from modelgates_client.testing._drift import DriftChange, changed
from modelgates_client.testing._records import make_error
from modelgates_client.testing._stub_response import StubResponse, as_json

_HTML: Final = "text/html; charset=utf-8"
_SUCCESS: Final = 200

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


#: Makes of the answer that would be sent the one that is.
Step = Callable[[StubResponse], StubResponse]


def plain(status: int, text: str, **headers: str) -> StubResponse:
    """Answer with a line of text, as a server does that knows nothing of the API."""
    return StubResponse(status, f"{text}\n".encode(), {"Content-Type": "text/plain", **headers})


def page(status: int) -> StubResponse:
    """Answer as an edge before the API does: with a page for browsers."""
    title = _TITLES.get(status, "Web server is returning an error")
    content = _PAGE.format(status=status, title=title).encode()
    return StubResponse(status, content, {"Content-Type": _HTML})


def retry_after(value: int | datetime.datetime) -> str:
    """Return the header's value: seconds, or a date (RFC 9110, section 10.2.3).

    Raises:
        ValueError: It is negative, or a date without an offset.
        TypeError: It is neither.
    """
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError("retry_after is a date without an offset; add tzinfo")
        return email.utils.format_datetime(value.astimezone(datetime.UTC), usegmt=True)
    if type(value) is not int:
        raise TypeError(f"retry_after is {value!r}; it is an integer of seconds, or a datetime")
    if value < 0:
        raise ValueError(f"retry_after is {value}; it is seconds, 0 or more")
    return str(value)


def instead(answer: StubResponse) -> Step:
    """Send this, whatever would be sent."""
    return lambda _: answer


def delayed(seconds: float) -> Step:
    """Send it later.

    Raises:
        ValueError: The seconds cannot be waited.
    """
    if not 0 <= seconds <= TIMEOUT_MAX:  # NaN is not, either
        raise ValueError(f"{seconds} seconds cannot be waited; it is 0 to {TIMEOUT_MAX:.0f}")
    return lambda answer: replace(answer, delay_s=answer.delay_s + seconds)


def truncated(answer: StubResponse) -> StubResponse:
    """Send half of the body, with the length of the whole."""
    return replace(answer, truncated=True)


def dropped(answer: StubResponse) -> StubResponse:
    """Send nothing."""
    return replace(answer, dropped=True)


def compressed(answer: StubResponse) -> StubResponse:
    """Send the body as gzip."""
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, body=gzip.compress(answer.body, mtime=0), headers=headers)


def garbled(answer: StubResponse) -> StubResponse:
    """Send a body that claims to be JSON, and is not."""
    return replace(answer, body=answer.body.replace(b'"', b"'") + b"}")


def mixed_up(answer: StubResponse) -> StubResponse:
    """Send the record of another generation; an error stays as it is."""

    def other(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "id": f"{record['id']}-other"}

    return _with_record(answer, other)


def drifting(asked: tuple[DriftChange, ...]) -> Step:
    """Send a record that is not as the spec says; an error stays as it is."""
    return lambda answer: _with_record(answer, lambda record: changed(record, asked))


def error_in_success(code: int, message: str | None) -> StubResponse:
    """Answer with an error object in a success."""
    return as_json(make_error(code, message))


def _with_record(
    answer: StubResponse, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> StubResponse:
    if answer.status != _SUCCESS:
        return answer
    body: dict[str, Any] = json.loads(answer.body)
    return replace(answer, body=as_json({**body, "data": change(body["data"])}).body)
