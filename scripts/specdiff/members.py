"""The parts of objects and arrays of two documents: which are in one alone, which in both."""

from collections.abc import Iterator
from typing import Any, TypeVar

from specdiff.document import Node

Key = TypeVar("Key")


def only(one: dict[Key, Node], other: dict[Key, Node]) -> list[Key]:
    """Return the keys of one alone, in their order: what is told must not depend on hashes."""
    return [key for key in one if key not in other]


def common(one: dict[Key, Node], other: dict[Key, Node]) -> list[Key]:
    """Return the keys of both, in their order."""
    return [key for key in one if key in other]


def of(node: Node | None) -> dict[str, Node]:
    """Return the members of an object; of none, nothing."""
    return dict(node.parts()) if node else {}


def by_value(node: Node | None) -> dict[str, Node]:
    """Return the items of an array, by their text."""
    items: Iterator[Node] = node.items() if node else iter(())
    return {str(item.value): item for item in items}


def value(node: Node | None) -> Any:
    """Return a node's value, or None for no node."""
    return None if node is None else node.value
