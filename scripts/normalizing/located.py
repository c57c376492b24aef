"""Documents whose objects and arrays know their JSON pointer in the published document.

An overlay moves and copies objects; each keeps its pointer, so that every later message can refer
to the document that users have.
"""

import itertools
from typing import Any, Final

COMPONENTS: Final = "#/components/schemas/"

#: The keys whose values are lists; under other keys a number is a key, such as a status.
_LISTS: Final = {"allOf", "anyOf", "enum", "oneOf", "parameters", "prefixItems", "required", "tags"}


class LocatedObject(dict[str, Any]):
    """A JSON object.

    Attributes:
        pointer: Its JSON pointer, from `#`.
    """

    pointer: str = "#"

    @classmethod
    def at(cls, pointer: str, content: dict[str, Any]) -> "LocatedObject":
        """Return an object with content that is composed, at the pointer of its source."""
        located = cls(content)
        located.pointer = pointer
        return located


class LocatedArray(list[Any]):
    """A JSON array.

    Attributes:
        pointer: Its JSON pointer, from `#`.
    """

    pointer: str = "#"


def child(pointer: str, *keys: str | int) -> str:
    """Extend a JSON pointer, in its form for URIs (RFC 6901, sections 3 and 6)."""
    for key in keys:
        pointer = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
    return pointer


def place(holder: Any, key: str | int) -> str:
    """Return the pointer of a member: its own, or else one below its holder's."""
    return pointer_of(holder[key], child(pointer_of(holder, "#"), key))


def pointer_of(value: Any, otherwise: str) -> str:
    """Return the pointer of an object or array, and `otherwise` for any other value."""
    return value.pointer if isinstance(value, LocatedObject | LocatedArray) else otherwise


def locate(value: Any, pointer: str = "#") -> Any:
    """Return a deep copy of the value at `pointer`; values that have a pointer keep it."""
    if isinstance(value, dict):
        copy = LocatedObject()
        copy.pointer = pointer_of(value, pointer)
        for key, part in value.items():
            copy[key] = locate(part, child(copy.pointer, key))
        return copy
    if isinstance(value, list):
        listed = LocatedArray()
        listed.pointer = pointer_of(value, pointer)
        listed.extend(
            locate(part, child(listed.pointer, index)) for index, part in enumerate(value)
        )
        return listed
    return value


def without_pointers(value: Any) -> Any:
    """Return a deep copy of a JSON value without pointers."""
    if isinstance(value, dict):
        return {key: without_pointers(part) for key, part in value.items()}
    return [without_pointers(part) for part in value] if isinstance(value, list) else value


def json_path(pointer: str) -> str:
    """Return the JSONPath query of a JSON pointer."""
    keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")]
    steps = [
        key if key.isdecimal() and above in _LISTS else f"'{_quoted(key)}'"
        for above, key in itertools.pairwise(keys)
    ]
    return "$" + "".join(f"[{step}]" for step in steps)


def _quoted(key: str) -> str:
    return key.replace("\\", "\\\\").replace("'", "\\'")
