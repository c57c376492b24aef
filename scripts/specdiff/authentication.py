"""Compares servers and security requirements."""

import json
from typing import TYPE_CHECKING

from common.effects import Effect
from normalizing.located import child
from normalizing.operations import (
    AUTHORIZATION,
    NormalOperation,
    SecurityRequirement,
    SecurityScheme,
)

from specdiff.changes import quote
from specdiff.document import Document

if TYPE_CHECKING:
    from specdiff.operations import OperationComparison

#: A requirement: what each of its schemes says of requests, with the scopes.
_Meaning = frozenset[tuple[str, str]]


def servers(operations: "OperationComparison") -> None:
    """Compare the servers; a trailing slash is ignored."""
    first = [document.api.servers[:1] for document in (operations.old, operations.new)]
    before, after = ([server.url for server in listed] for listed in first)
    pointers = [child(server.pointer, "url") for listed in first for server in listed]
    if [url.rstrip("/") for url in before] != [url.rstrip("/") for url in after]:
        text = f"the server is {_first(after)}, was {_first(before)}"
        old, new = (listed[0].pointer.rpartition("/")[0] if listed else None for listed in first)
        operations.add("api-server-changed", text, (old, new), Effect.BROKEN, "servers", keys=())
        operations.schemas.recorder.cover(*pointers)
    elif before != after:
        operations.changes.restate(pointers[0], pointers[1])


def schemes(operations: "OperationComparison") -> None:
    """Compare the security schemes."""
    before, after = operations.old.api.schemes, operations.new.api.schemes
    for name in before.keys() & after.keys():
        old, new = before[name], after[name]
        if old.credentials != new.credentials:
            text = f"{quote(name)} is {quote(new.credentials)}, was {quote(old.credentials)}"
            rule = "api-security-scheme-changed"
            operations.add(rule, text, (old.pointer, new.pointer), Effect.BROKEN, name)
    for name in after.keys() - before.keys():
        text, pointer = f"the security scheme {quote(name)} is new", after[name].pointer
        operations.add("api-security-scheme-added", text, (None, pointer), Effect.ABSORBED, name)
    known = {scheme.credentials for scheme in after.values()}
    gone = [n for n in before.keys() - after.keys() if before[n].credentials not in known]
    was_described, is_described = (
        any(map(described, document.api.operations))
        for document in (operations.old, operations.new)
    )
    if not after and gone and (was_described or not is_described):  # no parameter takes its place
        text = "the document no longer has a security scheme"
        rule, names = "api-security-schemes-removed", ", ".join(gone)
        section = "#/components/securitySchemes"
        operations.add(rule, text, (section, None), Effect.ABSORBED, names)
        return
    for name in before.keys() - after.keys():
        operations.changes.restate(before[name].pointer, None)


def security(operations: "OperationComparison", old: NormalOperation, new: NormalOperation) -> None:
    """Compare the security requirements of an operation, any of which lets requests in."""
    before, after = _required(operations.old, old), _required(operations.new, new)
    known = {scheme.credentials for scheme in operations.old.api.schemes.values()}
    was_sent, is_sent = (bool(described(operation)) for operation in (old, new))
    is_still_open = is_sent or any(
        meaning in before or (was_sent and _is_sent(meaning)) for meaning in after
    )
    for meaning, requirement in after.items():
        earlier = before.get(meaning)
        if earlier and earlier.scopes == requirement.scopes and _are_level(earlier, requirement):
            continue
        if earlier or (was_sent and _is_sent(meaning)):
            operations.changes.restate(earlier.pointer if earlier else None, requirement.pointer)
            continue
        effect = Effect.ABSORBED if {scheme for scheme, _ in meaning} <= known else Effect.BROKEN
        rule, text = "api-security-added", f"{quote(old.name)} requires {_and(requirement)}"
        if is_still_open:
            rule, effect = "api-security-alternative-added", Effect.ABSORBED
            text = f"{quote(old.name)} may be sent with {_and(requirement)} instead"
        names = ", ".join(requirement.scopes)
        operations.add(rule, text, (None, requirement.pointer), effect, names)
    lets_bearer_in = is_sent or not after or any(map(_is_sent, after))
    for meaning, requirement in before.items():
        if meaning in after:
            continue
        if is_sent and _is_sent(meaning):
            operations.changes.restate(requirement.pointer, None)
            continue
        text = f"{quote(old.name)} no longer requires {_and(requirement)}"
        rule, effect = "api-security-removed", Effect.ABSORBED
        if is_still_open and _is_sent(meaning) and not lets_bearer_in:
            text = f"{quote(old.name)} may no longer be sent with {_and(requirement)} alone"
            rule, effect = "api-security-alternative-removed", Effect.BROKEN
        names = ", ".join(requirement.scopes)
        operations.add(rule, text, (requirement.pointer, None), effect, names)


def described(operation: NormalOperation) -> tuple[str, str] | None:
    """Return the header parameter that takes the place of a security requirement, if any does."""
    keys = ((parameter.place, parameter.name) for parameter in operation.parameters)
    return next((key for key in keys if (key[0], key[1].lower()) == AUTHORIZATION), None)


def replaced(
    operation: NormalOperation, document: Document, other_operation: NormalOperation
) -> tuple[str, str] | None:
    """Return the parameter of an operation that another one has as a security requirement."""
    key, required = described(operation), _required(document, other_operation)
    is_required_there = any(_is_bearer(scheme) for meaning in required for scheme, _ in meaning)
    return key if is_required_there and not described(other_operation) else None


def _required(
    document: Document, operation: NormalOperation
) -> dict[_Meaning, SecurityRequirement]:
    """Return the requirements of an operation, any of which lets requests in."""
    schemes: dict[str, SecurityScheme] = document.api.schemes
    return {
        frozenset(
            (schemes[name].credentials if name in schemes else name, json.dumps(scopes))
            for name, scopes in requirement.scopes.items()
        ): requirement
        for requirement in operation.security or ()
    }


def _are_level(old: SecurityRequirement, new: SecurityRequirement) -> bool:
    """Whether both are of operations, or both of documents."""
    return old.pointer.count("/") == new.pointer.count("/")


def _is_sent(meaning: _Meaning) -> bool:
    """Whether what clients send meets a requirement: a bearer token in `Authorization`."""
    return all(_is_bearer(scheme) for scheme, _ in meaning)


def _is_bearer(scheme: str) -> bool:
    """Whether a scheme is met by a bearer token; one that is not described may be."""
    is_described = scheme.startswith("{")
    return not is_described or SecurityScheme(credentials=scheme, pointer="").unsent is None


def _first(urls: list[str]) -> str:
    return quote(urls[0]) if urls else "not documented"


def _and(requirement: SecurityRequirement) -> str:
    """Return a requirement in words; an empty one asks for nothing."""
    return " and ".join(map(quote, requirement.scopes)) or "nothing"
