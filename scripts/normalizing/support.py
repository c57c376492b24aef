"""Selects what clients support of a document's operations, and writes its schemas.

An operation without a part that calls need is left out; other parts are left out of it.

Source: OpenAPI 3.1.1, sections Parameter Object and Media Type Object.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from attrs import define, evolve, field
from openapi_python_client.strings import pascal_case

from normalizing.findings import (
    ConversionNote,
    UnreadableSchemaError,
    UnsupportedConstruct,
    unreadable,
)
from normalizing.located import json_path
from normalizing.operations import (
    ApiDescription,
    Media,
    NormalOperation,
    NormalParameter,
    NormalResponse,
    RequestBody,
)
from normalizing.shapes import Raw
from normalizing.wire import is_event_stream
from normalizing.writing import NormalSchema, SchemaWriter, alternatives

_BODILESS: Final = {"head": "its responses have no body", "trace": "its response is the request"}

_STYLES: Final[dict[str, set[str]]] = {
    "path": {"simple"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}

#: Header parameters that OpenAPI ignores: other parts of the document describe them.
_IGNORED: Final = {"accept", "content-type"}

#: The order of preference of media types, both for responses and for request bodies.
_ORDER: Final = ("json", "form", "multipart", "text", "bytes")

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


class UnsupportedError(Exception):
    """An operation is valid, but clients do not support it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@define
