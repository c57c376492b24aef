"""What the generator does not read of operations, and what of them is left out.

Before parsing, every operation is made plain: what it shares with others stands in it, and what
this package does not know to send or to read is taken out and named. After parsing, each gets what
the templates need beyond what the generator knows.

Source: OpenAPI 3.1.0, sections 4.8.9 (Path Item Object), 4.8.10 (Operation Object) and 4.8.12
(Parameter Object).
"""

import copy
import keyword
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from attrs import frozen
from normalizing.normal import Normal
from normalizing.operations import Operation, Parameter, alternatives
from normalizing.writing import Schema
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.responses import Response
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import ClassName, PythonIdentifier

from codegen import paging

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_BODILESS: Final = {"head": "its answers have no body", "trace": "its answer is the request"}
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_EVENTS: Final = "text/event-stream"
_BODIES: Final = (_JSON, "multipart/form-data", _FORM, "application/octet-stream")
_STYLES: Final[dict[str, set[str]]] = {
    "path": {"simple"},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
    "cookie": {"form"},
}
_BINARY: Final = ("application/octet-stream", "application/pdf", "application/zip")
_BINARY_KINDS: Final = ("audio/", "image/", "video/")


#: Where a document says what of it is left out.
LEFT_OUT: Final = "x-left-out"

#: What every operation's module has of its own; its function, and parameters, are called otherwise.
OPERATION_NAMES: Final = frozenset({"asyncio", "sync"})

#: What every client has of its own; a tag of such a name gets an underscore behind it.
CLIENT_NAMES: Final = frozenset(
    {"close", "paginate", "poll", "send", "send_many", "send_raw", "with_options"}
)


@frozen
class Facts:
    """What the templates need of an operation beyond what the generator knows.

    Attributes:
        id: Its `operationId`.
        path: The template of its path, with the spec's own names.
        styles: The style of each parameter, and whether it explodes, by place and name.
        arrays: The parameters that take arrays, likewise.
        descriptions: What the spec says of each parameter, likewise.
        content_types: The media type of the body, by status.
        is_secured: Whether the key is sent.
        servers: The URLs of its own servers.
        is_deprecated: Whether the spec advises against it.
        pages: How its pages follow one another.
    """

    id: str
    path: str
    styles: dict[tuple[str, str], tuple[str, bool]]
    arrays: set[tuple[str, str]]
    descriptions: dict[tuple[str, str], str]
    content_types: dict[str, str]
    is_secured: bool
    servers: tuple[str, ...]
    is_deprecated: bool
    pages: paging.Found | None = None

    @property
    def shown_id(self) -> UntrustedString:
        """The id, for a docstring."""
        return UntrustedString(self.id)

    @property
    def shown_path(self) -> UntrustedString:
        """The path, for a docstring."""
        return UntrustedString(self.path)

    def is_array(self, place: str, name: str) -> bool:
        """Return whether a parameter may stand there more than once."""
        return (place, name) in self.arrays

    def style(self, place: str, name: str) -> tuple[str, bool]:
        """Return the style of a parameter, and whether it explodes."""
        return self.styles[place, name]

    def description(self, place: str, name: str) -> UntrustedString | None:
        """Return what the spec says of a parameter; None if nothing."""
        text = self.descriptions.get((place, name))
        return None if text is None else UntrustedString(text)


def make_plain(document: dict[str, Any], normal: Normal) -> list[str]:
    """Make every operation of `document` plain, in place; return what is left out, by name.

    Args:
        document: The document.
        normal: Its normal form; operations that this does not have are taken out.
    """
    left_out: list[str] = []
    known = {(operation.raw_path, operation.method) for operation in normal.operations}
    paths = document["paths"]
    for path, shared in list(paths.items()):
        item = paths[path] = copy.deepcopy(_resolved(document, shared))
        for method in _METHODS:
            if (path, method) not in known:
                item.pop(method, None)
                continue
            operation = item[method]
            _take_over(document, item, operation)
            operation.setdefault("operationId", _id(method, path))
            name = f"{method.upper()} {path} ({operation['operationId']})"
            reason = _problem(method, operation)
            if reason:
                left_out.append(f"{name}: {reason}")
                del item[method]
            else:
                left_out += [f"{name}: {part}" for part in _narrow(operation)]
        item.pop("parameters", None)
        item.pop("servers", None)
        if not any(method in item for method in _METHODS):
            del paths[path]
    return left_out


