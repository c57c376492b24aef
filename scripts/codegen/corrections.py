"""Puts right, between parsing and rendering, what the generator makes wrong code of.

Names that would hide one another get an underscore; what would overwrite another is refused; what
a body cannot be decoded to gets the type that it can.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from attrs import evolve
from common.failure import Failure
from openapi_python_client.config import ClassOverride, Config
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.bodies import BodyType
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.property import Property
from openapi_python_client.parser.properties.protocol import Value
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.responses import Response
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonCode, PythonIdentifier, remove_string_escapes

#: Types that generated modules import; a schema of such a name gets the suffix `Model`.
TYPE_NAMES = ("Any", "File", "Iterable", "Literal", "MutableMapping", "Self", "UUID")

#: What every model has of its own; a field of such a name gets an underscore behind it.
MODEL_NAMES = frozenset({"additional_properties", "drift", "from_dict", "to_dict", "to_multipart"})

#: What every operation takes of its own; a parameter of such a name gets an underscore behind it.
ARGUMENT_NAMES = frozenset(
    {"body", "client", "headers", "idempotency_key", "max_retries", "options", "self", "timeout"}
    | {"validation", "OPERATION"}
)

#: The kinds of property that a text can be decoded to.
_TEXTS = {"AnyProperty", "ConstProperty", "EnumProperty", "StringProperty", "UuidProperty"}
_TEXTS |= {"DateProperty", "DateTimeProperty"}


def reserve_type_names(config: Config) -> None:
    """Rename, in `config`, the classes that would hide a type that generated modules import."""
    for name in TYPE_NAMES:
        override = config.class_overrides.setdefault(name, ClassOverride())
        if override.class_name is None:
            override.class_name = UntrustedString(f"{name}Model")


def correct(data: GeneratorData) -> None:
    """Put right what can be; the generator's data are changed in place.

    Raises:
        Failure: Two schemas or two operations would be one module.
    """
    _refuse_shared_modules(data)
    endpoints = [e for tag in data.endpoint_collections_by_tag.values() for e in tag.endpoints]
    multipart = {name for endpoint in endpoints for name in _multipart_classes(endpoint)}
    classes = {item.class_info.name for item in [*data.models, *data.enums]}
    for model in data.models:
        model.is_multipart_body = model.class_info.name in multipart
        _correct_model(model, MODEL_NAMES.union(classes, TYPE_NAMES))
    for endpoint in endpoints:
        _correct_operation(endpoint)


def _refuse_shared_modules(data: GeneratorData) -> None:
    modules: dict[str, str] = {}
    for item in [*data.models, *data.enums]:
        module, name = item.class_info.module_name, item.class_info.name
        if modules.setdefault(module, name) != name:
            raise Failure(
                f"the schemas {modules[module]} and {name} would both be models/{module}.py; "
                "rename one with `class_overrides` in codegen-config.yaml"
            )
    for tag, collection in data.endpoint_collections_by_tag.items():
        places: dict[str, str] = {}
        for endpoint in collection.endpoints:
            place = f"{endpoint.method.upper()} {endpoint.path.get_untrusted_value()}"
            if endpoint.name in places:
                raise Failure(
                    f"the operations {places[endpoint.name]} and {place} would both be "
                    f"api/{tag}/{endpoint.name}.py; give one another operationId in the overlay"
                )
            places[endpoint.name] = place


def _correct_model(model: ModelProperty, taken: Collection[str]) -> None:
    required, optional = model.required_properties or [], model.optional_properties or []
    files = model.is_multipart_body
    fields = [_correct_values(field, files=files) for field in [*required, *optional]]
    fields = _rename(fields, taken)
    _set(model, "required_properties", fields[: len(required)])
    _set(model, "optional_properties", fields[len(required) :])
    if model.additional_properties:
        _set(model, "additional_properties", _correct_values(model.additional_properties))


def _correct_operation(endpoint: Endpoint) -> None:
    groups = [
        endpoint.path_parameters,
        endpoint.query_parameters,
        endpoint.header_parameters,
        endpoint.cookie_parameters,
    ]
    before = [parameter for group in groups for parameter in group]
    taken = {*ARGUMENT_NAMES, endpoint.name}  # its function is called where they are known
    after = _rename([_correct_values(parameter) for parameter in before], taken)
    for group in groups:
        group[:], after = after[: len(group)], after[len(group) :]
    for body in endpoint.bodies:
        body.prop = _correct_values(body.prop)
        if body.body_type == BodyType.CONTENT and not isinstance(body.prop, FileProperty):
            body.prop = _other(FileProperty, body.prop)
            endpoint.relative_imports |= body.prop.get_imports(prefix="...")
    for response in endpoint.responses:
        response.prop = _correct_values(response.prop)
        response.prop = _readable(response)
        endpoint.relative_imports |= response.prop.get_imports(prefix="...")


def _multipart_classes(endpoint: Endpoint) -> Iterator[str]:
    for body in endpoint.bodies:
        if body.body_type != BodyType.FILES:
            continue
        for kind in getattr(body.prop, "inner_properties", [body.prop]):
            if not isinstance(kind, ModelProperty):
                place = f"{endpoint.method.upper()} {endpoint.path.get_untrusted_value()}"
                raise Failure(
                    f"the multipart body of {place} is no object, so that it has no parts; "
                    "give it a schema of `type: object` in the overlay"
                )
            yield kind.class_info.name


def _readable(response: Response) -> Property:
    """Return the property of a response, of a type that a body of its kind can be decoded to."""
    kind, source = type(response.prop).__name__, response.source["attribute"]
    if source == "None":
        return _other(NoneProperty, response.prop)
    if source == "response.content":
        return _other(FileProperty, response.prop)
    if source == "response.text" and kind not in _TEXTS:
        return _other(StringProperty, response.prop)
    return response.prop


def _other(kind: Callable[..., Property], old: Property) -> Property:
    return kind(
        name=old.name,
        required=old.required,
        default=None,
        python_name=old.python_name,
        description=old.description,
        example=None,
    )


def _rename(properties: Iterable[Property], taken: Collection[str]) -> list[Property]:
    """Return properties whose names differ from each other's and from those that are taken."""
    names = set(taken)
    result = []
    for item in properties:
        name = unicodedata.normalize("NFKC", item.python_name)  # as Python reads it
        while name in names:
            name += "_"
        names.add(name)
        python_name = str.__new__(PythonIdentifier, name)
        result.append(item if name == item.python_name else evolve(item, python_name=python_name))
    return result


def _correct_values(item: Property, *, files: bool = False) -> Property:
    """Return a property whose default and constant, at any depth, mean what the spec says.

    The generator escapes strings twice; it makes a `Literal` of a float, which has no such; and a
    file of what is a string wherever the body is JSON, with `files` false.
    """
    if isinstance(item, FileProperty) and not files:
        return _other(StringProperty, item)
    if isinstance(item, ConstProperty):
        if isinstance(item.value.raw_value, float):
            return _other(FloatProperty, item)
        item.value = _exact(item.value)
    if item.default is not None:
        _set(item, "default", _exact(item.default))
    if inner := getattr(item, "inner_properties", None):
        _set(item, "inner_properties", [_correct_values(part, files=files) for part in inner])
    if part := getattr(item, "inner_property", None):
        _set(item, "inner_property", _correct_values(part, files=files))
    return item


def _exact(value: Value) -> Value:
    raw = value.raw_value
    if isinstance(raw, str) and value.python_code == PythonCode(repr(remove_string_escapes(raw))):
        return Value(python_code=PythonCode(repr(raw)), raw_value=raw)
    return value


def _set(item: Any, name: str, value: Any) -> None:
    object.__setattr__(item, name, value)
