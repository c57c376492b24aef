"""What the site of the documentation has besides `docs/`: hooks of MkDocs, named in mkdocs.yml.

The README is its first page. The reference is written from the code, read and never imported: every
name that a package exports, every operation and every model, as `mkdocstrings` shows them.
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
WIDE, HIGH = 170, 50  # of a room in a picture, with what is around it

#: Pages beside `docs/`, and what they are called in the site.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "tests/faults/README.md": "faults.md",
}
#: The reference: of each page the package, its title, and what it says first.
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
    for name, page in BESIDE.items():
        add(files, config, page, inside((ROOT / name).read_text(encoding="utf-8")))
    for page, (package, title, words) in PACKAGES.items():
        blocks = "".join(f"::: {home}.{name}\n\n" for name, home in exported(package).items())
        add(files, config, f"reference/{page}.md", f"# {title}\n\n{words}\n\n{blocks}")
    add(files, config, "reference/operations.md", operations())
    add(files, config, "reference/models.md", models())
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Let pages of `docs/` link to those beside it."""
    for name, page in BESIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return re.sub(r"```mermaid\n(.*?)```", lambda found: drawn(found[1]), markdown, flags=re.DOTALL)


def drawn(flowchart: str) -> str:
    """Return a picture of a flowchart as SVG: each row imports from those below it."""
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
    width = WIDE * max(map(len, rows))
    at = {
        name: (width * (2 * place + 1) // (2 * len(names)), HIGH * row[name])
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
    size = f'width="{width}" viewBox="0 0 {width} {HIGH * len(rows)}"'
    return f'<div><svg class="rooms" {size}>{"".join(shapes)}</svg></div>'


def add(files: Files, config: MkDocsConfig, name: str, text: str) -> None:
    """Add one page."""
    files.append(File.generated(config, name, content=text))


def inside(text: str) -> str:
    """Return a page that stood beside `docs/` with its links as they are in the site."""
    text = re.sub(r"\]\(docs/", "](", text)
    for name, page in BESIDE.items():
        text = text.replace(f"]({name}", f"]({page}")
    return text


def exported(package: str) -> dict[str, str]:
    """Return the classes and functions that a package exports, each with the module that has it."""
    path = ROOT / "overlays" / Path(*package.split("."))
    if not path.is_dir():  # a module: its own classes
        tree = ast.parse(path.with_suffix(".py").read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        return {node.name: package for node in classes if not is_protocol(node)}
    tree = ast.parse((path / "__init__.py").read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    homes = {
        alias.name: node.module
        for node in imports
        for alias in node.names
        if node.module and node.module.startswith("modelgates_")
    }
    return {name: homes[name] for name in sorted(homes) if not name.startswith("_")}


def is_protocol(node: ast.ClassDef) -> bool:
    """Whether a class only says what others can."""
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
