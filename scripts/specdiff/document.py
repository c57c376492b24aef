"""Reading a spec by JSON pointers: where a thing stands is part of what is said of it."""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_REFS_MOST = 100  # a chain of references longer than this leads nowhere


def child(pointer: str, *keys: str | int) -> str:
    """Extend a JSON pointer, in its form for URIs (RFC 6901, sections 3 and 6)."""
    for key in keys:
        pointer = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
    return pointer


@frozen
class Node:
    """A value of a document, and where it stands.

    Attributes:
        value: JSON.
        pointer: Its JSON pointer, from `#`.
    """

    value: Any
    pointer: str

    def get(self, *keys: str | int) -> "Node | None":
        """Return what stands below, or None if there is no such place."""
        value, pointer = self.value, self.pointer
        for key in keys:
            if not _has(value, key):
                return None
            value = value[key]
            pointer = child(pointer, key)
        return Node(value, pointer)

    def says(self, key: str) -> Any:
        """Return the value of a member, or None if there is none, or this is no object."""
        found = self.get(key)
        return None if found is None else found.value

    def parts(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the members of an object; nothing of what is none."""
        if isinstance(self.value, dict):
            for key, value in self.value.items():
                yield key, Node(value, child(self.pointer, key))

    def items(self) -> Iterator["Node"]:
        """Yield the items of an array; nothing of what is none."""
        if isinstance(self.value, list):
            for index, value in enumerate(self.value):
                yield Node(value, child(self.pointer, index))


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, dict) and key in value


@frozen
class Operation:
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
        found = self.node.says("operationId")
        return None if found is None else str(found)

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.method.upper()} {self.path}"


class Document:
    """An OpenAPI document.

    Attributes:
        root: Its top level.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        """Take a document as it was loaded."""
        self.root = Node(content, "#")

    def resolve(self, node: Node) -> Node:
        """Return what a reference leads to, through all of them; what is none, as it is.

        Raises:
            ValueError: It leads out of the document, to nothing or in a circle.
        """
        for _ in range(_REFS_MOST):
            reference = node.value.get("$ref") if isinstance(node.value, dict) else None
            if not isinstance(reference, str):
                return node
            target = self.at(reference)
            if target is None:
                raise ValueError(f"{node.pointer}: the reference {reference!r} leads to nothing")
            node = target
        raise ValueError(f"{node.pointer}: the references lead in a circle")

    def at(self, reference: str) -> Node | None:
        """Return what a reference leads to, or None if that is nothing of this document."""
        if reference == "#":
            return self.root
        if not reference.startswith("#/"):
            return None
        keys = [key.replace("~1", "/").replace("~0", "~") for key in reference[2:].split("/")]
        node: Node | None = self.root
        for key in keys:
            listed = node is not None and isinstance(node.value, list) and key.isdecimal()
            node = node.get(int(key) if listed else key) if node else None
        return node

    def components(self, kind: str = "schemas") -> dict[str, Node]:
        """Return the components of a kind, by name."""
        found = self.root.get("components", kind)
        return dict(found.parts()) if found else {}

    def operations(self) -> list[Operation]:
        """Return every operation."""
        paths = self.root.get("paths")
        found: list[Operation] = []
        for path, item in paths.parts() if paths else ():
            resolved = self.resolve(item)
            for method in METHODS:
                node = resolved.get(method)
                if node and isinstance(node.value, dict):
                    parameters = self._parameters(resolved) | self._parameters(node)
                    found.append(Operation(path, method, node, parameters))
        return found

    def _parameters(self, owner: Node) -> dict[tuple[str, str], Node]:
        listed = owner.get("parameters")
        nodes = [self.resolve(node) for node in (listed.items() if listed else ())]
        return {(str(n.says("in")), str(n.says("name"))): n for n in nodes}
