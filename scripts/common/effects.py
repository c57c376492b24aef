"""What a change of the spec does to programs that use the client as it stands."""

from enum import IntEnum


class Effect(IntEnum):
    """What the client generated from one spec makes of a server that follows another.

    Ordered: of several effects at one place, the highest is what a program meets.
    """

    ABSORBED = 0
    """Nothing happens: every value is read as before."""

    SURFACED = 1
    """It is reported as drift, or raised as the error that it is; attributes stay readable."""

    BROKEN = 2
    """An attribute cannot be read (`FieldError`), or a call cannot succeed."""

    def __str__(self) -> str:
        return self.name.lower()
