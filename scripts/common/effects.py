"""The effect of a change of the spec on programs that use the existing client."""

from enum import IntEnum


class Effect(IntEnum):
    """How a client generated from one spec handles a server that follows another.

    The values are ordered: if several apply at one place, the program sees the highest.
    """

    ABSORBED = 0
    """Nothing happens: every value is read as before."""

    SURFACED = 1
    """The change is reported as drift or raised as an API error; attributes stay readable."""

    BROKEN = 2
    """An attribute cannot be read (`FieldError`), or a call cannot succeed."""

    def __str__(self) -> str:
        return self.name.lower()
