"""How clients send and read: serialization styles, media types and statuses.

Source: OpenAPI 3.1.1, sections Parameter Object, Media Type Object and Responses Object: a status
takes precedence over its range, a range over `default`. If a success is documented, clients use
`default` for errors only.
"""

import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, Final

_SENT: Final = {
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
    "application/octet-stream": "bytes",
}
_BINARY: Final = {"application/octet-stream", "application/pdf", "application/zip"}
_BINARY_KINDS: Final = ("audio/", "image/", "video/")
_EVENTS: Final = "text/event-stream"
_CHARSET: Final = re.compile(r"""(?ix); \s* charset \s* = \s* ("[^"]*" | [^;]*)""")
_JSON: Final = {"application/json", "text/json"}
_ANY: Final = {"*/*", "application/*"}

_SUCCESS: Final = "2"  # the first digit of its statuses


def media_kind(type_: str, *, sent: bool, schema: Any = None) -> str | None:
    """Return how a body of a media type is sent or read; None if it is not supported.

    A body of any media type is JSON, unless its schema is a string.
    """
    name = _name(type_)
    if name in _ANY and isinstance(schema, dict) and schema.get("type") == "string":
        return "bytes" if sent or schema.get("format") == "binary" else "text"
    if name in _JSON | _ANY or name.endswith("+json"):
        return "json"
    if sent:
        return _SENT.get(name)
    if name.startswith("text/") and name != _EVENTS:
        return "text"
    return "bytes" if name in _BINARY or name.startswith(_BINARY_KINDS) else None


def without_charset(type_: str) -> str:
    """Return a media type without its charset, which decoding ignores; other parameters stay."""
    name, _, parameters = _CHARSET.sub("", type_).partition(";")
    return "; ".join(filter(None, (name.strip().lower(), parameters.strip())))


def is_event_stream(type_: str) -> bool:
    """Whether bodies of a media type are event streams."""
    return _name(type_) == _EVENTS


def _name(type_: str) -> str:
    return type_.partition(";")[0].strip().lower()


def usual_style(place: str) -> str:
    """Return the default style of a parameter."""
    return "form" if place in {"query", "cookie"} else "simple"


def read_status(code: int, documented: Collection[str]) -> str | None:
    """Return the documented status that a client reads a code as; None if there is none."""
    choices = [str(code), f"{code // 100}XX"]
    is_success = str(code)[0] == _SUCCESS
    if not (is_success and any(status[0] == _SUCCESS for status in documented)):
        choices.append("default")
    return next((choice for choice in choices if choice in documented), None)


def codes_of(status: str, documented: Collection[str]) -> tuple[int, ...]:
    """Return the codes that a client reads as a documented status, errors first.

    Args:
        status: `404`, `4XX` or `default`.
        documented: All statuses of the operation.
    """
    if status.isdecimal():
        return (int(status),)
    codes = [int(code) for code in HTTPStatus if code >= HTTPStatus.OK]
    codes.sort(key=lambda code: (code < HTTPStatus.BAD_REQUEST, code))
    return tuple(code for code in codes if read_status(code, documented) == status)
