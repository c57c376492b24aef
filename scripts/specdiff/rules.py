"""The level of each kind of change, and the reason, for programs that read responses.

A rule's id is oasdiff's where that has one: `response-property-became-nullable` is the direction,
what changed in it, and the kind of change that is listed here. A kind allows more values than
before (`WIDENS`), fewer (`NARROWS`), others (`REPLACES`), or the same ones (`KEEPS`). Of a
response, more is bad; of a request, fewer.
"""

from enum import Enum, auto
from typing import Final

from attrs import frozen

from specdiff.changes import Direction, Level


class Sense(Enum):
    """What a change does to the values that are allowed."""

    WIDENS = auto()
    NARROWS = auto()
    REPLACES = auto()
    KEEPS = auto()


@frozen
class ChangeKind:
    """A kind of change.

    Attributes:
        sense: What it does to the values that are allowed.
        worst: Its level where that is bad.
        why: The reason for that.
    """

    sense: Sense
    worst: Level
    why: str


_BOUND: Final = "what was sized by the old bound (a column, a buffer) may not hold the value"
_KINDS: Final = {
    "became-nullable": ChangeKind(
        Sense.WIDENS, Level.BREAKING, "null may be sent where a value was promised"
    ),
    "became-not-nullable": ChangeKind(Sense.NARROWS, Level.BREAKING, "null is no longer allowed"),
    "enum-value-added": ChangeKind(
        Sense.WIDENS, Level.WARNING, "a value may be sent that programs do not know"
    ),
    "enum-value-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "a value is no longer allowed"),
    "became-enum": ChangeKind(Sense.NARROWS, Level.BREAKING, "only the listed values are allowed"),
    "became-not-enum": ChangeKind(Sense.WIDENS, Level.WARNING, "any value may be sent"),
    "type-changed": ChangeKind(Sense.REPLACES, Level.BREAKING, "values have a different type"),
    "type-generalized": ChangeKind(
        Sense.WIDENS, Level.BREAKING, "values of more types may be sent"
    ),
    "type-specialized": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer values are allowed"),
    "list-of-types-widened": ChangeKind(
        Sense.WIDENS, Level.BREAKING, "values of more types may be sent"
    ),
    "list-of-types-narrowed": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer types are allowed"),
    "one-of-added": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of a new schema may be sent"),
    "one-of-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "a schema is no longer allowed"),
    "any-of-added": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of a new schema may be sent"),
    "any-of-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "a schema is no longer allowed"),
    "const-added": ChangeKind(Sense.NARROWS, Level.BREAKING, "only one value is allowed"),
    "const-removed": ChangeKind(Sense.WIDENS, Level.WARNING, "other values may be sent"),
    "const-changed": ChangeKind(Sense.REPLACES, Level.BREAKING, "a different value is sent"),
    "pattern-added": ChangeKind(Sense.NARROWS, Level.BREAKING, "values must match a pattern"),
    "pattern-removed": ChangeKind(Sense.WIDENS, Level.WARNING, "values need not match a pattern"),
    "pattern-changed": ChangeKind(
        Sense.REPLACES, Level.WARNING, "values match a different pattern"
    ),
    "multiple-of-set": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer numbers are allowed"),
    "multiple-of-unset": ChangeKind(Sense.WIDENS, Level.WARNING, "numbers in between may be sent"),
    "multiple-of-changed": ChangeKind(
        Sense.REPLACES, Level.WARNING, "different numbers may be sent"
    ),
    "unique-items-set": ChangeKind(Sense.NARROWS, Level.BREAKING, "items may not repeat"),
    "unique-items-unset": ChangeKind(Sense.WIDENS, Level.WARNING, "items may repeat"),
    "additional-properties-widened": ChangeKind(
        Sense.WIDENS, Level.WARNING, "fields that no schema names may be sent"
    ),
    "additional-properties-narrowed": ChangeKind(
        Sense.NARROWS, Level.BREAKING, "fields that no schema names are not allowed"
    ),
    "discriminator-changed": ChangeKind(
        Sense.REPLACES, Level.WARNING, "the schemas are told apart in a different way"
    ),
}

_FINE: Final = {
    (Sense.NARROWS, "response"): "everything sent was already allowed before",
    (Sense.WIDENS, "request"): "everything that was allowed stays allowed",
}

#: Keywords that bound a value: the part of the rule's id, and whether more is wider.
BOUNDS: Final = {
    "maximum": ("max", True),
    "minimum": ("min", False),
    "exclusiveMaximum": ("exclusive-max", True),
    "exclusiveMinimum": ("exclusive-min", False),
    "maxLength": ("max-length", True),
    "minLength": ("min-length", False),
    "maxItems": ("max-items", True),
    "minItems": ("min-items", False),
    "maxProperties": ("max-properties", True),
    "minProperties": ("min-properties", False),
}

#: The rule for keywords that this tool does not know, and why they count.
UNKNOWN: Final = "schema-keyword-not-understood"
UNREADABLE: Final = "schema-not-understood"
UNCLASSIFIED: Final = "unclassified-change"
NOT_UNDERSTOOD: Final = "its effect on values is unknown to this tool; review it"

#: What notes are called in a rule's id, where that is not the keyword itself.
NOTES: Final = {
    "$comment": "comment",
    "default": "default-value",
    "externalDocs": "external-docs",
    "readOnly": "read-only",
    "writeOnly": "write-only",
}


