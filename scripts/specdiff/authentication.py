"""Compares servers and security requirements."""

import json
from typing import TYPE_CHECKING, Any, Final

from common.effects import Effect

from specdiff.changes import quote
from specdiff.document import Document, Node, SpecOperation

if TYPE_CHECKING:
    from specdiff.operations import OperationComparison

AUTHORIZATION: Final = ("header", "authorization")

#: What a scheme says of requests, whatever it is called and described as.
_WIRE: Final = ("type", "scheme", "in", "name", "flows", "openIdConnectUrl")


def servers(operations: "OperationComparison") -> None:
    """Compare the servers; a trailing slash is ignored."""
    nodes = operations.old.root.get("servers"), operations.new.root.get("servers")
    before, after = (_urls(node) for node in nodes)
    first = [node.get(0, "url") if node else None for node in nodes]
    if [url.rstrip("/") for url in before[:1]] != [url.rstrip("/") for url in after[:1]]:
        text = f"the server is {_first(after)}, was {_first(before)}"
        operations.add("api-server-changed", text, *nodes, Effect.BROKEN, "servers", keys=())
        operations.schemas.recorder.cover(*(node.pointer for node in first if node))
    elif before[:1] != after[:1]:
        operations.changes.restate(*first)


def schemes(operations: "OperationComparison") -> None:
    """Compare the security schemes."""
    before, after = (
        document.components("securitySchemes") for document in (operations.old, operations.new)
    )
    for name in before.keys() & after.keys():
        if _meaning(before[name].value) != _meaning(after[name].value):
            text = f"{quote(name)} is {_shown(after[name])}, was {_shown(before[name])}"
            nodes = before[name], after[name]
            operations.add("api-security-scheme-changed", text, *nodes, Effect.BROKEN, name)
    for name in after.keys() - before.keys():
        text = f"the security scheme {quote(name)} is new"
        operations.add("api-security-scheme-added", text, None, after[name], Effect.ABSORBED, name)
    meanings = {_meaning(node.value) for node in after.values()}
    gone = [n for n in before.keys() - after.keys() if _meaning(before[n].value) not in meanings]
    if not after and gone and not any(map(described, operations.new.operations())):
        section = operations.old.root.get("components", "securitySchemes")
        text = "the document no longer says how requests authenticate"
        rule, names = "api-security-schemes-removed", ", ".join(gone)
        operations.add(rule, text, section, None, Effect.ABSORBED, names)
        return
    for name in before.keys() - after.keys():
        operations.changes.restate(before[name], None)


def security(operations: "OperationComparison", old: SpecOperation, new: SpecOperation) -> None:
    """Compare the security requirements of an operation."""
    documents = operations.old, operations.new
    before, after = _required(documents[0], old), _required(documents[1], new)
    known = {_meaning(node.value) for node in documents[0].components("securitySchemes").values()}
    for meaning, node in after.items():
        if meaning in before or (described(old) and AUTHORIZATION in _headers(meaning)):
            operations.changes.restate(before.get(meaning), node)
            continue
        names = _names(node.value)
        effect = Effect.ABSORBED if {scheme for scheme, _ in meaning} <= known else Effect.BROKEN
        text = f"{quote(old.name)} requires {_and(names)}"
        operations.add("api-security-added", text, None, node, effect, ", ".join(names))
    for meaning, node in before.items():
        if meaning in after:
            continue
        if described(new) and AUTHORIZATION in _headers(meaning):
            operations.changes.restate(node, None)
            continue
        names = _names(node.value)
        text = f"{quote(old.name)} no longer requires {_and(names)}"
        operations.add("api-security-removed", text, node, None, Effect.ABSORBED, ", ".join(names))


def described(operation: SpecOperation) -> tuple[str, str] | None:
    """Return the header parameter that takes the place of a security requirement, if any does."""
    keys = (key for key in operation.parameters if (key[0], key[1].lower()) == AUTHORIZATION)
    return next(keys, None)


def replaced(
    operation: SpecOperation, document: Document, other_operation: SpecOperation
) -> tuple[str, str] | None:
    """Return the parameter of an operation that another one has as a security requirement."""
    key, required = described(operation), _required(document, other_operation)
    is_required_there = any(AUTHORIZATION in _headers(meaning) for meaning in required)
    return key if is_required_there and not described(other_operation) else None


#: A requirement: what each of its schemes means, with the scopes.
_Meaning = frozenset[tuple[str, str]]


def _required(document: Document, operation: SpecOperation) -> dict[_Meaning, Node]:
    """Return the requirements of an operation, any of which lets requests in."""
    node = operation.node.get("security") or document.root.get("security")
    schemes = document.components("securitySchemes")
    return {
        frozenset(
            (_meaning(schemes[name].value) if name in schemes else name, json.dumps(scopes))
            for name, scopes in (item.value.items() if isinstance(item.value, dict) else ())
        ): item
        for item in _listed(node)
    }


def _meaning(scheme: Any) -> str:
    """Return what a scheme says of requests, as JSON."""
    definition = scheme if isinstance(scheme, dict) else {}
    meaning = {key: definition[key] for key in _WIRE if key in definition}
    if isinstance(meaning.get("scheme"), str):
        meaning["scheme"] = meaning["scheme"].lower()
    if meaning.get("in") == "header":
        meaning["name"] = str(meaning.get("name")).lower()
    return json.dumps(meaning, sort_keys=True)


def _headers(meaning: _Meaning) -> set[tuple[str, str]]:
    """Return the headers that meet a requirement."""
    headers: set[tuple[str, str]] = set()
    for scheme, _ in meaning:
        definition = json.loads(scheme) if scheme.startswith("{") else {}
        if definition.get("type") == "http" or definition.get("name") == AUTHORIZATION[1]:
            headers.add(AUTHORIZATION)
    return headers


def _urls(node: Node | None) -> list[str]:
    return [str(item.get_value("url")) for item in _listed(node) if isinstance(item.value, dict)]


def _first(urls: list[str]) -> str:
    return quote(urls[0]) if urls else "not documented"


def _shown(scheme: Node) -> str:
    return quote(_meaning(scheme.value))


def _listed(node: Node | None) -> list[Node]:
    return list(node.items()) if node else []


def _names(requirement: Any) -> list[str]:
    return list(requirement) if isinstance(requirement, dict) else [str(requirement)]


def _and(schemes: list[str]) -> str:
    """Return a requirement in words; an empty one asks for nothing."""
    return " and ".join(map(quote, schemes)) or "nothing"
