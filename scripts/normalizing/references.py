"""Following references inside a document; none leads out of it.

Source: OpenAPI 3.1.0, section 4.8.23 (Reference Object); RFC 6901 (JSON pointers).
"""

from typing import Any
from urllib.parse import unquote

from normalizing.findings import unreadable

#: References from one to the next before something is there; two are rare.
MAX_CHAIN = 20


def segments(reference: str, pointer: str) -> list[str]:
    """Return the keys that a reference leads through.

    Raises:
        UnreadableSchemaError: It leads out of the document.
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
    """Return what is below an object or array under a key.

    Raises:
        KeyError: Nothing is.
    """
    if isinstance(node, list) and key.isdecimal() and int(key) < len(node):
        return node[int(key)]
    if isinstance(node, dict) and key in node:
        return node[key]
    raise KeyError(key)


def target(document: Any, reference: str, pointer: str) -> Any:
    """Return what a reference leads to.

    Raises:
        UnreadableSchemaError: That is nothing of this document.
    """
    node = document
    try:
        for key in segments(reference, pointer):
            node = step(node, key)
    except KeyError:
        raise unreadable(pointer, f"refers to {reference!r:.200}, which is not there") from None
    return node


def follow(document: Any, node: Any, pointer: str) -> Any:
    """Return what a Reference Object leads to in the end; of what is none, itself.

    Raises:
        UnreadableSchemaError: It leads to nothing, out of the document or in a circle.
    """
    for _ in range(MAX_CHAIN):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node
        node = target(document, node["$ref"], pointer)
    raise unreadable(pointer, f"refers in a circle, or over more than {MAX_CHAIN} references")
