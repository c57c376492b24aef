"""Values that together cover everything that a schema allows, and random ones."""

import json
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from attrs import frozen
from normalizing.located import COMPONENTS, child
from normalizing.normal import NormalForm
from normalizing.operations import Media
from normalizing.writing import NormalSchema

from backtesting.scalars import Note, scalars
from backtesting.schema_oracle import SchemaOracle

_LOOPS = 3  # how often a body enters schemas that contain themselves
_CALLS = 10_000  # places of one status that are looked into
_DRAWN = 2_000  # places of one random combination
_VALUES = 1_000  # of one enum that are sent
_CHUNK = 64  # values that one array or free-form object holds
_KEYS = ("key", "", "a/b~c", "\N{CJK UNIFIED IDEOGRAPH-6F22} \t", "__class__", "0")


class Holder(dict[str, Any]):
    """An object some of whose keys the document leaves to the server.

    Attributes:
        free: Those keys.
    """

    free: frozenset[str] = frozenset()


class _EndlessError(Exception):
    """A value could not be finished within bounds, or there is none."""


@frozen(eq=False)
class Choice:
    """One alternative of a schema.

    Attributes:
        schema: What it is, its reference followed.
        loops: How many references that lead back to themselves were followed to get here.
    """

    schema: NormalSchema
    loops: int = 0


