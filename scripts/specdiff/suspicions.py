"""Likely mistakes in the published document, as opposed to changes of the service.

The history of this spec has each of these: for eleven days 17 nullable fields were declared never
null; a path had a doubled slash for three; statuses were documented in one rendering and missing
from another; two fields were withdrawn within a day.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from specdiff.changes import Change, quote

_MANY: Final = 3  # fields that change in the same way on the same day
_SECTION: Final = re.compile(r"#/(components/)?[A-Za-z]+")
_ALIKE: Final = 0.6  # of two names: from here on, one may be the other renamed


@frozen
class Suspicion:
    """Something to review before the new spec is trusted.

    Attributes:
        id: What kind of thing it is; stable.
        text: What was seen.
        advice: What to do about it.
        pointers: Where.
    """

    id: str
    text: str
    advice: str
    pointers: tuple[str, ...]


def suspect(changes: Iterable[Change]) -> list[Suspicion]:
    """Return the likely mistakes among the changes between two specs."""
    listed = list(changes)
    checks = (
        *(_nullability, _vanished, _withdrawn, _statuses, _names, _paths, _titles, _promises),
        _tail,
    )
    return [suspicion for check in checks for suspicion in check(listed)]


def _having(changes: list[Change], *endings: str) -> list[Change]:
    return [change for change in changes if change.rule.endswith(endings)]


def _listed(changes: Iterable[Change]) -> str:
    names = sorted({change.subject for change in changes})
    return ", ".join(f"{quote(name)}" for name in names)


def _at(changes: Iterable[Change]) -> tuple[str, ...]:
    return tuple(sorted({change.pointer for change in changes}))


def _nullability(changes: list[Change]) -> Iterator[Suspicion]:
    matching = _having(changes, "became-not-nullable")
    if len(matching) >= _MANY:
        yield Suspicion(
            "many-fields-lose-null",
            f"{len(matching)} fields became non-nullable at the same time: {_listed(matching)}",
            "check recorded responses against it (`modelgates check`): services seldom change like "
            "this, but documentation tools do",
            _at(matching),
        )


def _vanished(changes: list[Change]) -> Iterator[Suspicion]:
    matching = _having(changes, "property-removed")
    if len(matching) >= _MANY:
        yield Suspicion(
            "many-fields-vanish",
            f"{len(matching)} fields were removed at the same time: {_listed(matching)}",
            "check whether the service still sends them before the models drop them",
            _at(matching),
        )


def _withdrawn(changes: list[Change]) -> Iterator[Suspicion]:
    """Yield pairs of a removed and an added name that may be a rename."""
    for gone, come in (("property-removed", "property-added"),
                       ("enum-value-removed", "enum-value-added")):  # fmt: skip
        for old in _having(changes, gone):
            for new in _having(changes, come):
                if _parent(old) == _parent(new) and _alike(old, new):
                    yield Suspicion(
                        "renamed",
                        f"{_what(old)} is gone and {_what(new)} is new: it may be a rename",
                        "if so, old and new records carry the same value under two names",
                        (old.pointer, new.pointer),
                    )


def _parent(change: Change) -> str:
    return change.pointer.rpartition("/")[0]


def _alike(old: Change, new: Change) -> bool:
    names = (_what(old).lower(), _what(new).lower())
    return difflib.SequenceMatcher(None, *names).ratio() >= _ALIKE


def _what(change: Change) -> str:
    return quote(change.value or change.subject)


def _statuses(changes: list[Change]) -> Iterator[Suspicion]:
    matching = _having(changes, "status-removed")
    if matching:
        yield Suspicion(
            "statuses-vanish",
            f"no longer documented: {_listed(matching)}",
            "compare with other renderings of the document; servers seldom drop a status",
            _at(matching),
        )


def _names(changes: list[Change]) -> Iterator[Suspicion]:
    gone, come = _having(changes, "api-tag-removed"), _having(changes, "api-tag-added")
    if gone and come:
        yield Suspicion(
            "tag-renamed",
            f"the tag {_listed(gone)} is now {_listed(come)}",
            "the service did not change; the overlay keeps the names of generated modules",
            _at([*gone, *come]),
        )


def _paths(changes: list[Change]) -> Iterator[Suspicion]:
    for change in changes:
        if change.rule == "path-slashes-changed":
            advice = "try both; a doubled slash is usually a mistake in the document"
            yield Suspicion("slash-doubled", change.text, advice, (change.pointer,))
        if change.rule == "path-changed":
            advice = "try both before releasing calls to the new path"
            yield Suspicion("path-renamed", change.text, advice, (change.pointer,))


def _titles(changes: list[Change]) -> Iterator[Suspicion]:
    renamed = {p for c in _having(changes, "api-schema-renamed") for p in (c.old, c.new)}
    titles = [c for c in _having(changes, "title-changed") if c.old and c.new]
    matching = [c for c in titles if _parent(c) not in renamed]
    if matching:
        yield Suspicion(
            "titles-renamed",
            f"{len(matching)} schema(s) have a different title: {_listed_places(matching)}",
            "the service did not change; check that the overlay still matches them",
            _at(matching),
        )


def _listed_places(changes: list[Change]) -> str:
    return ", ".join(quote(_parent(change).rpartition("/")[2]) for change in changes)


def _tail(changes: list[Change]) -> Iterator[Suspicion]:
    matching = [c for c in changes if c.new is None and _SECTION.fullmatch(c.pointer)]
    if matching:
        yield Suspicion(
            "tail-gone",
            f"whole sections were removed: {_listed(matching)}",
            "check whether the document was truncated: fetch it again and compare the last lines",
            _at(matching),
        )


def _promises(changes: list[Change]) -> Iterator[Suspicion]:
    matching = _having(changes, "response-required-property-added", "property-became-required")
    if matching:
        yield Suspicion(
            "promised-at-once",
            f"required immediately: {_listed(matching)}",
            "older records do not have them; check against recorded responses",
            _at(matching),
        )
