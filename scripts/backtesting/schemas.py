"""Schemas made plain: references followed, compositions merged, alternatives told apart.

Source: OpenAPI 3.1.0, section 4.8.24 (Schema Object); JSON Schema 2020-12.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from backtesting.constraints import in_range, is_of, same, within

#: Says of a place why its bodies are not all that the spec allows there.
Note = Callable[[str, str], None]

_UNDERSTOOD = {
    *("$ref", "allOf", "oneOf", "anyOf", "type", "nullable", "enum", "const", "format"),
    *("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "discriminator"),
}
_SAYS_NOTHING = {
    *("title", "description", "default", "example", "examples", "deprecated", "readOnly"),
    *("xml", "externalDocs", "$comment", "$defs", "$schema", "$id", "$anchor"),
}
_HIGHEST = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_LOWEST = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_NUMBER = (int, float)
_SHAPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_HIGHEST | _LOWEST | {"multipleOf"}, _NUMBER),  # bool is an int: OpenAPI 3.0
    **dict.fromkeys(("properties", "discriminator"), (dict,)),
    **dict.fromkeys(("required", "enum", "allOf", "oneOf", "anyOf", "prefixItems"), (list,)),
    **dict.fromkeys(("additionalProperties", "items"), (dict, bool)),
    "type": (str, list),
    "format": (str,),
}
_MOST = 64  # alternatives of one schema that are worth telling apart


@dataclass(frozen=True)
class Plain:
    """One alternative of a schema, with no reference, composition or choice of types left.

    Attributes:
        keywords: What constrains it; `type` is one JSON type, or missing where any will do.
        loops: How many references that lead back to themselves were followed to get here.
        rivals: Schemas that must not take the value too: the other choices of a `oneOf`.
    """

    keywords: dict[str, Any]
    loops: int = 0
    rivals: tuple[Any, ...] = ()


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._loops: dict[str, bool] = {}

    def resolve(self, reference: str) -> Any:
        """Return what a local reference points to, or None if it points to nothing here.

        Source: RFC 6901.
        """
        if not reference.startswith("#/"):
            return None
        node: Any = self.document
        for segment in reference[2:].split("/"):
            key = segment.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
        return node

    def followed(self, node: Any) -> Any:
        """Return an object of the document, a reference in its place followed."""
        for _ in range(_MOST):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                break
            node = self.resolve(node["$ref"])
        return node

    def plain(self, schema: Any, at: str, note: Note, within: tuple[str, ...] = ()) -> list[Plain]:
        """Return the alternatives of a schema; none, where it allows no value.

        Args:
            schema: Any node of the document that is a schema.
            at: The place that it describes, for notes.
            note: Is told what is not understood.
            within: The references that are being followed.
        """
        if schema is True:
            return [Plain({})]
        if not isinstance(schema, dict):
            if schema is not False:
                note(at, "it has no schema that can be read")
            return []
        if not _is_readable(schema, at, note):
            return []
        parts = [self._own(schema)]
        if isinstance(schema.get("$ref"), str):
            parts.append(self._referred(schema["$ref"], at, note, within))
        parts += [self.plain(part, at, note, within) for part in schema.get("allOf", ())]
        parts += [
            self._choices(schema, key, at, note, within)
            for key in ("oneOf", "anyOf")
            if key in schema
        ]
        return self._all_of(parts, at, note)

    def allows(self, schema: Any, value: Any) -> bool:
        """Whether a schema takes a value, as far as its keywords are understood."""
        return any(
            self._allows(choice.keywords, value)
            and not any(self.allows(rival, value) for rival in choice.rivals)
            for choice in self.plain(schema, "", _silent)
        )

    def _own(self, schema: dict[str, Any]) -> list[Plain]:
        """Return the alternatives that a schema's own `type` is a choice of."""
        kept = {key: schema[key] for key in schema.keys() & _UNDERSTOOD}
        for key in ("$ref", "allOf", "oneOf", "anyOf", "discriminator", "nullable", "type"):
            kept.pop(key, None)
        if "const" in kept:
            kept["enum"] = [kept.pop("const")]
        kinds = schema.get("type")
        if kinds is None:
            return [Plain(kept)]
        kinds = list(kinds) if isinstance(kinds, list) else [kinds]
        if schema.get("nullable") is True and "null" not in kinds:  # OpenAPI 3.0
            kinds.append("null")
        return [Plain({**kept, "type": kind}) for kind in kinds]

    def _referred(
        self, reference: str, at: str, note: Note, within: tuple[str, ...]
    ) -> list[Plain]:
        target = self.resolve(reference)
        if target is None or reference in within:
            note(at, f"the reference {reference!r} leads nowhere")
            return []
        found = self.plain(target, at, note, (*within, reference))
        if not self._leads_back(reference):
            return found
        return [Plain(one.keywords, one.loops + 1, one.rivals) for one in found]

    def _leads_back(self, reference: str) -> bool:
        if reference not in self._loops:
            seen, todo = set[str](), [self.resolve(reference)]
            while todo:
                for found in _references(todo.pop()):
                    if found not in seen:
                        seen.add(found)
                        todo.append(self.resolve(found))
            self._loops[reference] = reference in seen
        return self._loops[reference]

    def _choices(
        self, schema: dict[str, Any], key: str, at: str, note: Note, within: tuple[str, ...]
    ) -> list[Plain]:
        choices = [_told_apart(choice, schema.get("discriminator")) for choice in schema[key]]
        found: list[Plain] = []
        for index, choice in enumerate(choices):
            rivals = (*choices[:index], *choices[index + 1 :]) if key == "oneOf" else ()
            found += [
                Plain(one.keywords, one.loops, (*one.rivals, *rivals))
                for one in self.plain(choice, at, note, within)
            ]
        return found

    def _all_of(self, parts: list[list[Plain]], at: str, note: Note) -> list[Plain]:
        found: list[Plain] = []
        for combination in product(*parts):
            if len(found) == _MOST:
                note(at, f"only {_MOST} of its alternatives are looked at")
                break
            keywords: dict[str, Any] | None = {}
            for one in combination:
                keywords = None if keywords is None else _merged(keywords, one.keywords, at, note)
            if keywords is not None:
                loops = sum(one.loops for one in combination)
                rivals = tuple(rival for one in combination for rival in one.rivals)
                found.append(Plain(keywords, loops, rivals))
        return found

    def _allows(self, keywords: dict[str, Any], value: Any) -> bool:
        if "enum" in keywords and not any(same(value, known) for known in keywords["enum"]):
            return False
        if not is_of(keywords.get("type"), value):
            return False
        if isinstance(value, dict):
            named, extra = keywords.get("properties") or {}, keywords.get("additionalProperties")
            extra = True if extra is None else extra
            return value.keys() >= {*keywords.get("required", ())} and all(
                self.allows(named.get(key, extra), part) for key, part in value.items()
            )
        if isinstance(value, list):
            first = keywords.get("prefixItems") or []
            rest = [keywords.get("items", True)] * (len(value) - len(first))
            return within(keywords, "Items", len(value)) and all(
                map(self.allows, [*first[: len(value)], *rest], value)
            )
        if isinstance(value, str):
            return within(keywords, "Length", len(value))
        return in_range(keywords, value)


