"""Applies an OpenAPI Overlay document, and fails if an action matches nothing.

The standard allows a target that matches nothing, and the packaged tools ignore it. Here it is an
error: the part that the overlay corrects is gone, so the spec has changed.

Extensions: `x-merge-as: Name` merges schemas, see `_united`; `x-single-slashes: true`
replaces repeated slashes in the keys of an object; `x-without-prefix: P` removes a prefix from the
strings of an array; `x-at-least: N` makes fewer than N matches an error, and `x-at-least: 0` allows
no match. A target of `x-merge-as` may be a reference to a schema, which means the schema.

Source: OpenAPI Overlay Specification 1.0.0; RFC 9535 (JSONPath).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import jsonpath
from common.tool_errors import ToolError
from normalizing.located import LocatedArray, LocatedObject, locate, pointer_of

from codegen import updates
from codegen.updates import Update

MERGE = "x-merge-as"
SINGLE_SLASHES = "x-single-slashes"
WITHOUT_PREFIX = "x-without-prefix"
_KEYS = {"overlay", "info", "extends", "actions"}
AT_LEAST = "x-at-least"
_KINDS = {"remove", "update", MERGE, SINGLE_SLASHES, WITHOUT_PREFIX}
_ACTION_KEYS = {"target", "description", AT_LEAST, *_KINDS}
_MEMBERS = {"properties", "required"}
#: The member that allows any more properties; without it, they are reported as drift.
_OPEN: Final[dict[str, Any]] = {"additionalProperties": {}}
_COMPONENTS = "#/components/schemas/"


def apply(
    overlay: dict[str, Any], document: dict[str, Any], notes: list[Update] | None = None
) -> LocatedObject:
    """Return a copy of `document` with every action of `overlay` applied, in order.

    Args:
        overlay: The overlay.
        document: The document.
        notes: A list that receives the effect of each `update`, value by value.

    Raises:
        ToolError: The overlay is malformed, an action matches nothing, or the schemas to merge
            differ too much; the message names the action.
    """
    result: LocatedObject = locate(document)
    if not str(overlay.get("overlay", "")).startswith("1.0."):
        raise ToolError(
            "the overlay is not an OpenAPI Overlay 1.0 document: it has no `overlay: 1.0.0`"
        )
    if unknown := {key for key in overlay if key not in _KEYS and not key.startswith("x-")}:
        raise ToolError(f"the overlay has an unknown key {min(unknown)!r}; correct or delete it")
    if not isinstance(overlay.get("actions"), list):
        raise ToolError("the overlay has no list of `actions`; an empty one would be `actions: []`")
    for number, action in enumerate(overlay["actions"], start=1):
        name = f"overlay action {number}"
        if not isinstance(action, dict) or not isinstance(action.get("target"), str):
            raise ToolError(f"{name} has no `target`; give it a JSONPath query")
        name = f"{name} (target {action['target']})"
        if unknown := action.keys() - _ACTION_KEYS:
            raise ToolError(f"{name} has an unknown key {min(unknown)!r}; correct or delete it")
        if type(action.get(AT_LEAST, 1)) is not int:
            raise ToolError(f"{name} has an `{AT_LEAST}` that is not a number; give it a number")
        if len(action.keys() & _KINDS) != 1:
            raise ToolError(
                f"{name} needs one of `remove: true`, `update`, `{MERGE}`, `{WITHOUT_PREFIX}` and "
                f"`{SINGLE_SLASHES}: true`"
            )
        if not action.get("description"):
            raise ToolError(f"{name} gives no reason; say why in its `description`")
        _apply_action(name, action, result, notes)
    return result


def _apply_action(
    name: str, action: dict[str, Any], document: dict[str, Any], notes: list[Update] | None
) -> None:
    try:
        matches = list(jsonpath.finditer(action["target"], document))
    except jsonpath.JSONPathError as error:
        raise ToolError(f"{name} is not a JSONPath query: {error}; see RFC 9535") from None
    if not matches:
        if action.get(AT_LEAST) == 0:
            return
        raise ToolError(
            f"{name} matches nothing in the spec, so what it corrects has changed; "
            "compare the spec with the action's description, then change or delete the action"
        )
    places = list(dict.fromkeys(_schema_place(match) for match in matches))
    if notes is not None and "update" in action:
        for place in places:
            notes += updates.effects(name, action, _at(document, place))
    _act(name, action, document, places)


def _act(name: str, action: dict[str, Any], document: dict[str, Any], places: list[Any]) -> None:
    if len(places) < action.get(AT_LEAST, 1):
        matched = ", ".join("/".join(map(str, place)) for place in places)
        raise ToolError(
            f"{name} matches {matched} only, but `{AT_LEAST}` says {action[AT_LEAST]}; compare the "
            "spec with the action's description, then change the target or the number"
        )
    if MERGE in action:
        _merge(name, str(action[MERGE]), places, document)
    elif changes := action.keys() & _CHANGES.keys():
        (key,) = changes
        for place in places:
            _CHANGES[key](name, _at(document, place), action[key])
    elif action["remove"] is True and () not in places:
        _remove(document, places)
    else:
        raise ToolError(
            f"{name} removes everything or nothing; give it `remove: true` and a target"
        )


def _schema_place(match: jsonpath.JSONPathMatch) -> tuple[Any, ...]:
    """Return the place of a match; for a reference to a schema, the place of the schema."""
    if match.parts[-1:] == ("$ref",) and str(match.obj).startswith(_COMPONENTS):
        return ("components", "schemas", str(match.obj).removeprefix(_COMPONENTS))
    return tuple(match.parts)


def _at(document: Any, place: Any) -> Any:
    for key in place:
        document = document[key]
    return document


def _remove(document: dict[str, Any], places: list[Any]) -> None:
    # In reverse order, so that nested values and later array items are removed first.
    for *parent, key in sorted(places, key=_in_order, reverse=True):
        del _at(document, parent)[key]


def _in_order(place: Any) -> list[tuple[bool, int, str]]:
    return [(isinstance(key, int), key if isinstance(key, int) else 0, str(key)) for key in place]


def _update(name: str, target: Any, value: Any) -> None:
    update = locate(value, f"{name}: #")  # its parts have no place in the spec
    if isinstance(target, dict) and isinstance(update, dict):
        _merge_objects(target, update)
    elif isinstance(target, list):
        target.append(update)
    else:
        raise ToolError(f"{name} updates a {type(target).__name__}; a target is an object or array")


def _single_slashes(name: str, target: Any, flag: Any) -> None:
    if flag is not True or not isinstance(target, dict):
        raise ToolError(f"{name} needs an object and `{SINGLE_SLASHES}: true`")
    for key in list(target):
        single = re.sub("/+", "/", key)
        if single != key and single in target:
            raise ToolError(
                f"{name} would make {key!r} the same as {single!r}; remove one of the two by an "
                "action before this one"
            )
        target[single] = target.pop(key)  # for every key, so that the order stays


def _without_prefix(name: str, target: Any, prefix: Any) -> None:
    if not isinstance(prefix, str) or not isinstance(target, list):
        raise ToolError(f"{name} needs an array of strings, and a string as `{WITHOUT_PREFIX}`")
    target[:] = [str(text).removeprefix(prefix) or text for text in target]


#: The functions that change a single place, by the key of the action.
_CHANGES: Final[dict[str, Callable[[str, Any, Any], None]]] = {
    "update": _update,
    SINGLE_SLASHES: _single_slashes,
    WITHOUT_PREFIX: _without_prefix,
}


def _merge_objects(target: dict[str, Any], update: dict[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge_objects(target[key], value)
        elif isinstance(value, list) and isinstance(target.get(key), list):
            target[key].extend(value)
        else:
            target[key] = value


def _merge(name: str, new: str, places: list[Any], document: dict[str, Any]) -> None:
    if any(place[:-1] != ("components", "schemas") for place in places):
        raise ToolError(f"{name} merges a target outside `$.components.schemas`; narrow it")
    schemas = document["components"]["schemas"]
    old = [place[2] for place in places]
    if new in schemas and new not in old:
        _make_room(name, new, document)
        schemas = document["components"]["schemas"]
    without_prose = {key: _without_prose(schemas[key]) for key in old}
    usual = max(without_prose.values(), key=list(without_prose.values()).count)
    if different := [key for key in old if _united([without_prose[key], usual], schemas) is None]:
        same = next(key for key in old if key not in different)
        raise ToolError(
            f"{name} merges schemas that differ in more than additional properties: "
            f"{', '.join(different)}, unlike {same}; narrow the target to the others (they then "
            f"keep their own classes), or correct them by an action before this one"
        )
    merged = schemas[old[0]] if len(old) == 1 else _united([*without_prose.values()], schemas)
    document["components"]["schemas"] = LocatedObject.at(
        schemas.pointer,
        {
            (new if key == old[0] else key): (merged if key == old[0] else schema)
            for key, schema in schemas.items()
            if key == old[0] or key not in old
        },
    )
    _refer(document, dict.fromkeys(old, new))


def _united(parts: list[Any], schemas: dict[str, Any]) -> Any:
    """Return a schema that has the properties of all; those that some lack are optional.

    Args:
        parts: The schemas, without titles and descriptions.
        schemas: The components, which they may refer to where they differ.

    Returns:
        The schema; None if they differ in anything else.
    """
    if all(part == parts[0] for part in parts):
        return parts[0]
    if not all(_has_reference(part) for part in parts):
        parts = [_resolved(part, schemas) for part in parts]
    if not all(map(_is_mergeable, parts)):
        return None
    opening = _OPEN if any(part.items() >= _OPEN.items() for part in parts) else {}
    rests = [{k: v for k, v in {**part, **opening}.items() if k not in _MEMBERS} for part in parts]
    holders = [part.get("properties", {}) for part in parts]
    if any(rest != rests[0] for rest in rests) or not any(holders):
        return None
    properties = {
        key: _united([holder[key] for holder in holders if key in holder], schemas)
        for key in dict.fromkeys(key for holder in holders for key in holder)
    }
    if None in properties.values():
        return None
    lists = [part.get("required", []) for part in parts]
    required = [key for key in properties if all(key in listed for listed in lists)]
    members = {"properties": properties, "required": required}
    return LocatedObject.at(pointer_of(parts[0], "#"), {**rests[0], **members})


def _has_reference(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("$ref"), str)


def _is_mergeable(part: Any) -> bool:
    """Whether a schema is an object that may have properties, in valid form."""
    return (
        isinstance(part, dict)
        and isinstance(part.get("properties", {}), dict)
        and isinstance(part.get("required", []), list)
    )


def _resolved(part: Any, schemas: dict[str, Any]) -> Any:
    """Return the component that a schema only refers to, or else the schema."""
    if not _has_reference(part) or len(part) > 1:
        return part
    return _without_prose(schemas.get(part["$ref"].removeprefix(_COMPONENTS), part))


def _make_room(name: str, wanted_name: str, document: dict[str, Any]) -> None:
    """Rename the spec's own schema, so that a merged schema can have its name."""
    schemas, new_name = document["components"]["schemas"], f"{wanted_name}2"
    if new_name in schemas:
        raise ToolError(
            f"{name} would overwrite the spec's own schema {wanted_name}; choose another name"
        )
    document["components"]["schemas"] = LocatedObject.at(
        schemas.pointer,
        {new_name if key == wanted_name else key: schema for key, schema in schemas.items()},
    )
    _refer(document, {wanted_name: new_name})


