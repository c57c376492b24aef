"""Compares what two schemas allow, place by place."""

from typing import Any, Final

from attrs import field, frozen
from common.effects import Effect
from normalizing.located import COMPONENTS
from normalizing.reading import is_component
from normalizing.shapes import Parts, Raw, Shape

from specdiff import reading, rules, similarity
from specdiff.change_recorder import ChangeRecorder, ComparedPlace
from specdiff.changes import AffectedPlace, Level, quote
from specdiff.document import Document
from specdiff.schemas import (
    ANY,
    Choices,
    as_json,
    kind,
    listing,
    listing_pointer,
    read,
    type_pointer,
    value_pointer,
)
from specdiff.similarity import Similarity

_STRUCTURED: Final = {"object", "array", ANY}
_PLACES: Final = 20_000  # where schemas are compared; a document that unfolds to more is refused

#: The rule of a changed keyword, and its suffixes for an added and a removed one.
_KEYWORD_RULES = {
    "pattern": ("pattern", "added", "removed"),
    "multipleOf": ("multiple-of", "set", "unset"),
    "uniqueItems": ("unique-items", "set", "unset"),
}


@frozen
class SchemaComparison:
    """Compares the schemas of two documents, and collects what it finds.

    Attributes:
        similarity: Which of them are equivalent.
        loops: Places in recursive schemas, with the outer place whose comparison applies to them.
        unsure: Places of unions that read an object as whichever class fits best.
    """

    old: Document
    new: Document
    recorder: ChangeRecorder
    similarity: Similarity
    loops: dict[AffectedPlace, AffectedPlace] = field(factory=dict)
    unsure: set[AffectedPlace] = field(factory=set)
    _done: set[tuple[object, object, ComparedPlace]] = field(factory=set)
    _open: list[tuple[object, object, ComparedPlace]] = field(factory=list)

    def schemas(self, old: Raw, new: Raw, at: ComparedPlace) -> None:
        """Compare two Schema Objects.

        Raises:
            ValueError: They unfold to too many places.
        """
        self._places((old,), (new,), at)

    def _places(self, old: Parts, new: Parts, at: ComparedPlace) -> None:
        if self.similarity.are_equivalent(old, new):
            return
        old_choices, new_choices = read(self.old, old), read(self.new, new)
        # Where nothing is felt, a schema is compared once for those who send it, whatever has it.
        compared_at = at if at.places else ComparedPlace(at.direction, "", "", sent=at.sent)
        key = (old_choices.key, new_choices.key, compared_at)
        if key in self._done or self._is_inside_itself(key):
            return
        if len(self._done) >= _PLACES:
            raise ValueError(f"{new[0].pointer}: the schemas unfold to more than {_PLACES} places")
        self._done.add(key)
        self._open.append(key)
        self._compare(old_choices, new_choices, at)
        self._open.pop()

    def _compare(self, old: Choices, new: Choices, at: ComparedPlace) -> None:
        if old.nullable != new.nullable:
            word = "became-nullable" if new.nullable else "became-not-nullable"
            effect = Effect.BROKEN if new.nullable else Effect.ABSORBED
            text = "may be null" if new.nullable else "is no longer null"
            self.recorder.record(word, at, text, (old.type_pointer, new.type_pointer), effect)
            self.recorder.cover(old.pointer, new.pointer)
        if old.single and new.single:
            self._single(old.single, new.single, at)
        elif old.shapes or new.shapes:
            self._choices(old, new, at)

    def _is_inside_itself(self, key: tuple[object, object, ComparedPlace]) -> bool:
        """Whether a schema is nested in itself, so that it is already being compared."""
        for old, new, at in self._open:
            if (old, new) == key[:2]:
                self.loops.update(zip(sorted(key[2].places), sorted(at.places), strict=True))
                return True
        return False

    def names(self) -> list[tuple[str, str]]:
        """Return the names of the components that were compared with each other."""
        return sorted(
            (old.removeprefix(COMPONENTS), new.removeprefix(COMPONENTS))
            for old, new in self.recorder.changes.pairs
            if is_component(old) and is_component(new)
        )

    # Two single schemas.

    def _single(self, old: Shape, new: Shape, at: ComparedPlace) -> None:
        if not self._same_type(old, new, at):
            return
        _compare_keywords(self.recorder, old, new, at)
        self._properties(old, new, at)
        self._extra(old, new, at)
        if old.items and new.items:
            self._places(old.items, new.items, at.each())
        elif old.items or new.items:
            word = "type-specialized" if new.items else "type-generalized"
            effect = Effect.ABSORBED if new.items else Effect.BROKEN
            text = f"has items of {'a specific' if new.items else 'any'} type"
            nodes = _pointer(old.items), _pointer(new.items)
            self.recorder.record(word, at.each(), text, nodes, effect)

    def _same_type(self, old: Shape, new: Shape, at: ComparedPlace) -> bool:
        """Compare types and formats; return whether there is more to compare."""
        if kind(old) == kind(new) and reading.typed_format(old) == reading.typed_format(new):
            before, after = old.bounds.get("format"), new.bounds.get("format")
            if before != after:
                text = f"has the format {_format_value(after)}, previously {_format_value(before)}"
                nodes = old.at.get("format"), new.at.get("format")
                self.recorder.record(
                    "type-specialized", at, text, nodes, Effect.ABSORBED, keeps=True
                )
            return True
        self.recorder.cover(old.at.get("format"), new.at.get("format"))
        word, effect = "type-changed", reading.fit(old, new)
        if effect is not Effect.BROKEN:
            word, effect = "type-specialized", Effect.ABSORBED
        elif reading.fit(similarity.bare(new), similarity.bare(old)) is Effect.ABSORBED:
            word = "type-generalized"
        text = f"is {similarity.typed(new)}, was {similarity.typed(old)}"
        self.recorder.record(word, at, text, (type_pointer(old), type_pointer(new)), effect)
        if word != "type-specialized" or kind(old) == ANY:
            # Their parts are not comparable.
            self.recorder.cover(old.raws[0].pointer, new.raws[0].pointer)
        return word == "type-specialized" and kind(old) != ANY

    def _properties(self, old: Shape, new: Shape, at: ComparedPlace) -> None:
        for name in {**old.properties, **new.properties}:
            inner = at.property(name)
            before, after = old.properties.get(name), new.properties.get(name)
            if before and after:
                self._required(old, new, name, inner)
                self._places(before, after, inner)
            elif before:
                self._removed(before, inner, old.required.get(name))
            elif after:
                self._added(old, after, inner, new.required.get(name))
        described = {**old.properties, **new.properties}
        for name in {**old.required, **new.required}:  # required, but nowhere described
            if name in described or (name in old.required) is (name in new.required):
                continue
            nodes = (old.required.get(name), new.required.get(name))
            text = f"{quote(name)} is {'required' if nodes[1] else 'no longer required'}"
            self.recorder.record_rule(
                f"{at.direction}-property-required-changed", at, text, nodes, Effect.ABSORBED,
                (Level.WARNING, "the spec does not describe the property"),
            )  # fmt: skip

    def _required(self, old: Shape, new: Shape, name: str, at: ComparedPlace) -> None:
        before, after = old.required.get(name), new.required.get(name)
        if bool(before) == bool(after):
            return
        nodes = (before or _pointer(old.properties[name]), after or _pointer(new.properties[name]))
        self.recorder.cover(before, after)
        if at.direction == "request":
            level = (Level.BREAKING, "requests without it are rejected")
            if before:
                level = (Level.INFO, "requests with it are still accepted")
            effect = Effect.BROKEN if after and at.sent else Effect.ABSORBED
        elif after:
            level, effect = (Level.INFO, "it could already be sent before"), Effect.ABSORBED
        else:
            level = (Level.BREAKING, "it may be missing where it was promised")
            effect = self._absent(old.properties[name])
        text = "is required" if after else "may be missing"
        kind = "became-required" if after else "became-optional"
        self.recorder.record_rule(
            f"{at.direction}-property-{kind}", at, text, nodes, effect, level, keys=()
        )

    def _removed(self, parts: Parts, at: ComparedPlace, required: str | None) -> None:
        sort = "required" if required else "optional"
        self.recorder.cover(required, *(raw.pointer for raw in parts))
        if at.direction == "request":
            level = (Level.WARNING, "the server ignores or rejects it when it is still sent")
            rule, effect = "request-property-removed", Effect.ABSORBED
        elif required:
            level = (Level.BREAKING, "it is no longer sent, although it was promised")
            rule, effect = f"response-{sort}-property-removed", self._absent(parts)
        else:
            level = (Level.WARNING, "it is no longer sent")
            rule, effect = f"response-{sort}-property-removed", Effect.ABSORBED
        self.recorder.record_rule(rule, at, "is gone", (_pointer(parts), None), effect, level)

    def _added(self, old: Shape, parts: Parts, at: ComparedPlace, required: str | None) -> None:
        sort = "required" if required else "optional"
        self.recorder.cover(required, *(raw.pointer for raw in parts))
        if at.direction == "request":
            level = (Level.INFO, "requests without it are accepted")
            if required:
                level = (Level.BREAKING, "requests without it are rejected")
            effect = Effect.BROKEN if required and at.sent else Effect.ABSORBED
            rule = f"new-{sort}-request-property"
        else:
            level = (Level.INFO, "programs that do not know it need not read it")
            effect = self._undeclared(old, parts)
            rule = f"response-{sort}-property-added"
        self.recorder.record_rule(rule, at, "is new", (None, _pointer(parts)), effect, level)

    def _absent(self, parts: Parts) -> Effect:
        """Return the effect of a missing property that was required before."""
        return Effect.SURFACED if read(self.old, parts).nullable else Effect.BROKEN

    def _undeclared(self, old: Shape, parts: Parts) -> Effect:
        """Return the effect of a field that the old schema does not name."""
        if isinstance(old.extra, tuple):
            return reading.effect(read(self.old, old.extra), read(self.new, parts))
        return Effect.SURFACED

    def _extra(self, old: Shape, new: Shape, at: ComparedPlace) -> None:
        before, after = old.extra, new.extra
        inner = at.each()
        if isinstance(before, tuple) and isinstance(after, tuple):
            self._places(before, after, inner)
            return
        if before is after or "object" not in {kind(old), kind(new)}:
            return
        nodes = old.at.get("additionalProperties"), new.at.get("additionalProperties")
        if isinstance(after, tuple):
            text = "may have fields that no schema names"
            word, effect = "additional-properties-widened", Effect.SURFACED
        else:
            text = "has no fields except those that schemas name"
            word, effect = "additional-properties-narrowed", Effect.ABSORBED
        self.recorder.record(word, inner, text, nodes, effect)

    # Several schemas against several.

    def _choices(self, old: Choices, new: Choices, at: ComparedPlace) -> None:
        pairs, gone, come = similarity.matched(old.shapes, new.shapes)
        several = len([shape for shape in old.shapes if kind(shape) in _STRUCTURED]) > 1
        if several or any(kind(shape) in _STRUCTURED for shape in come):
            # Which of the classes an object is read as depends on what is in it.
            self.unsure.update(at.places)
        for before, after in pairs:
            if kind(after) in _STRUCTURED:
                self._single(before, after, at)
            else:
                with self.recorder.capped_at(reading.best(old, after)):
                    self._single(before, after, at)
        if len(pairs) > 1:
            old_paired, new_paired = zip(*pairs, strict=True)
            if similarity.tags(old, list(old_paired)) != similarity.tags(new, list(new_paired)):
                text = "has a different discriminator property or discriminator values"
                nodes = old.tags_pointer, new.tags_pointer
                self.recorder.record("discriminator-changed", at, text, nodes, Effect.ABSORBED)
        added, removed = {
            "type": ("list-of-types-widened", "list-of-types-narrowed"),
            "anyOf": ("any-of-added", "any-of-removed"),
            "oneOf": ("one-of-added", "one-of-removed"),
        }[new.keyword if len(new.shapes) > 1 else old.keyword]
        for shape in come:
            fits = reading.best(old, shape)
            # An object is read as the most similar class, whose attributes it may not have.
            effect = Effect.BROKEN if kind(shape) in _STRUCTURED else fits
            text = f"may be {similarity.typed(shape)}"
            self.recorder.record(added, at, text, (None, new.listed(shape)), effect)
        for shape in gone:
            text = f"is no longer {similarity.typed(shape)}"
            self.recorder.record(removed, at, text, (old.listed(shape), None), Effect.ABSORBED)