#: The levels and reasons of changes around schemas, by rule.
AROUND: Final[dict[str, tuple[Level, str]]] = {
    "endpoint-added": (Level.INFO, "no existing code calls it"),
    "api-removed-without-deprecation": (Level.BREAKING, "calls to it cannot succeed"),
    "api-removed-with-deprecation": (Level.BREAKING, "calls to it cannot succeed"),
    "path-changed": (Level.BREAKING, "existing calls use the old path"),
    "path-slashes-changed": (
        Level.WARNING,
        "most likely a mistake in the document; the overlay keeps single slashes",
    ),
    "method-changed": (Level.BREAKING, "existing calls use the old method"),
    "api-operation-id-changed": (Level.INFO, "it is not sent; generated names follow it"),
    "api-tag-added": (Level.INFO, "it is not sent; generated modules are named after it"),
    "api-tag-removed": (Level.INFO, "it is not sent; generated modules are named after it"),
    "endpoint-deprecated": (Level.WARNING, "it may be withdrawn"),
    "endpoint-reactivated": (Level.INFO, "it is no longer deprecated"),
    "new-required-request-parameter": (Level.BREAKING, "requests without it are rejected"),
    "new-optional-request-parameter": (Level.INFO, "requests without it are accepted"),
    "request-parameter-removed": (Level.WARNING, "the server ignores or rejects it"),
    "request-parameter-became-required": (Level.BREAKING, "requests without it are rejected"),
    "request-parameter-became-optional": (Level.INFO, "requests with it are still accepted"),
    "request-parameter-serialization-changed": (Level.BREAKING, "it is serialized differently"),
    "request-body-added-required": (Level.BREAKING, "requests without it are rejected"),
    "request-body-added-optional": (Level.INFO, "requests without it are accepted"),
    "request-body-removed": (Level.BREAKING, "the server ignores or rejects it"),
    "request-body-became-required": (Level.BREAKING, "requests without it are rejected"),
    "request-body-became-optional": (Level.INFO, "requests with it are still accepted"),
    "request-body-media-type-added": (Level.INFO, "the old one is still accepted"),
    "request-body-media-type-removed": (Level.BREAKING, "the server no longer accepts it"),
    "response-success-status-added": (Level.WARNING, "a successful response may look different"),
    "response-success-status-removed": (
        Level.BREAKING,
        "a successful response no longer looks like this",
    ),
    "response-non-success-status-added": (Level.INFO, "any server may respond with any error"),
    "response-non-success-status-removed": (
        Level.WARNING,
        "servers rarely stop sending an error; documents often omit one",
    ),
    "response-media-type-added": (Level.INFO, "the old one can still be requested"),
    "response-media-type-removed": (Level.BREAKING, "responses have a different media type"),
    "response-body-media-type-schema-added": (Level.INFO, "the body is now described"),
    "response-body-media-type-schema-removed": (Level.BREAKING, "the body may be anything"),
    "response-header-added": (Level.INFO, "programs that do not know it need not read it"),
    "required-response-header-removed": (
        Level.BREAKING,
        "it is no longer sent, although it was promised",
    ),
    "optional-response-header-removed": (Level.WARNING, "it is no longer sent"),
    "response-header-became-required": (Level.INFO, "it could already be sent before"),
    "response-header-became-optional": (Level.BREAKING, "it may be missing where it was promised"),
    "api-security-added": (
        Level.BREAKING,
        "requests need a credential that they did not need before",
    ),
    "api-security-removed": (
        Level.WARNING,
        "requests need a credential that is no longer documented",
    ),
    "api-security-alternative-added": (Level.INFO, "the old credential still lets requests in"),
    "api-security-alternative-removed": (
        Level.BREAKING,
        "the credential that the client sends no longer lets requests in",
    ),
    "api-security-scheme-changed": (Level.BREAKING, "requests authenticate in a different way"),
    "api-security-scheme-added": (Level.INFO, "operations that require it are listed separately"),
    "api-security-schemes-removed": (
        Level.WARNING,
        "it says how requests authenticate; a document without it may be truncated",
    ),
    "api-server-changed": (Level.BREAKING, "existing calls go to the old server"),
}


def bound(keyword: str, old: float | None, new: float | None) -> str:
    """Return the kind of change of a bound, as `max-increased` or `min-unset`."""
    name, _ = BOUNDS[keyword]
    if old is None or new is None:
        return f"{name}-{'set' if old is None else 'unset'}"
    return f"{name}-{'increased' if new > old else 'decreased'}"


def classify(kind: str, direction: Direction) -> tuple[Level, str]:
    """Return the level of a change of that kind, and why."""
    change_kind = _KINDS.get(kind) or _bounded(kind)
    if change_kind is None or change_kind.sense is Sense.KEEPS:
        return Level.INFO, "the allowed values stay the same"
    fine = _FINE.get((change_kind.sense, direction))
    return (Level.INFO, fine) if fine else (change_kind.worst, change_kind.why)


def _bounded(kind: str) -> ChangeKind | None:
    for name, more_is_wider in BOUNDS.values():
        how = kind.removeprefix(f"{name}-")
        if how == kind:
            continue
        if how in {"set", "unset"}:
            widens = how == "unset"
        elif how in {"increased", "decreased"}:
            widens = (how == "increased") is more_is_wider
        else:
            continue
        sense = Sense.WIDENS if widens else Sense.NARROWS
        return ChangeKind(sense, Level.WARNING, _BOUND if widens else "fewer values are allowed")
    return None
