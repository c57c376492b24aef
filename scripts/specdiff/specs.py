"""Compares two specs with all the other modules."""

from typing import Any

from attrs import frozen
from common.effects import Effect
from normalizing.findings import UnreadableSchemaError

from specdiff import authentication, residual, unknown
from specdiff.change_recorder import ChangeRecorder
from specdiff.changes import AffectedPlace, Change, ChangeSet, Level, quote
from specdiff.comparison import SchemaComparison
from specdiff.document import Document
from specdiff.operations import OperationComparison
from specdiff.similarity import Similarity


@frozen
class Verdict:
    """The result of comparing two OpenAPI documents.

    Attributes:
        changes: Every change, the most severe first.
        loops: Places of schemas inside themselves, and the places that stand for them in changes.
        unsure: Places of unions, where what is felt depends on more than the schemas.
        unchanged: The ids of operations whose responses are all unchanged.
    """

    changes: list[Change]
    loops: dict[AffectedPlace, AffectedPlace]
    unsure: set[AffectedPlace]
    unchanged: set[str]


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return every change between two OpenAPI documents, the most severe first.

    Raises:
        ValueError: As of `verdict`.
    """
    return verdict(old, new).changes


def verdict(old: dict[str, Any], new: dict[str, Any]) -> Verdict:
    """Return every change between two OpenAPI documents, and what that stands for.

    Raises:
        ValueError: One of them refers to what is not there, or composes schemas too deeply,
            or they unfold to too many places.
    """
    before, after, changes = Document(old), Document(new), ChangeSet()
    schemas = SchemaComparison(
        before, after, ChangeRecorder(changes), Similarity(before, after, changes)
    )
    operations = OperationComparison(before, after, changes, schemas)
    try:
        pairs = operations.compare()
        authentication.servers(operations)
        authentication.schemes(operations)
        for old_operation, new_operation in pairs:
            authentication.security(operations, old_operation, new_operation)
    except UnreadableSchemaError as error:
        raise ValueError(f"{error.problem.pointer} {error.problem.reason}") from None
    _renamed(schemas)
    unknown.add_unreadable(before, after, changes)
    residual.add(before, after, changes)
    unknown.add(before, after, changes)
    unchanged = {name for name, is_unchanged in operations.unchanged.items() if is_unchanged}
    return Verdict(changes.all(), schemas.loops, schemas.unsure, unchanged)


def _renamed(schemas: SchemaComparison) -> None:
    """Report components that were compared under two names."""
    for old, new in schemas.names():
        if old != new:
            schemas.recorder.changes.add(
                Change(
                    rule="api-schema-renamed",
                    level=Level.INFO,
                    text=f"the component {quote(old)} is now {quote(new)}",
                    why="it is not sent; generated classes may be named after it",
                    effect=Effect.ABSORBED,
                    old=f"#/components/schemas/{old}",
                    new=f"#/components/schemas/{new}",
                    subject=old,
                )
            )