class OperationWriter:
    """Writes the supported operations of one document.

    Attributes:
        api: What the document describes.
        writer: The writer of its schemas.
        left_out: A line for each part that clients do not support, with the reason.
        title: The current operation's name in these lines.
    """

    api: ApiDescription
    writer: SchemaWriter
    left_out: list[str] = field(factory=list)
    title: str = ""

    def write(self) -> Iterator[NormalOperation]:
        """Yield every supported operation; the writer records the problems of the others."""
        modules: dict[tuple[str, str], str] = {}
        unsent: dict[tuple[str, str], list[str]] = {}
        for name, problem in self.api.unreadable.items():
            self.writer.owner = name
            self.writer.fail(problem)
        for operation in self.api.operations:
            self.writer.owner = operation.name
            self.title = f"{operation.name} ({operation.name_source})"
            try:
                _check_path(operation)
                _check_supported(operation)
                for problem in operation.problems:
                    self.writer.fail(problem)
                if not operation.problems:
                    written = self._operation(operation)
                    first = modules.setdefault(operation.module, operation.name)
                    if first != operation.name:
                        self._same_module(operation, first)
                    for scheme, what in self.api.unsent_credentials(operation).items():
                        unsent.setdefault((scheme, what), []).append(operation.name)
                    yield written
            except UnreadableSchemaError as error:
                self.writer.fail(error.problem)
            except UnsupportedError as error:
                self._leave_out(error.reason)
        for (scheme, what), names in unsent.items():
            more = f" and {len(names) - 1} more" if names[1:] else ""
            self.left_out.append(
                f"security scheme {scheme!r} of {names[0]}{more}: the client sends its key as a "
                f"bearer token, but this is {what}; if it is wrong, correct it in the overlay"
            )

    def _leave_out(self, reason: str) -> None:
        self.left_out.append(f"{self.title}: {reason}")

    def _note(self, pointer: str, text: str) -> None:
        self.api.notes[ConversionNote(pointer, text)] = None

    def _same_module(self, operation: NormalOperation, first: str) -> None:
        fix = {
            "target": json_path(operation.pointer),
            "description": f"Its name would be that of {first}.",
            "update": {
                "operationId": f"{operation.name_source}_{operation.method}_{operation.raw_path}"
            },
        }
        module = "/".join(operation.module)
        reason = f"would be api/{module}.py, and so would {first}"
        self.writer.fail(UnsupportedConstruct(operation.pointer, reason, fix))

    def _operation(self, operation: NormalOperation) -> NormalOperation:
        name = pascal_case(operation.name_source)
        parameters = tuple(self._parameters(operation, name))
        _check_variables(operation, parameters)
        return evolve(
            operation,
            parameters=(*parameters, *_fixed(operation)),
            body=self._body(operation.body, f"{name}Body") if operation.body else None,
            responses=tuple(self._response(response, name) for response in operation.responses),
        )

    # Requests.

    def _parameters(self, operation: NormalOperation, name: str) -> Iterator[NormalParameter]:
        in_query = {variable: key for key, variable in _query_variables(operation)}
        for described in operation.parameters:
            parameter = described
            if parameter.place == "path" and parameter.name in in_query:
                key = in_query[parameter.name]
                parameter = evolve(parameter, place="query", name=key, serialization={})
            if parameter.place == "header" and parameter.name.lower() in _IGNORED:
                text = f"OpenAPI ignores the header parameter {parameter.name!r}: left out"
                self._note(parameter.pointer, text)
            elif reason := _unsent(parameter):
                text = f"its {parameter.place} parameter {parameter.name!r}, which {reason}"
                self._leave_out(text)
            elif parameter.source is not None:
                schema = self._schema(parameter.source, f"{name}{pascal_case(parameter.name)}")
                yield evolve(parameter, schema=schema)

    def _body(self, body: RequestBody, name: str) -> RequestBody | None:
        """Return a body in each kind of media type that is sent; None if there is none."""
        supported = [media for media in body.content if media.kind]
        typed = {m.kind: m for m in reversed(supported) if m.kind != "bytes"}
        ranked = sorted(typed.values(), key=_rank) or supported[:1]
        for media in body.content:
            if not media.kind:
                self._leave_out(f"its body of {media.type}, which cannot be sent")
            elif media not in ranked:
                self._note(media.pointer, f"{media.type} is not sent: {ranked[0].type} is")
        content: list[Media] = []
        for media in ranked:
            kind = str(media.kind).title() if ranked[1:] else ""
            written = self._media(media, f"{name}{kind}")
            if media.kind != "multipart" or _has_parts(written.schema):
                content.append(written)
            elif len(ranked) > 1:
                self._leave_out(f"its body of {media.type}, whose schema is not an object")
            else:
                raise unreadable(media.pointer, "has no parts: its schema is not an object")
        return evolve(body, content=tuple(content)) if content else None

    # Responses.

    def _response(self, response: NormalResponse, name: str) -> NormalResponse:
        read = sorted((media for media in response.content if media.kind), key=_rank)[:1]
        if response.status.startswith("2"):
            for media in response.content:
                if media not in read:
                    self._leave_out(_unread(response.status, media, read))
        status = "Default" if response.status == "default" else response.status
        content = tuple(self._media(media, f"{name}Response{status}") for media in read)
        return evolve(response, content=content)

    def _media(self, media: Media, name: str) -> Media:
        return evolve(media, schema=self._schema(media.source, name) if media.source else None)

    def _schema(self, source: Raw, name: str) -> NormalSchema:
        given_name = source.value.get("x-name") if isinstance(source.value, dict) else None
        return self.writer.write((evolve(source, name=str(given_name or name)),))


def removal(pointer: str) -> dict[str, Any]:
    """Return the overlay action that removes an operation."""
    description = "The client omits this operation: it is not supported."
    return {"target": json_path(pointer), "description": description, "remove": True}


def _has_parts(schema: NormalSchema | None) -> bool:
    """Whether a schema allows objects only, which have the parts of a multipart body."""
    return all("$ref" in part for part in alternatives(schema))


def _rank(media: Media) -> int:
    return _ORDER.index(str(media.kind))


def _unsent(parameter: NormalParameter) -> str:
    """Return why a parameter cannot be sent; empty if it can."""
    if parameter.source is None:
        return "is a document within the request"
    is_sent = parameter.style in _STYLES[parameter.place]
    return "" if is_sent else f"has the style {parameter.style}"


