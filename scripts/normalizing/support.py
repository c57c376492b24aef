"""Which operations clients support: what they can send, and what they can read.

Source: OpenAPI 3.1.1, sections Parameter Object and Media Type Object.
"""

from typing import Any, Final

_BODILESS: Final = {"head": "its responses have no body", "trace": "its response is the request"}

_EVENTS: Final = "text/event-stream"
_STYLES: Final[dict[str, set[str]]] = {
    "path": {"simple"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
_SENT: Final = {
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
    "application/octet-stream": "bytes",
}
_BINARY: Final = {"application/octet-stream", "application/pdf", "application/zip"}
_BINARY_KINDS: Final = ("audio/", "image/", "video/")


def media_kind(type_: str, *, sent: bool) -> str | None:
    """Return how a body of a media type is sent or read; None if it is not supported."""
    name = type_.partition(";")[0].strip().lower()
    if name == "application/json" or name.endswith("+json"):
        return "json"
    if sent:
        return _SENT.get(name)
    if name.startswith("text/") and name != _EVENTS:
        return "text"
    return "bytes" if name in _BINARY or name.startswith(_BINARY_KINDS) else None


class UnsupportedError(Exception):
    """An operation is valid, but clients do not support it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parameter(definition: dict[str, Any], place: str) -> str:
    """Return why a parameter cannot be sent; empty if it can."""
    if "schema" not in definition:
        return "is a document within the request"
    style = str(definition.get("style") or usual_style(place))
    return "" if style in _STYLES[place] else f"has the style {style}"


def usual_style(place: str) -> str:
    """Return the default style of a parameter."""
    return "form" if place in {"query", "cookie"} else "simple"


def check_method(method: str) -> None:
    """Check that responses to a method can have a body.

    Raises:
        UnsupportedError: They cannot.
    """
    if method in _BODILESS:
        raise UnsupportedError(f"the method, since {_BODILESS[method]}")


def check_body(content: dict[str, Any]) -> None:
    """Check that at least one media type of a request body can be sent.

    Raises:
        UnsupportedError: None can.
    """
    if content and not any(media_kind(type_, sent=True) for type_ in content):
        raise UnsupportedError(f"its body of {' or '.join(content)} cannot be sent")


def check_response(content: dict[str, Any], status: str) -> None:
    """Check that the body of a successful response can be read.

    Raises:
        UnsupportedError: It cannot.
    """
    is_read = any(media_kind(type_, sent=False) for type_ in content)
    if content and status.startswith("2") and not is_read:
        reason = f"its response ({status}) of {' or '.join(content)} cannot be read"
        if all(map(_is_events, content)):
            reason = f"its response ({status}) is an event stream, which has no end to wait for"
        raise UnsupportedError(reason)


def ignored_media(content: dict[str, Any], status: str, chosen: str = "") -> list[str]:
    """Return a line for each media type of a response that is not read."""
    if not status.startswith("2"):
        return []
    return [
        f"the event stream of its response ({status}), which has no end to wait for"
        if _is_events(type_)
        else f"its response ({status}) of {type_}, since {chosen} is read"
        for type_ in content
        if type_ != chosen
    ]


def _is_events(type_: str) -> bool:
    return type_.partition(";")[0].strip().lower() == _EVENTS
