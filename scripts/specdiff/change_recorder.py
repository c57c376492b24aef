"""Turns the findings of a comparison into changes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from attrs import define, evolve, frozen
from common.effects import Effect

from specdiff import rules
from specdiff.changes import AffectedPlace, Change, ChangeSet, Direction, Level, quote

#: The JSON pointers of a change in the old and new spec; None if it is absent there.
Pointers = tuple[str | None, str | None]


@frozen
class ComparedPlace:
    """Where two schemas are compared.

    Attributes:
        direction: Who sends the values.
        holder: `body`, `property`, `parameter` or `header`: what the schema is of.
        subject: Its name in reports.
        places: Where in responses it is; none for what is not in a body.
        sent: Of a request: whether the client as it stands sends it.
    """

    direction: Direction
    holder: str
    subject: str
    places: frozenset[AffectedPlace] = frozenset()
    sent: bool = False

    def property(self, name: str) -> "ComparedPlace":
        """Return the place of a property."""
        places = frozenset(place.under(name) for place in self.places)
        return evolve(self, holder="property", subject=name, places=places)

    def each(self) -> "ComparedPlace":
        """Return the place of the items, or of the fields that have no name in the spec."""
        places = frozenset(place.each() for place in self.places)
        return evolve(self, holder="property", subject=f"{self.subject}[]", places=places)


@define(eq=False)
class ChangeRecorder:
    """Records changes of schemas.

    Attributes:
        changes: The set that collects them.
        max_effect: The strongest effect of recorded changes.
    """

    changes: ChangeSet
    max_effect: Effect = Effect.BROKEN

    @contextmanager
    def capped_at(self, effect: Effect) -> Iterator[None]:
        """Cap the effect of changes recorded inside the block: a better reading is available."""
        before, self.max_effect = self.max_effect, min(effect, self.max_effect)
        try:
            yield
        finally:
            self.max_effect = before

    def cover(self, *pointers: str | None) -> None:
        """Record that differences at these pointers are part of a recorded change."""
        self.changes.covered.update(pointer for pointer in pointers if pointer)

    def record(  # noqa: PLR0913 - a change has that many sides
        self,
        kind: str,
        at: ComparedPlace,
        text: str,
        pointers: Pointers,
        effect: Effect,
        *,
        keeps: bool = False,
        value: str = "",
    ) -> None:
        """Record a change of a kind that `rules` knows.

        Args:
            kind: What kind.
            at: Where the schemas were compared.
            text: The text of the change, after the name of its subject.
            pointers: Where what changed stood and stands.
            effect: Its effect on the current client, in a response.
            keeps: Whether the values that are allowed stay the same, whatever the kind says.
            value: The JSON of the enum value that it is about.
        """
        level, why = rules.classify("" if keeps else kind, at.direction)
        if at.direction == "request":
            sent = at.sent and level is Level.BREAKING
            effect = Effect.BROKEN if sent else Effect.ABSORBED
        rule = f"{at.direction}-{at.holder}-{kind}"
        identity = f"{at.direction}-{kind}"
        self.record_rule(rule, at, text, pointers, effect, (level, why), value, identity)

    def record_rule(  # noqa: PLR0913, PLR0917 - a change has that many sides
        self,
        rule: str,
        at: ComparedPlace,
        text: str,
        pointers: Pointers,
        effect: Effect,
        level: tuple[Level, str],
        value: str = "",
        identity: str = "",
        keys: Iterable[str] | None = None,
    ) -> None:
        """Record a change under the given rule, with its level and reason."""
        self.changes.add(
            Change(
                rule=rule,
                level=level[0],
                text=f"{quote(at.subject)} {text}",
                why=level[1],
                effect=min(effect, self.max_effect),
                old=pointers[0],
                new=pointers[1],
                subject=at.subject,
                places=at.places,
                value=value,
            ),
            keys=keys,
            identity=identity,
        )
