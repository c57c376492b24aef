"""Writes schemas in the normal form: classes as components, everything else in place."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from attrs import evolve
from openapi_python_client.strings import pascal_case

from normalizing import discriminators, enum_names
from normalizing.findings import (
    ConversionNote,
    UnreadableSchemaError,
    UnsupportedConstruct,
    unreadable,
)
from normalizing.located import COMPONENTS, LocatedObject, json_path, without_pointers
from normalizing.naming import Names, property_name
from normalizing.reading import SchemaReader, anything
from normalizing.shapes import Parts, Raw, Shape, anywhere
from normalizing.union_names import UnionNames, text_of

#: Nested schemas in one place, not counting those inside other classes.
MAX_WRITTEN: Final = 5_000

#: Levels of nested schemas in one place, not counting those inside other classes.
MAX_DEPTH: Final = 40


class NormalSchema(dict[str, Any]):
    """A schema in the normal form, as defined by the package `normalizing`.

    Attributes:
        pointers: Its places in the published document: several if it is composed.
        at: The pointer of each of its constraints, by keyword.
        size: The number of schemas in it, including itself.
    """

    def __init__(self, shapes: Iterable[Shape] = (), **content: Any) -> None:
        super().__init__(**content)
        shape_list = list(shapes)
        self.pointers = tuple(
            dict.fromkeys(raw.pointer for shape in shape_list for raw in shape.raws)
        )
        self.at = {key: where for shape in shape_list for key, where in shape.at.items()}
        self.size = 1


def alternatives(schema: NormalSchema | None) -> list[NormalSchema]:
    """Return the alternatives of a schema in the normal form."""
    schema = schema if schema is not None else NormalSchema()
    parts: list[NormalSchema] = schema.get("anyOf", [schema])
    return parts


class SchemaWriter:
    """Writes the schemas of one document.

    Attributes:
        components: The classes, by name.
        problems: The unsupported constructs, by the class or operation that needs them.
        needs: The classes that a class or an operation needs.
    """

    def __init__(self, document: LocatedObject) -> None:
        """Read the components and name them."""
        self.reader = SchemaReader(document, self._widen)
        self.components: dict[str, NormalSchema] = {}
        self.problems: dict[str, dict[UnsupportedConstruct, None]] = {}
        self.needs: dict[str, dict[str, None]] = {}
        self.widened: dict[ConversionNote, None] = {}
        self.owner = ""
        self._names = Names()
        self._names_in_unions = UnionNames(self.reader, self._widen)
        self._named: dict[tuple[object, ...], str] = {}
        self._settled: dict[tuple[object, ...], list[Shape]] = {}
        self._queue: list[tuple[str, Shape]] = []
        self._open: dict[tuple[int, ...], None] = {}
        self._written: dict[tuple[int, ...], NormalSchema] = {}
        definitions = document.get("components")
        schemas = definitions.get("schemas") if isinstance(definitions, dict) else None
        self._component_names = list(schemas) if isinstance(schemas, dict) else []
        self._name_components()

    def _widen(self, pointer: str, text: str) -> None:
        self.widened[ConversionNote(pointer, text)] = None

    def fail(self, problem: UnsupportedConstruct) -> None:
        """Record an unsupported construct for the current owner."""
        self.problems.setdefault(self.owner, {})[problem] = None

    def _name_components(self) -> None:
        """Give the components their own names before anything is named by its place."""
        class_names = [name for name in self._component_names if pascal_case(name) == name]
        for name in dict.fromkeys([*class_names, *self._component_names]):
            raw = self.reader.component(name)
            try:
                shapes = self.reader.read(raw)
                own = [shape for shape in shapes if shape.raws[0] is raw]
                if len(own) == 1 and len([s for s in shapes if s.is_class]) == 1:
                    self._name(own[0])
            except UnreadableSchemaError:
                continue  # reported where it is needed

    def write_components(self) -> None:
        """Write every component of the document, whether or not something refers to it."""
        for name in self._component_names:
            self.owner = f"components/{name}"
            raw = self.reader.component(name)
            self.write((raw,))
        self.write_classes()

    def write_classes(self) -> None:
        """Write the classes that were found since the last call."""
        while self._queue:
            name, shape = self._queue.pop(0)
            self.owner = name
            self.components[name] = self._class(shape)

    # One place.

    def write(self, parts: Parts, name: str = "") -> NormalSchema:
        """Return the normal form of a place; one that is unsupported allows any value.

        Args:
            parts: The schemas of the place.
            name: The name of a class that is composed of several of them; that of the first one
                if not given.
        """
        key = tuple(sorted({id(raw.value) for raw in parts}))
        if isinstance(parts[0].value, bool):
            return self._try(parts, name)
        if key in self._written:
            earlier = self._written[key]
            self._need_again(earlier)
            return earlier
        if key in self._open:
            self._widen(parts[0].pointer, "is recursive; the nested value may be anything")
            return NormalSchema()
        self._open[key] = None
        try:
            before = len(self.problems.get(self.owner, ()))
            written = self._try(parts, name)
            if len(self._open) == 1 and len(self.problems.get(self.owner, ())) == before:
                self._written[key] = written
            return written
        finally:
            del self._open[key]

    def _need_again(self, schema: Any) -> None:
        if isinstance(schema, dict):
            if "$ref" in schema:
                self._need(schema["$ref"].removeprefix(COMPONENTS))
            for part in schema.values():
                self._need_again(part)
        elif isinstance(schema, list):
            for part in schema:
                self._need_again(part)

    def _need(self, name: str) -> None:
        self.needs.setdefault(self.owner, {})[name] = None

    def _try(self, parts: Parts, name: str) -> NormalSchema:
        try:
            if len(self._open) > MAX_DEPTH:
                raise unreadable(parts[0].pointer, f"is nested over more than {MAX_DEPTH} levels")
            return self._place(parts, name)
        except UnreadableSchemaError as error:
            self.fail(error.problem)
            return NormalSchema()

    def _place(self, parts: Parts, name: str) -> NormalSchema:
        shapes = self._satisfiable(parts, name)
        settled = self._settle(shapes)
        nulls = [shape for shape in settled if shape.type == "null"]
        written = [self._alternative(shape) for shape in settled if shape.type != "null"]
        if nulls:
            written.append(NormalSchema(nulls, type="null"))
        if len(written) == 1:
            result = NormalSchema(settled, **written[0])
            result.size = written[0].size
        else:
            result = NormalSchema(settled, anyOf=written)
            result.size = sum(part.size for part in written) + 1
            if discriminator := discriminators.find(self.reader, parts, _objects(settled, written)):
                result["discriminator"] = discriminator
        result.pointers = tuple(dict.fromkeys((parts[0].pointer, *result.pointers)))
        if result.size > MAX_WRITTEN:
            raise unreadable(parts[0].pointer, f"expands to more than {MAX_WRITTEN} schemas")
        for raw in reversed(parts):
            if isinstance(raw.value, dict):
                for key in ("description", "default"):
                    if key in raw.value and (key == "default" or isinstance(raw.value[key], str)):
                        result[key] = without_pointers(raw.value[key])
        return result

    def _satisfiable(self, parts: Parts, name: str) -> list[Shape]:
        """Return the alternatives of a place; one that no value can satisfy allows any value."""
        try:
            shapes = self.reader.intersection(parts, _composed_as(name, parts))
        except UnreadableSchemaError as error:
            if "no value can satisfy" not in error.problem.reason:
                raise
            self._widen(error.problem.pointer, f"{error.problem.reason}; any value is allowed")
            return [anything(parts[0])]
        if not shapes:
            self._widen(parts[0].pointer, "allows no value; any value is allowed")
            return [anything(parts[0])]
        return shapes

    def _alternative(self, shape: Shape) -> NormalSchema:
        if shape.is_class:
            name = self._name(shape)
            self._need(name)
            return NormalSchema([shape], **{"$ref": COMPONENTS + name})
        if shape.type is None and shape.items is None:
            return NormalSchema([shape], **shape.bounds, **_values(shape))
        result = NormalSchema(
            [shape], **({"type": shape.type} if shape.type else {}), **shape.bounds
        )
        result.update(_values(shape))
        if (shape.type == "array" or shape.items is not None) and shape.values is None:
            result["items"] = self.write(shape.items) if shape.items else NormalSchema()
            result.size += result["items"].size
        return result

    # Classes.

    def _name(self, shape: Shape) -> str:
        """Return the name of a class, which is queued for writing when it is first named.

        Raises:
            UnreadableSchemaError: Another class has the name.
        """
        if shape.key not in self._named:
            for candidate in (shape.name, *_other_names(shape)):
                if name := self._names.reserve(candidate):
                    self._queue.append((name, evolve(shape, name=candidate)))
                    self._named[shape.key] = name
                    break
            else:
                pointer = shape.raws[0].pointer
                fix = {
                    "target": json_path(pointer),
                    "description": "Another class has its name.",
                    "update": {"x-name": f"{shape.name}Other"},
                }
                reason = f"would be the class {shape.name}, a name that another class has"
                raise unreadable(pointer, reason, fix)
        return self._named[shape.key]

    def _class(self, shape: Shape) -> NormalSchema:
        result = NormalSchema(
            [shape], **({"type": shape.type} if shape.type else {}), **shape.bounds
        )
        if description := text_of(shape.raws[0].value, "description"):
            result["description"] = description
        if shape.values is not None:
            result.update(_values(shape))
            result[enum_names.NAMES] = self._members(shape, shape.values)
            return result
        described = {key: _renamed(shape, parts) for key, parts in shape.properties.items()}
        for name, where in shape.required.items():
            if name not in described:
                if shape.extra is False:
                    self._widen(where, f"requires {name!r:.80}, which is not a property")
                extra = shape.extra if isinstance(shape.extra, tuple) else None
                described[name] = extra or anywhere(where, f"{shape.name}{pascal_case(name)}")
            result.at[f"required/{name}"] = where
        if described:
            result["properties"] = {
                key: self.write(parts, property_name(shape.name, key))
                for key, parts in described.items()
            }
        if shape.required:
            result["required"] = list(shape.required)
        if shape.items is not None:
            result["items"] = self.write(shape.items)
        if shape.extra is not None:
            more = shape.extra
            result["additionalProperties"] = self.write(more) if isinstance(more, tuple) else more
        return result

    def _members(self, shape: Shape, values: list[Any]) -> list[str]:
        """Return the names of an enum's values."""
        schema = shape.raws[0].value
        given_names = schema.get(enum_names.NAMES) if isinstance(schema, dict) else None
        listed = schema.get("enum") if isinstance(schema, dict) else None
        if (
            isinstance(given_names, list)
            and isinstance(listed, list)
            and len(given_names) == len(listed)
        ):
            given_names = [n for n, v in zip(given_names, listed, strict=True) if v in values]
        try:
            return enum_names.assign(values, given_names)
        except ValueError as error:
            removal = {
                "target": f"{json_path(shape.raws[0].pointer)}['{enum_names.NAMES}']",
                "description": "They are not one distinct Python name for each value.",
                "remove": True,
            }
            fix = removal if given_names else None
            self.fail(UnsupportedConstruct(shape.raws[0].pointer, str(error), fix))
            return []

    # Several alternatives.

    def _settle(self, shapes: list[Shape]) -> list[Shape]:
        """Return alternatives whose classes have distinct names."""
        key = tuple(shape.key for shape in shapes)
        if key not in self._settled:
            groups: dict[str, list[Shape]] = {}
            for shape in shapes:
                if shape.is_class and shape.key not in self._named:
                    groups.setdefault(shape.name, []).append(shape)
            replaced: dict[tuple[object, ...], Shape | None] = {}
            for alike in groups.values():
                for new, olds in self._names_in_unions.distinguish(alike):
                    replaced.update((old.key, None) for old in olds)
                    replaced[olds[0].key] = new
            settled = [replaced.get(shape.key, shape) for shape in shapes]
            self._settled[key] = [shape for shape in settled if shape is not None]
        return self._settled[key]


