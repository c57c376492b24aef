"""Build the parts of a request from typed arguments: path, query, headers and body.

Source: OpenAPI 3.1.0, sections 4.8.12 (parameters and their styles) and 4.8.14 (media types);
RFC 3986 (path segments); RFC 7578 (multipart/form-data).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote, quote_plus, urlencode

from modelgates_runtime import encoding
from modelgates_runtime.decoded import Decoded
from modelgates_runtime.types import File, FileTypes
from modelgates_runtime.values import is_array, is_object

Place = Literal["path", "query", "header", "cookie"]
Style = Literal["simple", "form", "spaceDelimited", "pipeDelimited", "deepObject"]

_quoted_name = lru_cache(maxsize=1024)(quote_plus)  # the same few names in each request

_DELIMITERS: Final[Mapping[Style, str]] = {
    "simple": ",",
    "form": ",",
    "spaceDelimited": "%20",
    "pipeDelimited": "%7C",
}


class Parameter(NamedTuple):
    """One parameter of an operation.

    Attributes:
        argument: The Python name.
        name: The name in the request.
        place: The part of the request that it is sent in.
        style: How arrays and objects are serialized.
        explode: Whether each of their parts is sent separately.
        required: Whether it must be sent.
        is_array: Whether it may be repeated.
    """

    argument: str
    name: str
    place: Place = "query"
    style: Style = "form"
    explode: bool = True
    required: bool = False
    is_array: bool = False


class Body(NamedTuple):
    """One kind of request body of an operation.

    Attributes:
        content_type: The media type.
        type: The Python type, or types, of its values; for operations with several kinds of body.
    """

    content_type: str
    type: Any = object

    def encoded(self, value: Any) -> tuple[str, bytes]:
        """Return the `Content-Type` header and the encoded body."""
        kind = self.content_type.partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            return _multipart(value.to_multipart())
        if kind == "application/x-www-form-urlencoded":
            return self.content_type, urlencode(encoding.form(value), doseq=True).encode()
        if isinstance(value, File):
            return self.content_type, value.payload.read()
        return self.content_type, encoding.json_bytes(value)


def path(template: str, parameters: Iterable[Parameter], arguments: Mapping[str, Any]) -> str:
    """Return a path with its parameters filled in.

    Raises:
        ValueError: A parameter is empty, `.` or `..`, which would address another path.
    """
    for parameter in parameters:
        if parameter.place == "path":
            value = arguments[parameter.argument]
            segment = encoding.path_segment(parameter.argument, value)
            template = template.replace(f"{{{parameter.name}}}", segment)
    return template


def query(parameters: Iterable[Parameter], arguments: Mapping[str, Any]) -> str:
    """Return a query string; arguments that are None are omitted."""
    return "&".join(
        [
            f"{_quoted_name(name)}={text}"
            for parameter in parameters
            if parameter.place == "query"
            if (value := arguments[parameter.argument]) is not None
            for name, text in _in_query(parameter, value)
        ]
    )


def headers(
    parameters: Iterable[Parameter], arguments: Mapping[str, Any]
) -> tuple[tuple[str, str], ...]:
    """Return the headers and cookies of parameters; arguments that are None are omitted."""
    texts = [
        (parameter, _in_header(parameter, value))
        for parameter in parameters
        if parameter.place in {"header", "cookie"}
        if (value := arguments[parameter.argument]) is not None
    ]
    named = [(parameter.name, text) for parameter, text in texts if parameter.place == "header"]
    cookies = [
        f"{parameter.name}={text}" for parameter, text in texts if parameter.place == "cookie"
    ]
    return (*named, *([("Cookie", "; ".join(cookies))] if cookies else []))


def _in_query(parameter: Parameter, value: Any) -> list[tuple[str, str]]:
    name = parameter.name
    if isinstance(value, str) and not isinstance(value, Decoded):  # a fast path for the common case
        return [(name, quote_plus(value))]
    encoded = encoding.encode(value)
    if is_array(encoded):
        items = [quote_plus(encoding.text(item)) for item in encoded if item is not None]
        if parameter.explode and parameter.style == "form":
            return [(name, item) for item in items]
        return [(name, _DELIMITERS[parameter.style].join(items))] if items else []
    if is_object(encoded):
        return _object_in_query(parameter, encoded)
    return [(name, quote_plus(encoding.text(encoded)))]


def _object_in_query(parameter: Parameter, value: dict[str, Any]) -> list[tuple[str, str]]:
    parts = [
        (key, quote_plus(encoding.text(item)))
        for key, part in value.items()
        for item in (part if is_array(part) else [part])
        if item is not None
    ]
    if parameter.style == "deepObject":
        return [(f"{parameter.name}[{key}]", text) for key, text in parts]
    if parameter.explode or not parts:
        return parts
    return [(parameter.name, ",".join(f"{quote_plus(key)},{text}" for key, text in parts))]


def _in_header(parameter: Parameter, value: Any) -> str:
    encoded = encoding.encode(value)
    if is_array(encoded):
        return ",".join(encoding.text(item) for item in encoded)
    if is_object(encoded):
        separator = "=" if parameter.explode else ","
        return ",".join(f"{key}{separator}{encoding.text(part)}" for key, part in encoded.items())
    return encoding.text(encoded)


def _multipart(parts: Iterable[tuple[str, FileTypes]]) -> tuple[str, bytes]:
    """Return the `Content-Type` and the body of parts; the boundary is a hash of their content."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL

    heads: list[bytes] = []
    contents: list[bytes] = []
    for name, (file_name, content, media_type, *_) in parts:
        disposition = f'form-data; name="{_quoted(name)}"'
        if file_name is not None:
            disposition += f'; filename="{_quoted(file_name)}"'
        head = f"Content-Disposition: {disposition}\r\n"
        if media_type is not None:
            head += f"Content-Type: {quote(media_type, safe='/;=+.-_ *')}\r\n"
        read = content if isinstance(content, bytes | str) else content.read()
        heads.append(head.encode())
        contents.append(read.encode() if isinstance(read, str) else read)
    digest = hashlib.sha256(b"\0".join([*heads, *contents]))
    boundary = digest.hexdigest()
    body = b"".join(
        b"--%b\r\n%b\r\n%b\r\n" % (boundary.encode(), head, content)
        for head, content in zip(heads, contents, strict=True)
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _quoted(text: str) -> str:
    """Escape a name for use in quotes, as browsers do (RFC 7578, section 2)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
