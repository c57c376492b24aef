"""What a Schema Object says, spelt out: references followed, `allOf` merged, choices listed.

Source: OpenAPI 3.0.4 and 3.1.1, section Schema Object; JSON Schema 2020-12.
"""

import json
from typing import Any, Final

from attrs import evolve, field, frozen

from specdiff.document import Document, Node

ANY: Final = "any"  # the type of a schema that asks for none

_DEEPEST: Final = 40  # levels of `allOf` and choices inside each other

#: What compositions are made of; all other keywords are kept in `keywords`.
STRUCTURE: Final = {
    "$ref", "additionalProperties", "allOf", "anyOf", "enum", "items", "nullable", "oneOf",
    "prefixItems", "properties", "required", "type",
}  # fmt: skip


@frozen
class Schema:
    """A schema of one JSON type, or of any.

    Attributes:
        node: The Schema Object, references followed.
        name: The component that a reference leads to, if one did.
        type: A JSON type, or `ANY`.
        keywords: What else it says, by keyword.
        properties: By name.
        required: The names of those that must be there.
        extra: The schema of fields that it does not name; True where anything may be, False where
            nothing may, None where it says nothing of them.
        extra_node: Where `extra` is said.
        items: The schema of an array's items.
        prefix: The schemas of its first items.
        values: What the enum lists, by its JSON, null aside; None where there is no enum.
        enum_node: Where the enum is.
    """

    node: Node
    name: str | None
    type: str
    keywords: dict[str, Node] = field(factory=dict)
    properties: dict[str, Node] = field(factory=dict)
    required: dict[str, Node] = field(factory=dict)
    extra: Node | bool | None = None
    extra_node: Node | None = None
    items: Node | None = None
    prefix: tuple[Node, ...] = ()
    values: dict[str, Node] | None = None
    enum_node: Node | None = None


@frozen
class Choices:
    """What a place may hold: null or not, and one of some schemas.

    Attributes:
        node: The Schema Object of the place, as it stands there.
        nullable: Whether null is allowed.
        schemas: The others; none where only null is.
        keyword: What lists them: `oneOf`, `anyOf`, `type`, or None where there is no choice.
    """

    node: Node
    nullable: bool
    schemas: tuple[Schema, ...]
    keyword: str | None = None

    @property
    def single(self) -> Schema | None:
        """The schema, if there is but one."""
        return self.schemas[0] if len(self.schemas) == 1 else None


def read(document: Document, node: Node, depth: int = 0) -> Choices:
    """Return what a place may hold.

    Raises:
        ValueError: A reference leads nowhere, or compositions are nested too deeply.
    """
    if depth > _DEEPEST:
        raise ValueError(f"{node.pointer}: schemas are composed too deeply")
    target = document.resolve(node)
    name = _component(target)
    if target.value is False:
        return Choices(node, nullable=False, schemas=())
    if not isinstance(target.value, dict):
        return Choices(node, nullable=True, schemas=(Schema(target, name, ANY),))
    merged = _merged(document, target, depth)
    for keyword in ("oneOf", "anyOf"):
        listed = merged.get(keyword)
        if listed and isinstance(listed.value, list) and listed.value:
            return _choice(document, node, merged, listed, keyword, depth)
    types = merged.pop("type", None)
    kinds = types.value if types and isinstance(types.value, list) else [types and types.value]
    nullable = "null" in kinds or _says(merged.pop("nullable", None), said=True)
    values = _values(merged.get("enum"))
    if (constant := merged.get("const")) and constant.value is None:
        return Choices(node, nullable=True, schemas=())
    if kinds == [None]:
        kinds = [_implied(merged)]
        nullable = nullable or values is not None or kinds == [ANY]
    nullable = nullable and constant is None and _lists_null(merged.get("enum"))
    schemas = tuple(
        _schema(target, name, kind, merged, values)
        for kind in kinds
        if isinstance(kind, str) and kind != "null"
    )
    return Choices(node, nullable, schemas, "type" if len(schemas) > 1 else None)


def _choice(  # noqa: PLR0913, PLR0917 - what `read` has found already
    document: Document, node: Node, merged: dict[str, Node], listed: Node, keyword: str, depth: int
) -> Choices:
    parts = [read(document, part, depth + 1) for part in listed.items()]
    nullable = any(part.nullable for part in parts) or _says(merged.get("nullable"), said=True)
    schemas = [schema for part in parts for schema in part.schemas]
    beside = {
        key: part
        for key, part in merged.items()
        if key not in STRUCTURE and key not in {"description", "title"}
    }
    if len(schemas) == 1:  # `oneOf: [X, null]` is X, or null
        return Choices(node, nullable, (schemas[0],))
    schemas = [evolve(one, keywords={**one.keywords, **beside}) for one in schemas]
    return Choices(node, nullable, tuple(schemas), keyword)


