"""One change of the spec: its place, text, level, effect and reason."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Literal

from attrs import evolve, field, frozen
from common.effects import Effect
from common.tool_errors import one_line
from normalizing.located import child

Direction = Literal["request", "response"]

_SHOWN: Final = 80  # characters of a name that are worth showing


def quote(name: object) -> str:
    """Return a name from a spec in backticks, safe for terminals, Markdown and logs."""
    text = one_line(str(name)).replace("`", "\N{REPLACEMENT CHARACTER}")
    return f"`{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}`"


class Level(IntEnum):
    """The severity of a change for a program that reads responses, with any client."""

    INFO = 1
    """A program that follows the old spec sees nothing unexpected."""

    WARNING = 2
    """It may see something new that a robust program tolerates."""

    BREAKING = 3
    """A promise of the old spec no longer holds."""

    def __str__(self) -> str:
        return self.name.lower()


@frozen(order=True)
class AffectedPlace:
    """A place in response bodies that a change affects.

    Attributes:
        operation: The id of the operation, or its method and path if it has none.
        status: As the spec writes it: `200`, `4XX`, `default`.
        pattern: JSON pointer into the body, `*` for every index and every free key.
    """

    operation: str
    status: str
    pattern: str

    def under(self, key: str) -> "AffectedPlace":
        """Return the place of a property."""
        return evolve(self, pattern=child(self.pattern, key))

    def each(self) -> "AffectedPlace":
        """Return the place of every item, or of every field that has no name in the spec."""
        return evolve(self, pattern=f"{self.pattern}/*")

    def __str__(self) -> str:
        return f"{self.operation} {self.status} {self.pattern or '/'}"


@frozen
class Change:
    """One change.

    Attributes:
        rule: The kind of change; stable, and oasdiff's id if there is one.
        level: Its severity for programs that read responses.
        text: What changed, as a sentence without a full stop.
        why: Why it has this level and this effect.
        effect: Its effect on programs that use the current package.
        old: Its JSON pointer in the old spec; None for additions.
        new: Its JSON pointer in the new spec; None for removals.
        subject: The name of the property, parameter, status or path.
        places: The affected places in responses.
        value: The JSON of the enum value, for changes of enum values.
    """

    rule: str
    level: Level
    text: str
    why: str
    effect: Effect
    old: str | None
    new: str | None
    subject: str = ""
    places: frozenset[AffectedPlace] = frozenset()
    value: str = ""

    @property
    def pointer(self) -> str:
        """The pointer in the new spec, or in the old one for removals."""
        return self.new or self.old or "#"

    @property
    def key(self) -> tuple[str, str]:
        """Its identity: rule and pointer."""
        return self.rule, self.pointer


def _first(change: Change) -> tuple[bool, str, str]:
    """Return the sort key that selects the rule of a change found under several rules."""
    return not change.places, change.rule, change.subject


@frozen(eq=False)
class ChangeSet:
    """The changes found so far. A change that is found repeatedly is merged into one.

    Attributes:
        covered: Pointers, old and new, whose differences are reported or compared, with everything
            below them.
        followed: Pointers of references that were followed: what they lead to was compared.
        pairs: Pointers of nodes that were compared with each other, old and new.
        compared: Pointers of schemas that were compared with others, with all that is in them.
        restated: Pointers of what means the same in other words, old and new.
    """

    _changes: dict[tuple[str, str], Change] = field(factory=dict)
    covered: set[str] = field(factory=set)
    followed: set[str] = field(factory=set)
    pairs: dict[tuple[str, str], None] = field(factory=dict)
    compared: set[str] = field(factory=set)
    restated: dict[tuple[str | None, str | None], None] = field(factory=dict)

    def pair(self, old: str, new: str) -> None:
        """Record that two places were compared."""
        self.pairs[old, new] = None

    def restate(self, old: str | None, new: str | None) -> None:
        """Record that two places are equivalent, or that one of them is redundant."""
        self.restated[old, new] = None
        self.covered.update(pointer for pointer in (old, new) if pointer)

    def add(self, change: Change, keys: Iterable[str] | None = None, identity: str = "") -> None:
        """Add a change, or merge it with the same change found before.

        Args:
            change: What was found.
            keys: The members of the nodes that it is about; None where it is about all of them.
            identity: What makes two changes of one place the same one, if it is not the rule: a
                schema that is a body here and a property there has changed but once.
        """
        key = (identity or change.rule, change.pointer)
        before = self._changes.get(key)
        if before:
            places, effect = before.places | change.places, max(before.effect, change.effect)
            change = evolve(min(before, change, key=_first), places=places, effect=effect)
        self._changes[key] = change
        pointers = [pointer for pointer in (change.old, change.new) if pointer]
        self.covered.update(
            pointers if keys is None else (child(p, key) for p in pointers for key in keys)
        )

    def all(self) -> list[Change]:
        """Return the changes: the most severe first, then by rule and place."""
        order = sorted(self._changes.values(), key=lambda c: (-c.level, -c.effect, c.key))
        return list(order)
