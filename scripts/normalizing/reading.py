"""Reads Schema Objects as alternatives, with references resolved and compositions merged.

Source: OpenAPI 3.0.4 and 3.1.1, section Schema Object; JSON Schema 2020-12.
"""

from contextlib import suppress
from typing import Any, Final

from attrs import evolve

from normalizing import keywords, references, shapes
from normalizing.findings import UnreadableSchemaError, unreadable
from normalizing.located import (
    COMPONENTS,
    LocatedObject,
    child,
    place,
    pointer_of,
    without_pointers,
)
from normalizing.naming import below, property_name
from normalizing.shapes import Extra, Parts, Raw, Shape, Widen

#: Alternatives of one schema.
MAX_ALTERNATIVES: Final = 1_000

#: Alternatives of all schemas, counting the intermediate results of compositions.
MAX_TOTAL_ALTERNATIVES: Final = 500_000

#: Levels of composition; real specs need far fewer.
MAX_COMPOSED_DEPTH: Final = 40

_LISTS: Final = ("allOf", "anyOf", "oneOf")
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("properties", "patternProperties", "discriminator"), dict),
    **dict.fromkeys(("required", "enum", *_LISTS, "prefixItems"), list),
    **dict.fromkeys(("additionalProperties",), (dict, bool)),
    **dict.fromkeys(("items",), (dict, bool, list)),
    **dict.fromkeys(("$ref", "pattern", "format"), str),
    "type": (str, list),
}


