"""Operations as a document describes them, with every reference resolved.

All of a document that is not a schema is read here, once: `support` selects what clients can send
and read of it, and the comparison of two specs compares all of it.

Source: OpenAPI 3.1.1, sections Paths Object, Operation Object, Parameter Object, Media Type Object,
Security Requirement Object.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import define, field, frozen
from openapi_python_client.strings import PythonIdentifier

from normalizing import references
from normalizing.findings import ConversionNote, UnreadableSchemaError, UnsupportedConstruct
from normalizing.located import LocatedObject, child, place, pointer_of
from normalizing.shapes import Raw
from normalizing.wire import media_kind, usual_style
from normalizing.writing import NormalSchema

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PLACES: Final = ("path", "query", "header", "cookie")

_STATUS: Final = re.compile("[1-5]([0-9][0-9]|XX)|default")

#: The keywords of a parameter that say how it is sent.
_SERIALIZATION: Final = ("style", "explode", "allowReserved", "allowEmptyValue")

#: The place and the name, in lower case, of the header with the bearer token.
AUTHORIZATION: Final = ("header", "authorization")

#: What a security scheme says of requests, whatever it is called and described as.
_CREDENTIALS: Final = ("type", "scheme", "in", "name", "flows", "openIdConnectUrl")


@frozen(kw_only=True)
class NormalParameter:
    """A parameter of an operation.

    Attributes:
        name: As it is sent.
        place: `path`, `query`, `header` or `cookie`.
        required: Whether it must be sent.
        source: Its schema in the document; None if it has none.
        schema: Its schema, in the normal form, if clients support it.
        description: Its description in the document.
        serialization: The keywords that say how it is sent, as far as the document has them.
        pointer: Its JSON pointer in the published document.
    """

    name: str
    place: str
    required: bool
    source: Raw | None = field(default=None, eq=False)
    schema: NormalSchema = field(factory=NormalSchema)
    description: str | None = None
    serialization: dict[str, Any] = field(factory=dict)
    pointer: str

    @property
    def style(self) -> str:
        """Its serialization style."""
        return str(self.serialization.get("style", usual_style(self.place)))

    @property
    def explode(self) -> bool:
        """Whether its items are serialized separately."""
        return bool(self.serialization.get("explode", self.style == "form"))

    def effective_serialization(self) -> dict[str, Any]:
        """Return how it is sent, by keyword, with the defaults of OpenAPI."""
        values = dict.fromkeys(_SERIALIZATION, False) | self.serialization
        return values | {"style": self.style, "explode": self.explode}


@frozen(kw_only=True)
class Media:
    """The body of a request or response in one media type.

    Attributes:
        type: The media type as the document has it.
        kind: `json`, `text`, `bytes`, `form` or `multipart`; None if clients do not support it.
        source: The schema in the document; None if it has none.
        schema: In the normal form, if clients send or read it; None if it has none.
        pointer: Its JSON pointer in the published document.
    """

    type: str
    kind: str | None
    source: Raw | None = field(eq=False)
    schema: NormalSchema | None = None
    pointer: str

    @property
    def concrete_type(self) -> str:
        """Its media type, or the one that clients use if the document has a range of types."""
        usual = {"json": "application/json", "text": "text/plain"}
        return usual.get(str(self.kind), self.type) if "*" in self.type else self.type


@frozen(kw_only=True)
class RequestBody:
    """The body of an operation's request.

    Attributes:
        required: Whether it must be sent.
        content: The body in each media type; of a supported operation, in those that are sent.
        pointer: Its JSON pointer in the published document.
    """

    required: bool
    content: tuple[Media, ...]
    pointer: str


@frozen(kw_only=True)
class Header:
    """A header of a response.

    Attributes:
        required: Whether it is always sent.
        source: Its schema in the document; None if it has none.
        place: The pointer in the response, where a reference may stand.
        pointer: Its JSON pointer in the published document.
    """

    required: bool
    source: Raw | None = field(eq=False)
    place: str
    pointer: str


@frozen(kw_only=True)
class NormalResponse:
    """The response of an operation with one status.

    Attributes:
        status: As the document has it: `200`, `4XX` or `default`.
        content: The body in each media type; of a supported operation, in the one that is read.
        headers: Its headers, by name.
        description: Its description in the document.
        place: The pointer in the operation, where a reference may stand.
        pointer: Its JSON pointer in the published document.
    """

    status: str
    content: tuple[Media, ...] = ()
    headers: dict[str, Header] = field(factory=dict)
    description: str | None = None
    place: str
    pointer: str

    @property
    def media(self) -> Media | None:
        """The body that clients read, of a supported operation; None for no body."""
        return self.content[0] if self.content else None


@frozen(kw_only=True)
class Server:
    """A server that requests may be sent to.

    Attributes:
        url: Its URL, which may be relative and have variables.
        values: The values of its variables.
        pointer: Its JSON pointer in the published document.
    """

    url: str
    values: tuple[str, ...]
    pointer: str


@frozen(kw_only=True)
class SecurityRequirement:
    """One way to authorize a request.

    Attributes:
        scopes: What each scheme has to grant, by the name of the scheme; empty for no credential.
        pointer: Its JSON pointer in the published document.
    """

    scopes: dict[str, Any]
    pointer: str


@frozen(kw_only=True)
class SecurityScheme:
    """A kind of credential.

    Attributes:
        credentials: What it says of requests, as JSON.
        pointer: Its JSON pointer in the published document.
    """

    credentials: str
    pointer: str

    @property
    def unsent(self) -> str | None:
        """What clients do not send, and the remedy; None if a bearer token is enough.

        Source: OpenAPI 3.1.1, section Security Scheme Object; RFC 6750 for OAuth 2.
        """
        definition = json.loads(self.credentials)
        kind, scheme = str(definition.get("type")), definition.get("scheme")
        at = str(definition.get("in")), definition.get("name")
        if kind in {"oauth2", "openIdConnect"} or scheme == "bearer" or at == AUTHORIZATION:
            return None
        if kind == "apiKey":
            is_header = at[0] in {"header", "cookie"}
            how = "callers must add by `headers=`" if is_header else "the overlay can add to calls"
            return f"an API key in the {at[0]} {at[1]!r}, which {how}"
        if kind == "mutualTLS":
            return "a client certificate, which callers must add by `ssl_context=`"
        what = f"HTTP {scheme!r} authentication" if kind == "http" else f"a credential of {kind!r}"
        return f"{what}, which no option of the client adds"


@frozen(kw_only=True)
class NormalOperation:
    """One operation.

    Attributes:
        id: Its `operationId`, if it has one.
        method: In lower case.
        path: As in the document, without its query and fragment.
        raw_path: As in the document.
        tags: Its tags.
        summary: A short text.
        description: A longer text.
        security: The ways to authorize it; None if the document does not say.
        is_deprecated: Whether the document advises against it.
        own_servers: Its own servers.
        parameters: All parameters, including those of its path item.
        body: Its request body.
        responses: The responses, by status.
        problems: The parts that cannot be read.
        pointer: Its JSON pointer in the published document.
    """

    id: str | None
    method: str
    path: str
    raw_path: str
    tags: tuple[str, ...] = ()
    summary: str | None = None
    description: str | None = None
    security: tuple[SecurityRequirement, ...] | None = None
    is_deprecated: bool = False
    own_servers: tuple[Server, ...] = ()
    parameters: tuple[NormalParameter, ...] = ()
    body: RequestBody | None = None
    responses: tuple[NormalResponse, ...] = ()
    problems: tuple[UnsupportedConstruct, ...] = ()
    pointer: str

    @property
    def name(self) -> str:
        """Its method and path, as shown to users."""
        return f"{self.method.upper()} {self.raw_path}"

    @property
    def name_source(self) -> str:
        """The text that its function is named after: its id, or else its method and path."""
        segments = self.raw_path.replace("{", "").replace("}", "").replace("/", "_")
        return self.id or f"{self.method}_{segments.removeprefix('_').removesuffix('_')}"

    @property
    def key(self) -> str:
        """What its bodies are found by: its id, or else its route."""
        return self.id or self.route

    @property
    def route(self) -> str:
        """Its method and path, without the names of parameters and doubled slashes."""
        return route(self.method, self.raw_path)

    @property
    def module(self) -> tuple[PythonIdentifier, PythonIdentifier]:
        """The module of its function: the folder of the tag, and the file."""
        tag = (*self.tags, "default")[0]
        return PythonIdentifier(tag, "tag"), PythonIdentifier(self.name_source, "field_")

    @property
    def servers(self) -> tuple[str, ...]:
        """The URLs of its own servers."""
        return tuple(server.url for server in self.own_servers)

    @property
    def is_secured(self) -> bool:
        """Whether credentials are sent; False if the document requires none."""
        return self.security is None or any(way.scopes for way in self.security)

    @property
    def statuses(self) -> list[str]:
        """The documented statuses."""
        return [response.status for response in self.responses]


def route(method: str, path: str) -> str:
    """Return a method and path, its parameters without their names and its slashes single."""
    return f"{method.upper()} {re.sub(r'/+', '/', re.sub(r'{[^}]*}', '{}', path))}"


@define
class ApiDescription:
    """What a document describes, apart from its schemas, whether or not clients support it.

    Attributes:
        document: The document, with pointers in every part.
        operations: The operations, in the order of the document.
        servers: The servers of the document.
        schemes: The security schemes, by name.
        followed: The pointers of the references that were followed.
        unreadable: The path items and operations that are no objects, by name.
        notes: The ignored parts that nothing needs.
    """

    document: LocatedObject
    operations: list[NormalOperation] = field(init=False, factory=list)
    servers: tuple[Server, ...] = field(init=False)
    schemes: dict[str, SecurityScheme] = field(init=False, factory=dict)
    followed: set[str] = field(init=False, factory=set)
    unreadable: dict[str, UnsupportedConstruct] = field(init=False, factory=dict)
    notes: dict[ConversionNote, None] = field(init=False, factory=dict)
    _problems: list[UnsupportedConstruct] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        """Read the document."""
        self.servers = tuple(_servers(self.document))
        components = _member(self.document, "components", dict)
        schemes = _member(components, "securitySchemes", dict)
        for name in schemes:
            credentials = _credentials(self._object(schemes, name, "a Security Scheme Object"))
            where = place(schemes, name)
            self.schemes[name] = SecurityScheme(credentials=credentials, pointer=where)
        self._problems.clear()  # no operation is unreadable for that
        paths = _member(self.document, "paths", dict)
        for path in (path for path in paths if not path.startswith("x-")):
            item = self._object(paths, path, "a Path Item Object")
            if item is None:
                self.unreadable[path] = self._problems.pop()
                continue
            for method in METHODS:
                if method not in item:
                    continue
                if isinstance(item[method], dict):
                    self.operations.append(self._operation(path, method, item))
                else:
                    where = place(item, method)
                    problem = UnsupportedConstruct(where, "is not an Operation Object")
                    self.unreadable[f"{method.upper()} {path}"] = problem

    def _operation(self, path: str, method: str, item: dict[str, Any]) -> NormalOperation:
        operation, where = item[method], place(item, method)
        identifier = operation.get("operationId")
        own, shared = self._parameters(operation), self._parameters(item)
        result = NormalOperation(
            id=identifier if isinstance(identifier, str) else None,
            method=method,
            path=re.split("[?#]", path)[0],
            raw_path=path,
            tags=tuple(str(tag) for tag in _member(operation, "tags", list)),
            summary=_text(operation, "summary"),
            description=_text(operation, "description"),
            security=_security(operation if "security" in operation else self.document),
            is_deprecated=bool(operation.get("deprecated")),
            own_servers=tuple(_servers(operation if "servers" in operation else item)),
            parameters=tuple((own | {k: p for k, p in shared.items() if k not in own}).values()),
            body=self._body(operation),
            responses=self._responses(operation, where),
            problems=tuple(self._problems),
            pointer=where,
        )
        self._problems.clear()
        return result

    def unsent_credentials(self, operation: NormalOperation) -> dict[str, str]:
        """Return what an operation requires that clients do not send, by security scheme.

        A requirement of a scheme that is not described may mean any that is.
        """
        if not operation.security:
            return {}
        unsent = {name: scheme.unsent for name, scheme in self.schemes.items()}
        ways: list[dict[str, str]] = []
        for way in operation.security:
            missing: dict[str, str] = {}
            for name in way.scopes:
                choices = {name: unsent[name]} if name in unsent else unsent
                if None not in choices.values():
                    missing |= {key: what for key, what in choices.items() if what}
            ways.append(missing)
        return min(ways, key=len)

    def _object(self, holder: Any, key: str | int, what: str) -> LocatedObject | None:
        """Return a member with its reference resolved; None, and a problem, if it is no object."""
        where = place(holder, key)
        try:
            resolved = references.follow(self.document, holder[key], where)
        except UnreadableSchemaError as error:
            self._problems.append(error.problem)
            return None
        if resolved is not holder[key]:
            self.followed.add(child(where, "$ref"))
        if isinstance(resolved, LocatedObject):
            return resolved
        self._refuse(where, f"is not {what}")
        return None

    def _refuse(self, pointer: str, reason: str) -> None:
        self._problems.append(UnsupportedConstruct(pointer, reason))

    # Requests.

    def _parameters(self, holder: dict[str, Any]) -> dict[tuple[str, str], NormalParameter]:
        """Return the parameters of an operation or path item, by place and name."""
        if not isinstance(holder.get("parameters", []), list):
            self._refuse(place(holder, "parameters"), "is not a list of parameters")
        listed = _member(holder, "parameters", list)
        result: dict[tuple[str, str], NormalParameter] = {}
        for index in range(len(listed)):
            definition = self._object(listed, index, "a parameter")
            if definition is None:
                continue
            key = str(definition.get("in")), str(definition.get("name"))
            if key[0] not in PLACES:
                reason = "is not a parameter in a path, query, header or cookie"
                self._refuse(place(listed, index), reason)
            elif not isinstance(definition.get("name"), str) or not key[1]:
                self._refuse(place(listed, index), "is a parameter without a name")
            elif key in result:
                reason = f"is a second {key[0]} parameter {key[1]!r:.80}"
                self._refuse(place(listed, index), reason)
            else:
                result[key] = _parameter(definition, *key)
        return result

    def _body(self, operation: dict[str, Any]) -> RequestBody | None:
        if "requestBody" not in operation:
            return None
        body = self._object(operation, "requestBody", "a Request Body Object")
        if body is None:
            return None
        if "content" not in body:
            self._refuse(place(operation, "requestBody"), "is not a Request Body Object")
        return RequestBody(
            required=body.get("required") is True,
            content=self._content(body, sent=True),
            pointer=body.pointer,
        )

    def _content(self, holder: dict[str, Any], *, sent: bool) -> tuple[Media, ...]:
        if not isinstance(holder.get("content", {}), dict):
            self._refuse(place(holder, "content"), "is not a map of media types")
        content = _member(holder, "content", dict)
        result: list[Media] = []
        for type_, media in content.items():
            where = place(content, type_)
            if not isinstance(media, dict):
                self._refuse(where, "is not a Media Type Object")
                continue
            kind = media_kind(type_, sent=sent, schema=media.get("schema"))
            result.append(Media(type=type_, kind=kind, source=_source(media), pointer=where))
        return tuple(result)

    # Responses.

    def _responses(self, operation: dict[str, Any], where: str) -> tuple[NormalResponse, ...]:
        responses = operation.get("responses")
        if not isinstance(responses, dict):
            self._refuse(where, "has no `responses`")
            return ()
        result: list[NormalResponse] = []
        for status in responses:
            if _STATUS.fullmatch(status):
                response = self._object(responses, status, "a Response Object")
                if response is not None:
                    result.append(self._response(response, status, place(responses, status)))
            elif not status.startswith("x-"):
                text = f"{status!r:.40} is not a status: left out"
                self.notes[ConversionNote(place(responses, status), text)] = None
        return tuple(result)

    def _response(self, response: LocatedObject, status: str, where: str) -> NormalResponse:
        return NormalResponse(
            status=status,
            content=self._content(response, sent=False),
            headers=dict(self._headers(response)),
            description=_text(response, "description"),
            place=where,
            pointer=response.pointer,
        )

    def _headers(self, response: dict[str, Any]) -> Iterator[tuple[str, Header]]:
        headers = _member(response, "headers", dict)
        for name in headers:
            header = self._object(headers, name, "a Header Object")
            if header is None:
                problem = self._problems.pop()  # no client needs it
                self.notes[ConversionNote(problem.pointer, problem.reason)] = None
                continue
            yield (
                name,
                Header(
                    required=header.get("required") is True,
                    source=_source(header),
                    place=place(headers, name),
                    pointer=header.pointer,
                ),
            )


def _parameter(definition: LocatedObject, location: str, name: str) -> NormalParameter:
    kinds = {key: str if key == "style" else bool for key in _SERIALIZATION}
    return NormalParameter(
        name=name,
        place=location,
        required=definition.get("required") is True or location == "path",
        source=_source(definition),
        description=_text(definition, "description"),
        serialization={
            key: definition[key]
            for key, kind in kinds.items()
            if isinstance(definition.get(key), kind)
        },
        pointer=definition.pointer,
    )


def _source(holder: dict[str, Any]) -> Raw | None:
    """Return the schema of a parameter, header or media type."""
    return Raw(holder["schema"], place(holder, "schema"), "") if "schema" in holder else None


def _servers(holder: dict[str, Any]) -> Iterator[Server]:
    for server in _member(holder, "servers", list):
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            values: list[str] = []
            for variable in _member(server, "variables", dict).values():
                definition = variable if isinstance(variable, dict) else {"default": variable}
                values += map(str, [definition.get("default"), *_member(definition, "enum", list)])
            yield Server(url=server["url"], values=tuple(values), pointer=pointer_of(server, "#"))


def _security(holder: dict[str, Any]) -> tuple[SecurityRequirement, ...] | None:
    """Return the requirements of an operation or document."""
    if not isinstance(holder.get("security"), list):
        return None
    requirements = enumerate(holder["security"])
    return tuple(
        SecurityRequirement(scopes=requirement, pointer=place(holder["security"], index))
        for index, requirement in requirements
        if isinstance(requirement, dict)
    )


def _credentials(scheme: Any) -> str:
    """Return what a security scheme says of requests, as JSON."""
    definition = scheme if isinstance(scheme, dict) else {}
    credentials = {key: definition[key] for key in _CREDENTIALS if key in definition}
    if isinstance(credentials.get("scheme"), str):
        credentials["scheme"] = credentials["scheme"].lower()
    if credentials.get("in") == "header":
        credentials["name"] = str(credentials.get("name")).lower()
    return json.dumps(credentials, sort_keys=True)


def _member(holder: dict[str, Any], key: str, kind: type) -> Any:
    """Return a member of an object; an empty one if it is missing or of another kind."""
    value = holder.get(key)
    return value if isinstance(value, kind) else kind()


def _text(holder: dict[str, Any], key: str) -> str | None:
    value = holder.get(key)
    return value if isinstance(value, str) else None
