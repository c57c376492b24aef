"""Finds the operations that give pages: by what their parameters and answers are called."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

_CURSORS: Final = ("cursor", "page_token", "next_token", "after", "starting_after")
_NEXT: Final = ("next_cursor", "next_page_token", "next_token", "cursor", "last_id")
_MORE: Final = "has_more"
_ITEMS: Final = ("data", "items", "results")
_DEPTH: Final = 2  # objects inside the body that cursors are looked for in


@frozen
class Found:
    """How the pages of an operation follow one another; see `modelgates_runtime.paging.Pages`.

    Attributes:
        items: Where the items of a page stand.
        offset: The query parameter that says how many items to leave out.
        cursor: The query parameter that takes a cursor.
        next: Where the next cursor stands.
        more: Where it stands whether there are more.
    """

    items: tuple[str, ...]
    offset: str = ""
    cursor: str = ""
    next: tuple[str, ...] = ()
    more: tuple[str, ...] = ()


def find(document: dict[str, Any], operation: dict[str, Any]) -> Found | None:
    """Return how the pages of an operation follow one another; None if it gives none."""
    queried = {
        str(parameter["name"])
        for parameter in operation.get("parameters") or ()
        if parameter.get("in") == "query"
    }
    body = _success(document, operation)
    items = _items(document, body)
    if items is None:
        return None
    places = list(_places(document, body, ()))
    more = next((place for place in places if place[-1] == _MORE), ())
    if {"limit", "offset"} <= queried:
        return Found(items, offset="offset", more=more)
    cursor = next((name for name in _CURSORS if name in queried), None)
    following = [place for name in _NEXT for place in places if place[-1] == name]
    if cursor is not None and following:
        return Found(items, cursor=cursor, next=following[0], more=more)
    return None


def _success(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    response = operation["responses"].get("200") or {}
    media = (response.get("content") or {}).get("application/json") or {}
    return _schema(document, media.get("schema"))


def _items(document: dict[str, Any], body: dict[str, Any]) -> tuple[str, ...] | None:
    """Return where the one array of a body stands, or the one of a usual name."""
    properties = body.get("properties") or {}
    arrays = [name for name in properties if _is_array(_schema(document, properties[name]))]
    usual = [name for name in _ITEMS if name in arrays]
    if usual or len(arrays) == 1:
        return ((usual or arrays)[0],)
    return None


def _places(
    document: dict[str, Any], schema: dict[str, Any], within: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for name, part in (schema.get("properties") or {}).items():
        yield (*within, str(name))
        if len(within) < _DEPTH - 1:
            yield from _places(document, _schema(document, part), (*within, str(name)))


def _is_array(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type")
    return kinds == "array" or (isinstance(kinds, list) and "array" in kinds)


def _schema(document: dict[str, Any], schema: Any) -> dict[str, Any]:
    """Return a schema, a reference followed."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    for _ in range(10):
        if not isinstance(schema, dict):
            return {}
        if not isinstance(schema.get("$ref"), str):
            return schema
        schema = schemas.get(schema["$ref"].rsplit("/", 1)[-1])
    return {}