class SchemaReader:
    """Reads the schemas of one document.

    Attributes:
        document: The document, with pointers in every part.
        widen: Called for schemas that are read as allowing more values than the document does.
    """

    def __init__(self, document: LocatedObject, widen: Widen) -> None:
        """Create a reader without results."""
        self.document = document
        self.widen = widen
        self._read: dict[int, list[Shape]] = {}
        self._open: dict[int, None] = {}
        self._components: dict[str, Raw] = {}
        self._total_alternatives = 0

    def intersection(self, parts: Parts, at: Raw | None = None) -> list[Shape]:
        """Return the alternatives of values that satisfy several schemas.

        Args:
            parts: The schemas.
            at: The place and name of the result; those of the first schema if not given.

        Raises:
            UnreadableSchemaError: One of them has no normal form.
        """
        result: list[Shape] | None = None
        for raw in parts:
            result = self._intersect(result, self.read(raw), at or parts[0])
        return [anything(at or parts[0])] if result is None else result

    def read(self, raw: Raw) -> list[Shape]:
        """Return the alternatives of a schema; empty if it allows no value.

        Raises:
            UnreadableSchemaError: It has no normal form.
        """
        if raw.value is True:
            return [anything(raw)]
        if raw.value is False:
            return []
        if not isinstance(raw.value, dict):
            raise unreadable(raw.pointer, "is not a schema")
        identity = id(raw.value)
        if identity not in self._read:
            if identity in self._open:
                raise unreadable(raw.pointer, "is composed of itself")
            if len(self._open) >= MAX_COMPOSED_DEPTH:
                reason = f"is composed over more than {MAX_COMPOSED_DEPTH} levels"
                raise unreadable(raw.pointer, reason)
            self._open[identity] = None
            try:
                self._read[identity] = self._alternatives(raw)
            finally:
                del self._open[identity]
        return [_with_name_of(shape, raw) for shape in self._read[identity]]

    def component(self, name: str) -> Raw:
        """Return the schema of a component."""
        if name not in self._components:
            holder = self.document["components"]["schemas"]
            value = holder[name]
            given_name = value.get("x-name") if isinstance(value, dict) else None
            self._components[name] = Raw(value, place(holder, name), str(given_name or name))
        return self._components[name]

    def resolve_reference(self, reference: str, pointer: str) -> Raw:
        """Return the target of a reference, named by its place.

        Raises:
            UnreadableSchemaError: There is none.
        """
        keys = references.segments(reference, pointer)
        value = references.target(self.document, reference, pointer)
        if len(keys) == 3 and keys[:2] == ["components", "schemas"]:  # noqa: PLR2004 - its name
            return self.component(keys[2])
        where, name, node = "#", "", self.document
        for key in keys:
            is_component = where == "#/components/schemas"
            where = place(node, int(key) if isinstance(node, list) else key)
            node = references.step(node, key)
            name = key if is_component else below(name, key)
        return Raw(value, where, name)

    # One schema.

    def _alternatives(self, raw: Raw) -> list[Shape]:
        schema = raw.value
        self._check(raw)
        alternatives = self._from_own_keywords(raw)
        if "$ref" in schema:
            target = self.resolve_reference(schema["$ref"], raw.pointer)
            alternatives = self._intersect(alternatives, self.read(target), raw)
        for part in self.part_list(raw, "allOf"):
            alternatives = self._intersect(alternatives, self.read(part), raw)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                alternatives = self._intersect(alternatives, self._union(raw, keyword), raw)
        if alternatives is None:
            alternatives = [anything(raw)]
        if schema.get("nullable") is True and _allows_null(schema):
            alternatives = unique(
                [*alternatives, Shape((raw,), "null", raw.name, at={"type": raw.pointer})]
            )
        return alternatives

    def _check(self, raw: Raw) -> None:
        for key, value in raw.value.items():
            kind = _KINDS.get(key)
            if kind and not isinstance(value, kind):
                raise unreadable(place(raw.value, key), f"is not a valid value of `{key}`")
            number = key in keywords.HIGHER | keywords.LOWER or key == "multipleOf"
            if number and not isinstance(value, int | float):
                raise unreadable(place(raw.value, key), f"is not a valid value of `{key}`")
            if key in keywords.NOT_CARRIED:
                self.widen(place(raw.value, key), f"`{key}` is not enforced")
            elif key not in keywords.KNOWN and not key.startswith("x-"):
                self.widen(place(raw.value, key), f"`{key}` is not understood")

    def part_list(self, raw: Raw, keyword: str) -> list[Raw]:
        """Return the schemas in the list of a keyword; empty if the schema does not have it."""
        listed = raw.value.get(keyword)
        count = len(listed) if isinstance(listed, list) else 0
        return [self.part(raw, listed, index, raw.name) for index in range(count)]

    def composing(self, parts: Parts, *keywords: str) -> list[Raw]:
        """Return schemas, and those that they refer to or list under keywords, however deep."""
        found: dict[int, Raw] = {}
        pending = [*parts]
        while pending:
            raw = pending.pop(0)
            if not isinstance(raw.value, dict) or id(raw.value) in found:
                continue
            found[id(raw.value)] = raw
            if isinstance(raw.value.get("$ref"), str):
                with suppress(UnreadableSchemaError):  # reported where the schema is read
                    pending.append(self.resolve_reference(raw.value["$ref"], raw.pointer))
            pending += [part for keyword in keywords for part in self.part_list(raw, keyword)]
        return list(found.values())

    def part(self, raw: Raw, holder: Any, key: str | int, name: str) -> Raw:
        """Return a schema inside another, by the object that holds it and its key there."""
        value = holder[key]
        where = child(pointer_of(holder, raw.pointer), key)
        if isinstance(value, dict):
            where = pointer_of(value, where)
            name = str(value.get("x-name") or name)
        return Raw(value, where, name)

    def _union(self, raw: Raw, keyword: str) -> list[Shape]:
        alternatives: list[Shape] = []
        for part in self.part_list(raw, keyword):
            alternatives += self.read(part)
            self._count(raw, len(alternatives))
        alternatives = _with_one_list(alternatives, raw)
        if keyword == "oneOf" and self._may_overlap(alternatives):
            self.widen(
                place(raw.value, keyword), "a value that several of `oneOf` allow is allowed"
            )
        return unique(alternatives)

    def listed_values(self, shape: Shape, key: str) -> list[Any] | None:
        """Return the allowed strings of a property, if they are listed."""
        parts = shape.properties.get(key)
        try:
            alternatives = self.intersection(parts) if parts else []
        except UnreadableSchemaError:
            return None
        return (
            alternatives[0].values
            if len(alternatives) == 1 and alternatives[0].type == "string"
            else None
        )

    def _may_overlap(self, alternatives: list[Shape]) -> bool:
        """Whether a value may match several alternatives, judged by types and listed values."""
        pairs = (
            (first, second)
            for index, first in enumerate(alternatives)
            for second in alternatives[:index]
        )
        return any(
            _may_overlap_in_values(first, second) and not self._are_distinguished(first, second)
            for first, second in pairs
        )

    def _are_distinguished(self, first: Shape, second: Shape) -> bool:
        """Whether both require a property whose values never coincide."""
        if first.type is None or second.type is None:
            return False
        for key in first.required.keys() & second.required.keys():
            first_values, second_values = (
                self.listed_values(first, key),
                self.listed_values(second, key),
            )
            if first_values and second_values and not set(first_values) & set(second_values):
                return True
        return False

    def _intersect(
        self, left: list[Shape] | None, right: list[Shape] | None, raw: Raw
    ) -> list[Shape] | None:
        if left is None or right is None:
            return right if left is None else left
        if len(left) == 1 and left[0].is_anything:
            return right
        if len(right) == 1 and right[0].is_anything:
            return left
        if left is right:
            return left
        product: list[Shape] = []
        for left_shape in left:
            for right_shape in right:
                self._count(raw, len(product) + 1)
                merged = shapes.both(left_shape, right_shape, raw, self.widen)
                if merged is not None:
                    product.append(merged)
        if not product and left and right:
            raise unreadable(raw.pointer, "is composed of parts that no value can satisfy together")
        return unique(product)

    def _count(self, raw: Raw, alternatives: int) -> None:
        """Count one more alternative of all schemas, and check both limits.

        Args:
            raw: The schema that is being read.
            alternatives: The number of its alternatives so far.

        Raises:
            UnreadableSchemaError: It has too many, or all schemas together have.
        """
        self._total_alternatives += 1
        if alternatives > MAX_ALTERNATIVES:
            raise unreadable(raw.pointer, f"expands to more than {MAX_ALTERNATIVES} alternatives")
        if self._total_alternatives > MAX_TOTAL_ALTERNATIVES:
            reason = "counting all schemas before it and the intermediate results of compositions"
            limit = f"more than {MAX_TOTAL_ALTERNATIVES} alternatives"
            raise unreadable(raw.pointer, f"expands the document to {limit}, {reason}")

    # A schema's own keywords.

    def _from_own_keywords(self, raw: Raw) -> list[Shape] | None:
        """Return the alternatives that a schema's own keywords describe; None if it has none."""
        schema = raw.value
        kinds = self._types(raw)
        values = self._values(raw)
        if kinds is None and values is None:
            shape = self._shape(raw, None)
            return None if shape.is_anything and not self._has_no_composition(schema) else [shape]
        if kinds is None:
            kinds = list(dict.fromkeys(keywords.type_of(value) for value in values or ()))
        alternatives: list[Shape] = []
        for kind in kinds:
            shape = self._shape(raw, kind)
            if values is not None:
                matching = [value for value in values if keywords.is_of(kind, value)]
                if "integer" in kinds and kind == "number":
                    matching = [value for value in matching if not keywords.is_of("integer", value)]
                if not matching:
                    continue
                if shape.bounds or shape.is_object or shape.items is not None or shape.required:
                    self.widen(
                        raw.pointer,
                        "the listed values are not checked against other keywords",
                    )
                shape = Shape(
                    (raw,),
                    kind,
                    raw.name,
                    values=None if kind == "null" else matching,
                    is_constant="const" in schema,
                    at=shape.at,
                )
            alternatives.append(shape)
        is_listed = any(value is not None for value in values or ())
        if is_listed and all(shape.type == "null" for shape in alternatives):
            self.widen(raw.pointer, "lists no value of its type; any value of its type is allowed")
            alternatives += [self._shape(raw, kind) for kind in kinds if kind != "null"]
        return alternatives

    @staticmethod
    def _has_no_composition(schema: dict[str, Any]) -> bool:
        return not schema.keys() & {"$ref", *_LISTS}

    def _types(self, raw: Raw) -> list[str] | None:
        value = raw.value.get("type")
        if value is None:
            return None
        kinds = value if isinstance(value, list) else [value]
        for kind in kinds:
            if kind not in keywords.TYPES:
                where = place(raw.value, "type")
                raise unreadable(where, f"is {kind!r:.60}, which is not a JSON type")
        return list(dict.fromkeys(kinds))

    def _values(self, raw: Raw) -> list[Any] | None:
        schema = raw.value
        listed = schema.get("enum")
        if "const" in schema:
            constant = without_pointers(schema["const"])
            if listed is None or any(keywords.equal(constant, value) for value in listed):
                return [constant]
            return []
        if listed is None:
            return None
        distinct: dict[str, Any] = {}
        for value in listed:
            distinct.setdefault(f"{keywords.type_of(value)} {value!r}", without_pointers(value))
        return list(distinct.values())

    def _shape(self, raw: Raw, kind: str | None) -> Shape:
        schema = raw.value
        carried = keywords.CARRIED if kind is None else keywords.BINDING[kind]
        bounds = {key: value for key, value in schema.items() if key in carried}
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            is_flag = isinstance(bounds.get(exclusive), bool)  # OpenAPI 3.0
            if is_flag and bounds.pop(exclusive) and bound in bounds:
                bounds[exclusive] = bounds.pop(bound)
        shape = Shape(
            (raw,),
            kind,
            raw.name,
            bounds=bounds,
            at={key: place(schema, key) for key in schema if key in carried | keywords.STRUCTURE},
        )
        if kind in {None, "object"}:
            shape = self._object(raw, shape)
        if kind in {None, "array"}:
            shape = self._array(raw, shape)
        return shape

    def _object(self, raw: Raw, shape: Shape) -> Shape:
        schema = raw.value
        described = schema.get("properties", {})
        properties: dict[str, Parts] = {
            key: (self.part(raw, described, key, property_name(raw.name, key)),)
            for key in described
            if described[key] is not False
        }
        listed = schema.get("required", [])
        for name in listed:
            if not isinstance(name, str):
                raise unreadable(place(schema, "required"), "lists something other than a name")
        required = {n: child(place(schema, "required"), i) for i, n in enumerate(listed)}
        extra: Extra = None
        if "additionalProperties" in schema:
            additional = schema["additionalProperties"]
            part = self.part(raw, schema, "additionalProperties", f"{raw.name}AdditionalProperty")
            extra = False if additional is False else (part,)
        never = [key for key in described if described[key] is False]
        if never and extra is not False:
            self.widen(place(schema, "properties"), "a property that the schema forbids is allowed")
        if patterns := schema.get("patternProperties"):
            extra = self._by_pattern(raw, patterns, extra)
        return evolve(shape, properties=properties, required=required, extra=extra)

    def _by_pattern(self, raw: Raw, patterns: dict[str, Any], extra: Extra) -> Extra:
        """Return the schemas of additional fields, some of them given by name patterns."""
        where = place(raw.value, "patternProperties")
        self.widen(where, "the fields of `patternProperties` may have any name")
        name = f"{raw.name}AdditionalProperty"
        listed = [self.part(raw, patterns, key, name).value for key in patterns]
        if extra is None or extra is True:
            if not self._is_closed_by_pattern(patterns):
                return extra
        elif isinstance(extra, tuple):
            listed.append(extra[0].value)
        if len(listed) == 1:
            return (Raw(listed[0], child(where, next(iter(patterns))), name),)
        return (Raw(LocatedObject.at(where, {"anyOf": listed}), where, name),)

    @staticmethod
    def _is_closed_by_pattern(patterns: dict[str, Any]) -> bool:
        """Whether the pattern matches every name."""
        return len(patterns) == 1 and next(iter(patterns)) in {".*", "^.*$", ""}

    def _array(self, raw: Raw, shape: Shape) -> Shape:
        schema = raw.value
        items, first = schema.get("items"), list(schema.get("prefixItems", ()))
        if isinstance(items, list):  # JSON Schema before 2020-12
            first, items = items, schema.get("additionalItems")
        name = below(raw.name, "items")
        if first:
            where = place(schema, "prefixItems" if "prefixItems" in schema else "items")
            self.widen(where, "each item may match any of the schemas listed by position")
            is_whole = shape.bounds.get("maxItems", len(first) + 1) <= len(first)
            if items is False:
                max_items = min(len(first), shape.bounds.get("maxItems", len(first)))
                bounds = {**shape.bounds, "maxItems": max_items}
                shape, is_whole = evolve(shape, bounds=bounds), True
            others = [] if is_whole else [items if items is not None else True]
            value = LocatedObject.at(where, {"anyOf": [*first, *others]})
            return evolve(shape, items=(Raw(value, where, name),))
        if items is False:
            return evolve(shape, bounds={**shape.bounds, "maxItems": 0})
        if items is None or items is True:
            return shape
        return evolve(shape, items=(self.part(raw, schema, "items", name),))


