"""What a document refers to: itself alone, and never in a way that does not end."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from common.failure import Failure

#: References from one to the next before something is there. Two are rare; tools that follow them
#: by calling themselves give up at some hundred.
MAX_CHAIN = 20

#: Properties or choices of one schema, those of its parts included. Generating one takes time that
#: grows with their square: 2 s for 3,000, 100 s for 20,000.
MAX_PARTS = 1_000

#: What all compositions come to where they are written out, as tools do: the properties that
#: `allOf` brings together and the choices of `anyOf` and `oneOf`, counted in each place that they
#: occur in. Doubling twenty times would be a million. Generating takes seconds for 20,000.
MAX_WRITTEN_OUT = 20_000

#: Levels of composition; deeper ones are no model of anything, and the generator follows each.
MAX_COMPOSED_DEPTH = 40

_CHOOSING = ("anyOf", "oneOf")
_SCHEMAS = "#/components/schemas/"
_ABSENT = object()


def child(pointer: str, key: str | int) -> str:
    """Extend a JSON pointer, in its form for URIs (RFC 6901, sections 3 and 6)."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def check(document: dict[str, Any], name: str) -> None:
    """Return if every reference leads to something in the document.

    Wherever a string is called `$ref`, it is taken for a reference; so nothing that reads the
    document can be led out of it.

    Raises:
        Failure: One leads out of the document, to nothing or in a circle, or schemas are composed
            of more parts than can be written out.
    """
    for place, holder in _objects(document, "#"):
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            if isinstance(holder.get(key), str):
                _check_local(holder[key], f"{name}: {child(place, key)}")
        if isinstance(holder.get("$id"), str):
            raise Failure(f"{name}: {place} has an `$id`, by which references mean something else")
        if isinstance(holder.get("$ref"), str):
            _follow(document, holder, f"{name}: {place}")
        if isinstance(holder.get("propertyName"), str):
            _check_mapping(document, holder, f"{name}: {place}")
    _Compositions(document, name).check()


def _objects(node: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield place, node
        for key, value in node.items():
            yield from _objects(value, child(place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _objects(value, child(place, index))


def _check_local(reference: str, place: str) -> None:
    if not reference.startswith("#"):
        raise Failure(
            f"{place} is {reference!r:.200}, in another document; nothing but the document itself "
            "is fetched, so ask for one that is bundled"
        )


def _follow(document: dict[str, Any], holder: dict[str, Any], place: str) -> Any:
    """Return what a reference leads to in the end."""
    node: Any = holder
    for _ in range(MAX_CHAIN):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node
        reference = node["$ref"]
        node = _at(document, reference)
        if node is _ABSENT:
            raise Failure(f"{place} refers to {reference!r:.200}, which is not there")
    raise Failure(f"{place} refers in a circle, or over more than {MAX_CHAIN} references")


def _at(document: Any, reference: str) -> Any:
    if not reference.startswith("#/"):
        return _ABSENT
    for raw in reference[2:].split("/"):
        key = unquote(raw).replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict) and key in document:
            document = document[key]
        elif isinstance(document, list) and key.isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return _ABSENT
    return document


def _check_mapping(document: dict[str, Any], holder: dict[str, Any], place: str) -> None:
    """Fail unless a discriminator's values stand for schemas of the document."""
    mapping = holder.get("mapping")
    if not isinstance(mapping, dict):
        return
    for target in mapping.values():
        reference = target if str(target).startswith("#") else f"{_SCHEMAS}{target}"
        if not isinstance(target, str) or _at(document, reference) is _ABSENT:
            raise Failure(f"{place} maps to {target!r:.200}, which is no schema of the document")


class _Compositions:
    """What every composition comes to, written out."""

    def __init__(self, document: dict[str, Any], name: str) -> None:
        self.document = document
        self.name = name
        self.sizes: dict[int, int] = {}
        self.begun: set[int] = set()

    def check(self) -> None:
        total = 0
        for place, holder in _objects(self.document, "#"):
            self._check_parts(len(_properties(holder)), place)
            schema = self._resolved(holder, place)
            chooses = _parts(schema, _CHOOSING)
            if chooses or (schema is holder and _parts(schema, ("allOf",))):
                total += self._size(schema, place, 0)
            if total > MAX_WRITTEN_OUT:
                raise Failure(
                    f"{self.name}: up to {place} the compositions of schemas come to more than "
                    f"{MAX_WRITTEN_OUT} choices and properties; that is more than is written out"
                )

    def _resolved(self, schema: Any, place: str) -> Any:
        if isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
            return _follow(self.document, schema, f"{self.name}: {place}")
        return schema

    def _size(self, schema: Any, place: str, depth: int) -> int:
        known = id(schema)
        if known in self.sizes:
            return self.sizes[known]
        if known in self.begun:
            raise Failure(f"{self.name}: the schema at {place} is composed of itself")
        if depth > MAX_COMPOSED_DEPTH:
            raise Failure(
                f"{self.name}: the schema at {place} is composed over more than "
                f"{MAX_COMPOSED_DEPTH} levels"
            )
        self.begun.add(known)
        total = 0
        for part in _parts(schema, ("allOf",)):
            whole = self._resolved(part, place)
            total += self._size(whole, place, depth + 1) + len(_properties(whole))
        for part in _parts(schema, _CHOOSING):
            total += self._size(self._resolved(part, place), place, depth + 1)
        self._check_parts(total, place)
        self.sizes[known] = total or 1
        return total or 1

    def _check_parts(self, count: int, place: str) -> None:
        if count > MAX_PARTS:
            raise Failure(
                f"{self.name}: the schema at {place} has {count} properties or choices, those of "
                f"its parts included; more than {MAX_PARTS} are not vendored"
            )


def _properties(schema: Any) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _parts(schema: Any, keys: tuple[str, ...]) -> list[Any]:
    """Return the parts of which a schema is composed by these keywords."""
    if not isinstance(schema, dict):
        return []
    lists = (schema.get(key) for key in keys)
    return [part for parts in lists if isinstance(parts, list) for part in parts]