def describe(normal: Normal, data: GeneratorData, prefix: str) -> None:
    """Give the templates what they need: attributes of every endpoint and collection of `data`."""
    found: dict[tuple[str, str], Facts] = {}
    for operation in normal.operations:
        tag = PythonIdentifier((*operation.tags, "default")[0], "tag")
        found[tag, PythonIdentifier(operation.called, prefix)] = _facts(normal, operation)
    taken: set[str] = {item.class_info.name for item in [*data.models, *data.enums]}
    attributes = set(CLIENT_NAMES)
    for tag, collection in data.endpoint_collections_by_tag.items():
        imports: set[str] = set()
        for endpoint in collection.endpoints:
            facts = found[tag, endpoint.name]
            _set(endpoint, "facts", facts)
            _set(endpoint, "success_type", _success_type(endpoint))
            _set(endpoint, "answer_type", _union(endpoint.responses))
            if facts.pages is not None:
                _set(endpoint, "item_type", _item_type(endpoint, facts.pages.items[-1]))
            imports |= {line.replace("from ...", "from ..") for line in endpoint.relative_imports}
            if endpoint.name in OPERATION_NAMES:
                endpoint.name = _renamed(endpoint.name, OPERATION_NAMES)
        _set(collection, "relative_imports", imports)
        plain = tag.removesuffix("_")  # a builtin's name, which no attribute hides
        usable = tag if keyword.iskeyword(plain) else plain
        _set(collection, "attribute", _renamed(usable, attributes))
        attributes.add(collection.attribute)  # type: ignore[attr-defined] # set above
        class_name = ClassName(f"{tag}_resource", "Tag")
        while {class_name, f"Async{class_name}"} & taken:
            class_name = str.__new__(ClassName, f"{class_name}_")
        taken |= {class_name, f"Async{class_name}"}
        _set(collection, "class_name", class_name)


def _set(item: EndpointCollection | Endpoint, name: str, value: Any) -> None:
    setattr(item, name, value)  # neither has slots, and templates read any attribute


def _renamed(name: str, taken: Collection[str]) -> PythonIdentifier:
    while name in taken:
        name += "_"
    return str.__new__(PythonIdentifier, name)


def _success_type(endpoint: Endpoint) -> str:
    """Return the type of what a success brings, as Python writes it."""
    successes = [r for r in endpoint.responses.patterns if r.status_code.pattern.startswith("2")]
    default = endpoint.responses.default
    if not successes and default is not None:
        successes = [default]
    return _union(successes)


def _union(responses: Iterable[Response]) -> str:
    """Return the type of what any of some answers brings; None last, so that it evaluates."""
    types = {response.prop.get_type_string().as_unembedded_code() for response in responses}
    return " | ".join(sorted(types, key=lambda name: (name == "None", name))) or "Any"


def _item_type(endpoint: Endpoint, name: str) -> str:
    """Return the type of the items of a page, as Python writes it."""
    for response in endpoint.responses.patterns:
        body = response.prop
        if response.status_code.pattern != "200" or not isinstance(body, ModelProperty):
            continue
        for part in [*(body.required_properties or ()), *(body.optional_properties or ())]:
            kinds = getattr(part, "inner_properties", [part]) if part.name == name else []
            for kind in kinds:
                if isinstance(kind, ListProperty):
                    item = kind.inner_property
                    endpoint.relative_imports |= item.get_imports(prefix="...")
                    endpoint.relative_imports |= item.get_lazy_imports(prefix="...")
                    return item.get_type_string().as_unembedded_code()
    return "Any"


def is_binary(content_type: str) -> bool:
    """Whether bodies of a media type are bytes."""
    kind = _kind(content_type)
    return kind in _BINARY or kind.startswith(_BINARY_KINDS)


def _facts(normal: Normal, operation: Operation) -> Facts:
    said = normal.document["paths"][operation.raw_path][operation.method]
    places = {(parameter.place, parameter.name): parameter for parameter in operation.parameters}
    return Facts(
        operation.called,
        operation.path,
        {place: _style_of(parameter) for place, parameter in places.items()},
        {place for place, parameter in places.items() if _takes_array(parameter.schema)},
        {
            place: text
            for place, parameter in places.items()
            if (text := parameter.description or parameter.schema.get("description"))
        },
        {r.status: r.media.type if r.media else "" for r in operation.responses},
        said.get("security") != [],
        tuple(_urls(said.get("servers"))),
        bool(said.get("deprecated")),
        paging.find(normal.document, said),
    )


def _urls(servers: Any) -> Iterator[str]:
    for server in servers if isinstance(servers, list) else ():
        if isinstance(server, dict) and isinstance(server.get("url"), str):
            yield server["url"]


def _style_of(parameter: Parameter) -> tuple[str, bool]:
    """Return the style of a parameter, and whether it explodes."""
    usual = "form" if parameter.place in {"query", "cookie"} else "simple"
    style = parameter.style or usual
    return style, style == "form" if parameter.explode is None else parameter.explode


def _takes_array(schema: Schema) -> bool:
    """Whether a parameter may be an array, or a choice of it may."""
    return any(part.get("type") == "array" for part in alternatives(schema))


