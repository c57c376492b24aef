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
    def called(self) -> str:
        """The text that its function is named after: its id, or else its method and path."""
        return self.id or _called(self.method, self.raw_path)

    @property
    def module(self) -> tuple[str, str]:
        """The module of its function: the folder of the tag, and the file."""
        tag = (*self.tags, "default")[0]
        return PythonIdentifier(tag, "tag"), PythonIdentifier(self.called, "field_")


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
                found = references.follow(self.document, item, where)
                if not isinstance(found, dict):
                    raise unreadable(where, "is not a Path Item Object")
            except UnreadableSchemaError as error:
                self.writer.owner = path
                self.met[path] = where
                self.writer.fail(error.problem)
                continue
            for method in METHODS:
                if method in found:
                    self.writer.owner = f"{method.upper()} {path}"
                    self.met[self.writer.owner] = place(found, method)
                    try:
                        operation = self._operation(path, method, found)
                        first = modules.setdefault(operation.module, operation.name)
                        if first != operation.name:
                            self._same_module(operation, first)
                        yield operation
                    except UnreadableSchemaError as error:
                        self.writer.fail(error.problem)
                    except UnsupportedError as error:
                        self._leave_out(error.reason)

    def _leave_out(self, words: str) -> None:
        self.left_out.append(f"{self.title}: {words}")

    def _same_module(self, operation: NormalOperation, first: str) -> None:
        mend = {
            "target": json_path(operation.pointer),
            "description": f"Its name would be that of {first}.",
            "update": {
                "operationId": f"{operation.called}_{operation.method}_{operation.raw_path}"
            },
        }
        module = "/".join(operation.module)
        words = f"would be api/{module}.py, and so would {first}"
        self.writer.fail(UnsupportedConstruct(operation.pointer, words, mend))

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> NormalOperation:
        said, where = item[method], place(item, method)
        if not isinstance(said, dict):
            raise unreadable(where, "is not an Operation Object")
        _check_path(path, where)
        bare, _, asked = path.partition("?")
        identifier = said.get("operationId")
        called = str(identifier or _called(method, path))
        self.title = f"{method.upper()} {path} ({called})"
        self._check_supported(method, item, said)
        name = pascal_case(called)
        parameters = self._parameters(item, said, name)
        fixed = self._fixed(asked, where) if asked else ()
        self._check_variables(bare, parameters, where)
        bodies, is_required = self._bodies(said, name)
        tags = said.get("tags")
        return NormalOperation(
            id=identifier if isinstance(identifier, str) else None,
            method=method,
            path=bare,
            raw_path=path,
            tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
            summary=_text(said, "summary"),
            description=_text(said, "description"),
            is_secured=said.get("security", self.document.get("security")) != [],
            is_deprecated=bool(said.get("deprecated")),
            servers=tuple(_urls(said.get("servers", item.get("servers")))),
            parameters=(*parameters, *fixed),
            bodies=bodies,
            is_body_required=is_required,
            responses=self._responses(said, name, where),
            pointer=where,
        )

    def _check_supported(self, method: str, item: dict[str, Any], said: dict[str, Any]) -> None:
        """Check that clients support an operation, before any of its schemas is written.

        Raises:
            UnsupportedError: They do not.
            UnreadableSchemaError: A reference has no target.
        """
        support.check_method(method)
        for parameter in [*_list(item, "parameters"), *_list(said, "parameters")]:
            one = self._followed(parameter)
            into, name = str(one.get("in")), str(one.get("name"))
            is_required = one.get("required") is True or into == "path"
            if is_required and into in _PLACES and (why := support.parameter(one, into)):
                raise UnsupportedError(f"its {into} parameter {name!r} {why}")
        body = self._followed(said.get("requestBody"))
        if body.get("required") is True:
            support.check_body(_content(body))
        responses = said.get("responses")
        for status, response in responses.items() if isinstance(responses, dict) else ():
            support.check_response(_content(self._followed(response)), status)

    def _followed(self, part: Any) -> dict[str, Any]:
        """Return an object, with its reference resolved; empty if it is not an object."""
        found = references.follow(self.document, part, pointer_of(part, "#"))
        return found if isinstance(found, dict) else {}

    def _note(self, pointer: str, text: str) -> None:
        self.notes[ConversionNote(pointer, text)] = None

    # Requests.

    def _parameters(
        self, item: dict[str, Any], said: dict[str, Any], name: str
    ) -> tuple[NormalParameter, ...]:
        found: dict[tuple[str, str], NormalParameter] = {}
        inherited: dict[tuple[str, str], NormalParameter] = {}
        for holder, into in ((said, found), (item, inherited)):
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
        return tuple({**found, **{k: p for k, p in inherited.items() if k not in found}}.values())

    def _parameter(self, said: Any, where: str, operation: str) -> NormalParameter | None:
        if not isinstance(said, dict) or said.get("in") not in _PLACES:
            raise unreadable(where, "is not a parameter in a path, query, header or cookie")
        name, into = said.get("name"), str(said["in"])
        if not isinstance(name, str) or not name:
            raise unreadable(where, "is a parameter without a name")
        pointer = pointer_of(said, where)
        if into == "header" and name.lower() in _IGNORED:
            self._note(pointer, f"OpenAPI ignores the header parameter {name!r}: left out")
            return None
        if why := support.parameter(said, into):
            self._leave_out(f"its {into} parameter {name!r}, which {why}")
            return None
        called = f"{operation}{pascal_case(name)}"
        schema = self.writer.write((self._raw(said, "schema", called),))
        return NormalParameter(
            name=name,
            place=into,
            required=said.get("required") is True or into == "path",
            schema=schema,
            description=_text(said, "description"),
            style=said.get("style") if isinstance(said.get("style"), str) else None,
            explode=said.get("explode") if isinstance(said.get("explode"), bool) else None,
            pointer=pointer,
        )

    @staticmethod
    def _fixed(asked: str, where: str) -> tuple[NormalParameter, ...]:
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
            for name, value in parse_qsl(asked, keep_blank_values=True)
        )

    @staticmethod
    def _check_variables(path: str, parameters: tuple[NormalParameter, ...], where: str) -> None:
        wanted = _VARIABLE.findall(path)
        described = [p.name for p in parameters if p.place == "path"]
        if len(set(wanted)) != len(wanted):
            raise unreadable(where, "has one parameter twice in its path")
        if missing := [name for name in wanted if name not in described]:
            raise unreadable(where, f"does not describe {missing[0]!r:.80} of its path")
        if extra := [name for name in described if name not in wanted]:
            raise unreadable(where, f"describes {extra[0]!r:.80}, which its path does not have")

    def _bodies(self, said: dict[str, Any], name: str) -> tuple[tuple[Media, ...], bool]:
        if "requestBody" not in said:
            return (), False
        where = place(said, "requestBody")
        body = references.follow(self.document, said["requestBody"], where)
        if not isinstance(body, dict) or not isinstance(body.get("content"), dict):
            raise unreadable(where, "is not a Request Body Object")
        medias = self._medias(body, f"{name}Body")
        if not medias:
            return (), False
        return tuple(medias), body.get("required") is True

    # Responses.

    def _responses(self, said: dict[str, Any], name: str, where: str) -> tuple[NormalResponse, ...]:
        listed = said.get("responses")
        if not isinstance(listed, dict):
            raise unreadable(where, "has no `responses`")
        found: list[NormalResponse] = []
        for status in listed:
            if re.fullmatch("[1-5]([0-9][0-9]|XX)|default", status):
                found.append(self._response(listed, status, name))
            elif not status.startswith("x-"):
                self._note(place(listed, status), f"{status!r:.40} is not a status: left out")
        return tuple(found)

    def _response(self, listed: dict[str, Any], status: str, name: str) -> NormalResponse:
        where = place(listed, status)
        found = references.follow(self.document, listed[status], where)
        if not isinstance(found, dict):
            raise unreadable(where, "is not a Response Object")
        called = f"{name}Response{'Default' if status == 'default' else status}"
        medias = self._medias(found, called, status)
        return NormalResponse(
            status=status,
            media=medias[0] if medias else None,
            description=_text(found, "description"),
            pointer=pointer_of(found, where),
        )

    def _medias(self, holder: dict[str, Any], name: str, status: str = "") -> list[Media]:
        """Return the supported media types of a request, or with a status of a response."""
        content = holder.get("content")
        if content is None:
            return []
        if not isinstance(content, dict):
            raise unreadable(place(holder, "content"), "is not a map of media types")
        found = {type_: media_kind(type_, sent=not status) for type_ in content}
        kinds = {type_: kind for type_, kind in found.items() if kind}
        ranked = sorted(kinds, key=lambda type_: _ORDER.index(kinds[type_]))
        kept = ranked[:1]
        if status:
            for words in support.ignored_media(content, status, *kept):
                self._leave_out(words)
        else:
            typed = [type_ for type_ in reversed(ranked) if kinds[type_] != "bytes"]
            kept = list({kinds[type_]: type_ for type_ in typed}.values())[::-1] or kept
            for type_ in content:
                if type_ not in kinds:
                    self._leave_out(f"its body of {type_}, which cannot be sent")
                elif type_ not in kept:
                    where = child(pointer_of(content, "#"), type_)
                    self._note(where, f"{type_} is not sent: {kept[0]} is")
        several = len(kept) > 1
        return [
            self._media(content, t, f"{name}{kinds[t].title()}" if several else name, kinds[t])
            for t in kept
        ]

    def _media(self, content: dict[str, Any], type_: str, name: str, kind: str) -> Media:
        said, where = content[type_], place(content, type_)
        if not isinstance(said, dict):
            raise unreadable(where, "is not a Media Type Object")
        schema = None
        if "schema" in said:
            schema = self.writer.write((self._raw(said, "schema", name),))
        if kind == "multipart" and not all("$ref" in part for part in alternatives(schema)):
            raise unreadable(where, "has no parts: its schema is not an object")
        return Media(type=type_, kind=kind, schema=schema, pointer=where)

    def _raw(self, holder: dict[str, Any], key: str, name: str) -> Raw:
        value = holder[key]
        called = value.get("x-name") if isinstance(value, dict) else None
        return Raw(value, place(holder, key), str(called or name))


