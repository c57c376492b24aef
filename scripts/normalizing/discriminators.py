"""Finds the property that distinguishes the objects of a union.

Source: OpenAPI 3.1.1, section Discriminator Object.
"""

from collections.abc import Iterable
from typing import Any

from normalizing.findings import UnreadableSchemaError
from normalizing.located import COMPONENTS, place
from normalizing.reading import SchemaReader
from normalizing.shapes import Parts, Raw, Shape


def find(
    reader: SchemaReader, parts: Parts, objects: list[tuple[Shape, str]]
) -> dict[str, Any] | None:
    """Return the discriminator of a union: a property, and the class for each of its values.

    It comes from a Discriminator Object, or else is a property that all objects require, each with
    different values. Return None if there is neither.

    Args:
        reader: The reader of the document.
        parts: The schemas of the union.
        objects: The alternatives that are objects, with the references to their classes.
    """
    if len(objects) < 2:  # noqa: PLR2004 - a single object needs no discriminator
        return None
    return _declared(reader, parts, objects) or _inferred(reader, objects)


def _declared(
    reader: SchemaReader, parts: Parts, objects: list[tuple[Shape, str]]
) -> dict[str, Any] | None:
    names: dict[str, None] = {}
    classes: dict[str, str] = {}
    references = {shape.key: reference for shape, reference in objects}
    for raw in reader.composing(parts, "oneOf", "anyOf"):
        discriminator = raw.value.get("discriminator")
        members = [*reader.part_list(raw, "oneOf"), *reader.part_list(raw, "anyOf")]
        if isinstance(discriminator, dict) and members:
            names[str(discriminator.get("propertyName"))] = None
            try:
                mapped = list(_mapped(reader, raw, discriminator, members))
            except UnreadableSchemaError as error:
                where = place(raw.value, "discriminator")
                reader.widen(where, f"is ignored, since it {error.problem.reason}")
                return None
            for value, shape in mapped:
                if shape.key in references:
                    classes.setdefault(value, references[shape.key])
    if len(names) != 1 or not classes:
        return None
    return {"propertyName": next(iter(names)), "mapping": classes}


def _mapped(
    reader: SchemaReader, raw: Raw, discriminator: dict[str, Any], members: list[Raw]
) -> Iterable[tuple[str, Shape]]:
    mapping = discriminator.get("mapping")
    mapping = mapping if isinstance(mapping, dict) else {}
    mapped: set[tuple[object, ...]] = set()
    for value, target in mapping.items():
        reference = str(target)
        if not reference.startswith("#"):
            reference = COMPONENTS + reference
        for shape in reader.read(reader.resolve_reference(reference, raw.pointer)):
            mapped.add(shape.key)
            yield str(value), shape
    for member in members:
        if isinstance(member.value, dict) and "$ref" in member.value:
            for shape in reader.read(member):
                if shape.key not in mapped:
                    yield member.value["$ref"].rpartition("/")[2], shape


def _inferred(reader: SchemaReader, objects: list[tuple[Shape, str]]) -> dict[str, Any] | None:
    """Return the property that all objects require, each with different values."""
    for key in objects[0][0].required:
        classes: dict[str, str] = {}
        count = 0
        for shape, reference in objects:
            values = reader.listed_values(shape, key) if key in shape.required else None
            if not values:
                break
            count += len(values)
            classes.update((str(value), reference) for value in values)
        else:
            if len(classes) == count:
                return {"propertyName": key, "mapping": classes}
    return None
