"""Converts the normal form to the data that the generator renders, without its own parser."""

from collections import Counter
from typing import Any, Final

from normalizing.located import COMPONENTS
from normalizing.normal import NormalForm
from normalizing.operations import Media, NormalOperation, NormalParameter, RequestBody
from normalizing.writing import NormalSchema, alternatives
from openapi_python_client.config import Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.bodies import Body, BodyType
from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.property import Property
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.responses import (
    BYTES_SOURCE,
    JSON_SOURCE,
    NONE_SOURCE,
    TEXT_SOURCE,
    HTTPStatusPattern,
    Response,
)
from openapi_python_client.schema import Response as NoResponse
from openapi_python_client.schema.untrusted_string import UntrustedString

from codegen.properties import Properties

#: The arguments of every operation; a parameter of such a name gets an underscore at the end.
ARGUMENT_NAMES: Final = frozenset(
    {"body", "client", "headers", "idempotency_key", "max_retries", "options", "self", "timeout"}
    | {"validation", "OPERATION"}
)

#: The document part of the generator's responses, which no template here reads.
_NO_RESPONSE: Final = NoResponse.model_validate({"description": ""})

_BODIES: Final = {
    "json": BodyType.JSON,
    "form": BodyType.DATA,
    "multipart": BodyType.FILES,
    "text": BodyType.CONTENT,
    "bytes": BodyType.CONTENT,
}
_SOURCES: Final = {"json": JSON_SOURCE, "text": TEXT_SOURCE, "bytes": BYTES_SOURCE}

#: The kinds of property that a text body can be decoded to.
_TEXTS = {"AnyProperty", "ConstProperty", "EnumProperty", "StringProperty", "UuidProperty"}
_TEXTS |= {"DateProperty", "DateTimeProperty"}


def data(normal: NormalForm, config: Config) -> tuple[GeneratorData, Properties]:
    """Return the data to render, and the properties that it was created with."""
    multipart = {
        name
        for operation in normal.operations
        for media in (operation.body.content if operation.body else ())
        if media.kind == "multipart" and media.schema
        for name in classes(media.schema)
    }
    properties = Properties(normal.schemas, config, multipart)
    collections: dict[Any, EndpointCollection] = {}
    for operation in normal.operations:
        tag, _ = operation.module
        collection = collections.setdefault(tag, EndpointCollection(tag=tag))
        collection.endpoints.append(_endpoint(operation, properties))
    info = normal.document.get("info")
    info_object: dict[str, Any] = info if isinstance(info, dict) else {}
    generator_data = GeneratorData(
        title=UntrustedString(str(info_object.get("title", ""))),
        description=UntrustedString(str(info_object.get("description", ""))),
        version=UntrustedString(str(info_object.get("version", ""))),
        models=list(properties.models.values()),
        errors=[],
        endpoint_collections_by_tag=collections,
        enums=list(properties.enums.values()),
    )
    return generator_data, properties


def classes(schema: NormalSchema) -> list[str]:
    """Return the names of the classes that a place may hold."""
    parts = alternatives(schema)
    return [part["$ref"].removeprefix(COMPONENTS) for part in parts if "$ref" in part]


def _endpoint(operation: NormalOperation, properties: Properties) -> Endpoint:
    tag, name = operation.module
    # The parameters must not hide the function of the operation.
    parameters = _parameters(operation, properties, {*ARGUMENT_NAMES, name})
    groups: dict[str, list[Property]] = {"path": [], "query": [], "header": [], "cookie": []}
    for parameter, property_ in zip(operation.parameters, parameters, strict=True):
        groups[parameter.place].append(property_)
    order = [parameter.name for parameter in operation.parameters if parameter.place == "path"]
    where = {name: operation.path.index(f"{{{name}}}") for name in order}
    groups["path"].sort(key=lambda property_: where[property_.name.get_untrusted_value()])
    endpoint = Endpoint(
        path=UntrustedString(operation.path),
        method=operation.method,
        description=UntrustedString(operation.description or ""),
        name=name,
        requires_security=operation.is_secured,
        tags=[tag],
        summary=UntrustedString(operation.summary or ""),
        query_parameters=groups["query"],
        path_parameters=groups["path"],
        header_parameters=groups["header"],
        cookie_parameters=groups["cookie"],
    )
    if operation.body:
        bodies = (_body(media, operation.body, properties) for media in operation.body.content)
        endpoint.bodies.extend(bodies)
    for response in operation.responses:
        converted_response = _response(response.status, response.media, properties)
        if converted_response.is_default():
            endpoint.responses.default = converted_response
        else:
            endpoint.responses.patterns.append(converted_response)
    endpoint.responses.patterns.sort()
    for part in [
        *parameters,
        *(b.prop for b in endpoint.bodies),
        *(r.prop for r in endpoint.responses),
    ]:
        endpoint.relative_imports |= part.get_imports(prefix="...")
        endpoint.relative_imports |= part.get_lazy_imports(prefix="...")
    return endpoint


def _parameters(
    operation: NormalOperation, properties: Properties, reserved: set[str]
) -> list[Property]:
    json_names = [_distinct(parameter, operation.parameters) for parameter in operation.parameters]
    return [
        properties.convert(
            parameter.schema,
            parameter.name,
            required=parameter.required,
            python_name=name,
            description=parameter.description,
        )
        for parameter, name in zip(
            operation.parameters, properties.names(json_names, reserved), strict=True
        )
    ]


def _distinct(parameter: NormalParameter, parameters: tuple[NormalParameter, ...]) -> str:
    """Return a parameter's name, with its place if two places share the name."""
    counts = Counter(p.name for p in parameters)
    if counts[parameter.name] > 1 or parameter.name in {"client", "url"}:
        return f"{parameter.name}_{parameter.place}"
    return parameter.name


def _body(media: Media, body: RequestBody, properties: Properties) -> Body:
    property_ = properties.convert(
        media.schema if media.schema is not None else NormalSchema(),
        "body",
        required=body.required,
        python_name="body",
        files=media.kind == "multipart",
    )
    kind = _BODIES[str(media.kind)]
    if kind is BodyType.CONTENT:
        property_ = converted(FileProperty, property_)
    content_type = media.concrete_type
    if "*" in content_type:
        content_type = "application/octet-stream"
    return Body(content_type=UntrustedString(content_type), prop=property_, body_type=kind)


def _response(status: str, media: Media | None, properties: Properties) -> Response:
    pattern: Any = HTTPStatusPattern.parse(UntrustedString(status))  # always a valid status
    source = NONE_SOURCE
    schema = NormalSchema()
    if media is not None and (media.schema is not None or media.kind != "json"):
        source = _SOURCES[str(media.kind)]
        schema = media.schema if media.schema is not None else NormalSchema()
    name = f"response_{status}"
    property_ = properties.convert(schema, name, required=True, python_name=name)
    if source is NONE_SOURCE:
        property_ = converted(NoneProperty, property_)
    elif source is BYTES_SOURCE:
        property_ = converted(FileProperty, property_)
    elif source is TEXT_SOURCE and type(property_).__name__ not in _TEXTS:
        property_ = converted(StringProperty, property_)
    return Response(status_code=pattern, prop=property_, source=source, data=_NO_RESPONSE)


def converted(kind: Any, old: Property) -> Property:
    """Return a copy of a property as another kind."""
    copy: Property = kind(
        name=old.name,
        required=old.required,
        default=None,
        python_name=old.python_name,
        description=old.description,
        example=None,
    )
    return copy
