"""What the hand-written package computes of fields that a spec no longer has, or has otherwise.

Its code is read, never run. It reads fields by `known(record, "name", kind)` and the like
(`overlays/modelgates_client/records/field_access.py`), so that what is not there is unknown.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from common.project import Project
from normalizing.located import COMPONENTS
from normalizing.normal import NormalForm
from normalizing.operations import alternatives
from normalizing.writing import NormalSchema

ADVICE: Final = "correct the spec by the overlay, or compute it otherwise in the records"

_RECORD: Final = "Generation"

#: What a record is called where it is read, if it is no `Generation`.
_OTHERS: Final = {"response": "ProviderResponse"}

#: Which types of JSON are read, by the class or the function that reads them.
_READ: Final = {
    "str": {"string"},
    "bool": {"boolean"},
    "datetime.datetime": {"date-time"},
    "known_number": {"integer", "number"},
    "known_items": {"array"},
}


def lost(project: Project, normal: NormalForm) -> dict[str, str]:
    """Return which computed properties are unknown, or are at times, each with the reason."""
    file = project.client / "records" / "generation.py"
    if not file.is_file():
        return {}
    found: dict[str, dict[str, None]] = {}
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(decorator) == "property" for decorator in node.decorator_list
        ):
            read: dict[tuple[str, str], set[str]] = {}
            for cls, field, types in _reads(node, file.parent):
                read.setdefault((cls, field), set()).update(types)
            reasons = (_reason(normal, *place, types) for place, types in sorted(read.items()))
            found[node.name] = {reason: None for reason in reasons if reason}
    return {f"{_RECORD}.{name}": ", and ".join(said) for name, said in found.items() if said}


def _reads(node: ast.AST, room: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Yield what is read, also in the modules that are imported for it: class, field, types."""
    for part in ast.walk(node):
        if isinstance(part, ast.ImportFrom) and part.module and ".records." in part.module:
            file = room / f"{part.module.rpartition('.')[2]}.py"
            for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                yield from _read(one)
        yield from _read(part)


def _read(node: ast.AST) -> Iterator[tuple[str, str, set[str]]]:
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"known", *_READ}:
        record, field, kind = [*map(ast.unparse, node.args), *[ast.unparse(node.func)] * 3][:3]
        if field.startswith("'"):
            cls = _OTHERS.get(record, _RECORD)
            yield cls, ast.literal_eval(field), _READ.get(kind, set())


def _reason(normal: NormalForm, cls: str, field: str, types: set[str]) -> str:
    """Return why a field cannot always be read as one of some types; nothing if it can."""
    properties = normal.schemas.get(cls, NormalSchema()).get("properties", {})
    if field not in properties:
        return f"without `{field}`"
    said = [_type(normal, part) for part in alternatives(properties[field])]
    wrong = [kind for kind in said if kind not in {"null", "any", *types}]
    return f"where `{field}` is of type {' or '.join(wrong)}" if wrong else ""


def _type(normal: NormalForm, schema: NormalSchema) -> str:
    if "$ref" in schema:
        schema = normal.schemas[schema["$ref"].removeprefix(COMPONENTS)]
        return str(schema.get("type", "object"))
    is_moment = schema.get("format") == "date-time"
    return "date-time" if is_moment else str(schema.get("type", "any"))