class ValueMaker:
    """Makes the values of one response.

    Args:
        normal: What the schemas are of.
        judge: Says which values the published document allows.
        note: Is told of places where not everything that is allowed is made.
    """

    def __init__(self, normal: NormalForm, oracle: SchemaOracle, note: Note) -> None:
        self.normal = normal
        self.oracle = oracle
        self.note = note
        self.calls = _CALLS
        self.unmade: list[str] = []
        self._loops: dict[str, bool] = {}
        widened = {note.pointer for note in normal.widened}
        self._widened = widened | {pointer.rpartition("/")[0] for pointer in widened}

    def choices(self, schema: NormalSchema) -> list[Choice]:
        """Return the alternatives of a schema, what is not null first."""
        discriminator = schema.get("discriminator")
        result: list[Choice] = []
        for part in schema.get("anyOf", [schema]):
            if "$ref" in part:
                name = part["$ref"].removeprefix(COMPONENTS)
                target = self.normal.schemas[name]
                if discriminator:
                    target = _tagged(target, discriminator, part["$ref"])
                result.append(Choice(target, int(self._leads_back(name))))
            else:
                result.append(Choice(part))
        return result

    def _leads_back(self, name: str) -> bool:
        """Whether a class has, however deep inside, one of itself."""
        if name not in self._loops:
            visited: set[str] = set()
            pending = list(_references(self.normal.schemas[name]))
            while pending:
                reference = pending.pop()
                if reference not in visited:
                    visited.add(reference)
                    pending += _references(self.normal.schemas[reference])
            self._loops[name] = name in visited
        return self._loops[name]

    def values_of(
        self,
        media: Media | None,
        codes: Sequence[int],
        leaders: Sequence[int],
        random: Random,
        combinations: int,
    ) -> Iterator[tuple[int, Any]]:
        """Yield the values to send, each with the status to send it with.

        Args:
            media: What they are bodies of; None for no body.
            codes: The statuses of the response.
            leaders: Those that every value is sent with; others get one.
            random: Decides the combinations.
            combinations: How many of these there are.
        """
        if media is None:
            yield from ((code, None) for code in codes)
            return
        schema = media.schema if media.schema is not None else NormalSchema()
        try:
            values = self.values(schema, "", _LOOPS)
            if media.kind == "text":
                values = [value for value in values if isinstance(value, str)]
        except (_EndlessError, RecursionError):
            values = []  # nested without an end, or too deeply
        if not values:
            self.note("", "no body can be made for it")
            self.unmade.append("")
            return
        yield from ((code, value) for code in leaders for value in values)
        yield from ((code, values[0]) for code in codes if code not in leaders)
        self.note = _silent  # places have been noted
        for _ in range(combinations if media.kind == "json" else 0):
            self.calls = _DRAWN
            try:
                drawn = self.draw(schema, _LOOPS, random)
            except (_EndlessError, RecursionError):
                continue  # this combination has no end; the others stand
            yield leaders[0], drawn

    def values(self, schema: NormalSchema, at: str, loops: int) -> list[Any]:
        """Return values that together show what a schema allows; the first is not null.

        Raises:
            _Endless: There is none, or none that ends.
        """
        self.calls -= 1
        if self.calls < 0:
            self.note(at, "it and what comes after it is too much to be looked into")
            raise _EndlessError
        values: list[Any] = []
        for choice in self.choices(schema):
            if choice.loops <= loops:
                try:
                    values += self._values_by_type(choice.schema, at, loops - choice.loops)
                except _EndlessError:
                    self.unmade.append(at)
            else:
                self.unmade.append(at)
        values = self._allowed(schema, values, at)
        if not values:
            raise _EndlessError
        return values

    def _allowed(self, schema: NormalSchema, values: list[Any], at: str) -> list[Any]:
        """Return the values that the document allows, where its normal form may allow more."""
        several = len([part for part in schema.get("anyOf", ()) if part != {"type": "null"}])
        pointer = schema.pointers[0] if schema.pointers else ""
        if not pointer:
            return values
        if several < 2 and "pattern" not in schema and pointer not in self._widened:  # noqa: PLR2004 - no choice
            return values
        allowed = [value for value in values if self.oracle.allows(pointer, value)]
        if len(allowed) < len(values):
            self.note(at, "some values of its normal form are not of the document")
        return allowed

    def _values_by_type(self, schema: NormalSchema, at: str, loops: int) -> list[Any]:
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            values = list(schema["enum"])
            if len(values) > _VALUES:
                self.note(at, f"only {_VALUES} of its {len(values)} values are sent")
                values = [*values[: _VALUES - 1], values[-1]]
            return values
        if _kind(schema) == "object":
            return self._objects(schema, at, loops)
        if _kind(schema) == "array":
            return self._arrays(schema, at, loops)
        return scalars(schema, at, self.note)

    def _objects(self, keywords: NormalSchema, at: str, loops: int) -> list[Any]:
        required = {*keywords.get("required", ())}
        parts: dict[str, list[Any]] = {}
        for key, schema in _properties(keywords):
            try:
                parts[key] = self.values(schema, child(at, key), loops)
            except _EndlessError:
                if key in required:
                    raise
                self.unmade.append(child(at, key))
        base = {key: values[0] for key, values in parts.items()}
        optional = parts.keys() - required
        nullable = [
            key for key, values in parts.items() if values[0] is not None and None in values
        ]
        objects = [base]
        objects += [{**base, key: None} for key in nullable]
        objects += [{k: v for k, v in base.items() if k != key} for key in parts if key in optional]
        objects.append({**base, **dict.fromkeys(nullable)})
        objects.append({key: value for key, value in base.items() if key in required})
        for index in range(1, max(map(len, parts.values()), default=0)):
            step = {key: values[index] for key, values in parts.items() if index < len(values)}
            objects.append({**base, **step})
        objects += self._free(keywords, parts, at, loops)
        low, high = (
            keywords.get("minProperties", 0),
            keywords.get("maxProperties", len(base) + _CHUNK),
        )
        in_bounds = [value for value in objects if low <= len(value) <= high]
        if len(in_bounds) < len(objects) and not in_bounds:
            self.note(at, "no object with that many properties is at hand")
        return in_bounds

    def _free(
        self, keywords: NormalSchema, parts: dict[str, list[Any]], at: str, loops: int
    ) -> list[Any]:
        """Return objects with keys of the server's own choice, if the schema allows such."""
        extra = keywords.get("additionalProperties")
        if extra is None or extra is False:
            return []  # by JSON Schema, None allows them too; specs of APIs do not mean it
        try:
            values = self.values(extra, f"{at}/*", loops)
        except _EndlessError:
            return []
        base = {key: values_of_key[0] for key, values_of_key in parts.items()}
        keys = [key for key in _KEYS if key not in dict(_properties(keywords))]
        sets: list[dict[str, Any]] = [{keys[0]: values[0]}, dict.fromkeys(keys, values[0])]
        for start in range(0, len(values), _CHUNK):
            chunk = values[start : start + _CHUNK]
            sets.append({f"key {index}": value for index, value in enumerate(chunk)})
        holders = [Holder({**base, **free}) for free in sets]
        for holder, free in zip(holders, sets, strict=True):
            holder.free = frozenset(free) - base.keys()
        return holders

    def _arrays(self, keywords: NormalSchema, at: str, loops: int) -> list[Any]:
        low = keywords.get("minItems", 0)
        high = keywords.get("maxItems", max(_CHUNK, low))
        if low > _VALUES:
            self.note(at, f"an array of {low} items is too long to be sent")
            raise _EndlessError
        values: list[Any] = []
        if high > 0:
            try:
                values = self.values(keywords.get("items", NormalSchema()), f"{at}/*", loops)
            except _EndlessError:
                values = []
        size = max(1, min(_CHUNK, int(high)))
        arrays: list[list[Any]] = [values[:1], []]
        arrays += [values[start : start + size] for start in range(0, len(values), size)]
        if values:
            arrays = [_filled(array, values, low, keywords) for array in arrays]
        in_bounds = [array for array in arrays if low <= len(array) <= high]
        if not in_bounds:
            raise _EndlessError
        return in_bounds

    def draw(self, schema: NormalSchema, loops: int, random: Random) -> Any:
        """Return a random value of a schema that has values.

        Raises:
            _Endless: It led to none.
        """
        self.calls -= 1
        if self.calls < 0:
            raise _EndlessError
        choices = [choice for choice in self.choices(schema) if choice.loops <= loops]
        random.shuffle(choices)
        for choice in choices:
            try:
                return self._drawn(choice.schema, loops - choice.loops, random)
            except _EndlessError:
                continue
        raise _EndlessError

    def _drawn(self, keywords: NormalSchema, loops: int, random: Random) -> Any:
        if _kind(keywords) not in {"object", "array"} or keywords.keys() & {"enum", "const"}:
            return self._one_of(keywords, loops, random)
        if _kind(keywords) == "array":
            low, high = keywords.get("minItems", 0), keywords.get("maxItems", 3)
            if keywords.get("uniqueItems"):
                return self._one_of(keywords, loops, random)
            size = max(low, min(random.randrange(4), high))
            return [
                self.draw(keywords.get("items", NormalSchema()), loops, random) for _ in range(size)
            ]
        required, drawn = {*keywords.get("required", ())}, Holder()
        for key, schema in _properties(keywords):
            try:
                if key in required or random.random() < 0.7:  # noqa: PLR2004 - most are there
                    drawn[key] = self.draw(schema, loops, random)
            except _EndlessError:
                if key in required:
                    raise
        extra = keywords.get("additionalProperties")
        if extra not in (None, False) and random.random() < 0.5:  # noqa: PLR2004 - half have them
            key = next(key for key in _KEYS if key not in drawn)
            drawn[key] = self.draw(extra, loops, random)
            drawn.free = frozenset({key})
        return drawn

    def _one_of(self, schema: NormalSchema, loops: int, random: Random) -> Any:
        values = self._values_by_type(schema, "", loops)
        if not values:
            raise _EndlessError
        return random.choice(values)