def _is_readable(schema: dict[str, Any], at: str, note: Note) -> bool:
    for key in schema.keys() - _UNDERSTOOD - _SAYS_NOTHING:
        if not key.startswith("x-"):
            note(at, f"`{key}` is not understood")
    for key, shape in _SHAPES.items():
        if key in schema and not isinstance(schema[key], shape):
            note(at, f"its `{key}` cannot be read")
            return False
    return True


def _merged(  # noqa: C901 - one clause for each keyword
    one: dict[str, Any], other: dict[str, Any], at: str, note: Note
) -> dict[str, Any] | None:
    """Return what both say together, or None if nothing can be both."""
    result = {**one, **other}
    for key in one.keys() & other.keys():
        here, there = one[key], other[key]
        if key == "type":
            if {here, there} == {"integer", "number"}:
                result[key] = "integer"
            elif here != there:
                return None
        elif key == "enum":
            result[key] = [value for value in here if any(same(value, v) for v in there)]
        elif key == "properties":
            both = {name: {"allOf": [here[name], there[name]]} for name in here.keys() & there}
            result[key] = {**here, **there, **both}
        elif key == "required":
            result[key] = [*here, *there]
        elif key in {"items", "additionalProperties"}:
            result[key] = here if here == there else {"allOf": [here, there]}
        elif key in _HIGHEST | _LOWEST:
            result[key] = max(here, there) if key in _HIGHEST else min(here, there)
        elif here != there:
            note(at, f"it has two of `{key}`")
    if isinstance(one.get("additionalProperties"), bool | dict) and other.get("properties"):
        note(at, "`additionalProperties` beside `allOf` is not understood")
    return result


def _told_apart(choice: Any, discriminator: Any) -> Any:
    """Return a choice that has the discriminator's values for it, if there is a discriminator."""
    if not isinstance(discriminator, dict) or not isinstance(choice, dict) or "$ref" not in choice:
        return choice
    mapping = discriminator.get("mapping") or {}
    name = str(choice["$ref"]).rsplit("/", 1)[-1]
    own = [value for value, target in mapping.items() if str(target).rsplit("/", 1)[-1] == name]
    key = str(discriminator.get("propertyName"))
    return {"allOf": [choice, {"properties": {key: {"enum": own or [name]}}, "required": [key]}]}


def _references(node: Any) -> Iterator[str]:
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)


def _silent(at: str, why: str) -> None:
    """Drop a note: it was made when the schema was first read."""
