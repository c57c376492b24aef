"""Operations in the normal form: requests and responses, with every reference resolved.

Source: OpenAPI 3.1.1, sections Paths Object, Operation Object, Parameter Object, Media Type Object.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from attrs import define, field, frozen
from openapi_python_client.strings import PythonIdentifier, pascal_case

from normalizing import references, support
from normalizing.findings import (
    ConversionNote,
    UnreadableSchemaError,
    UnsupportedConstruct,
    unreadable,
)
from normalizing.located import LocatedObject, child, json_path, place, pointer_of
from normalizing.shapes import Raw
from normalizing.support import UnsupportedError, media_kind
from normalizing.writing import NormalSchema, SchemaWriter

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_PLACES: Final = ("path", "query", "header", "cookie")

#: Header parameters that OpenAPI ignores: other parts of the document describe them.
_IGNORED: Final = {"accept", "content-type"}

#: The order of preference of media types, both for responses and for request bodies.
_ORDER: Final = ("json", "form", "multipart", "text", "bytes")

_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


@frozen(kw_only=True)
class NormalParameter:
    """A parameter of an operation.

    Attributes:
        name: As it is sent.
        place: `path`, `query`, `header` or `cookie`.
        required: Whether it must be sent.
        schema: Its schema, in the normal form.
        description: Its description in the document.
        style: Its serialization style, or None for the default of its place.
        explode: Whether its items are serialized separately, or None for the default.
        pointer: Its JSON pointer in the published document.
    """

    name: str
    place: str
    required: bool
    schema: NormalSchema
    description: str | None
    style: str | None = None
    explode: bool | None = None
    pointer: str


@frozen(kw_only=True)
class Media:
    """The body of a request or response in one media type.

    Attributes:
        type: The media type as the document has it.
        kind: `json`, `text`, `bytes`, `form` or `multipart`.
        schema: In the normal form; None where there is none.
        pointer: Its JSON pointer in the published document.
    """

    type: str
    kind: str
    schema: NormalSchema | None
    pointer: str


@frozen(kw_only=True)
class NormalResponse:
    """The response of an operation with one status.

    Attributes:
        status: As the document has it: `200`, `4XX` or `default`.
        media: The body; None for no body.
        description: Its description in the document.
        pointer: Its JSON pointer in the published document.
    """

    status: str
    media: Media | None
    description: str | None
    pointer: str


@frozen(kw_only=True)
class NormalOperation:
    """One operation.

    Attributes:
        id: Its `operationId`, if it has one.
        method: In lower case.
        path: As in the document, without its query.
        raw_path: As in the document.
        tags: Its tags.
        summary: A short text.
        description: A longer text.
        is_secured: Whether credentials are sent; False if the document has `security: []`.
        is_deprecated: Whether the document advises against it.
        servers: The URLs of its own servers.
        parameters: All parameters, including those of its path item.
        bodies: The request bodies, by media type.
        is_body_required: Whether a request body is required.
        responses: The responses, by status.
        pointer: Its JSON pointer in the published document.
    """

    id: str | None
    method: str
    path: str
    raw_path: str
    tags: tuple[str, ...]
    summary: str | None
    description: str | None
    is_secured: bool
    is_deprecated: bool = False
    servers: tuple[str, ...] = ()
    parameters: tuple[NormalParameter, ...] = ()
    bodies: tuple[Media, ...] = ()
    is_body_required: bool = False
    responses: tuple[NormalResponse, ...] = ()
    pointer: str

    @property
    def name(self) -> str:
        """Its method and path, as shown to users."""
        return f"{self.method.upper()} {self.raw_path}"

    @property
    def name_source(self) -> str:
        """The text that its function is named after: its id, or else its method and path."""
        return self.id or _name_without_id(self.method, self.raw_path)

    @property
    def module(self) -> tuple[str, str]:
        """The module of its function: the folder of the tag, and the file."""
        tag = (*self.tags, "default")[0]
        return PythonIdentifier(tag, "tag"), PythonIdentifier(self.name_source, "field_")


@define
class OperationReader:
    """Reads the operations of one document.

    Attributes:
        document: The document, with pointers in every part.
        writer: The writer of its schemas.
        notes: The ignored parts that nothing needs.
        met: The pointer of each operation, including unreadable ones, by its name.
        left_out: A line for each part that clients do not support, with the reason.
        title: The current operation's name in these lines.
    """

    document: LocatedObject
    writer: SchemaWriter
    notes: dict[ConversionNote, None] = field(factory=dict)
    met: dict[str, str] = field(factory=dict)
    left_out: list[str] = field(factory=list)
    title: str = ""

    def read(self) -> Iterator[NormalOperation]:
        """Yield every readable operation; the writer records the problems of the others."""
        paths = self.document.get("paths")
        modules: dict[tuple[str, str], str] = {}
        for path, item in paths.items() if isinstance(paths, dict) else ():
            where = place(paths, path)
            try:
                path_item = references.follow(self.document, item, where)
                if not isinstance(path_item, dict):
                    raise unreadable(where, "is not a Path Item Object")
            except UnreadableSchemaError as error:
                self.writer.owner = path
                self.met[path] = where
                self.writer.fail(error.problem)
                continue
            for method in METHODS:
                if method in path_item:
                    self.writer.owner = f"{method.upper()} {path}"
                    self.met[self.writer.owner] = place(path_item, method)
                    try:
                        operation = self._operation(path, method, path_item)
                        first = modules.setdefault(operation.module, operation.name)
                        if first != operation.name:
                            self._same_module(operation, first)
                        yield operation
                    except UnreadableSchemaError as error:
                        self.writer.fail(error.problem)
                    except UnsupportedError as error:
                        self._leave_out(error.reason)

    def _leave_out(self, reason: str) -> None:
        self.left_out.append(f"{self.title}: {reason}")

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

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> NormalOperation:
        operation, where = item[method], place(item, method)
        if not isinstance(operation, dict):
            raise unreadable(where, "is not an Operation Object")
        _check_path(path, where)
        bare, _, query = path.partition("?")
        identifier = operation.get("operationId")
        function_source = str(identifier or _name_without_id(method, path))
        self.title = f"{method.upper()} {path} ({function_source})"
        self._check_supported(method, item, operation)
        name = pascal_case(function_source)
        parameters = self._parameters(item, operation, name)
        fixed = self._fixed(query, where) if query else ()
        self._check_variables(bare, parameters, where)
        bodies, is_required = self._bodies(operation, name)
        tags = operation.get("tags")
        return NormalOperation(
            id=identifier if isinstance(identifier, str) else None,
            method=method,
            path=bare,
            raw_path=path,
            tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
            summary=_text(operation, "summary"),
            description=_text(operation, "description"),
            is_secured=operation.get("security", self.document.get("security")) != [],
            is_deprecated=bool(operation.get("deprecated")),
            servers=tuple(_urls(operation.get("servers", item.get("servers")))),
            parameters=(*parameters, *fixed),
            bodies=bodies,
            is_body_required=is_required,
            responses=self._responses(operation, name, where),
            pointer=where,
        )

    def _check_supported(
        self, method: str, item: dict[str, Any], operation: dict[str, Any]
    ) -> None:
        """Check that clients support an operation, before any of its schemas is written.

        Raises:
            UnsupportedError: They do not.
            UnreadableSchemaError: A reference has no target.
        """
        support.check_method(method)
        for parameter in [*_list(item, "parameters"), *_list(operation, "parameters")]:
            resolved = self._followed(parameter)
            location, name = str(resolved.get("in")), str(resolved.get("name"))
            is_required = resolved.get("required") is True or location == "path"
            if (
                is_required
                and location in _PLACES
                and (reason := support.parameter(resolved, location))
            ):
                raise UnsupportedError(f"its {location} parameter {name!r} {reason}")
        body = self._followed(operation.get("requestBody"))
        if body.get("required") is True:
            support.check_body(_content(body))
        responses = operation.get("responses")
        for status, response in responses.items() if isinstance(responses, dict) else ():
            support.check_response(_content(self._followed(response)), status)

    def _followed(self, part: Any) -> dict[str, Any]:
        """Return an object, with its reference resolved; empty if it is not an object."""
        resolved = references.follow(self.document, part, pointer_of(part, "#"))
        return resolved if isinstance(resolved, dict) else {}

    def _note(self, pointer: str, text: str) -> None:
        self.notes[ConversionNote(pointer, text)] = None

    # Requests.

    def _parameters(
        self, item: dict[str, Any], operation: dict[str, Any], name: str
    ) -> tuple[NormalParameter, ...]:
        own: dict[tuple[str, str], NormalParameter] = {}
        inherited: dict[tuple[str, str], NormalParameter] = {}
        for holder, into in ((operation, own), (item, inherited)):
            listed = holder.get("parameters", [])
            if not isinstance(listed, list):
                raise unreadable(place(holder, "parameters"), "is not a list of parameters")
            for index, part in enumerate(listed):
                where = place(listed, index)
                parameter = self._parameter(
                    references.follow(self.document, part, where), where, name
                )
                if parameter is None:
                    continue
                key = (parameter.place, parameter.name)
                if key in into:
                    raise unreadable(where, f"is a second {key[0]} parameter {key[1]!r:.80}")
                into[key] = parameter
        return tuple({**own, **{k: p for k, p in inherited.items() if k not in own}}.values())

    def _parameter(self, parameter: Any, where: str, operation_name: str) -> NormalParameter | None:
        if not isinstance(parameter, dict) or parameter.get("in") not in _PLACES:
            raise unreadable(where, "is not a parameter in a path, query, header or cookie")
        name, location = parameter.get("name"), str(parameter["in"])
        if not isinstance(name, str) or not name:
            raise unreadable(where, "is a parameter without a name")
        pointer = pointer_of(parameter, where)
        if location == "header" and name.lower() in _IGNORED:
            self._note(pointer, f"OpenAPI ignores the header parameter {name!r}: left out")
            return None
        if reason := support.parameter(parameter, location):
            self._leave_out(f"its {location} parameter {name!r}, which {reason}")
            return None
        class_name = f"{operation_name}{pascal_case(name)}"
        schema = self.writer.write((self._raw(parameter, "schema", class_name),))
        return NormalParameter(
            name=name,
            place=location,
            required=parameter.get("required") is True or location == "path",
            schema=schema,
            description=_text(parameter, "description"),
            style=parameter.get("style") if isinstance(parameter.get("style"), str) else None,
            explode=parameter.get("explode")
            if isinstance(parameter.get("explode"), bool)
            else None,
            pointer=pointer,
        )

    @staticmethod
    def _fixed(query: str, where: str) -> tuple[NormalParameter, ...]:
        """Return the parameters in the query of a path."""
        return tuple(
            NormalParameter(
                name=name,
                place="query",
                required=True,
                schema=NormalSchema(const=value, default=value),
                description="Fixed by the path of the operation.",
                pointer=where,
            )
            for name, value in parse_qsl(query, keep_blank_values=True)
        )

    @staticmethod
    def _check_variables(path: str, parameters: tuple[NormalParameter, ...], where: str) -> None:
        variables = _VARIABLE.findall(path)
        described = [p.name for p in parameters if p.place == "path"]
        if len(set(variables)) != len(variables):
            raise unreadable(where, "has one parameter twice in its path")
        if missing := [name for name in variables if name not in described]:
            raise unreadable(where, f"does not describe {missing[0]!r:.80} of its path")
        if extra := [name for name in described if name not in variables]:
            raise unreadable(where, f"describes {extra[0]!r:.80}, which its path does not have")

    def _bodies(self, operation: dict[str, Any], name: str) -> tuple[tuple[Media, ...], bool]:
        if "requestBody" not in operation:
            return (), False
        where = place(operation, "requestBody")
        body = references.follow(self.document, operation["requestBody"], where)
        if not isinstance(body, dict) or not isinstance(body.get("content"), dict):
            raise unreadable(where, "is not a Request Body Object")
        medias = self._medias(body, f"{name}Body")
        if not medias:
            return (), False
        return tuple(medias), body.get("required") is True

    # Responses.

    def _responses(
        self, operation: dict[str, Any], name: str, where: str
    ) -> tuple[NormalResponse, ...]:
        responses = operation.get("responses")
        if not isinstance(responses, dict):
            raise unreadable(where, "has no `responses`")
        result: list[NormalResponse] = []
        for status in responses:
            if re.fullmatch("[1-5]([0-9][0-9]|XX)|default", status):
                result.append(self._response(responses, status, name))
            elif not status.startswith("x-"):
                self._note(place(responses, status), f"{status!r:.40} is not a status: left out")
        return tuple(result)

    def _response(self, responses: dict[str, Any], status: str, name: str) -> NormalResponse:
        where = place(responses, status)
        response = references.follow(self.document, responses[status], where)
        if not isinstance(response, dict):
            raise unreadable(where, "is not a Response Object")
        class_name = f"{name}Response{'Default' if status == 'default' else status}"
        medias = self._medias(response, class_name, status)
        return NormalResponse(
            status=status,
            media=medias[0] if medias else None,
            description=_text(response, "description"),
            pointer=pointer_of(response, where),
        )

    def _medias(self, holder: dict[str, Any], name: str, status: str = "") -> list[Media]:
        """Return the supported media types of a request, or with a status of a response."""
        content = holder.get("content")
        if content is None:
            return []
        if not isinstance(content, dict):
            raise unreadable(place(holder, "content"), "is not a map of media types")
        kind_or_none = {type_: media_kind(type_, sent=not status) for type_ in content}
        kinds = {type_: kind for type_, kind in kind_or_none.items() if kind}
        ranked = sorted(kinds, key=lambda type_: _ORDER.index(kinds[type_]))
        chosen = ranked[:1]
        if status:
            for reason in support.ignored_media(content, status, *chosen):
                self._leave_out(reason)
        else:
            typed = [type_ for type_ in reversed(ranked) if kinds[type_] != "bytes"]
            chosen = list({kinds[type_]: type_ for type_ in typed}.values())[::-1] or chosen
            for type_ in content:
                if type_ not in kinds:
                    self._leave_out(f"its body of {type_}, which cannot be sent")
                elif type_ not in chosen:
                    where = child(pointer_of(content, "#"), type_)
                    self._note(where, f"{type_} is not sent: {chosen[0]} is")
        several = len(chosen) > 1
        return [
            self._media(content, t, f"{name}{kinds[t].title()}" if several else name, kinds[t])
            for t in chosen
        ]

    def _media(self, content: dict[str, Any], type_: str, name: str, kind: str) -> Media:
        media, where = content[type_], place(content, type_)
        if not isinstance(media, dict):
            raise unreadable(where, "is not a Media Type Object")
        schema = None
        if "schema" in media:
            schema = self.writer.write((self._raw(media, "schema", name),))
        if kind == "multipart" and not all("$ref" in part for part in alternatives(schema)):
            raise unreadable(where, "has no parts: its schema is not an object")
        return Media(type=type_, kind=kind, schema=schema, pointer=where)

    def _raw(self, holder: dict[str, Any], key: str, name: str) -> Raw:
        value = holder[key]
        given_name = value.get("x-name") if isinstance(value, dict) else None
        return Raw(value, place(holder, key), str(given_name or name))


def alternatives(schema: NormalSchema | None) -> list[NormalSchema]:
    """Return the alternatives of a schema in the normal form."""
    schema = schema if schema is not None else NormalSchema()
    parts: list[NormalSchema] = schema.get("anyOf", [schema])
    return parts


def _check_path(path: str, where: str) -> None:
    if not re.fullmatch(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%{}/?]*", path):
        raise unreadable(where, f"is at {path!r:.200}, which is not a URL path")
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise unreadable(where, f"is at the path {path!r:.200}, which has `.` or `..` segments")


def removal(pointer: str) -> dict[str, Any]:
    """Return the overlay action that removes an operation."""
    description = "The client omits this operation: it is not supported."
    return {"target": json_path(pointer), "description": description, "remove": True}


def _name_without_id(method: str, path: str) -> str:
    """Return the name of an operation without an id."""
    segments = path.replace("{", "").replace("}", "").replace("/", "_")
    return f"{method}_{segments.removeprefix('_').removesuffix('_')}"


def _content(holder: dict[str, Any]) -> dict[str, Any]:
    content = holder.get("content")
    return content if isinstance(content, dict) else {}


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    value = holder.get(key)
    return value if isinstance(value, list) else []


def _urls(servers: Any) -> Iterator[str]:
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            yield server["url"]


def _text(holder: dict[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return value if isinstance(value, str) else None


__all__ = [
    "METHODS",
    "Media",
    "NormalOperation",
    "NormalParameter",
    "NormalResponse",
    "OperationReader",
    "UnsupportedConstruct",
]
