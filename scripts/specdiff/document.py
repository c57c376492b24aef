"""Reads a spec as nodes that know their JSON pointers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen
from normalizing import references
from normalizing.findings import UnreadableSchemaError
from normalizing.located import child, locate
from normalizing.operations import ApiDescription
from normalizing.reading import SchemaReader

if TYPE_CHECKING:
    from specdiff.schemas import Choices

Key = TypeVar("Key")


@frozen
class Node:
    """A value of a document, and its place.

    Attributes:
        value: JSON.
        pointer: Its JSON pointer, from `#`.
    """

    value: Any
    pointer: str

    def has(self, key: str) -> bool:
        """Whether it is an object with a member."""
        return isinstance(self.value, dict) and key in self.value

    def get_value(self, key: str) -> Any:
        """Return the value of a member, or None if there is no such member."""
        return self.value[key] if self.has(key) else None

    def parts(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the members of an object; nothing for other values."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, Node(value, child(self.pointer, key))

    def items(self) -> Iterator["Node"]:
        """Yield the items of an array; nothing for other values."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, child(self.pointer, index))


class Document:
    """An OpenAPI document, whose schemas are read as the normal form has them.

    Attributes:
        root: Its top level.
        api: Its operations, servers and security schemes.
        unreadable: The schemas that have no normal form, by pointer, each with the reason.
        choices: The schemas that were read, by their pointers.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        """Wrap a document as it was loaded."""
        located = locate(content)
        self.root = Node(located, "#")
        self.api = ApiDescription(located)
        self.unreadable: dict[str, str] = {}
        self.reader = SchemaReader(located, lambda _pointer, _text: None)
        self.choices: dict[tuple[str, ...], Choices] = {}

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why parts are not read, by pointer: schemas, and parts of operations."""
        parts = [*self.api.unreadable.values()]
        parts += [problem for o in self.api.operations for problem in o.problems]
        return {problem.pointer: problem.reason for problem in parts} | self.unreadable

    def at(self, reference: str) -> Node | None:
        """Return the target of a reference, or None if it is not in this document."""
        try:
            target = references.target(self.root.value, reference, reference)
        except UnreadableSchemaError:
            return None
        return Node(target, reference)


def keys_only_in(first: dict[Key, Any], second: dict[Key, Any]) -> list[Key]:
    """Return the keys that only the first has, in its order, so that reports are reproducible."""
    return [key for key in first if key not in second]


def common_keys(first: dict[Key, Any], second: dict[Key, Any]) -> list[Key]:
    """Return the keys of both, in the order of the first."""
    return [key for key in first if key in second]
