"""A document in its normal form, which all tools read."""

from typing import Any

from attrs import field, frozen

from normalizing.findings import ConversionNote, UnsupportedConstruct
from normalizing.located import LocatedObject, locate
from normalizing.operations import ApiDescription, NormalOperation
from normalizing.support import OperationWriter
from normalizing.writing import NormalSchema, SchemaWriter


@frozen
class OmittedOperation:
    """An operation that is not supported.

    Attributes:
        name: Its method and path.
        pointer: Its JSON pointer in the published document.
        problems: The unsupported constructs that it needs.
    """

    name: str
    pointer: str
    problems: tuple[UnsupportedConstruct, ...]


@frozen
class NormalForm:
    """A document in its normal form.

    Attributes:
        api: What the document describes, whether or not clients support it.
        operations: The supported operations, in the order of the document.
        schemas: The classes, by name: objects, and enums of strings or integers.
        omitted: The operations that are not supported.
        unused: The unsupported constructs that no operation needs.
        widened: The schemas that allow more values than the document does.
        notes: The parts of supported operations that are ignored.
        left_out: A line for each valid part that clients do not support, with the reason.
    """

    api: ApiDescription
    operations: list[NormalOperation]
    schemas: dict[str, NormalSchema]
    omitted: list[OmittedOperation] = field(factory=list)
    unused: list[UnsupportedConstruct] = field(factory=list)
    widened: list[ConversionNote] = field(factory=list)
    notes: list[ConversionNote] = field(factory=list)
    left_out: list[str] = field(factory=list)

    @property
    def document(self) -> LocatedObject:
        """The document, with a pointer in every part."""
        return self.api.document

    @property
    def statuses(self) -> set[str]:
        """All statuses that the document lists for any operation."""
        return {status for operation in self.operations for status in operation.statuses}


def normalize(document: dict[str, Any]) -> NormalForm:
    """Return the normal form of an OpenAPI document, to which its overlay has been applied."""
    api = ApiDescription(locate(document))
    writer = SchemaWriter(api.document)
    supported = OperationWriter(api, writer)
    writer.write_components()
    operations = {operation.name: operation for operation in supported.write()}
    writer.write_classes()
    broken = _broken(writer)
    own = [name for name in writer.needs if name.startswith("components/")]
    used = _needed(writer, [*(name for name in operations if name not in broken), *own])
    omitted = [
        OmittedOperation(name, pointer, _problems(writer, name))
        for name, pointer in _pointers(api).items()
        if name in broken
    ]
    needed = {problem for operation in omitted for problem in operation.problems}
    return NormalForm(
        api=api,
        operations=[operation for name, operation in operations.items() if name not in broken],
        schemas={k: s for k, s in writer.components.items() if k in used and k not in broken},
        omitted=omitted,
        unused=[p for listed in writer.problems.values() for p in listed if p not in needed],
        widened=list(writer.widened),
        notes=list(api.notes),
        left_out=supported.left_out,
    )


def _pointers(api: ApiDescription) -> dict[str, str]:
    """Return the pointer of each operation, including unreadable ones, by its name."""
    unreadable = {name: problem.pointer for name, problem in api.unreadable.items()}
    return unreadable | {operation.name: operation.pointer for operation in api.operations}


def _broken(writer: SchemaWriter) -> set[str]:
    """Return the classes and operations that have a problem, or need a class that has one."""
    needed_by: dict[str, list[str]] = {}
    for owner, names in writer.needs.items():
        for name in names:
            needed_by.setdefault(name, []).append(owner)
    broken: set[str] = set()
    pending = list(writer.problems)
    while pending:
        name = pending.pop()
        if name not in broken:
            broken.add(name)
            pending.extend(needed_by.get(name, ()))
    return broken


def _problems(writer: SchemaWriter, owner: str) -> tuple[UnsupportedConstruct, ...]:
    """Return the problems of an operation, and of all the classes that it needs."""
    needed = _needed(writer, [owner])
    return tuple({problem: None for name in needed for problem in writer.problems.get(name, {})})


def _needed(writer: SchemaWriter, owners: list[str]) -> dict[str, None]:
    """Return the given classes and operations, and everything that they need."""
    needed: dict[str, None] = {}
    pending = owners[::-1]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed[name] = None
            pending.extend(writer.needs.get(name, ()))
    return needed
