"""Resolves references inside a document; references to other documents are refused.

Source: OpenAPI 3.1.0, section 4.8.23 (Reference Object); RFC 6901 (JSON pointers).
"""

from typing import Any
from urllib.parse import unquote

from normalizing.findings import unreadable

#: References to references in a chain; two are rare.
MAX_CHAIN = 20


def segments(reference: str, pointer: str) -> list[str]:
    """Return the keys of a reference.

    Raises:
        UnreadableSchemaError: It refers to another document.
    """
    if reference == "#":
        return []
    if not reference.startswith("#/"):
        what = "in another document" if not reference.startswith("#") else "to an anchor"
        raise unreadable(
            pointer, f"refers to {reference!r:.200}, {what}; only the document itself is read"
        )
    return [unquote(k).replace("~1", "/").replace("~0", "~") for k in reference[2:].split("/")]


def step(node: Any, key: str) -> Any:
    """Return the member of an object or array under a key.

    Raises:
        KeyError: There is none.
    """
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    if isinstance(node, dict) and key in node:
        return node[key]
    raise KeyError(key)


def target(document: Any, reference: str, pointer: str) -> Any:
    """Return the target of a reference.

    Raises:
        UnreadableSchemaError: It has no target in this document.
    """
    node = document
    try:
        for key in segments(reference, pointer):
            node = step(node, key)
    except KeyError:
        raise unreadable(pointer, f"refers to {reference!r:.200}, which is not there") from None
    return node


def follow(document: Any, node: Any, pointer: str) -> Any:
    """Return the final target of a Reference Object; any other node is returned itself.

    Raises:
        UnreadableSchemaError: It has no target, leaves the document or is circular.
    """
    for _ in range(MAX_CHAIN):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node
        node = target(document, node["$ref"], pointer)
    raise unreadable(pointer, f"refers in a circle, or over more than {MAX_CHAIN} references")
