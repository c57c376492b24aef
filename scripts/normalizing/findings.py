"""Findings about a document, each with its published JSON pointer."""

from typing import Any

from attrs import field, frozen


@frozen
class UnsupportedConstruct:
    """A construct that has no normal form.

    Attributes:
        pointer: Its JSON pointer in the published document.
        reason: Why it is not supported, in words.
        fix: The overlay action that solves the problem, if there is one.
    """

    pointer: str
    reason: str
    fix: dict[str, Any] | None = field(default=None, eq=False)


@frozen
class ConversionNote:
    """A construct that is supported only in part.

    Attributes:
        pointer: Its JSON pointer in the published document.
        text: The difference, in words.
    """

    pointer: str
    text: str


class UnreadableSchemaError(Exception):
    """A part of a document has no normal form."""

    def __init__(self, problem: UnsupportedConstruct) -> None:
        super().__init__(problem)
        self.problem = problem


def unreadable(
    pointer: str, reason: str, fix: dict[str, Any] | None = None
) -> UnreadableSchemaError:
    """Return the error for a part that has no normal form."""
    return UnreadableSchemaError(UnsupportedConstruct(pointer, reason, fix))
