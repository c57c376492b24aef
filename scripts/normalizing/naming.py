"""Names for classes without one in the document: by their place, never by a number."""

import unicodedata
from typing import Final

from openapi_python_client.strings import ClassName, pascal_case, snake_case

#: Types that generated modules import; a class of such a name gets the suffix `Model`.
TYPE_NAMES: Final = (
    *("Any", "File", "Iterable", "Literal", "MutableMapping", "Self", "TYPE_CHECKING", "UUID"),
)

#: Parts of a pointer that describe the structure of a document, not its subject.
_STRUCTURE: Final = {
    *("allOf", "anyOf", "components", "content", "headers", "oneOf", "parameters", "paths"),
    *("patternProperties", "prefixItems", "properties", "requestBodies", "responses", "schema"),
    *("schemas",),
}


def below(name: str, key: str | int) -> str:
    """Return the name of the schema under a key of a named schema."""
    if key == "items":
        return f"{name}Item"
    if key == "additionalProperties":
        return f"{name}AdditionalProperty"
    if key in _STRUCTURE or str(key).isdecimal():
        return name
    return property_name(name, str(key))


def property_name(name: str, key: str) -> str:
    """Return the name of a property of a named schema."""
    return f"{name}{pascal_case(key) or pascal_case(spelled(key)) or 'Empty'}"


def spelled(text: str) -> str:
    """Return a text with the characters that Python names cannot have spelled out."""
    return "".join(
        c if c.isalnum() or c == "_" else f" {unicodedata.name(c, f'U{ord(c):X}').lower()} "
        for c in text
    )


class Names:
    """The names of classes, which must be unique as classes and as modules."""

    def __init__(self) -> None:
        """Start without names."""
        self._taken: dict[str, None] = {}

    def reserve(self, candidate: str) -> str | None:
        """Reserve and return a name, as a class name; None if it is taken."""
        name = str(ClassName(candidate, "field_"))
        name = f"{name}Model" if name in TYPE_NAMES else name
        module = snake_case(name)
        if module in self._taken:
            return None
        self._taken[module] = None
        return name
