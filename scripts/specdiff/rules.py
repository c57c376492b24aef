"""How bad each kind of change is, and why: judged for programs that read responses.

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
        Sense.WIDENS, Level.BREAKING, "null comes where a value was promised"
    ),
    "became-not-nullable": ChangeKind(Sense.NARROWS, Level.BREAKING, "null is no longer allowed"),
    "enum-value-added": ChangeKind(
        Sense.WIDENS, Level.WARNING, "a value comes that programs do not know"
    ),
    "enum-value-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "a value is no longer allowed"),
    "became-enum": ChangeKind(Sense.NARROWS, Level.BREAKING, "only listed values are allowed"),
    "became-not-enum": ChangeKind(Sense.WIDENS, Level.WARNING, "any value may come"),
    "type-changed": ChangeKind(Sense.REPLACES, Level.BREAKING, "values are of another type"),
    "type-generalized": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of more types come"),
    "type-specialized": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer values are allowed"),
    "list-of-types-widened": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of more types come"),
    "list-of-types-narrowed": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer types are allowed"),
    "one-of-added": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of one more schema come"),
    "one-of-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "one schema less is allowed"),
    "any-of-added": ChangeKind(Sense.WIDENS, Level.BREAKING, "values of one more schema come"),
    "any-of-removed": ChangeKind(Sense.NARROWS, Level.BREAKING, "one schema less is allowed"),
    "const-added": ChangeKind(Sense.NARROWS, Level.BREAKING, "only one value is allowed"),
    "const-removed": ChangeKind(Sense.WIDENS, Level.WARNING, "other values may come"),
    "const-changed": ChangeKind(Sense.REPLACES, Level.BREAKING, "another value comes"),
    "pattern-added": ChangeKind(Sense.NARROWS, Level.BREAKING, "values must have a form"),
    "pattern-removed": ChangeKind(Sense.WIDENS, Level.WARNING, "values may have any form"),
    "pattern-changed": ChangeKind(Sense.REPLACES, Level.WARNING, "values have another form"),
    "multiple-of-set": ChangeKind(Sense.NARROWS, Level.BREAKING, "fewer numbers are allowed"),
    "multiple-of-unset": ChangeKind(Sense.WIDENS, Level.WARNING, "numbers between may come"),
    "multiple-of-changed": ChangeKind(Sense.REPLACES, Level.WARNING, "other numbers may come"),
    "unique-items-set": ChangeKind(Sense.NARROWS, Level.BREAKING, "items may not repeat"),
    "unique-items-unset": ChangeKind(Sense.WIDENS, Level.WARNING, "items may repeat"),
    "additional-properties-widened": ChangeKind(
        Sense.WIDENS, Level.WARNING, "fields may come that no schema names"
    ),
    "additional-properties-narrowed": ChangeKind(
        Sense.NARROWS, Level.BREAKING, "fields that no schema names are not allowed"
    ),
    "discriminator-changed": ChangeKind(
        Sense.REPLACES, Level.WARNING, "what tells the schemas apart is another thing"
    ),
}

_FINE: Final = {
    (Sense.NARROWS, "response"): "what comes was allowed before, too",
    (Sense.WIDENS, "request"): "what was allowed stays allowed",
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
NOT_UNDERSTOOD: Final = "nobody knows here what it does to the values; look at it"

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
    "endpoint-added": (Level.INFO, "nobody calls it yet"),
    "api-removed-without-deprecation": (Level.BREAKING, "calls of it cannot succeed"),
    "api-removed-with-deprecation": (Level.BREAKING, "calls of it cannot succeed"),
    "path-changed": (Level.BREAKING, "calls go to the old path"),
    "path-slashes-changed": (
        Level.WARNING,
        "most likely a slip of the document; the overlay keeps single slashes",
    ),
    "method-changed": (Level.BREAKING, "calls use the old method"),
    "api-operation-id-changed": (Level.INFO, "it is not on the wire; generated names follow it"),
    "api-tag-added": (Level.INFO, "it is not on the wire; generated modules are named by it"),
    "api-tag-removed": (Level.INFO, "it is not on the wire; generated modules are named by it"),
    "endpoint-deprecated": (Level.WARNING, "it may be withdrawn"),
    "endpoint-reactivated": (Level.INFO, "it is no longer deprecated"),
    "new-required-request-parameter": (Level.BREAKING, "requests without it are refused"),
    "new-optional-request-parameter": (Level.INFO, "requests without it are accepted"),
    "request-parameter-removed": (Level.WARNING, "the server ignores or refuses it"),
    "request-parameter-became-required": (Level.BREAKING, "requests without it are refused"),
    "request-parameter-became-optional": (Level.INFO, "requests with it are still accepted"),
    "request-parameter-serialization-changed": (Level.BREAKING, "it is written in another way"),
    "request-body-added-required": (Level.BREAKING, "requests without it are refused"),
    "request-body-added-optional": (Level.INFO, "requests without it are accepted"),
    "request-body-removed": (Level.BREAKING, "the server ignores or refuses it"),
    "request-body-became-required": (Level.BREAKING, "requests without it are refused"),
    "request-body-became-optional": (Level.INFO, "requests with it are still accepted"),
    "request-body-media-type-added": (Level.INFO, "the old one is still accepted"),
    "request-body-media-type-removed": (Level.BREAKING, "the server no longer accepts it"),
    "response-success-status-added": (Level.WARNING, "success may look otherwise"),
    "response-success-status-removed": (Level.BREAKING, "success no longer looks like this"),
    "response-non-success-status-added": (Level.INFO, "any error may come from any server"),
    "response-non-success-status-removed": (
        Level.WARNING,
        "servers rarely lose an error; more often, a document does",
    ),
    "response-media-type-added": (Level.INFO, "the old one may still be asked for"),
    "response-media-type-removed": (Level.BREAKING, "answers are of another media type"),
    "response-body-media-type-schema-added": (Level.INFO, "what comes is now described"),
    "response-body-media-type-schema-removed": (Level.BREAKING, "anything may come"),
    "response-header-added": (Level.INFO, "programs that do not know it need not read it"),
    "required-response-header-removed": (Level.BREAKING, "it no longer comes, though promised"),
    "optional-response-header-removed": (Level.WARNING, "it no longer comes"),
    "response-header-became-required": (Level.INFO, "it comes as it could before"),
    "response-header-became-optional": (Level.BREAKING, "it may be missing where it was promised"),
    "api-security-added": (Level.BREAKING, "requests need what they did not need"),
    "api-security-removed": (Level.WARNING, "requests need what this does not say"),
    "api-security-scheme-changed": (Level.BREAKING, "requests prove themselves in another way"),
    "api-security-scheme-added": (Level.INFO, "what asks for it is listed, too"),
    "api-security-schemes-removed": (Level.WARNING, "what requests must prove is no longer said"),
    "api-server-changed": (Level.BREAKING, "calls go to the old server"),
}


def bound(keyword: str, old: float | None, new: float | None) -> str:
    """Return the kind of change of a bound, as `max-increased` or `min-unset`."""
    name, _ = BOUNDS[keyword]
    if old is None or new is None:
        return f"{name}-{'set' if old is None else 'unset'}"
    return f"{name}-{'increased' if new > old else 'decreased'}"


def judge(kind: str, direction: Direction) -> tuple[Level, str]:
    """Return the level of a change of that kind, and why."""
    known = _KINDS.get(kind) or _bounded(kind)
    if known is None or known.sense is Sense.KEEPS:
        return Level.INFO, "the values that are allowed stay the same"
    fine = _FINE.get((known.sense, direction))
    return (Level.INFO, fine) if fine else (known.worst, known.why)


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
