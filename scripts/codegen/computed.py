"""Finds computed properties whose fields a spec no longer has, or has with another type.

The code of the hand-written package is parsed, never run. It reads fields by
`field_or_none(record, "name", kind)` and the like (`records/field_access.py` of
`modelgates_client`), so that a missing field is unknown.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.project import Project
from normalizing.located import COMPONENTS
from normalizing.normal import NormalForm
from normalizing.writing import NormalSchema, alternatives

ADVICE: Final = "correct the spec by the overlay, or compute it otherwise in the records"

_RECORD: Final = "Generation"

#: The variables of records that are not a `Generation`, with their classes.
_CLASS_OF_VARIABLE: Final = {"response": "ProviderResponse"}

#: The JSON types that each class or function reads.
_READ: Final = {
    "str": {"string"},
    "bool": {"boolean"},
    "datetime.datetime": {"date-time"},
    "number_or_none": {"integer", "number"},
    "items_or_none": {"array"},
}


def lost(project: Project, normal: NormalForm) -> dict[str, str]:
    """Return the computed properties that are always or sometimes unknown, with the reasons."""
    file = project.client / "records" / "generation.py"
    if not file.is_file():
        return {}
    reasons_of_property: dict[str, dict[str, None]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(decorator) == "property" for decorator in node.decorator_list
        ):
            read: dict[tuple[str, str], set[str]] = {}
            for cls, field, types in _reads(node, file.parent):
                read.setdefault((cls, field), set()).update(types)
            reasons = (_reason(normal, *place, types) for place, types in sorted(read.items()))
            reasons_of_property[node.name] = {reason: None for reason in reasons if reason}
    return {
        f"{_RECORD}.{name}": ", and ".join(reasons)
        for name, reasons in reasons_of_property.items()
        if reasons
    }


def _reads(node: ast.AST, room: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Yield each class, field and types that a node and the modules it imports read."""
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and part.module and ".records." in part.module:
            file = room / f"{part.module.rpartition('.')[2]}.py"
            for imported in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                yield from _read(imported)
        yield from _read(part)


def _read(node: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"field_or_none", *_READ}:
        record, field, kind = [*map(ast.unparse, node.args), *[ast.unparse(node.func)] * 3][:3]
        if field.startswith("'"):
            cls = _CLASS_OF_VARIABLE.get(record, _RECORD)
            yield cls, ast.literal_eval(field), _READ.get(kind, set())


def _reason(normal: NormalForm, cls: str, field: str, types: set[str]) -> str:
    """Return why a field cannot always be read as one of some types; empty if it can."""
    properties = normal.schemas.get(cls, NormalSchema()).get("properties", {})
    if field not in properties:
        return f"without `{field}`"
    kinds = [_type(normal, part) for part in alternatives(properties[field])]
    wrong = [kind for kind in kinds if kind not in {"null", "any", *types}]
    return f"where `{field}` is of type {' or '.join(wrong)}" if wrong else ""


def _type(normal: NormalForm, schema: NormalSchema) -> str:
    if "$ref" in schema:
        schema = normal.schemas[schema["$ref"].removeprefix(COMPONENTS)]
        return str(schema.get("type", "object"))
    is_moment = schema.get("format") == "date-time"
    return "date-time" if is_moment else str(schema.get("type", "any"))
