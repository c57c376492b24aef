"""Compares the public names of two generated packages.

The code is parsed, never run: it comes from an unreviewed spec.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import field, frozen

from specdiff.changes import quote

BREAKS: Final = True
FINE: Final = False

_OPERATION: Final = "sync"  # of the ways to call an operation; the others take the same
_LEFT_OUT: Final = "LEFT_OUT"


@frozen
class Class:
    """A model or an enum.

    Attributes:
        fields: The type of each attribute, as it is written.
        optional: The attributes that a constructor may leave out.
        members: The value of each member of an enum, as it is written.
    """

    fields: dict[str, str] = field(factory=dict)
    optional: frozenset[str] = frozenset()
    members: dict[str, str] = field(factory=dict)


@frozen
class Function:
    """An operation.

    Attributes:
        parameters: The type of each, as it is written.
        optional: Those that may be left out.
        returns: What it returns.
    """

    parameters: dict[str, str]
    optional: frozenset[str]
    returns: str


@frozen
class Surface:
    """The public names of a generated package.

    Attributes:
        classes: By name; people import them from `modelgates_api.models`.
        operations: By module, below `modelgates_api.api`.
        left_out: What the spec has and the package does not, as it says itself.
    """

    classes: dict[str, Class]
    operations: dict[str, Function]
    left_out: tuple[str, ...] = ()


@frozen(order=True)
class Shift:
    """A difference in the public names after regenerating.

    Attributes:
        breaks: Whether code that reads records may stop working, or stop to type-check.
        name: What it is about: `Generation.model`.
        text: What is otherwise.
        why: Why it breaks something, or not.
        how: `added`, `changed` or `removed`.
        attribute: The attribute or parameter alone, to find the change of the spec behind it.
        value: The JSON of the enum member's value, for the same.
    """

    breaks: bool
    name: str
    text: str
    why: str
    how: str
    attribute: str = ""
    value: str = ""


def read(package: Path) -> Surface:
    """Return the public names of a generated package."""
    classes: dict[str, Class] = {}
    for path in sorted((package / "models").glob("*.py")):
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = _class(node)
    operations: dict[str, Function] = {}
    for path in sorted((package / "api").rglob("*.py")):
        for node in _tree(path).body:
            if isinstance(node, ast.FunctionDef) and node.name == _OPERATION:
                name = path.relative_to(package / "api").with_suffix("").as_posix()
                operations[name.replace("/", ".")] = _function(node)
    return Surface(classes, operations, _left_out(package / "api" / "__init__.py"))


def compare(old: Surface, new: Surface) -> list[Shift]:
    """Return the differences of `new`, the breaking ones first."""
    shifts = [*_classes(old, new), *_operations(old, new), *_omissions(old, new)]
    return sorted(shifts, key=lambda shift: (not shift.breaks, shift.name, shift.text))


def _left_out(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    for node in _tree(path).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == _LEFT_OUT:
            return tuple(ast.literal_eval(node.value or ast.Tuple([])))
    return ()


def _omissions(old: Surface, new: Surface) -> Iterator[Shift]:
    for line in new.left_out:
        if line not in old.left_out:
            name, _, reason = line.partition(": ")
            why = "the client neither sends nor reads it"
            yield Shift(FINE, f"`{name}`", f"is left out: {reason}", why, "added")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _class(node: ast.ClassDef) -> Class:
    fields: dict[str, str] = {}
    optional: set[str] = set()
    members: dict[str, str] = {}
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            fields[part.target.id] = ast.unparse(part.annotation)
            if part.value is not None:
                optional.add(part.target.id)
        elif isinstance(part, ast.Assign) and isinstance(part.value, ast.Call):
            for target in part.targets:
                if isinstance(target, ast.Name) and part.value.args:
                    members[target.id] = ast.unparse(part.value.args[0])
    return Class(fields, frozenset(optional), members)


def _function(node: ast.FunctionDef) -> Function:
    arguments = [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
    return Function(
        {a.arg: ast.unparse(a.annotation) if a.annotation else "Any" for a, _ in arguments},
        frozenset(argument.arg for argument, default in arguments if default is not None),
        ast.unparse(node.returns) if node.returns else "None",
    )


def _classes(old: Surface, new: Surface) -> Iterator[Shift]:
    for name in sorted(old.classes.keys() | new.classes.keys()):
        before, after = old.classes.get(name), new.classes.get(name)
        if before is None:
            yield Shift(FINE, f"`{name}`", "is new", "no existing code uses it", "added")
        elif after is None:
            yield Shift(BREAKS, f"`{name}`", "is gone", "code that imports it fails", "removed")
        else:
            yield from _fields(name, before, after)
            yield from _members(name, before, after)


def _fields(name: str, old: Class, new: Class) -> Iterator[Shift]:
    for key in sorted(old.fields.keys() | new.fields.keys()):
        full, before, after = f"`{name}.{key}`", old.fields.get(key), new.fields.get(key)
        if before is None and after is not None:
            why = "code that reads records is not affected"
            if key not in new.optional:
                why += "; a constructor call needs it"
            yield Shift(FINE, full, f"(`{after}`) is new", why, "added", key)
        elif after is None:
            yield Shift(BREAKS, full, "is gone", "code that reads it fails", "removed", key)
        elif before is not None and _members_of(before) != _members_of(after):
            wider = not fits(after, before)
            why = "code that reads it must handle more types" if wider else "callers need no change"
            yield Shift(wider, full, f"is `{after}`, was `{before}`", why, "changed", key)


def _members(name: str, old: Class, new: Class) -> Iterator[Shift]:
    for key in sorted(old.members.keys() | new.members.keys()):
        full, before, after = f"`{name}.{key}`", old.members.get(key), new.members.get(key)
        value = json.dumps(ast.literal_eval(after or before or "None"))
        if before is None:
            text, why = (
                f"({quote(after)}) is new",
                "the enum is open, so the value was already readable",
            )
            yield Shift(FINE, full, text, why, "added", value=value)
        elif after is None:
            text, why = "is gone", "code that uses it fails"
            yield Shift(BREAKS, full, text, why, "removed", value=value)
        elif before != after:
            text, why = f"is {quote(after)}, was {quote(before)}", "it now equals a different value"
            yield Shift(BREAKS, full, text, why, "changed", value=value)


def _operations(old: Surface, new: Surface) -> Iterator[Shift]:
    for name in sorted(old.operations.keys() | new.operations.keys()):
        before, after = old.operations.get(name), new.operations.get(name)
        full = f"`api.{name}`"
        if before is None:
            yield Shift(FINE, full, "is new", "no existing code calls it", "added")
        elif after is None:
            yield Shift(BREAKS, full, "is gone", "code that imports it fails", "removed")
        else:
            yield from _signature(full, before, after)


def _signature(full: str, old: Function, new: Function) -> Iterator[Shift]:
    for key in sorted(old.parameters.keys() | new.parameters.keys()):
        before, after = old.parameters.get(key), new.parameters.get(key)
        if before is None:
            needed = key not in new.optional
            why = "calls without it fail" if needed else "calls without it work"
            yield Shift(needed, full, f"takes `{key}: {after}`", why, "changed", key)
        elif after is None:
            text = f"no longer takes `{key}`"
            yield Shift(BREAKS, full, text, "calls with it fail", "changed", key)
        elif before != after:
            narrower = not fits(before, after)
            why = (
                "arguments of the old type may no longer fit"
                if narrower
                else "arguments of the old type still fit"
            )
            text = f"takes `{key}: {after}`, took `{before}`"
            yield Shift(narrower, full, text, why, "changed", key)
    if old.returns != new.returns:
        wider = not fits(new.returns, old.returns)
        why = "callers must handle more types" if wider else "callers need no change"
        text = f"returns `{new.returns}`, returned `{old.returns}`"
        yield Shift(wider, full, text, why, "changed")


def fits(narrow: str, wide: str) -> bool:
    """Whether a type checker accepts a value of the narrow type where the wide one is expected."""
    members = _union(ast.parse(wide, mode="eval").body)
    return all(
        any(_is(part, member) for member in members)
        for part in _union(ast.parse(narrow, mode="eval").body)
    )


def _members_of(annotation: str) -> set[str]:
    """Return the types of a union, whose order has no meaning."""
    return {ast.unparse(part) for part in _union(ast.parse(annotation, mode="eval").body)}


def _union(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_union(node.left), *_union(node.right)]
    return [node]


def _is(narrow: ast.expr, wide: ast.expr) -> bool:
    names = ast.unparse(narrow), ast.unparse(wide)
    if names[0] == names[1] or "Any" in names or names == ("int", "float"):
        return True
    if isinstance(narrow, ast.Subscript) and isinstance(wide, ast.Subscript):
        same = ast.unparse(narrow.value) == ast.unparse(wide.value)
        return (
            same
            and names[0].startswith("list[")
            and fits(*map(ast.unparse, (narrow.slice, wide.slice)))
        )
    return False