def _unread(status: str, media: Media, read: list[Media]) -> str:
    """Return why a media type of a successful response is not read."""
    if is_event_stream(media.type):
        return f"the event stream of its response ({status}), which has no end to wait for"
    return f"its response ({status}) of {media.type}, since {read[0].type} is read"


def _check_supported(operation: NormalOperation) -> None:
    """Check that clients support an operation, before any of its schemas is written.

    Raises:
        UnsupportedError: They do not.
    """
    if operation.method in _BODILESS:
        raise UnsupportedError(f"the method, since {_BODILESS[operation.method]}")
    for parameter in operation.parameters:
        if parameter.required and (reason := _unsent(parameter)):
            raise UnsupportedError(f"its {parameter.place} parameter {parameter.name!r} {reason}")
    if operation.body and operation.body.required:
        types = [media.type for media in operation.body.content]
        if types and not any(media.kind for media in operation.body.content):
            raise UnsupportedError(f"its body of {' or '.join(types)} cannot be sent")
    for response in operation.responses:
        types = [media.type for media in response.content]
        is_read = any(media.kind for media in response.content)
        if types and response.status.startswith("2") and not is_read:
            reason = f"its response ({response.status}) of {' or '.join(types)} cannot be read"
            if all(map(is_event_stream, types)):
                what = f"its response ({response.status}) is an event stream"
                reason = f"{what}, which has no end to wait for"
            raise UnsupportedError(reason)


def _check_path(operation: NormalOperation) -> None:
    path, where = operation.raw_path, operation.pointer
    if not re.fullmatch(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%{}/?#]*", path):
        raise unreadable(where, f"is at {path!r:.200}, which is not a URL path")
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise unreadable(where, f"is at the path {path!r:.200}, which has `.` or `..` segments")


def _check_variables(operation: NormalOperation, parameters: tuple[NormalParameter, ...]) -> None:
    variables = _VARIABLE.findall(operation.path)
    described = [parameter.name for parameter in parameters if parameter.place == "path"]
    if len(set(variables)) != len(variables):
        raise unreadable(operation.pointer, "has one parameter twice in its path")
    if missing := [name for name in variables if name not in described]:
        raise unreadable(operation.pointer, f"does not describe {missing[0]!r:.80} of its path")
    if extra := [name for name in described if name not in variables]:
        reason = f"describes {extra[0]!r:.80}, which its path does not have"
        raise unreadable(operation.pointer, reason)
    sent = {parameter.name for parameter in parameters if parameter.place == "query"}
    if missing := [name for key, name in _query_variables(operation) if key not in sent]:
        raise unreadable(operation.pointer, f"does not describe {missing[0]!r:.80} of its query")


def _query(operation: NormalOperation) -> list[tuple[str, str]]:
    """Return the names and values in the query of a path."""
    query = operation.raw_path.partition("#")[0].partition("?")[2]
    return parse_qsl(query, keep_blank_values=True)


def _query_variables(operation: NormalOperation) -> Iterator[tuple[str, str]]:
    """Yield the names in the query of a path whose values are variables, with the variables."""
    for name, value in _query(operation):
        if variable := _VARIABLE.fullmatch(value):
            yield name, variable[1]


def _fixed(operation: NormalOperation) -> Iterator[NormalParameter]:
    """Yield the parameters in the query of a path whose values are fixed."""
    variables = dict(_query_variables(operation))
    for name, value in _query(operation):
        if name in variables:
            continue
        if _VARIABLE.search(value):
            reason = f"has {value!r:.80} in its query, which is partly a variable"
            raise unreadable(operation.pointer, reason)
        yield NormalParameter(
            name=name,
            place="query",
            required=True,
            schema=NormalSchema(const=value, default=value),
            description="Fixed by the path of the operation.",
            pointer=operation.pointer,
        )