def _other_names(shape: Shape) -> Iterator[str]:
    """Yield names for a class whose place has the name of another: by its kind or content."""
    yield f"{shape.name}{'Option' if shape.is_enum else 'Object'}"
    required_first = sorted(shape.properties, key=lambda key: key not in shape.required)
    for content in shape.values or required_first:
        yield property_name(shape.name, str(content))


def _composed_as(name: str, parts: Parts) -> Raw:
    """Return the place of several schemas together, under its `x-name` or else a name."""
    given = (raw.value.get("x-name") for raw in parts if isinstance(raw.value, dict))
    return evolve(parts[0], name=str(next(filter(None, given), name or parts[0].name)))


def _objects(settled: list[Shape], written: list[NormalSchema]) -> list[tuple[Shape, str]]:
    """Return the alternatives that are objects, each with the reference to its class."""
    shapes = [shape for shape in settled if shape.type != "null"]
    pairs = zip(shapes, written, strict=False)
    return [(shape, schema["$ref"]) for shape, schema in pairs if shape.is_object]


def _values(shape: Shape) -> dict[str, Any]:
    if shape.values is None:
        return {}
    if shape.is_constant and len(shape.values) == 1:
        return {"const": shape.values[0]}
    return {"enum": shape.values}


def _renamed(shape: Shape, parts: Parts) -> Parts:
    """Return the nested schemas of a shape, renamed after the shape's distinct name."""
    old, new = shape.raws[0].name, shape.name
    if old == new:
        return parts
    return tuple(
        evolve(raw, name=new + raw.name.removeprefix(old)) if raw.name.startswith(old) else raw
        for raw in parts
    )