def alternatives(schema: NormalSchema | None) -> list[NormalSchema]:
    """Return the alternatives of a schema in the normal form."""
    schema = schema if schema is not None else NormalSchema()
    found: list[NormalSchema] = schema.get("anyOf", [schema])
    return found


def _check_path(path: str, where: str) -> None:
    if not re.fullmatch(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@%{}/?]*", path):
        raise unreadable(where, f"is at {path!r:.200}, which is not a URL path")
    if any(unquote(segment) in {".", ".."} for segment in path.split("/")):
        raise unreadable(where, f"is at the path {path!r:.200}, which leads elsewhere")


def left_out(pointer: str) -> dict[str, Any]:
    """Return the overlay action that removes an operation."""
    words = "The client omits this operation: it is not supported."
    return {"target": json_path(pointer), "description": words, "remove": True}


def _called(method: str, path: str) -> str:
    """Return the name of an operation without an id."""
    words = path.replace("{", "").replace("}", "").replace("/", "_")
    return f"{method}_{words.removeprefix('_').removesuffix('_')}"


def _content(holder: dict[str, Any]) -> dict[str, Any]:
    found = holder.get("content")
    return found if isinstance(found, dict) else {}


def _list(holder: dict[str, Any], key: str) -> list[Any]:
    found = holder.get(key)
    return found if isinstance(found, list) else []


def _urls(servers: Any) -> Iterator[str]:
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            yield server["url"]


def _text(holder: dict[str, Any], key: str) -> str | None:
    said = holder.get(key)
    return said if isinstance(said, str) else None


__all__ = [
    "METHODS",
    "Media",
    "NormalOperation",
    "NormalParameter",
    "NormalResponse",
    "OperationReader",
    "UnsupportedConstruct",
]
