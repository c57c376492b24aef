"""Compares the operations of two specs: paths, parameters, request bodies and responses."""

import re
from collections.abc import Iterable
from typing import Final

from attrs import evolve, field, frozen
from backtesting import operations
from common.effects import Effect

from specdiff import authentication, responses, rules
from specdiff.change_recorder import ChangeRecorder, ComparedPlace
from specdiff.changes import AffectedPlace, Change, ChangeSet, Level, quote
from specdiff.comparison import SchemaComparison
from specdiff.document import (
    Document,
    Node,
    SpecOperation,
    common_keys,
    items_by_value,
    keys_only_in,
    members_of,
    parts_of,
    value_of,
)
from specdiff.similarity import Similarity

#: What the client as it stands sends, by place and name.
SENT: Final = frozenset({("query", "id"), ("header", "Authorization")})

_JSON: Final = "application/json"


@frozen(eq=False)
class OperationComparison:
    """Compares the operations of two documents.

    Attributes:
        unchanged: Whether all responses of an operation are unchanged, by its id.
    """

    old: Document
    new: Document
    changes: ChangeSet
    schemas: SchemaComparison
    unchanged: dict[str, bool] = field(factory=dict)

    def compare(self) -> list[tuple[SpecOperation, SpecOperation]]:
        """Compare each operation with the one of the same id, or else of the same path.

        Returns:
            The pairs.
        """
        before, after = self.old.operations(), self.new.operations()
        pairs: list[tuple[SpecOperation, SpecOperation]] = []
        for key in (lambda one: one.id, lambda one: (one.path, one.method)):
            after_by_key = {
                key(other): other for other in reversed(after) if key(other) is not None
            }
            matched = [
                (one, after_by_key.pop(key(one))) for one in before if key(one) in after_by_key
            ]
            paired = {id(one) for pair in matched for one in pair}
            before, after = ([o for o in side if id(o) not in paired] for side in (before, after))
            pairs += matched
        for one in before:
            sort = "with" if one.node.get_value("deprecated") is True else "without"
            rule = f"api-removed-{sort}-deprecation"
            self.add(rule, f"{quote(one.name)} is gone", one.node, None, Effect.BROKEN, one.name)
        for other in after:
            text = f"{quote(other.name)} is new"
            self.add("endpoint-added", text, None, other.node, Effect.ABSORBED, other.name)
        for one, other in pairs:
            self._operation(one, other)
        return pairs

    def _operation(self, old: SpecOperation, new: SpecOperation) -> None:
        self.changes.pair(_above(old.node), _above(new.node))
        self.changes.pair(old.node, new.node)
        if old.path != new.path:
            doubled = re.sub("/+", "/", old.path) == re.sub("/+", "/", new.path)
            rule = "path-slashes-changed" if doubled else "path-changed"
            effect = Effect.ABSORBED if doubled else Effect.BROKEN
            text = f"{quote(old.path)} is now {quote(new.path)}"
            self.add(rule, text, _above(old.node), _above(new.node), effect, old.path, keys=())
        if old.method != new.method:
            text = f"{quote(old.name)} is now {quote(new.name)}"
            self.add("method-changed", text, old.node, new.node, Effect.BROKEN, old.name, keys=())
        if old.id != new.id:
            text = f"{quote(old.name)} has the operation id {new.id!r}, previously {old.id!r}"
            nodes = old.node.get("operationId"), new.node.get("operationId")
            self.add("api-operation-id-changed", text, *nodes, Effect.ABSORBED, old.name)
        self._tags(old, new)
        self._deprecation(old, new)
        self._parameters(old, new)
        self._request_body(old, new)
        self._responses(old, new)

    def _tags(self, old: SpecOperation, new: SpecOperation) -> None:
        before, after = (items_by_value(o.node.get("tags")) for o in (old, new))
        for tag in keys_only_in(after, before):
            text = f"{quote(old.name)} has the tag {quote(tag)}"
            self.add("api-tag-added", text, None, after[tag], Effect.ABSORBED, tag)
        for tag in keys_only_in(before, after):
            text = f"{quote(old.name)} no longer has the tag {quote(tag)}"
            self.add("api-tag-removed", text, before[tag], None, Effect.ABSORBED, tag)

    def _deprecation(self, old: SpecOperation, new: SpecOperation) -> None:
        nodes = old.node.get("deprecated"), new.node.get("deprecated")
        before, after = (bool(node and node.value) for node in nodes)
        if before is not after:
            rule = "endpoint-deprecated" if after else "endpoint-reactivated"
            text = f"{quote(old.name)} is {'' if after else 'no longer '}deprecated"
            self.add(rule, text, *nodes, Effect.ABSORBED, old.name)

    def _required(
        self, rule: str, what: str, nodes: tuple[Node, Node], name: str, *, fails: bool
    ) -> None:
        """Compare whether something is required; calls fail where they do not send what is now."""
        before, after = (_is_required(node) for node in nodes)
        if before is not after:
            rule = f"{rule}-became-{'required' if after else 'optional'}"
            text = f"{what} is {'' if after else 'no longer '}required"
            self.add(rule, text, *nodes, _if(after and fails), name, keys=("required",))

    # Requests.

    def _parameters(self, old: SpecOperation, new: SpecOperation) -> None:
        before, after = dict(old.parameters), dict(new.parameters)
        if key := authentication.replaced(old, self.new, new):
            self.changes.restate(before.pop(key), None)
        if key := authentication.replaced(new, self.old, old):
            self.changes.restate(None, after.pop(key))
        for key in keys_only_in(after, before):
            required = _is_required(after[key]) or key[0] == "path"
            rule = f"new-{'required' if required else 'optional'}-request-parameter"
            text = f"the {key[0]} parameter {quote(key[1])} is new"
            self.add(rule, text, None, after[key], _if(required and key not in SENT), key[1])
        for key in keys_only_in(before, after):
            text = f"the {key[0]} parameter {quote(key[1])} is gone"
            effect = Effect.ABSORBED
            self.add("request-parameter-removed", text, before[key], None, effect, key[1])
        for key in common_keys(before, after):
            self._parameter(before[key], after[key], key)

    def _parameter(self, old: Node, new: Node, key: tuple[str, str]) -> None:
        self.changes.pair(old, new)
        what = f"the {key[0]} parameter {quote(key[1])}"
        self._required("request-parameter", what, (old, new), key[1], fails=key not in SENT)
        for keyword in ("style", "explode", "allowReserved", "allowEmptyValue"):
            nodes = old.get(keyword), new.get(keyword)
            if value_of(nodes[0]) != value_of(nodes[1]):
                text = f"{what} has a different {quote(keyword)}"
                rule = "request-parameter-serialization-changed"
                self.add(rule, text, *nodes, _if(key in SENT), key[1])
        nodes = old.get("schema"), new.get("schema")
        if nodes[0] and nodes[1]:
            at = ComparedPlace("request", "parameter", key[1], sent=key in SENT)
            self.schemas.schemas(nodes[0], nodes[1], at)

    def _request_body(self, old: SpecOperation, new: SpecOperation) -> None:
        before, after = old.node.get("requestBody"), new.node.get("requestBody")
        old_body = self.old.resolve(before) if before else None
        new_body = self.new.resolve(after) if after else None
        if before and after and old_body and new_body:
            self.changes.pair(old_body, new_body)
            self.changes.follow(before, after)
            what = f"the request body of {quote(old.name)}"
            self._required("request-body", what, (old_body, new_body), old.name, fails=True)
            self._content(old_body, new_body, ComparedPlace("request", "body", old.name, sent=True))
        elif new_body:
            rule = f"request-body-added-{'required' if _is_required(new_body) else 'optional'}"
            text = f"{quote(old.name)} takes a request body"
            self.add(rule, text, None, new_body, _if(_is_required(new_body)), old.name)
        elif old_body:
            text = f"{quote(old.name)} takes no request body"
            self.add("request-body-removed", text, old_body, None, Effect.BROKEN, old.name)

    # Responses.

    def _responses(self, old: SpecOperation, new: SpecOperation) -> None:
        before, after = (members_of(o.node.get("responses")) for o in (old, new))
        for status in keys_only_in(after, before):
            effect = responses.status_effect(status, before, after)
            kind = responses.status_kind(status)
            text = f"{quote(old.name)} may respond with {status}"
            places = frozenset({AffectedPlace(_id(new), status, "")})
            rule = f"response-{kind}-status-added"
            self.add(rule, text, None, after[status], effect, status, places)
        for status in keys_only_in(before, after):
            kind = responses.status_kind(status)
            text = f"{quote(old.name)} no longer responds with {status}"
            rule = f"response-{kind}-status-removed"
            self.add(rule, text, before[status], None, Effect.ABSORBED, status)
        is_unchanged = before.keys() == after.keys()
        for status in common_keys(before, after):
            old_response = self.old.resolve(before[status])
            new_response = self.new.resolve(after[status])
            is_unchanged = is_unchanged and self._are_alike(old_response, new_response)
            self.changes.pair(old_response, new_response)
            self.changes.follow(before[status], after[status])
            self._headers(old_response, new_response)
            places = frozenset({AffectedPlace(_id(new), status, "")})
            at = ComparedPlace("response", "body", f"{status} body", places)
            self._content(old_response, new_response, at)
        self.unchanged[_id(new)] = self.unchanged.get(_id(new), True) and is_unchanged
        for status in after:
            self._read_elsewhere(status, before, after, new)

    def _are_alike(self, old: Node, new: Node) -> bool:
        """Whether two responses have the same body, for those who read it."""
        before, after = responses.media_types(old), responses.media_types(new)
        name = responses.read_media_type(before)
        if name is None or name != responses.read_media_type(after):
            return name is None and not after
        old_schema, new_schema = before[name].get("schema"), after[name].get("schema")
        if old_schema is None or new_schema is None:
            return old_schema is new_schema
        return self.schemas.similarity.are_equivalent(parts_of(old_schema), parts_of(new_schema))

    def _read_elsewhere(
        self, status: str, before: dict[str, Node], after: dict[str, Node], new: SpecOperation
    ) -> None:
        """Compare a status with the one that the client reads it as: 404 with 4XX, for example."""
        place = frozenset({AffectedPlace(_id(new), status, "")})
        readers = responses.read_statuses(status, before, after) - {status, None}
        for reader in sorted(readers, key=str):
            old_response, new_response = (
                self.old.resolve(before[str(reader)]),
                self.new.resolve(after[status]),
            )
            met = ChangeSet()
            schemas = SchemaComparison(
                self.old,
                self.new,
                ChangeRecorder(met),
                Similarity(self.old, self.new, met),
                self.schemas.loops,
                self.schemas.unsure,
            )
            at = ComparedPlace("response", "body", f"{status} body", place)
            OperationComparison(self.old, self.new, met, schemas).body(
                old_response, new_response, at
            )
            for change in met.all():
                if change.effect is not Effect.ABSORBED:
                    text = f"{change.text} (the client reads {quote(status)} as {quote(reader)})"
                    self.changes.add(evolve(change, text=text), keys=())

    def _headers(self, old: Node, new: Node) -> None:
        before, after = members_of(old.get("headers")), members_of(new.get("headers"))
        for name in keys_only_in(after, before):
            text = f"the header {quote(name)} is new"
            self.add("response-header-added", text, None, after[name], Effect.ABSORBED, name)
        for name in keys_only_in(before, after):
            required = _is_required(self.old.resolve(before[name]))
            rule = f"{'required' if required else 'optional'}-response-header-removed"
            text = f"the header {quote(name)} is gone"
            self.add(rule, text, before[name], None, Effect.ABSORBED, name)
        for name in common_keys(before, after):
            one, other = self.old.resolve(before[name]), self.new.resolve(after[name])
            self.changes.pair(one, other)
            self.changes.follow(before[name], after[name])
            what = f"the header {quote(name)}"
            self._required("response-header", what, (one, other), name, fails=False)
            nodes = one.get("schema"), other.get("schema")
            if nodes[0] and nodes[1]:
                self.schemas.schemas(nodes[0], nodes[1], ComparedPlace("response", "header", name))

    def _content(self, old: Node, new: Node, at: ComparedPlace) -> None:
        """Compare the contents of two bodies, media type by media type."""
        before, after = responses.media_types(old), responses.media_types(new)
        rule = "response-media-type" if at.direction == "response" else "request-body-media-type"
        places = at.places
        if at.direction == "response":
            effect = responses.media_effect(self.old, before, after)
        else:
            effect = _if(_JSON in before and _JSON not in after)
        for name in keys_only_in(after, before):
            text = f"{at.subject} may be {quote(name)}"
            self.add(f"{rule}-added", text, None, after[name], effect, name, places)
        for name in keys_only_in(before, after):
            text = f"{at.subject} is no longer {quote(name)}"
            self.add(f"{rule}-removed", text, before[name], None, effect, name, places)
        old_type, new_type = responses.read_media_type(before), responses.read_media_type(after)
        for name in common_keys(before, after):
            self.changes.pair(before[name], after[name])
            inner = at if name == old_type == new_type else evolve(at, places=frozenset())
            with self.schemas.recorder.capped_at(responses.max_effect(self.old, name, before)):
                self._described(before[name], after[name], inner)
        is_read_alike = old_type == new_type or (old_type in after and new_type in before)
        if old_type and new_type and not is_read_alike and effect is Effect.ABSORBED and places:
            self.changes.pair(before[old_type], after[new_type])
            with self.schemas.recorder.capped_at(responses.max_effect(self.old, old_type, before)):
                self._described(before[old_type], after[new_type], at)

    def body(self, old: Node, new: Node, at: ComparedPlace) -> None:
        """Compare the bodies of two responses that the client reads."""
        before, after = responses.media_types(old), responses.media_types(new)
        effect = responses.media_effect(self.old, before, after)
        one, other = responses.read_media_type(before), responses.read_media_type(after)
        if effect is not Effect.ABSORBED:
            text = f"{at.subject} has a different media type"
            rule, where = "response-media-type-added", after[other] if other else new
            self.add(rule, text, None, where, effect, at.subject, at.places)
        elif one and other:
            with self.schemas.recorder.capped_at(responses.max_effect(self.old, one, before)):
                self._described(before[one], after[other], at)

    def _described(self, old: Node, new: Node, at: ComparedPlace) -> None:
        one, other = old.get("schema"), new.get("schema")
        if one and other:
            self.schemas.schemas(one, other, at)
        elif one or other:
            how = "added" if other else "removed"
            text = f"{at.subject} is {'now' if other else 'no longer'} described"
            which = f"{at.direction}-body-media-type-schema-{how}"
            self.add(which, text, one, other, _if(other is None), at.subject, at.places)

    def add(  # noqa: PLR0913, PLR0917 - a change has that many sides
        self,
        rule: str,
        text: str,
        old: Node | None,
        new: Node | None,
        effect: Effect,
        subject: str,
        places: frozenset[AffectedPlace] = frozenset(),
        keys: Iterable[str] | None = None,
    ) -> None:
        """Collect a change; `keys` are the members of the nodes that it is about."""
        level, why = rules.AROUND.get(rule) or (
            Level.WARNING,
            "this tool does not classify it; review it",
        )
        pointers = [node.pointer if node else None for node in (old, new)]
        change = Change(rule, level, text, why, effect, pointers[0], pointers[1], subject, places)
        self.changes.add(change, keys)


def _id(operation: SpecOperation) -> str:
    """Return what bodies of an operation are found by; see `backtesting/operations.py`."""
    return operation.id or operations.route(operation.method, operation.path)


def _above(node: Node) -> Node:
    """Return the path item of an operation."""
    pointer, _, _ = node.pointer.rpartition("/")
    return Node(None, pointer)


def _is_required(node: Node) -> bool:
    return node.get_value("required") is True


def _if(broken: bool) -> Effect:  # noqa: FBT001 - it reads as a sentence
    return Effect.BROKEN if broken else Effect.ABSORBED
