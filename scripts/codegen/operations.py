"""Facts about operations that the templates need and the generator does not have.

Source: OpenAPI 3.1.0, sections 4.8.10 (Operation Object) and 4.8.12 (Parameter Object).
"""

import keyword
from collections.abc import Collection, Iterable
from typing import Any, Final

from attrs import frozen
from normalizing.normal import NormalForm
from normalizing.operations import NormalOperation, NormalParameter
from normalizing.wire import without_charset
from normalizing.writing import alternatives
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.openapi import Endpoint, EndpointCollection
from openapi_python_client.parser.properties import ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.responses import Response
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import ClassName, PythonIdentifier

from codegen import page_detection

#: The names that every operation's module defines; a function of such a name gets an underscore.
OPERATION_NAMES: Final = frozenset({"asyncio", "sync"})

#: The names that every client defines; a tag of such a name gets an underscore at the end.
CLIENT_NAMES: Final = frozenset(
    {"close", "paginate", "poll", "send", "send_many", "send_raw", "with_options"}
)


@frozen
class OperationFacts:
    """Facts about an operation that the templates need and the generator does not have.

    Attributes:
        operation: The operation.
        pages: The rule by which its pages follow one another, if it is paginated.
    """

    operation: NormalOperation
    pages: page_detection.PagingRule | None

    @property
    def shown_id(self) -> UntrustedString:
        """Its name, for a docstring."""
        return UntrustedString(self.operation.name_source)

    @property
    def shown_path(self) -> UntrustedString:
        """The path, for a docstring."""
        return UntrustedString(self.operation.raw_path)

    @property
    def content_types(self) -> dict[str, str]:
        """The media type of the body, by status."""
        return {
            response.status: without_charset(response.media.concrete_type) if response.media else ""
            for response in self.operation.responses
        }

    def is_array(self, place: str, name: str) -> bool:
        """Return whether a parameter, or one of its alternatives, may be an array."""
        parts = alternatives(self._parameter(place, name).schema)
        return any(part.get("type") == "array" for part in parts)

    def style(self, place: str, name: str) -> tuple[str, bool]:
        """Return the style of a parameter, and whether it explodes."""
        parameter = self._parameter(place, name)
        return parameter.style, parameter.explode

    def description(self, place: str, name: str) -> UntrustedString | None:
        """Return the description of a parameter; None if there is none."""
        parameter = self._parameter(place, name)
        text = parameter.description or parameter.schema.get("description")
        return UntrustedString(text) if text else None

    def _parameter(self, place: str, name: str) -> NormalParameter:
        parameters = self.operation.parameters
        return next(p for p in parameters if (p.place, p.name) == (place, name))


def describe(normal: NormalForm, data: GeneratorData) -> None:
    """Set the attributes that the templates need on every endpoint and collection of `data`."""
    facts = {
        operation.module: OperationFacts(operation, page_detection.find(normal, operation))
        for operation in normal.operations
    }
    class_names: set[str] = {item.class_info.name for item in [*data.models, *data.enums]}
    attributes = set(CLIENT_NAMES)
    for tag, collection in data.endpoint_collections_by_tag.items():
        imports: set[str] = set()
        default_imports: set[str] = set()
        for endpoint in collection.endpoints:
            pages = facts[tag, endpoint.name].pages
            _set(endpoint, "facts", facts[tag, endpoint.name])
            _set(endpoint, "success_type", _success_type(endpoint))
            _set(endpoint, "answer_type", _union(endpoint.responses))
            if pages is not None:
                _set(endpoint, "item_type", _item_type(endpoint, pages.items[-1]))
            imports |= {line.replace("from ...", "from ..") for line in endpoint.relative_imports}
            for parameter in endpoint.list_all_parameters():
                if parameter.required and parameter.default:
                    default_imports |= parameter.get_imports(prefix="..")
            if endpoint.name in OPERATION_NAMES:
                endpoint.name = _renamed(endpoint.name, OPERATION_NAMES)
        _set(collection, "relative_imports", imports - default_imports)
        _set(collection, "default_imports", default_imports)
        unescaped = tag.removesuffix("_")  # a builtin's name, which no attribute hides
        usable = tag if keyword.iskeyword(unescaped) else unescaped
        _set(collection, "attribute", _renamed(usable, attributes))
        attributes.add(collection.attribute)  # type: ignore[attr-defined] # set above
        class_name = ClassName(f"{tag}_resource", "Tag")
        while {class_name, f"Async{class_name}"} & class_names:
            class_name = str.__new__(ClassName, f"{class_name}_")
        class_names |= {class_name, f"Async{class_name}"}
        _set(collection, "class_name", class_name)


def _set(item: EndpointCollection | Endpoint, name: str, value: Any) -> None:
    setattr(item, name, value)  # neither has slots, and templates read any attribute


def _renamed(name: str, reserved: Collection[str]) -> PythonIdentifier:
    while name in reserved:
        name += "_"
    return str.__new__(PythonIdentifier, name)


def _success_type(endpoint: Endpoint) -> str:
    """Return the type of a successful response, as Python source."""
    successes = [r for r in endpoint.responses.patterns if r.status_code.pattern.startswith("2")]
    default = endpoint.responses.default
    if not successes and default is not None:
        successes = [default]
    return _union(successes)


def _union(responses: Iterable[Response]) -> str:
    """Return the union type of some responses; None last, so that it can be evaluated."""
    types = {response.prop.get_type_string().as_unembedded_code() for response in responses}
    return " | ".join(sorted(types, key=lambda name: (name == "None", name))) or "Any"


def _item_type(endpoint: Endpoint, name: str) -> str:
    """Return the type of the items of a page, as Python source."""
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
