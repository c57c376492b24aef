"""Detects paginated operations by the names of their parameters and response fields."""

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen
from normalizing.located import COMPONENTS
from normalizing.normal import NormalForm
from normalizing.operations import NormalOperation
from normalizing.writing import NormalSchema, alternatives

_CURSORS: Final = ("cursor", "page_token", "next_token", "after", "starting_after")
_NEXT: Final = ("next_cursor", "next_page_token", "next_token", "cursor", "last_id")
_MORE: Final = "has_more"
_ITEMS: Final = ("data", "items", "results")
_DEPTH: Final = 2  # levels of objects in the body that are searched for cursors


@frozen
class PagingRule:
    """How the pages of an operation follow one another; see `modelgates_runtime.paging.Pages`.

    Attributes:
        items: The path of the items in the response body.
        offset: The query parameter for the number of items to skip.
        cursor: The query parameter that takes a cursor.
        next: The path of the next cursor in the response body.
        more: The path of the flag that says whether there are more items.
    """

    items: tuple[str, ...]
    offset: str = ""
    cursor: str = ""
    next: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


def find(normal: NormalForm, operation: NormalOperation) -> PagingRule | None:
    """Return the paging rule of an operation; None if it is not paginated."""
    queried = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
    body = _success(normal, operation)
    items = _items(body)
    if items is None:
        return None
    places = list(_places(normal, body, ()))
    more = next((place for place in places if place[-1] == _MORE), ())
    if {"limit", "offset"} <= queried:
        return PagingRule(items, offset="offset", more=more)
    cursor = next((name for name in _CURSORS if name in queried), None)
    following = [place for name in _NEXT for place in places if place[-1] == name]
    if cursor is not None and following:
        return PagingRule(items, cursor=cursor, next=following[0], more=more)
    return None


def _success(normal: NormalForm, operation: NormalOperation) -> NormalSchema:
    medias = [response.media for response in operation.responses if response.status == "200"]
    is_json = medias and medias[0] and medias[0].kind == "json"
    return _followed(normal, medias[0].schema if is_json and medias[0] else None)


def _items(body: NormalSchema) -> tuple[str, ...] | None:
    """Return the path of the body's only array, or of the one with a usual name."""
    arrays = [name for name, part in _properties(body) if _is_array(part)]
    usual = [name for name in _ITEMS if name in arrays]
    if usual or len(arrays) == 1:
        return ((usual or arrays)[0],)
    return None


def _places(
    normal: NormalForm, schema: NormalSchema, within: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for name, part in _properties(schema):
        yield (*within, name)
        if len(within) < _DEPTH - 1:
            yield from _places(normal, _followed(normal, part), (*within, name))


def _properties(schema: NormalSchema) -> Iterable[tuple[str, NormalSchema]]:
    properties: dict[str, NormalSchema] = schema.get("properties", {})
    return properties.items()


def _is_array(schema: NormalSchema) -> bool:
    return any(part.get("type") == "array" for part in alternatives(schema))


def _followed(normal: NormalForm, schema: NormalSchema | None) -> NormalSchema:
    """Return the class that a schema refers to, possibly next to null; else the schema itself."""
    names = [part["$ref"] for part in alternatives(schema) if "$ref" in part]
    if len(names) == 1:
        return normal.schemas[names[0].removeprefix(COMPONENTS)]
    return schema if schema is not None else NormalSchema()