def _take_over(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any]) -> None:
    """Put into an operation what its path says for all, and what it refers to."""
    own = [_resolved(document, p) for p in operation.get("parameters") or ()]
    names = {(p.get("in"), p.get("name")) for p in own}
    for parameter in item.get("parameters") or ():
        shared = _resolved(document, parameter)
        if (shared.get("in"), shared.get("name")) not in names:
            own.append(copy.deepcopy(shared))
    if own:
        operation["parameters"] = own
    if "servers" in item:
        operation.setdefault("servers", item["servers"])
    if "requestBody" in operation:
        operation["requestBody"] = copy.deepcopy(_resolved(document, operation["requestBody"]))
    operation["responses"] = {
        status: copy.deepcopy(_resolved(document, response))
        for status, response in (operation.get("responses") or {}).items()
    }


def _problem(method: str, operation: dict[str, Any]) -> str:
    """Return why an operation is left out; nothing if it is not."""
    if method in _BODILESS:
        return f"the method, since {_BODILESS[method]}"
    for parameter in operation.get("parameters") or ():
        if parameter.get("required") and (why := _parameter_problem(parameter)):
            return f"its {parameter['in']} parameter {parameter['name']!r} {why}"
    body = operation.get("requestBody") or {}
    kinds = body.get("content") or {}
    if body.get("required") and kinds and not any(map(_is_sendable, kinds)):
        return f"its body of {' or '.join(kinds)} cannot be sent"
    for status, response in operation["responses"].items():
        kinds = response.get("content") or {}
        if str(status).startswith("2") and kinds and not any(map(_is_readable, kinds)):
            if set(map(_kind, kinds)) == {_EVENTS}:
                return f"its answer ({status}) is an event stream, which has no end to wait for"
            return f"its answer ({status}) of {' or '.join(kinds)} cannot be read"
    return ""


def _narrow(operation: dict[str, Any]) -> Iterator[str]:
    """Take out of an operation what it can do without; yield what that is."""
    for parameter in list(operation.get("parameters") or ()):
        if why := _parameter_problem(parameter):
            operation["parameters"].remove(parameter)
            yield f"its {parameter['in']} parameter {parameter['name']!r}, which {why}"
    yield from _narrow_body(operation)
    for status, response in operation["responses"].items():
        kinds = response.get("content") or {}
        chosen = next(iter(sorted(filter(_is_readable, kinds), key=_preference)), None)
        response["content"] = {} if chosen is None else {chosen: kinds[chosen]}
        for kind in kinds if str(status).startswith("2") else ():
            if _kind(kind) == _EVENTS:
                yield f"the event stream of its answer ({status}), which has no end to wait for"
            elif kind != chosen:
                yield f"its answer ({status}) of {kind}, since there is {chosen}"


def _narrow_body(operation: dict[str, Any]) -> Iterator[str]:
    body = operation.get("requestBody")
    if not isinstance(body, dict):
        return
    kinds = body.get("content") or {}
    for kind in [kind for kind in kinds if not _is_sendable(kind)]:
        del kinds[kind]
        yield f"its body of {kind}, which cannot be sent"
    # JSON first: a value that fits several kinds is sent so.
    body["content"] = dict(sorted(kinds.items(), key=lambda item: not _is_json(item[0])))
    if not kinds:
        del operation["requestBody"]


def _parameter_problem(parameter: dict[str, Any]) -> str:
    if "schema" not in parameter:
        return "is a document within the request"
    style, _ = _style(parameter)
    place = str(parameter.get("in"))
    return "" if style in _STYLES.get(place, ()) else f"has the style {style}"


def _style(parameter: dict[str, Any]) -> tuple[str, bool]:
    usual = "form" if parameter.get("in") in {"query", "cookie"} else "simple"
    style = str(parameter.get("style") or usual)
    return style, bool(parameter.get("explode", style == "form"))


def _preference(content_type: str) -> int:
    return 0 if _is_json(content_type) else 2 if is_binary(content_type) else 1


def _is_sendable(content_type: str) -> bool:
    return _is_json(content_type) or _kind(content_type) in _BODIES


def _is_readable(content_type: str) -> bool:
    kind = _kind(content_type)
    is_text = kind.startswith("text/") and kind != _EVENTS
    return _is_json(content_type) or is_text or is_binary(content_type)


def _is_json(content_type: str) -> bool:
    kind = _kind(content_type)
    return kind == _JSON or kind.endswith("+json")


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _resolved(document: dict[str, Any], node: Any) -> dict[str, Any]:
    """Follow references to shared parts; one that leads nowhere is left to the generator."""
    for _ in range(10):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            break
        found: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            key = key.replace("~1", "/").replace("~0", "~")  # noqa: PLW2901
            found = found.get(key) if isinstance(found, dict) else None
        if found is None:
            break
        node = found
    return _object(node)


def _object(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _id(method: str, path: str) -> str:
    """Return the name that the generator gives an operation without one."""
    unsafe = path.replace("{", "").replace("}", "").replace("/", "_")
    return f"{method}_{unsafe.removeprefix('_').removesuffix('_')}"