def _filled(array: list[Any], values: list[Any], low: int, keywords: dict[str, Any]) -> list[Any]:
    """Return an array with as many items as it must have, all different if they must be."""
    array = [*array, *(values * low)[: max(0, low - len(array))]]
    if keywords.get("uniqueItems") is not True:
        return array
    return list(
        {json.dumps(item, sort_keys=True): item for item in [*array, *values[:low]]}.values()
    )


def _properties(schema: NormalSchema) -> list[tuple[str, NormalSchema]]:
    """Return the properties that may be sent."""
    return list(schema.get("properties", {}).items())


def _kind(schema: NormalSchema) -> Any:
    """Return the type that a schema says, or else the one that it describes."""
    if "type" in schema:
        return schema["type"]
    if schema.keys() & {"properties", "required", "additionalProperties"}:
        return "object"
    return "array" if "items" in schema else None


def _tagged(target: NormalSchema, tags: dict[str, Any], reference: str) -> NormalSchema:
    """Return a class whose discriminator has a value that stands for it."""
    key = tags["propertyName"]
    described = target.get("properties", {})
    values = [value for value, other in tags["mapping"].items() if other == reference]
    tagged = NormalSchema(**{**target, "properties": {**described, key: NormalSchema(enum=values)}})
    tagged["required"] = list(dict.fromkeys([*target.get("required", ()), key]))
    tagged.pointers = target.pointers
    return tagged


def _references(schema: Any) -> Iterator[str]:
    """Yield the names of the classes that a schema has inside, those inside them aside."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(COMPONENTS)
        for key, part in schema.items():
            if key not in {"const", "enum", "default", "discriminator"}:
                yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _silent(at: str, why: str) -> None:
    """Drop a note: it was made when the schema was first read."""
