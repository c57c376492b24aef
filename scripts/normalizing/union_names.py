"""Names for the inline schemas of a union: by their content, never by a number in the list."""

from typing import Any

from attrs import evolve, frozen
from openapi_python_client.strings import pascal_case

from normalizing.located import LocatedObject
from normalizing.reading import SchemaReader
from normalizing.shapes import Extra, Parts, Raw, Shape, Widen, anywhere


@frozen
class UnionNames:
    """Gives distinct names to classes of a union that share the name of their place.

    Attributes:
        reader: The reader of their schemas.
        widen: Called for classes that nothing distinguishes.
    """

    reader: SchemaReader
    widen: Widen

    def distinguish(self, alike: list[Shape]) -> list[tuple[Shape, list[Shape]]]:
        """Return shapes with distinct names, each with the shapes that it replaces."""
        name = alike[0].name
        if len(alike) == 1:
            return [(alike[0], alike)]
        objects = [shape for shape in alike if shape.is_object]
        return [*self._objects(name, objects), *_enums(name, alike, has_objects=bool(objects))]

    def _objects(self, name: str, alike: list[Shape]) -> list[tuple[Shape, list[Shape]]]:
        """Return objects with distinct names, each with the shapes that it replaces."""
        if len(alike) < 2:  # noqa: PLR2004 - a single object needs no discriminator
            return [(shape, [shape]) for shape in alike]
        for suffixes in (self._by_value, self._by_property, self._by_title):
            candidates = suffixes(alike)
            suffixed = [pascal_case(word) if word else "" for word in candidates]
            if len({word.lower() for word in suffixed}) == len(alike) and suffixed.count("") <= 1:
                return [
                    (
                        evolve(shape, name=word if word.startswith(name) else f"{name}{word}"),
                        [shape],
                    )
                    for shape, word in zip(alike, suffixed, strict=True)
                ]
        groups: dict[tuple[str, ...], list[Shape]] = {}
        for shape in alike:
            groups.setdefault(tuple(sorted(shape.properties)), []).append(shape)
        if len(groups) == len(alike):  # no property distinguishes any two of them for certain
            groups = {(): alike}
        merged = [(self._merged(same), same) for same in groups.values()]
        if len(merged) == 1:
            return merged
        again = self._objects(name, [merged_shape for merged_shape, _ in merged])
        stands_for = {id(merged_shape): same for merged_shape, same in merged}
        return [
            (merged_shape, [s for old in olds for s in stands_for[id(old)]])
            for merged_shape, olds in again
        ]

    def _by_title(self, alike: list[Shape]) -> list[str]:
        titles = [text_of(shape.raws[0].value, "title") for shape in alike]
        return titles if all(titles) else [""] * len(alike)

    def _by_value(self, alike: list[Shape]) -> list[str]:
        """Return, for each, the value of a property that all have with different values."""
        for key in alike[0].properties:
            if all(key in shape.properties for shape in alike):
                values = [self.reader.listed_values(shape, key) or [] for shape in alike]
                if all(len(listed) == 1 and listed[0] for listed in values):
                    return [str(listed[0]) for listed in values]
        return [""] * len(alike)

    def _by_property(self, alike: list[Shape]) -> list[str]:
        """Return, for each, a property that no other has; preferably a required one."""
        names: list[str] = []
        for shape in alike:
            others = {key for other in alike if other is not shape for key in other.properties}
            unique = [key for key in shape.properties if key not in others]
            unique.sort(key=lambda key, shape=shape: key not in shape.required)  # type: ignore[misc]
            names.append(unique[0] if unique else "")
        return names

    def _merged(self, alike: list[Shape]) -> Shape:
        """Return one shape that allows the values of any of several."""
        if len(alike) == 1:
            return alike[0]
        first = alike[0]
        self.widen(
            first.raws[0].pointer, "alternatives that no property distinguishes are read as one"
        )
        properties: dict[str, list[Raw]] = {}
        for key in dict.fromkeys(key for shape in alike for key in shape.properties):
            listed = properties.setdefault(key, [])
            for shape in alike:
                anything = anywhere(shape.raws[0].pointer, shape.name)
                parts = shape.properties.get(key, shape.extra or anything)
                if key not in shape.properties and shape.extra is False:
                    continue
                parts = parts if isinstance(parts, tuple) else anything
                listed += [_all_of(parts)] if not any(_same(parts, raw) for raw in listed) else []
        is_any = any(shape.extra is not False for shape in alike)
        extra: Extra = next((s.extra for s in alike if s.extra not in {None, False}), None)
        return Shape(
            raws=tuple(raw for shape in alike for raw in shape.raws),
            type=first.type if all(shape.type == first.type for shape in alike) else None,
            name=first.name,
            properties={key: (_any_of(raws),) for key, raws in properties.items()},
            required={
                key: where
                for key, where in first.required.items()
                if all(key in shape.required for shape in alike)
            },
            extra=_anything_more(extra) if is_any else False,
            at={key: where for shape in alike for key, where in shape.at.items()},
        )


def text_of(value: Any, key: str) -> str:
    """Return the text of a schema's keyword; empty if it has none."""
    text = value.get(key) if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


def _enums(name: str, alike: list[Shape], *, has_objects: bool) -> list[tuple[Shape, list[Shape]]]:
    """Return one enum for each type, with a suffix if the union has other classes."""
    result: list[tuple[Shape, list[Shape]]] = []
    for kind, word in (("string", "Option"), ("integer", "Number")):
        same = [shape for shape in alike if shape.is_enum and shape.type == kind]
        if not same:
            continue
        suffix = word if has_objects or kind == "integer" else ""
        if len(same) == 1:
            result.append((evolve(same[0], name=f"{name}{suffix}"), same))
            continue
        values = list(dict.fromkeys(value for shape in same for value in shape.values or ()))
        raws = tuple(raw for shape in same for raw in shape.raws)
        merged = evolve(same[0], raws=raws, values=values, name=f"{name}{suffix}", bounds={})
        result.append((merged, same))
    return result


def _all_of(parts: Parts) -> Raw:
    return parts[0] if len(parts) == 1 else _composed("allOf", parts)


def _any_of(raws: list[Raw]) -> Raw:
    return raws[0] if len(raws) == 1 else _composed("anyOf", tuple(raws))


def _composed(keyword: str, raws: Parts) -> Raw:
    schema = LocatedObject.at(raws[0].pointer, {keyword: [raw.value for raw in raws]})
    return Raw(schema, raws[0].pointer, raws[0].name)


def _same(parts: Parts, raw: Raw) -> bool:
    return len(parts) == 1 and bool(parts[0].value == raw.value)


def _anything_more(extra: Any) -> Any:
    if isinstance(extra, tuple):
        return anywhere(extra[0].pointer, extra[0].name)
    return extra
