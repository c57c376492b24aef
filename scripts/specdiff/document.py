"""Reads a spec as nodes that know their JSON pointers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen
from normalizing import references
from normalizing.findings import UnreadableSchemaError
from normalizing.located import child, locate, pointer_of
from normalizing.operations import METHODS
from normalizing.reading import SchemaReader
from normalizing.shapes import Parts, Raw

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

    def get(self, *keys: str | int) -> "Node | None":
        """Return the node at a path below this one, or None if there is none."""
        value, pointer = self.value, self.pointer
        for key in keys:
            if not _has(value, key):
                return None
            value = value[key]
            pointer = child(pointer, key)
        return Node(value, pointer)

    def get_value(self, key: str) -> Any:
        """Return the value of a member, or None if there is no such member."""
        node = self.get(key)
        return None if node is None else node.value

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


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


@frozen
class SpecOperation:
    """An operation of a spec.

    Attributes:
        path: As the spec writes it.
        method: In lower case.
        node: The Operation Object.
        parameters: By place and name, those of the path included.
    """

    path: str
    method: str
    node: Node
    parameters: dict[tuple[str, str], Node]

    @property
    def id(self) -> str | None:
        """The operation's id."""
        value = self.node.get_value("operationId")
        return None if value is None else str(value)

    @property
    def name(self) -> str:
        """Its method and path, as shown in reports."""
        return f"{self.method.upper()} {self.path}"


class Document:
    """An OpenAPI document, whose schemas are read as the normal form has them.

    Attributes:
        root: Its top level.
        unreadable: The schemas that have no normal form, by pointer, each with the reason.
        choices: The schemas that were read, by their pointers.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        """Wrap a document as it was loaded."""
        located = locate(content)
        self.root = Node(located, "#")
        self.unreadable: dict[str, str] = {}
        self.reader = SchemaReader(located, lambda _pointer, _text: None)
        self.choices: dict[tuple[str, ...], Choices] = {}

    def resolve(self, node: Node) -> Node:
        """Follow all references of a node; a node that is not a reference is returned unchanged.

        Raises:
            UnreadableSchemaError: It leads out of the document, to nothing or in a circle.
        """
        target = references.follow(self.root.value, node.value, node.pointer)
        return node if target is node.value else Node(target, pointer_of(target, node.pointer))

    def at(self, reference: str) -> Node | None:
        """Return the target of a reference, or None if it is not in this document."""
        try:
            target = references.target(self.root.value, reference, reference)
        except UnreadableSchemaError:
            return None
        return Node(target, reference)

    def components(self, kind: str = "schemas") -> dict[str, Node]:
        """Return the components of a kind, by name."""
        section = self.root.get("components", kind)
        return dict(section.parts()) if section else {}

    def operations(self) -> list[SpecOperation]:
        """Return every operation.

        Raises:
            UnreadableSchemaError: A reference of one leads to nothing.
        """
        paths = self.root.get("paths")
        result: list[SpecOperation] = []
        for path, item in paths.parts() if paths else ():
            resolved = self.resolve(item)
            for method in METHODS:
                node = resolved.get(method)
                if node and isinstance(node.value, dict):
                    parameters = self._parameters(resolved) | self._parameters(node)
                    result.append(SpecOperation(path, method, node, parameters))
        return result

    def _parameters(self, owner: Node) -> dict[tuple[str, str], Node]:
        listed = owner.get("parameters")
        nodes = [self.resolve(node) for node in (listed.items() if listed else ())]
        return {(str(n.get_value("in")), str(n.get_value("name"))): n for n in nodes}


def parts_of(node: Node) -> Parts:
    """Return the schema of a node."""
    return (Raw(node.value, node.pointer, ""),)


def keys_only_in(first: dict[Key, Node], second: dict[Key, Node]) -> list[Key]:
    """Return the keys that only `one` has, in its order, so that reports are reproducible."""
    return [key for key in first if key not in second]


def common_keys(first: dict[Key, Node], second: dict[Key, Node]) -> list[Key]:
    """Return the keys of both, in the order of `one`."""
    return [key for key in first if key in second]


def members_of(node: Node | None) -> dict[str, Node]:
    """Return the members of an object, by name; an empty dict for anything else."""
    return dict(node.parts()) if node else {}


def items_by_value(node: Node | None) -> dict[str, Node]:
    """Return the items of an array, by their text."""
    return {str(item.value): item for item in (node.items() if node else ())}


def value_of(node: Node | None) -> Any:
    """Return the value of a node, or None without a node."""
    return None if node is None else node.value
