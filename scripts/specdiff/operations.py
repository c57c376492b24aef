"""Compares the operations of two specs: paths, parameters, request bodies and responses."""

import re
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from attrs import evolve, field, frozen
from common.effects import Effect
from normalizing.located import child
from normalizing.operations import (
    Header,
    Media,
    NormalOperation,
    NormalParameter,
    NormalResponse,
    RequestBody,
)
from normalizing.shapes import Raw

from specdiff import authentication, reading, rules
from specdiff.change_recorder import ChangeRecorder, ComparedPlace, Pointers
from specdiff.changes import AffectedPlace, Change, ChangeSet, Level, quote
from specdiff.comparison import SchemaComparison
from specdiff.document import Document, common_keys, keys_only_in
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

    def compare(self) -> list[tuple[NormalOperation, NormalOperation]]:
        """Compare each operation with the one of the same id, or else of the same path.

        Returns:
            The pairs.
        """
        for document in (self.old, self.new):
            self.changes.followed.update(document.api.followed)
        before, after = self.old.api.operations, self.new.api.operations
        pairs: list[tuple[NormalOperation, NormalOperation]] = []
        for key in (attrgetter("id"), attrgetter("name")):
            by_key = {key(new): new for new in reversed(after) if key(new) is not None}
            matched = [(old, by_key.pop(key(old))) for old in before if key(old) in by_key]
            paired = {id(operation) for pair in matched for operation in pair}
            before, after = ([o for o in side if id(o) not in paired] for side in (before, after))
            pairs += matched
        for old in before:
            rule = f"api-removed-{'with' if old.is_deprecated else 'without'}-deprecation"
            text = f"{quote(old.name)} is gone"
            self.add(rule, text, (old.pointer, None), Effect.BROKEN, old.name)
        for new in after:
            text = f"{quote(new.name)} is new"
            self.add("endpoint-added", text, (None, new.pointer), Effect.ABSORBED, new.name)
        for old, new in pairs:
            self._operation(old, new)
        return pairs

    def _operation(self, old: NormalOperation, new: NormalOperation) -> None:
        path_items = _above(old), _above(new)
        self.changes.pair(*path_items)
        self.changes.pair(old.pointer, new.pointer)
        if old.raw_path != new.raw_path:
            doubled = re.sub("/+", "/", old.raw_path) == re.sub("/+", "/", new.raw_path)
            rule = "path-slashes-changed" if doubled else "path-changed"
            effect = Effect.ABSORBED if doubled else Effect.BROKEN
            text = f"{quote(old.raw_path)} is now {quote(new.raw_path)}"
            self.add(rule, text, path_items, effect, old.raw_path, keys=())
        pointers = old.pointer, new.pointer
        if old.method != new.method:
            text = f"{quote(old.name)} is now {quote(new.name)}"
            self.add("method-changed", text, pointers, Effect.BROKEN, old.name, keys=())
        if old.id != new.id:
            text = f"{quote(old.name)} has the operation id {new.id!r}, previously {old.id!r}"
            pair = _stated(old, "operationId", old.id), _stated(new, "operationId", new.id)
            self.add("api-operation-id-changed", text, pair, Effect.ABSORBED, old.name)
        self._tags(old, new)
        if old.is_deprecated is not new.is_deprecated:
            rule = "endpoint-deprecated" if new.is_deprecated else "endpoint-reactivated"
            text = f"{quote(old.name)} is {'' if new.is_deprecated else 'no longer '}deprecated"
            pair = (
                _stated(old, "deprecated", old.is_deprecated),
                _stated(new, "deprecated", new.is_deprecated),
            )
            self.add(rule, text, pair, Effect.ABSORBED, old.name)
        self._parameters(old, new)
        self._request_body(old, new)
        self._responses(old, new)

    def _tags(self, old: NormalOperation, new: NormalOperation) -> None:
        before, after = (
            {tag: child(o.pointer, "tags", index) for index, tag in enumerate(o.tags)}
            for o in (old, new)
        )
        for tag in keys_only_in(after, before):
            text = f"{quote(old.name)} has the tag {quote(tag)}"
            self.add("api-tag-added", text, (None, after[tag]), Effect.ABSORBED, tag)
        for tag in keys_only_in(before, after):
            text = f"{quote(old.name)} no longer has the tag {quote(tag)}"
            self.add("api-tag-removed", text, (before[tag], None), Effect.ABSORBED, tag)

    def _required(
        self,
        rule: str,
        what: str,
        pair: tuple[NormalParameter | RequestBody | Header, NormalParameter | RequestBody | Header],
        name: str,
        *,
        fails: bool,
    ) -> None:
        """Compare whether something is required; calls fail where they do not send what is now."""
        before, after = (part.required for part in pair)
        if before is not after:
            rule = f"{rule}-became-{'required' if after else 'optional'}"
            text = f"{what} is {'' if after else 'no longer '}required"
            pointers = pair[0].pointer, pair[1].pointer
            self.add(rule, text, pointers, _if(after and fails), name, keys=("required",))

    # Requests.

    def _parameters(self, old: NormalOperation, new: NormalOperation) -> None:
        before, after = ({(p.place, p.name): p for p in o.parameters} for o in (old, new))
        if key := authentication.replaced(old, self.new, new):
            self.changes.restate(before.pop(key).pointer, None)
        if key := authentication.replaced(new, self.old, old):
            self.changes.restate(None, after.pop(key).pointer)
        for key in keys_only_in(after, before):
            required = after[key].required
            rule = f"new-{'required' if required else 'optional'}-request-parameter"
            text = f"the {key[0]} parameter {quote(key[1])} is new"
            effect = _if(required and key not in SENT)
            self.add(rule, text, (None, after[key].pointer), effect, key[1])
        for key in keys_only_in(before, after):
            text = f"the {key[0]} parameter {quote(key[1])} is gone"
            rule, pointer = "request-parameter-removed", before[key].pointer
            self.add(rule, text, (pointer, None), Effect.ABSORBED, key[1])
        for key in common_keys(before, after):
            self._parameter(before[key], after[key], key)

    def _parameter(self, old: NormalParameter, new: NormalParameter, key: tuple[str, str]) -> None:
        self.changes.pair(old.pointer, new.pointer)
        what = f"the {key[0]} parameter {quote(key[1])}"
        self._required("request-parameter", what, (old, new), key[1], fails=key not in SENT)
        after = new.effective_serialization()
        for keyword, value in old.effective_serialization().items():
            pair = (
                _stated(old, keyword, keyword in old.serialization),
                _stated(new, keyword, keyword in new.serialization),
            )
            if value != after[keyword]:
                text = f"{what} has a different {quote(keyword)}"
                rule = "request-parameter-serialization-changed"
                self.add(rule, text, pair, _if(key in SENT), key[1])
            elif None in pair and any(pair):
                self.changes.restate(*pair)
        if old.source and new.source:
            at = ComparedPlace("request", "parameter", key[1], sent=key in SENT)
            self.schemas.schemas(old.source, new.source, at)

    def _request_body(self, old: NormalOperation, new: NormalOperation) -> None:
        before, after = old.body, new.body
        if before and after:
            self.changes.pair(before.pointer, after.pointer)
            what = f"the request body of {quote(old.name)}"
            self._required("request-body", what, (before, after), old.name, fails=True)
            self._content(before, after, ComparedPlace("request", "body", old.name, sent=True))
        elif after:
            rule = f"request-body-added-{'required' if after.required else 'optional'}"
            text = f"{quote(old.name)} takes a request body"
            self.add(rule, text, (None, after.pointer), _if(after.required), old.name)
        elif before:
            text = f"{quote(old.name)} takes no request body"
            self.add("request-body-removed", text, (before.pointer, None), Effect.BROKEN, old.name)

    # Responses.

    def _responses(self, old: NormalOperation, new: NormalOperation) -> None:
        before, after = ({r.status: r for r in o.responses} for o in (old, new))
        for status in keys_only_in(after, before):
            effect = reading.status_effect(status, before, after)
            kind = reading.status_kind(status)
            text = f"{quote(old.name)} may respond with {status}"
            places = frozenset({AffectedPlace(new.key, status, "")})
            rule = f"response-{kind}-status-added"
            self.add(rule, text, (None, after[status].place), effect, status, places)
        for status in keys_only_in(before, after):
            kind = reading.status_kind(status)
            text = f"{quote(old.name)} no longer responds with {status}"
            rule = f"response-{kind}-status-removed"
            self.add(rule, text, (before[status].place, None), Effect.ABSORBED, status)
        is_unchanged = before.keys() == after.keys()
        for status in common_keys(before, after):
            is_unchanged = is_unchanged and self._are_alike(before[status], after[status])
            self.changes.pair(before[status].pointer, after[status].pointer)
            self._headers(before[status], after[status])
            places = frozenset({AffectedPlace(new.key, status, "")})
            at = ComparedPlace("response", "body", f"{status} body", places)
            self._content(before[status], after[status], at)
        self.unchanged[new.key] = self.unchanged.get(new.key, True) and is_unchanged
        for status in after:
            self._read_elsewhere(status, before, after, new)

    def _are_alike(self, old: NormalResponse, new: NormalResponse) -> bool:
        """Whether two responses have the same body, for those who read it."""
        before, after = reading.media_types(old), reading.media_types(new)
        name = reading.read_media_type(before)
        if name is None or name != reading.read_media_type(after):
            return name is None and not after
        old_schema, new_schema = before[name].source, after[name].source
        if old_schema is None or new_schema is None:
            return old_schema is new_schema
        return self.schemas.similarity.are_equivalent((old_schema,), (new_schema,))

    def _read_elsewhere(
        self,
        status: str,
        before: dict[str, NormalResponse],
        after: dict[str, NormalResponse],
        new: NormalOperation,
    ) -> None:
        """Compare a status with the one that the client reads it as: 404 with 4XX, for example."""
        place = frozenset({AffectedPlace(new.key, status, "")})
        readers = reading.read_statuses(status, before, after) - {status, None}
        for reader in sorted(readers, key=str):
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
                before[str(reader)], after[status], at
            )
            for change in met.all():
                if change.effect is not Effect.ABSORBED:
                    text = f"{change.text} (the client reads {quote(status)} as {quote(reader)})"
                    self.changes.add(evolve(change, text=text), keys=())

    def _headers(self, old: NormalResponse, new: NormalResponse) -> None:
        before, after = old.headers, new.headers
        for name in keys_only_in(after, before):
            text, pointer = f"the header {quote(name)} is new", after[name].place
            self.add("response-header-added", text, (None, pointer), Effect.ABSORBED, name)
        for name in keys_only_in(before, after):
            required = before[name].required
            rule = f"{'required' if required else 'optional'}-response-header-removed"
            text = f"the header {quote(name)} is gone"
            self.add(rule, text, (before[name].place, None), Effect.ABSORBED, name)
        for name in common_keys(before, after):
            pair = before[name], after[name]
            self.changes.pair(pair[0].pointer, pair[1].pointer)
            what = f"the header {quote(name)}"
            self._required("response-header", what, pair, name, fails=False)
            if pair[0].source and pair[1].source:
                at = ComparedPlace("response", "header", name)
                self.schemas.schemas(pair[0].source, pair[1].source, at)

    def _content(self, old: reading.Holder, new: reading.Holder, at: ComparedPlace) -> None:
        """Compare the contents of two bodies, media type by media type."""
        before, after = reading.media_types(old), reading.media_types(new)
        rule = "response-media-type" if at.direction == "response" else "request-body-media-type"
        places = at.places
        if at.direction == "response":
            effect = reading.media_effect(self.old, before, after)
        else:
            effect = _if(_JSON in before and _JSON not in after)
        for name in keys_only_in(after, before):
            text, pointer = f"{at.subject} may be {quote(name)}", after[name].pointer
            self.add(f"{rule}-added", text, (None, pointer), effect, name, places)
        for name in keys_only_in(before, after):
            text, pointer = f"{at.subject} is no longer {quote(name)}", before[name].pointer
            self.add(f"{rule}-removed", text, (pointer, None), effect, name, places)
        old_type, new_type = reading.read_media_type(before), reading.read_media_type(after)
        for name in common_keys(before, after):
            inner = at if name == old_type == new_type else evolve(at, places=frozenset())
            self._schemas(before[name], after[name], inner)
        is_read_alike = old_type == new_type or (old_type in after and new_type in before)
        if old_type and new_type and not is_read_alike and effect is Effect.ABSORBED and places:
            self._schemas(before[old_type], after[new_type], at)

    def body(self, old: NormalResponse, new: NormalResponse, at: ComparedPlace) -> None:
        """Compare the bodies of two responses that the client reads."""
        before, after = reading.media_types(old), reading.media_types(new)
        effect = reading.media_effect(self.old, before, after)
        old_type, new_type = reading.read_media_type(before), reading.read_media_type(after)
        if effect is not Effect.ABSORBED:
            text = f"{at.subject} has a different media type"
            pointer = after[new_type].pointer if new_type else new.pointer
            rule = "response-media-type-added"
            self.add(rule, text, (None, pointer), effect, at.subject, at.places)
        elif old_type and new_type:
            self._schemas(before[old_type], after[new_type], at)

    def _schemas(self, old: Media, new: Media, at: ComparedPlace) -> None:
        """Compare the schemas of two media types, as far as the client reads them."""
        self.changes.pair(old.pointer, new.pointer)
        with self.schemas.recorder.capped_at(reading.max_effect(self.old, old)):
            if old.source and new.source:
                self.schemas.schemas(old.source, new.source, at)
            elif old.source or new.source:
                how = "added" if new.source else "removed"
                text = f"{at.subject} is {'now' if new.source else 'no longer'} described"
                rule = f"{at.direction}-body-media-type-schema-{how}"
                pair = _pointer(old.source), _pointer(new.source)
                effect = _if(new.source is None)
                self.add(rule, text, pair, effect, at.subject, at.places)

    def add(  # noqa: PLR0913, PLR0917 - a change has that many sides
        self,
        rule: str,
        text: str,
        pointers: Pointers,
        effect: Effect,
        subject: str,
        places: frozenset[AffectedPlace] = frozenset(),
        keys: Iterable[str] | None = None,
    ) -> None:
        """Collect a change; `keys` are the members of the places that it is about."""
        level, why = rules.AROUND.get(rule) or (
            Level.WARNING,
            "this tool does not classify it; review it",
        )
        change = Change(rule, level, text, why, effect, *pointers, subject, places)
        self.changes.add(change, keys)


def _above(operation: NormalOperation) -> str:
    """Return the pointer of the path item of an operation."""
    return operation.pointer.rpartition("/")[0]


def _pointer(source: Raw | None) -> str | None:
    return source.pointer if source else None


def _stated(
    holder: NormalOperation | NormalParameter, keyword: str, is_stated: object
) -> str | None:
    """Return the pointer of a keyword that is stated."""
    return child(holder.pointer, keyword) if is_stated else None


def _if(broken: bool) -> Effect:  # noqa: FBT001 - it reads as a sentence
    return Effect.BROKEN if broken else Effect.ABSORBED
