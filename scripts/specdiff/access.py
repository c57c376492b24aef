"""Compares where an API is, and what requests must prove to be let in."""

from typing import Any

from common.effects import Effect

from specdiff.changes import quote
from specdiff.document import Node
from specdiff.operations import Operations


def servers(operations: Operations) -> None:
    """Compare where the API is."""
    nodes = operations.old.root.get("servers"), operations.new.root.get("servers")
    before, after = (_urls(node) for node in nodes)
    if before[:1] != after[:1]:
        words = f"the server is {_first(after)}, was {_first(before)}"
        operations.add("api-server-changed", words, *nodes, Effect.BROKEN, "servers", keys=())
        first = [node.get(0, "url") if node else None for node in nodes]
        operations.schemas.teller.cover(*first)


def security(operations: Operations, old: Node, new: Node, name: str) -> None:
    """Compare what requests must prove: those of the whole API, or of an operation."""
    before, after = (_listed(node.get("security")) for node in (old, new))
    for node in after:
        if all(node.value != known.value for known in before):
            schemes = _schemes(node.value)
            known = operations.old.components("securitySchemes").keys() >= set(schemes)
            effect = Effect.ABSORBED if known else Effect.BROKEN
            words = f"{name} asks for {_and(schemes)}"
            operations.add("api-security-added", words, None, node, effect, ", ".join(schemes))
    for node in before:
        if all(node.value != known.value for known in after):
            schemes = _schemes(node.value)
            words = f"{name} no longer asks for {_and(schemes)}"
            operations.add("api-security-removed", words, node, None, Effect.ABSORBED,
                     ", ".join(schemes))  # fmt: skip


def _urls(node: Node | None) -> list[str]:
    return [str(item.says("url")) for item in _listed(node) if isinstance(item.value, dict)]


def _first(urls: list[str]) -> str:
    return quote(urls[0]) if urls else "not said"


def _listed(node: Node | None) -> list[Node]:
    return list(node.items()) if node else []


def _schemes(requirement: Any) -> list[str]:
    return list(requirement) if isinstance(requirement, dict) else [str(requirement)]


def _and(schemes: list[str]) -> str:
    """Return a requirement in words; an empty one asks for nothing."""
    return " and ".join(map(quote, schemes)) or "nothing"
