"""The README and the pages in `docs/`, with their blocks, headings and links.

The first line of a fenced block determines its kind:

| first line    | kind                                                                          |
|---------------|-------------------------------------------------------------------------------|
| `python`      | a complete example; it is run                                                 |
| `console`     | commands after `$`, each followed by its output; they are run                 |
| `text`        | the output of the previous block                                              |
| `LANG NAME`   | a file of that name, in the folder in which the page's commands run           |

Output that is not shown is not compared. A line `…` stands for any lines, another `…` for words. A
command with another exit status than 0 states it: `$ modelgates … # exit status 10`.
"""

import ast
import re
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\S*)[ ]?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
EXIT_STATUS = re.compile(r"\s+# exit status (\d+)$")

#: Examples that are not type-checked: Dask and pandas have no types, and one is of the API page.
UNTYPED = {"by_requests.py", "cluster.py", "ledger_1.py"}


class Command(NamedTuple):
    """A command of a console block."""

    line: str
    status: int
    output: str | None


class Block(NamedTuple):
    """A fenced block: its language, its file name, its text, and its first line."""

    language: str
    file: str
    text: str
    line: int

    def commands(self):
        """Return the commands of a console block."""
        assert self.text.startswith("$ "), self
        commands = []
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            status = EXIT_STATUS.search(line)
            commands.append(
                Command(EXIT_STATUS.sub("", line), int(status[1]) if status else 0, output or None)
            )
        return commands


class Page:
    """A page of Markdown.

    Attributes:
        name: Its path in the project.
        text: Its content.
    """

    def __init__(self, path):
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self):
        """Its fenced blocks, in order."""
        return [
            Block(match[1], match[2], match[3], self.text.count("\n", 0, match.start()) + 1)
            for match in FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self):
        """All but its fenced blocks."""
        return FENCE.sub("", self.text)

    @cached_property
    def anchors(self):
        """The anchors of its headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @cached_property
    def links(self):
        """The targets of its links."""
        return LINK.findall(self.prose)

    def file(self, name):
        """Return the text of the one block that is a file of that name."""
        (text,) = [block.text for block in self.blocks if block.file == name]
        return text

    def examples(self):
        """Return its examples: each Python block with the text of its output."""
        following = [*self.blocks, Block("", "", "", 0)][1:]
        return [
            (block, output.text if output.language == "text" and not output.file else "")
            for block, output in zip(self.blocks, following, strict=True)
            if block.language == "python" and not block.file
        ]


def matches_output(pattern, text):
    """Whether the output shown on a page matches: a line `…` matches lines, another `…` words."""
    lines = [re.escape(line).replace("…", ".+") for line in pattern.splitlines()]
    patterns = [r"(?:.*\n)*" if line.strip("\\ ") == ".+" else f"{line}\n" for line in lines]
    return re.fullmatch("".join(patterns), text) is not None


def sessions():
    """Return the names of the nox sessions that the noxfile declares."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if ast.unparse(decorator).startswith("nox.session")
    }


README = Page(ROOT / "README.md")
PAGES = [README, *map(Page, sorted((ROOT / "docs").rglob("*.md")))]
#: Pages for maintainers: their links are followed, and nothing in them is run.
MAINTAINERS = [Page(ROOT / name) for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