def _refer(document: dict[str, Any], renamed: dict[str, str]) -> None:
    """Update every reference to a renamed schema."""
    places = {_COMPONENTS + old: _COMPONENTS + new for old, new in renamed.items()}
    for holder in _holders(document, "$ref"):
        holder["$ref"] = places.get(holder["$ref"], holder["$ref"])
    for holder in _holders(document, "propertyName"):  # a discriminator's mapping refers too
        mapping = holder.get("mapping")
        if isinstance(mapping, dict):
            for value, target in mapping.items():
                mapping[value] = places.get(target, renamed.get(target, target))


def _without_prose(schema: Any) -> Any:
    """Return a schema without titles and descriptions, including those of its parts."""
    if isinstance(schema, list):
        listed = LocatedArray(_without_prose(part) for part in schema)
        listed.pointer = pointer_of(schema, "#")
        return listed
    if not isinstance(schema, dict):
        return schema
    return LocatedObject.at(
        pointer_of(schema, "#"),
        {
            key: _without_prose(part)
            for key, part in schema.items()
            if not (key in {"title", "description"} and isinstance(part, str))
        },
    )


def _holders(node: Any, key: str) -> Iterator[dict[str, Any]]:
    """Yield every object in `node` that has a string under `key`."""
    if isinstance(node, dict):
        if isinstance(node.get(key), str):
            yield node
        for part in node.values():
            yield from _holders(part, key)
    elif isinstance(node, list):
        for part in node:
            yield from _holders(part, key)