def _pointer(parts: Parts | None) -> str | None:
    return parts[0].pointer if parts else None


def _compare_keywords(recorder: ChangeRecorder, old: Shape, new: Shape, at: ComparedPlace) -> None:
    """Record the differences of keywords; formats are compared with types."""
    _compare_values(recorder, old, new, at)
    for keyword in sorted((old.bounds.keys() | new.bounds.keys()) - {"format"}):
        before, after = old.bounds.get(keyword), new.bounds.get(keyword)
        if as_json(before) == as_json(after) or (
            keyword == "uniqueItems" and not before and not after
        ):
            continue
        if keyword in rules.BOUNDS:
            word = rules.bound(keyword, before, after)
        else:
            name, gained, lost = _KEYWORD_RULES[keyword]
            word = f"{name}-{gained if not before else lost if not after else 'changed'}"
        text = f"has {keyword} {_format_value(after)}, previously {_format_value(before)}"
        nodes = old.at.get(keyword), new.at.get(keyword)
        recorder.record(word, at, text, nodes, Effect.ABSORBED)


def _compare_values(recorder: ChangeRecorder, old: Shape, new: Shape, at: ComparedPlace) -> None:
    """Record the differences of the values that two shapes list."""
    before, after = listing(old), listing(new)
    if before == after:
        return
    effect = reading.fit(old, new)
    if (old.is_constant or before is None) and (new.is_constant or after is None):
        how = "added" if before is None else "removed" if after is None else "changed"
        text = f"has const {_format_constant(after)}, previously {_format_constant(before)}"
        nodes = old.at.get("const"), new.at.get("const")
        recorder.record(f"const-{how}", at, text, nodes, effect)
    elif before is None or after is None:
        word = "became-enum" if before is None else "became-not-enum"
        text = "is limited to listed values" if before is None else "may have any value"
        nodes = (
            None if before is None else listing_pointer(old),
            None if after is None else listing_pointer(new),
        )
        recorder.record(word, at, text, nodes, effect)
    else:
        for value in [v for v in after if v not in before]:
            text, where = f"may be {quote(value)}", value_pointer(new, value)
            recorder.record("enum-value-added", at, text, (None, where), effect, value=value)
        for value in [v for v in before if v not in after]:
            text, where = f"is no longer {quote(value)}", value_pointer(old, value)
            recorder.record(
                "enum-value-removed", at, text, (where, None), Effect.ABSORBED, value=value
            )


def _format_constant(values: list[str] | None) -> str:
    return "none" if values is None else quote(values[0])


def _format_value(value: Any) -> str:
    """Return a value in backticks, or `none`."""
    return "none" if value is None else quote(as_json(value))
