"""Pairs the schemas of two lists of choices that mean the same."""

from collections.abc import Callable
from typing import Final

from attrs import evolve
from common.effects import Effect

from specdiff import reading
from specdiff.changes import quote
from specdiff.document import Document, Node
from specdiff.schemas import ANY, Choices, Schema

Test = Callable[[Schema, Schema], bool]


def matched(
    old: tuple[Schema, ...], new: tuple[Schema, ...]
) -> tuple[list[tuple[Schema, Schema]], list[Schema], list[Schema]]:
    """Pair the schemas that mean the same; return the pairs, what is gone and what has come."""
    gone, come = list(old), list(new)
    pairs: list[tuple[Schema, Schema]] = []
    for same in _TESTS:
        for schema in tuple(gone):
            twin = next((other for other in come if same(schema, other)), None)
            if twin is not None:
                pairs.append((schema, twin))
                gone.remove(schema)
                come.remove(twin)
    return pairs, gone, come


def bare(schema: Schema) -> Schema:
    """Return a schema's type alone, with its format if that is a type of its own."""
    form = reading.typed_format(schema)
    kept = {key: node for key, node in schema.keywords.items() if form and key == "format"}
    return evolve(schema, keywords=kept, values=None)


def typed(schema: Schema) -> str:
    """Return a schema's type in words."""
    shown = schema.keywords.get("format")
    words = "of any type" if schema.type == ANY else schema.type
    return f"{words} ({quote(shown.value)})" if shown else words


def choice_node(schema: Schema, choices: Choices) -> Node:
    """Return where a choice stands: in the list, if its schema is a component of its own."""
    listed = choices.node.get(choices.keyword or "")
    for item in listed.items() if listed else ():
        if isinstance(item.value, dict) and (
            item.pointer == schema.node.pointer
            or str(item.value.get("$ref")) == schema.node.pointer
        ):
            return item
        if item.value == schema.type:
            return item
    return schema.node


def nulls(document: Document, choices: Choices) -> list[Node]:
    """Return where a list of choices says that null is one."""
    place = document.resolve(choices.node)
    listed = [place.get(keyword) for keyword in ("oneOf", "anyOf")]
    return [item for node in listed if node for item in node.items() if item.says("type") == "null"]


def parts(schema: Node) -> list[Node]:
    """Return the schemas that one is composed of."""
    listed = [schema.get(keyword) for keyword in ("allOf", "oneOf", "anyOf")]
    return [item for node in listed if node for item in node.items()]


#: The strictest first.
_TESTS: Final[tuple[Test, ...]] = (
    lambda a, b: a.node.value == b.node.value and a.type == b.type,
    lambda a, b: a.name is not None and a.name == b.name and a.type == b.type,
    lambda a, b: a.type == b.type,
    lambda a, b: reading.fit(bare(a), bare(b)) is Effect.ABSORBED,
)
