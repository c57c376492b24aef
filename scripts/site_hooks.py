"""MkDocs hooks, named in mkdocs.yml, that add the pages outside `docs/` to the site.

The README is the first page. The reference lists every name that a package exports, every operation
and every model, for `mkdocstrings`; the code is parsed, never imported.
"""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

# Only the session that builds the site has MkDocs.
from mkdocs.config.defaults import MkDocsConfig  # pyright: ignore[reportMissingImports]
from mkdocs.structure.files import File, Files  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parent.parent
API = ROOT / "generated" / "modelgates_api"
WIDTH, HEIGHT = 170, 50  # pixels of a box in a picture, with its margins

#: Pages outside `docs/`, and their names in the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "tests/faults/README.md": "faults.md",
}
#: The pages of the reference: package, title and introduction of each.
PACKAGES = {
    "client": ("modelgates_client", "modelgates_client", "The client, its errors and records."),
    "generations": (
        "modelgates_client.resources.generations",
        "client.generations",
        "What a client offers beyond the [operations](operations.md).",
    ),
    "ledger": (
        "modelgates_client.ledger",
        "modelgates_client.ledger",
        "Records kept in a file; see [Ledgers](../ledger.md).",
    ),
    "capture": (
        "modelgates_client.capture",
        "modelgates_client.capture",
        "Ids of completions, and what they cost; see [From a completion](../capture.md).",
    ),
    "testing": (
        "modelgates_client.testing",
        "modelgates_client.testing",
        "A stub for tests; see [Testing](../testing.md).",
    ),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not in `docs/`."""
    for name, page in OUTSIDE.items():
        add(files, config, page, with_site_links((ROOT / name).read_text(encoding="utf-8")))
    for page, (package, title, words) in PACKAGES.items():
        blocks = "".join(f"::: {home}.{name}\n\n" for name, home in exported(package).items())
        add(files, config, f"reference/{page}.md", f"# {title}\n\n{words}\n\n{blocks}")
    add(files, config, "reference/operations.md", operations())
    add(files, config, "reference/models.md", models())
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fix links from `docs/` to the pages outside it, and draw flowcharts."""
    for name, page in OUTSIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return re.sub(r"```mermaid\n(.*?)```", lambda found: drawn(found[1]), markdown, flags=re.DOTALL)


def drawn(flowchart: str) -> str:
    """Return a flowchart as SVG: each row imports from the rows below it."""
    above: dict[str, set[str]] = {}
    for name, other in re.findall(r"(\w+) --> (\w+)", flowchart):
        above.setdefault(name, set())
        above.setdefault(other, set()).add(name)
    row: dict[str, int] = {}
    for name in TopologicalSorter(above).static_order():
        row[name] = 1 + max((row[other] for other in above[name]), default=-1)
    rows = [
        [name for name in row if row[name] == number] for number in range(max(row.values()) + 1)
    ]
    width = WIDTH * max(map(len, rows))
    at = {
        name: (width * (2 * place + 1) // (2 * len(names)), HEIGHT * row[name])
        for names in rows
        for place, name in enumerate(names)
    }
    shapes = [
        f'<line x1="{at[other][0]}" y1="{at[other][1] + 24}" x2="{x}" y2="{y}"/>'
        for name, (x, y) in at.items()
        for other in above[name]
    ]
    shapes += [
        f'<rect x="{x - 70}" y="{y + 1}" width="140" height="23" rx="4"/>'
        f'<text x="{x}" y="{y + 17}">{name}</text>'
        for name, (x, y) in at.items()
    ]
    size = f'width="{width}" viewBox="0 0 {width} {HEIGHT * len(rows)}"'
    return f'<div><svg class="rooms" {size}>{"".join(shapes)}</svg></div>'


def add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    """Add one page."""
    files.append(File.generated(config, name, content=text))


def with_site_links(text: str) -> str:
    """Return a page from outside `docs/` with its links changed to those of the site."""
    text = re.sub(r"\]\(docs/", "](", text)
    for name, page in OUTSIDE.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text


def exported(package: str) -> dict[str, str]:
    """Return the classes and functions that a package exports, each with its module."""
    path = ROOT / "overlays" / Path(*package.split("."))
    if not path.is_dir():  # a module: the classes it defines
        tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        return {node.name: package for node in classes if not is_protocol(node)}
    homes = imported_names(path / "__init__.py")
    if module := homes.pop("*", None):
        source = ROOT / "overlays" / Path(*module.split(".")).with_suffix(".py")
        imported = imported_names(source)
        homes |= {name: imported.get(name, module) for name in names_in_all(source)}
    return {name: homes[name] for name in sorted(homes) if not name.startswith("_")}


def imported_names(path: Path) -> dict[str, str]:
    """Return the names that a module imports from this project, each with its module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module and node.module.startswith("modelgates_")
    }


def names_in_all(path: Path) -> list[str]:
    """Return the names in the `__all__` of a module."""
    (names,) = (
        node.value
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return list(ast.literal_eval(names))


def is_protocol(node: ast.ClassDef) -> bool:
    """Whether a class is a protocol."""
    return any(ast.unparse(base) == "Protocol" for base in node.bases)


def operations() -> str:
    """Return the page of all operations, by their tags."""
    lines = ["# Operations", "", "As calls; the methods of a client have the same arguments.", ""]
    for module in sorted((API / "api").glob("*/*.py")):
        if module.stem != "__init__":
            name = f"modelgates_api.api.{module.parent.name}.{module.stem}"
            lines += [f"## {module.stem}", "", f"::: {name}.{module.stem}", ""]
    return "\n".join(lines)


def models() -> str:
    """Return the page of all models."""
    lines = [
        "# Models",
        "",
        "What operations take and return, as the specification has it.",
        "",
    ]
    tree = ast.parse((API / "models" / "__init__.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:  # a module of the package
            module = f"modelgates_api.models.{node.module}"
            lines += [f"::: {module}.{alias.name}\n" for alias in node.names]
    return "\n".join(lines)
