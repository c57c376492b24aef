"""Names for classes that the document gives none: by their place, never by a number."""

from typing import Final

from openapi_python_client.strings import ClassName, pascal_case, snake_case

#: Types that generated modules import; a class of such a name gets the suffix `Model`.
TYPE_NAMES: Final = (
    *("Any", "File", "Iterable", "Literal", "MutableMapping", "Self", "TYPE_CHECKING", "UUID"),
)

#: Parts of a pointer that say how a schema is written, not what it is of.
_STRUCTURE: Final = {
    *("allOf", "anyOf", "components", "content", "headers", "oneOf", "parameters", "paths"),
    *("patternProperties", "prefixItems", "properties", "requestBodies", "responses", "schema"),
    *("schemas",),
}


def below(name: str, key: str | int) -> str:
    """Return the name of what stands under a key of a document."""
    if key == "items":
        return f"{name}Item"
    if key == "additionalProperties":
        return f"{name}AdditionalProperty"
    if key in _STRUCTURE or str(key).isdecimal():
        return name
    return named(name, str(key))


def named(name: str, key: str) -> str:
    """Return the name of a property of what has a name."""
    return f"{name}{pascal_case(key) or spelled(key)}"


def spelled(text: str) -> str:
    """Return words for a text that has no letters: its characters' code points."""
    return "".join(f"U{ord(character):X}" for character in text) or "Empty"


class Names:
    """The names that are given to classes, none twice, and none that would be the same module."""

    def __init__(self) -> None:
        """Start with none taken."""
        self._taken: dict[str, None] = {}

    def take(self, *wished: str) -> str | None:
        """Return the first that is free, as a class's name; None if none is."""
        for wish in wished:
            name = str(ClassName(wish, "field_"))
            name = f"{name}Model" if name in TYPE_NAMES else name
            module = snake_case(name)
            if module not in self._taken:
                self._taken[module] = None
                return name
        return None
