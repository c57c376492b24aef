"""Compares two specs: what the other modules know, put together."""

from typing import Any

from specdiff import leftovers, unknown
from specdiff.changes import Change, Found, Level, quote
from specdiff.comparison import Comparison
from specdiff.document import Document, Node
from specdiff.effects import Effect
from specdiff.operations import Operations
from specdiff.telling import Teller


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return every change between two OpenAPI documents, the worst first.

    Raises:
        ValueError: One of them refers to what is not there, or composes schemas too deeply.
    """
    before, after, found = Document(old), Document(new), Found()
    schemas = Comparison(before, after, Teller(found), set())
    operations = Operations(before, after, found, schemas)
    operations.compare()
    _servers(operations)
    _security(operations)
    _renamed(schemas)
    unknown.add(before, after, found)
    leftovers.add(old, new, found)
    return found.all()


def _servers(operations: Operations) -> None:
    nodes = operations.old.root.get("servers"), operations.new.root.get("servers")
    before, after = (_urls(node) for node in nodes)
    if before[:1] != after[:1]:
        words = f"the server is {_first(after)}, was {_first(before)}"
        operations.add("api-server-changed", words, *nodes, Effect.BROKEN, "servers")


def _urls(node: Node | None) -> list[str]:
    items = node.items() if node else ()
    return [str(item.value.get("url")) for item in items if isinstance(item.value, dict)]


def _first(urls: list[str]) -> str:
    return f"{quote(urls[0])}" if urls else "not said"


def _security(operations: Operations) -> None:
    """Compare what requests must prove: requirements of the whole API, and of each operation."""
    pairs = [(operations.old.root, operations.new.root, "the API")]
    after = {(o.path, o.method): o for o in operations.new.operations()}
    for one in operations.old.operations():
        other = after.get((one.path, one.method))
        if other:
            pairs.append((one.node, other.node, f"{quote(one.name)}"))
    for old, new, name in pairs:
        nodes = old.get("security"), new.get("security")
        before, later = ([item.value for item in node.items()] if node else [] for node in nodes)
        for requirement in later:
            if requirement not in before:
                schemes = _schemes(requirement)
                known = schemes in operations.old.components("securitySchemes")
                effect = Effect.ABSORBED if known else Effect.BROKEN
                words = f"{name} asks for {quote(schemes)}"
                operations.add("api-security-added", words, None, nodes[1], effect, schemes)
        for requirement in before:
            if requirement not in later:
                schemes, effect = _schemes(requirement), Effect.ABSORBED
                words = f"{name} no longer asks for {quote(schemes)}"
                operations.add("api-security-removed", words, nodes[0], None, effect, schemes)


def _schemes(requirement: Any) -> str:
    return ", ".join(requirement) if isinstance(requirement, dict) else str(requirement)


def _renamed(schemas: Comparison) -> None:
    """Report components that were compared under two names."""
    for old, new in schemas.names():
        if old != new:
            schemas.teller.found.add(
                Change(
                    rule="api-schema-renamed",
                    level=Level.INFO,
                    text=f"the component {quote(old)} is now {quote(new)}",
                    why="it is not on the wire; generated classes may be named by it",
                    effect=Effect.ABSORBED,
                    old=f"#/components/schemas/{old}",
                    new=f"#/components/schemas/{new}",
                    subject=old,
                )
            )
