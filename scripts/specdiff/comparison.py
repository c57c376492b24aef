"""Compares what two schemas allow, place by place."""

from typing import Final

from attrs import field, frozen
from common.effects import Effect

from specdiff import choices, keywords, members, reading
from specdiff.changes import Level, Place, quote
from specdiff.document import Document, Node
from specdiff.schemas import ANY, Choices, Schema, read
from specdiff.telling import At, Teller

_STRUCTURED: Final = {"object", "array", ANY}
_PLACES: Final = 20_000  # where schemas are compared; a document that unfolds to more is refused


@frozen(eq=False)
class Comparison:
    """Compares the schemas of two documents, and collects what it finds.

    Attributes:
        loops: Places of schemas inside themselves, and where it is that they have been compared:
            what is said there holds here, too.
        unsure: Places of unions that read an object as whichever class fits best.
    """

    old: Document
    new: Document
    teller: Teller
    loops: dict[Place, Place] = field(factory=dict)
    unsure: set[Place] = field(factory=set)
    _done: set[tuple[str, str, At]] = field(factory=set)
    _open: list[tuple[str, str, At]] = field(factory=list)

    def schemas(self, old: Node, new: Node, at: At) -> None:
        """Compare two Schema Objects.

        Raises:
            ValueError: One of them cannot be read.
        """
        targets = self.old.resolve(old), self.new.resolve(new)
        self._notes(old, new, at)
        self.teller.found.follow(old, new, *choices.parts(targets[0]), *choices.parts(targets[1]))
        # Where nothing is felt, a schema is compared once for those who send it, whatever has it.
        seen = at if at.places else At(at.direction, "", "", sent=at.sent)
        key = (targets[0].pointer, targets[1].pointer, seen)
        if key in self._done or self._is_inside_itself(key):
            return
        if len(self._done) >= _PLACES:
            raise ValueError(f"{new.pointer}: the schemas unfold to more than {_PLACES} places")
        self._done.add(key)
        self._open.append(key)
        self.teller.found.pair(*targets)
        self._compare(old, new, at)
        self._open.pop()

    def _compare(self, old: Node, new: Node, at: At) -> None:
        one, other = read(self.old, old), read(self.new, new)
        if one.nullable != other.nullable:
            kind = "became-nullable" if other.nullable else "became-not-nullable"
            broken = other.nullable and not any(s.type == ANY for s in one.schemas)
            effect = Effect.BROKEN if broken else Effect.ABSORBED
            words = "may be null" if other.nullable else "is never null"
            self.teller.tell(kind, at, words, (_type_node(one), _type_node(other)), effect)
            self.teller.cover(*choices.nulls(self.old, one), *choices.nulls(self.new, other))
        if one.single and other.single:
            self._single(one.single, other.single, at)
        elif one.schemas or other.schemas:
            self._choices(one, other, at)

    def _is_inside_itself(self, key: tuple[str, str, At]) -> bool:
        """Whether a schema stands inside itself: what it says there is being compared already."""
        for old, new, at in self._open:
            if (old, new) == key[:2]:
                self.loops.update(zip(sorted(key[2].places), sorted(at.places), strict=True))
                return True
        return False

    def names(self) -> list[tuple[str, str]]:
        """Return the names of the components that were compared with each other."""
        head = "#/components/schemas/"
        pointers = {done[:2] for done in self._done}
        return sorted(
            (old.removeprefix(head), new.removeprefix(head))
            for old, new in pointers
            if all(p.startswith(head) and "/" not in p.removeprefix(head) for p in (old, new))
        )

    # One schema against one.

    def _single(self, old: Schema, new: Schema, at: At) -> None:
        self.teller.found.pair(old.node, new.node)
        if not self._same_type(old, new, at):
            return
        keywords.compare(self.teller, old, new, at)
        self._properties(old, new, at)
        self._extra(old, new, at)
        if old.items and new.items:
            self.schemas(old.items, new.items, at.each())
        elif old.items or new.items:
            kind = "type-specialized" if new.items else "type-generalized"
            effect = Effect.ABSORBED if new.items else Effect.BROKEN
            at_items = at.each()
            words = f"has items of {'a' if new.items else 'any'} type"
            self.teller.tell(kind, at_items, words, (old.items, new.items), effect)
        if [node.value for node in old.prefix] != [node.value for node in new.prefix]:
            nodes = (old.node.get("prefixItems"), new.node.get("prefixItems"))
            self.teller.tell(
                "prefix-items-changed", at, "has other first items", nodes, Effect.BROKEN
            )

    def _same_type(self, old: Schema, new: Schema, at: At) -> bool:
        """Compare types and formats; return whether there is more to compare."""
        before, after = choices.typed(old), choices.typed(new)
        nodes = (_type_of(old), _type_of(new))
        if old.type == new.type and reading.typed_format(old) == reading.typed_format(new):
            formats = old.keywords.get("format"), new.keywords.get("format")
            if members.value(formats[0]) != members.value(formats[1]):
                words = (
                    f"has the format {keywords.show(formats[1])}, not {keywords.show(formats[0])}"
                )
                self.teller.tell(
                    "type-specialized", at, words, formats, Effect.ABSORBED, keeps=True
                )
            return True
        self.teller.cover(old.keywords.get("format"), new.keywords.get("format"))
        kind, effect = "type-changed", reading.fit(old, new)
        if effect is not Effect.BROKEN:
            kind, effect = "type-specialized", Effect.ABSORBED
        elif reading.fit(choices.bare(new), choices.bare(old)) is Effect.ABSORBED:
            kind = "type-generalized"
        self.teller.tell(kind, at, f"is {after}, was {before}", nodes, effect)
        if kind != "type-specialized" or old.type == ANY:
            self.teller.cover(old.node, new.node)  # nothing in the one is comparable with the other
        return kind == "type-specialized" and old.type != ANY

    def _properties(self, old: Schema, new: Schema, at: At) -> None:
        for name in {**old.properties, **new.properties}:
            inner = at.property(name)
            before, after = old.properties.get(name), new.properties.get(name)
            if before and after:
                self._required(old, new, name, inner)
                self.schemas(before, after, inner)
            elif before:
                self._removed(before, inner, old.required.get(name))
            elif after:
                self._added(old, after, inner, new.required.get(name))
        described = {**old.properties, **new.properties}
        for name in {**old.required, **new.required}:  # required, but nowhere described
            if name in described or (name in old.required) is (name in new.required):
                continue
            nodes = (old.required.get(name), new.required.get(name))
            words = f"{quote(name)} is {'required' if nodes[1] else 'no longer required'}"
            self.teller.tell_rule(
                f"{at.direction}-property-required-changed", at, words, nodes, Effect.ABSORBED,
                (Level.WARNING, "the spec does not say what the property is"),
            )  # fmt: skip

    def _required(self, old: Schema, new: Schema, name: str, at: At) -> None:
        before, after = old.required.get(name), new.required.get(name)
        if bool(before) == bool(after):
            return
        nodes = (before or old.properties[name], after or new.properties[name])
        self.teller.cover(before, after)
        if at.direction == "request":
            level = (Level.BREAKING, "requests without it are refused")
            if before:
                level = (Level.INFO, "requests with it are still accepted")
            effect = Effect.BROKEN if after and at.sent else Effect.ABSORBED
        elif after:
            level, effect = (Level.INFO, "it comes as it could before"), Effect.ABSORBED
        else:
            level = (Level.BREAKING, "it may be missing where it was promised")
            effect = self._absent(old.properties[name])
        words = "is required" if after else "may be missing"
        kind = "became-required" if after else "became-optional"
        self.teller.tell_rule(
            f"{at.direction}-property-{kind}", at, words, nodes, effect, level, keys=()
        )

    def _removed(self, node: Node, at: At, required: Node | None) -> None:
        sort = "required" if required else "optional"
        self.teller.cover(required)
        if at.direction == "request":
            level = (Level.WARNING, "the server ignores or refuses what still sends it")
            rule, effect = "request-property-removed", Effect.ABSORBED
        elif required:
            level = (Level.BREAKING, "it no longer comes, though it was promised")
            rule, effect = f"response-{sort}-property-removed", self._absent(node)
        else:
            level = (Level.WARNING, "it no longer comes")
            rule, effect = f"response-{sort}-property-removed", Effect.ABSORBED
        self.teller.tell_rule(rule, at, "is gone", (node, None), effect, level)

    def _added(self, old: Schema, node: Node, at: At, required: Node | None) -> None:
        sort = "required" if required else "optional"
        self.teller.cover(required)
        if at.direction == "request":
            level = (Level.INFO, "requests without it are accepted")
            if required:
                level = (Level.BREAKING, "requests without it are refused")
            effect = Effect.BROKEN if required and at.sent else Effect.ABSORBED
            rule = f"new-{sort}-request-property"
        else:
            level = (Level.INFO, "programs that do not know it need not read it")
            effect = self._undeclared(old, node)
            rule = f"response-{sort}-property-added"
        self.teller.tell_rule(rule, at, "is new", (None, node), effect, level)

    def _absent(self, node: Node) -> Effect:
        """Return what reading does where a property that was required does not come."""
        choices = read(self.old, node)
        return Effect.SURFACED if choices.nullable else Effect.BROKEN

    def _undeclared(self, old: Schema, node: Node) -> Effect:
        """Return what reading does with a field that the old schema does not name."""
        if isinstance(old.extra, Node):
            return reading.effect(read(self.old, old.extra), read(self.new, node))
        return Effect.ABSORBED if old.extra is True else Effect.SURFACED

    def _extra(self, old: Schema, new: Schema, at: At) -> None:
        before, after = old.extra, new.extra
        inner = at.each()
        if isinstance(before, Node) and isinstance(after, Node):
            self.schemas(before, after, inner)
            return
        if before is after or "object" not in {old.type, new.type}:
            return
        nodes = old.extra_node, new.extra_node
        if isinstance(after, Node) or after is True:
            # A schema that allows anything is no narrower than True, which is all that it can be.
            effect = Effect.ABSORBED if before is True else Effect.SURFACED
            if isinstance(before, Node):
                effect = reading.effect(read(self.old, before), _anything(nodes[1]))
            words = "may have fields that no schema names"
            self.teller.tell("additional-properties-widened", inner, words, nodes, effect)
        else:
            words = "has no fields but those that schemas name"
            self.teller.tell("additional-properties-narrowed", inner, words, nodes, Effect.ABSORBED)

    def _notes(self, old: Node, new: Node, at: At) -> None:
        """Compare what is said of a schema, where it stands and where its reference leads."""
        keywords.notes(self.teller, old, new, at)
        one, other = self.old.resolve(old), self.new.resolve(new)
        if (one, other) == (old, new):
            return
        keywords.notes(self.teller, one, other, at)

    # Several schemas against several.

    def _choices(self, old: Choices, new: Choices, at: At) -> None:
        pairs, gone, come = choices.matched(old.schemas, new.schemas)
        several = len([schema for schema in old.schemas if schema.type in _STRUCTURED]) > 1
        if several or any(schema.type in _STRUCTURED for schema in come):
            # Which of the classes an object is read as depends on what is in it.
            self.unsure.update(at.places)
        for before, after in pairs:
            if after.type in _STRUCTURED:
                self._single(before, after, at)
            else:
                with self.teller.at_most(reading.best(old, after)):
                    self._single(before, after, at)
        keyword = new.keyword or old.keyword
        added, removed = {
            "type": ("list-of-types-widened", "list-of-types-narrowed"),
            "anyOf": ("any-of-added", "any-of-removed"),
        }.get(keyword or "", ("one-of-added", "one-of-removed"))
        for schema in come:
            fits = reading.best(old, schema)
            # An object is read as the most similar class, whose attributes it may not have.
            effect = Effect.BROKEN if schema.type in _STRUCTURED else fits
            words = f"may be {choices.typed(schema)}"
            self.teller.tell(added, at, words, (None, choices.choice_node(schema, new)), effect)
        for schema in gone:
            words = f"is never {choices.typed(schema)}"
            self.teller.tell(
                removed, at, words, (choices.choice_node(schema, old), None), Effect.ABSORBED
            )


def _anything(node: Node | None) -> Choices:
    node = node or Node({}, "#")
    return Choices(node, nullable=True, schemas=(Schema(node, None, ANY),))


def _type_of(schema: Schema) -> Node:
    return schema.node.get("type") or schema.node


def _type_node(choices: Choices) -> Node:
    return choices.node.get("type") or choices.node