def _merged(document: Document, target: Node, depth: int) -> dict[str, Node]:
    """Return the keywords of a schema and of its `allOf`; `properties` and `required` joined."""
    own = dict(target.parts())
    listed = own.pop("allOf", None)
    if not listed:
        return own
    if depth > _DEEPEST:
        raise ValueError(f"{target.pointer}: schemas are composed too deeply")
    result: dict[str, Node] = {}
    for part in [*listed.items(), None]:
        resolved = document.resolve(part) if part else None
        more = _merged(document, resolved, depth + 1) if resolved else own
        for key, value in more.items():
            before = result.get(key)
            both = [before.value, value.value] if before else []
            if before and key == "properties" and all(isinstance(v, dict) for v in both):
                result[key] = _Joined({**both[0], **both[1]}, value.pointer, (before, value))
            elif before and key == "required" and all(isinstance(v, list) for v in both):
                result[key] = _JoinedList([*both[0], *both[1]], value.pointer, (before, value))
            else:
                result[key] = value
    return result


@frozen
class _Joined(Node):
    """The properties of several schemas; each keeps its own pointer."""

    sources: tuple[Node, ...]

    def parts(self) -> Any:
        """Yield the properties; one that several schemas describe is what they say together."""
        found: dict[str, Node] = {}
        for source in self.sources:
            for key, node in source.parts():
                before = found.get(key)
                found[key] = _both(before, node) if before else node
        yield from found.items()


def _both(one: Node, other: Node) -> Node:
    """Return a schema that is two, as `allOf` of them would be."""
    if one.value == other.value:
        return other
    return _Both({"allOf": [one.value, other.value]}, other.pointer, (one, other))


@frozen
class _Both(Node):
    """What two schemas say together, where no `allOf` of the document has them."""

    sources: tuple[Node, ...]

    def parts(self) -> Any:
        """Yield the `allOf`."""
        yield "allOf", _Listed(self.value["allOf"], self.pointer, self.sources)


@frozen
class _Listed(Node):
    """A list of nodes from several places."""

    sources: tuple[Node, ...]

    def items(self) -> Any:
        """Yield them."""
        yield from self.sources


@frozen
class _JoinedList(Node):
    """The `required` of several schemas."""

    sources: tuple[Node, ...]

    def items(self) -> Any:
        """Yield the names."""
        for source in self.sources:
            yield from source.items()


def _schema(
    target: Node,
    name: str | None,
    kind: str,
    merged: dict[str, Node],
    values: dict[str, Node] | None,
) -> Schema:
    properties, required = merged.get("properties"), merged.get("required")
    extra = merged.get("additionalProperties")
    prefix = merged.get("prefixItems")
    return Schema(
        node=target,
        name=name,
        type=kind,
        keywords={key: node for key, node in merged.items() if key not in STRUCTURE},
        properties=dict(properties.parts()) if properties else {},
        required=(
            {n.value: n for n in required.items() if isinstance(n.value, str)} if required else {}
        ),
        extra=(extra.value if isinstance(extra.value, bool) else extra) if extra else None,
        extra_node=extra,
        items=merged.get("items"),
        prefix=tuple(prefix.items()) if prefix else (),
        values=values,
        enum_node=merged.get("enum"),
    )


def _values(node: Node | None) -> dict[str, Node] | None:
    if node is None or not isinstance(node.value, list):
        return None
    return {as_json(item.value): item for item in node.items() if item.value is not None}


def as_json(value: Any) -> str:
    """Return the JSON of a value; 1.0 is 1."""
    whole = isinstance(value, float) and value.is_integer()
    return json.dumps(int(value) if whole else value, sort_keys=True)


def _lists_null(node: Node | None) -> bool:
    """Whether an enum lists null; true where there is no enum."""
    return node is None or not isinstance(node.value, list) or None in node.value


def _implied(merged: dict[str, Node]) -> str:
    if "properties" in merged or "additionalProperties" in merged:
        return "object"
    if "items" in merged or "prefixItems" in merged:
        return "array"
    listed = merged.get("enum")
    found = listed.value if listed and isinstance(listed.value, list) else []
    if "const" in merged:
        found = [merged["const"].value]
    kinds = {_type_of(value) for value in found if value is not None}
    return kinds.pop() if len(kinds) == 1 else ANY


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), ANY)


def _says(node: Node | None, *, said: bool) -> bool:
    return node is not None and node.value is said


def _component(node: Node) -> str | None:
    head, _, name = node.pointer.rpartition("/")
    return name if head == "#/components/schemas" else None
