"""Finds names that the hand-written package imports and the generated one does not have.

Both packages are parsed, never run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from common.project import PACKAGE, Project


def lines(project: Project, fresh: Path) -> Iterator[str]:
    """Yield a line for each missing name, with the place that imports it.

    Args:
        project: The project.
        fresh: The directory of the generated package.
    """
    for file in sorted(project.client.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if PACKAGE not in text:  # true of most files; parsing is slow
            continue
        for module, name, line in sorted(_imports(ast.parse(text)), key=lambda name: name[2]):
            if not _has(fresh, module, name):
                place = file.relative_to(project.root).as_posix()
                yield f"{place}, line {line}: {module} has no {name}"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield the module, name and line of each import from the generated package."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_generated(node.module):
            for alias in node.names:
                yield str(node.module), alias.name, node.lineno
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Dict):
            yield from _lazy_imports(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module and module.rpartition(".")[2].islower():
                yield module, node.attr, node.lineno


def _lazy_imports(table: ast.Dict) -> Iterator[tuple[str, str, int]]:
    """Yield the same for the entries of a table of lazy imports."""
    for key, value in zip(table.keys, table.values, strict=True):
        texts = [part.value for part in (key, value) if isinstance(part, ast.Constant)]
        if len(texts) == 2 and _is_generated(str(texts[1])):  # noqa: PLR2004 - key and value
            yield str(texts[1]), str(texts[0]), table.lineno


def _is_generated(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] == PACKAGE


def _has(fresh: Path, module: str, name: str) -> bool:
    """Whether a module of the generated package has a name or a submodule of that name."""
    path = fresh.joinpath(*module.split("."))
    if (path / name).is_dir() or (path / f"{name}.py").is_file():
        return True
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return False
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return name in set(_names(tree))


def _names(tree: ast.Module | ast.If) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.If):  # as for type checkers: lazy imports
            yield from _names(node)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