def anything(raw: Raw) -> Shape:
    """Return the shape of a schema that allows every value."""
    return Shape((raw,), None, raw.name)


def _with_name_of(shape: Shape, raw: Raw) -> Shape:
    """Return a shape with the current name of its schema, which may have been distinguished."""
    if shape.name == raw.name or shape.raws[0].value is not raw.value:
        return shape
    return evolve(shape, name=raw.name)


def unique(alternatives: list[Shape]) -> list[Shape]:
    """Return alternatives without duplicates; one that allows everything replaces the others."""
    for shape in alternatives:
        if shape.is_anything:
            return [shape]
    return list({shape.key: shape for shape in alternatives}.values())


def _with_one_list(alternatives: list[Shape], raw: Raw) -> list[Shape]:
    """Return alternatives with the single values of a type merged into one list, as in `enum`."""
    for kind in ("string", "integer"):
        single = [
            s for s in alternatives if s.type == kind and len(s.values or ()) == 1 and not s.bounds
        ]
        single = [s for s in single if s.is_constant or not is_component(s.raws[0].pointer)]
        if len(single) > 1 and len({(s.values or [0])[0] for s in single}) == len(single):
            raws = (raw, *(source for shape in single for source in shape.raws))
            values = [value for shape in single for value in shape.values or ()]
            listed = Shape(raws, kind, raw.name, values=values, at=single[0].at)
            unmerged = [s for s in alternatives if not any(s is same for same in single)]
            alternatives = [*unmerged, listed]
    return alternatives


def is_component(pointer: str) -> bool:
    """Whether a pointer is that of a component schema."""
    return pointer.startswith(COMPONENTS) and "/" not in pointer.removeprefix(COMPONENTS)


def _allows_null(schema: dict[str, Any]) -> bool:
    """Whether the listed values of a schema allow null."""
    if "const" in schema:
        return schema["const"] is None
    return "enum" not in schema or None in schema["enum"]


def _may_overlap_in_values(first: Shape, second: Shape) -> bool:
    kinds = {first.type, second.type}
    if None not in kinds and len(kinds) > 1 and kinds != {"integer", "number"}:
        return False
    if first.values is not None and second.values is not None:
        return any(keywords.equal(a, b) for a in first.values for b in second.values)
    return True
