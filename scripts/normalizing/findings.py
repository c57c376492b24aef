"""What is said of a document beside its normal form, each thing with its published place."""

from typing import Any

from attrs import field, frozen


@frozen
class UnsupportedConstruct:
    """Something that cannot be carried.

    Attributes:
        pointer: Where it stands in the published document.
        reason: Why it cannot be carried, in words.
        mend: The overlay action that makes this problem go, where there is one.
    """

    pointer: str
    reason: str
    mend: dict[str, Any] | None = field(default=None, eq=False)


@frozen
class ConversionNote:
    """A construct that is carried, but not all of what it says.

    Attributes:
        pointer: Where it stands in the published document.
        text: What is otherwise, in words.
    """

    pointer: str
    text: str


class UnreadableSchemaError(Exception):
    """A part of a document has no normal form."""

    def __init__(self, problem: UnsupportedConstruct) -> None:
        super().__init__(problem)
        self.problem = problem


def unreadable(
    pointer: str, reason: str, mend: dict[str, Any] | None = None
) -> UnreadableSchemaError:
    """Return the error that a part cannot be read."""
    return UnreadableSchemaError(UnsupportedConstruct(pointer, reason, mend))
