"""The README and the pages in `docs/` show real outputs; `documents.py` defines their blocks."""

import contextlib
import importlib
import io
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from modelgates_client.cli import commands
from modelgates_client.cli.app import app, run
from modelgates_client.cli.config import configurable
from modelgates_client.cli.statuses import Status
from modelgates_client.testing import StubAPI

from .documents import (
    MAINTAINERS,
    PAGES,
    README,
    ROOT,
    UNTYPED,
    Block,
    Page,
    matches_output,
    sessions,
)
from .typed import mypy

PACKAGES = [ROOT / "overlays", ROOT / "generated"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RECORD = json.loads((ROOT / "tests" / "records" / "2026-02-cancelled-stream.json").read_bytes())
SESSIONS = sessions()

#: Languages of blocks that are neither examples nor commands nor files.
DATA = {"text", "toml", "json", "mermaid"}


@pytest.fixture
def runner(monkeypatch, tmp_path):
    """A runner in a new folder, with a server that examples and commands share."""
    monkeypatch.chdir(tmp_path)
    with StubAPI([RECORD["data"]]) as stub:
        for name in ("MODELGATES", "OPENAI"):  # both, because pages capture calls of OpenAI's SDK
            monkeypatch.setenv(f"{name}_API_KEY", stub.api_key)
            monkeypatch.setenv(f"{name}_BASE_URL", stub.base_url)
        yield PageRunner(monkeypatch)


class PageRunner:
    """Runs a page, from top to bottom."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    def follow(self, page):
        """Write its files, run its examples and commands; fail if an output differs."""
        examples = dict(page.examples())
        last_output = None  # of a command, until the next block
        for block in page.blocks:
            where = f"{page.name}:{block.line}"
            if block.file:
                Path(block.file).write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                printed = self._example(block, where)
                assert matches_output(examples[block], printed), f"{where} prints\n{printed}"
            elif block.language == "console":
                last_output = [self._command(command, where) for command in block.commands()][-1]
                continue
            elif block.language == "text" and last_output is not None:
                assert matches_output(block.text, last_output), f"{where}: it prints\n{last_output}"
            else:
                assert block.language in DATA, f"{where}: nothing checks {block.language!r}"
            last_output = None

    @staticmethod
    def _example(block, where):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile("\n" * block.line + block.text, where, "exec"), {})
        return out.getvalue()

    def _command(self, command, where):
        program, _, arguments = command.line.partition(" ")
        where = f"{where}: {command.line}"
        if program == "modelgates":
            status, printed, messages = self._pipeline(command.line)
            assert status == command.status, f"{where}: ends with {status}\n{printed}{messages}"
            expected = command.output
            assert expected is None or matches_output(expected, printed), (
                f"{where}: prints\n{printed}"
            )
            return printed
        if program == "pip":
            for extra in re.findall(r"\[([\w,]+)\]", arguments):
                assert set(extra.split(",")) <= {*PROJECT["project"]["optional-dependencies"]}
        elif program in {"python3", "nox"}:
            session = re.match(r"(?:scripts/run\.py|-s) (\w+)", arguments)
            assert session is not None, where
            assert session[1] in SESSIONS, where
        else:
            assert program in {"export", "pytest"}, f"{where}: nothing runs it"
        return None

    def _pipeline(self, line):
        """Run a pipeline of commands; return the last one's exit status, stdout and stderr."""
        printed, messages, status = "", "", 0
        for each in line.split(" | "):
            name, *arguments = each.split()
            assert name == "modelgates"
            out, err = io.StringIO(), io.StringIO()
            self._monkeypatch.setattr(sys, "argv", ["modelgates", *arguments])
            self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = int(run())
            printed, messages = out.getvalue(), err.getvalue()
        return status, printed, messages


@pytest.mark.slow("imports modules of the examples: DuckDB, Plotly, the OpenAI SDK")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_the_real_output(runner, page):
    """Its examples, commands and files, in order, against the stub."""
    runner.follow(page)


def test_a_page_with_a_wrong_output_fails(runner, tmp_path):
    """An output, an exit status, an unknown kind of block, or an unknown command."""
    path = ROOT / "docs" / "never-written.md"
    for text in (
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python\nprint(1)\n```\n",
        "```console\n$ modelgates --version\nmodelgates none\n```\n",
        "```console\n$ modelgates --version # exit status 2\n```\n",
        "```console\n$ modelgates --version\n```\n\n```text\nmodelgates none\n```\n",
        "```console\n$ python3 scripts/run.py nothing\n```\n",
        "```console\n$ rm -r .\n```\n",
        "```ruby\nputs 1\n```\n",
    ):
        page = Page.__new__(Page)
        page.path, page.name, page.text = path, "docs/never-written.md", text
        with pytest.raises(AssertionError, match=r"never-written\.md:[15]"):
            runner.follow(page)


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        ("a\nb 5 c\nd\n", True),
        ("a\nb 5 c\nx\ny\nd\n", True),
        ("a\nb  c\nd\n", False),
        ("a\nb 5 c\nx\n", False),
        ("a\nb 5 c\nd\ne\n", False),
        ("x\nb 5 c\nd\n", False),
    ],
)
def test_an_ellipsis_matches_omitted_output_only(text, fit):
    """All other output must be as shown."""
    assert matches_output("a\nb … c\n   …\nd\n", text) is fit


@pytest.mark.parametrize("page", [*PAGES, *MAINTAINERS], ids=lambda page: page.name)
def test_links_lead_to_existing_files_and_headings(page):
    """Links to other sites are not followed."""
    for target in page.links:
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        assert path.is_file(), f"{page.name}: {target}"
        assert path.is_relative_to(ROOT), f"{page.name}: {target}"
        if anchor:
            assert anchor in Page(path).anchors, f"{page.name}: {target}"


def test_each_promise_on_threads_and_processes_names_existing_tests():
    """In a comment at the end of its line."""
    page = Page(ROOT / "docs" / "threads-and-processes.md")
    lines = re.findall(r"^- .*$", page.text, re.MULTILINE)
    assert lines
    for line in lines:
        named = re.search(r" <!-- (.*) -->$", line)
        assert named is not None, line
        for test in named[1].split():
            path, _, name = test.partition("::")
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), test


def test_every_page_is_linked_from_the_readme():
    """Otherwise nobody finds it."""
    linked = {target.partition("#")[0] for target in README.links}
    assert {page.name for page in PAGES if page is not README} <= linked


def test_the_readme_is_short():
    """It starts with an example and has at most 150 lines."""
    example, _ = README.examples()[0]
    assert len(README.text.splitlines()) <= 150
    assert len(example.text.splitlines()) <= 12
    assert README.text.index(example.text) < 700


def commands_page():
    """Return the page of the commands, generated from their help."""
    lines = [
        "# Commands",
        "",
        "The command `modelgates` comes with the extra `cli`. It writes data to stdout, and",
        "messages to stderr. A [configuration file](configuration.md) can set defaults of options.",
        "",
        "<!-- UPDATE_DOCS=1 pytest tests/test_documents.py writes this page from --help -->",
        "",
        "## Exit statuses",
        "",
        "With several ids, one that fails does not stop the others, and the highest status counts.",
        "",
        "| status | meaning |",
        "|---|---|",
        *(f"| {int(status)} | {status.meaning} |" for status in Status),
    ]
    root = click.Context(app, info_name="modelgates")
    for name in app.list_commands(root):
        command = app.get_command(root, name)
        context = click.Context(command, info_name=name, parent=root, terminal_width=80)
        command.epilog = None  # common to all commands: the statuses above
        lines += ["", f"## modelgates {name}", "", "```text", context.get_help(), "```"]
        keys = sorted(option.opts[-1].removeprefix("--") for option in configurable(command))
        if keys:
            lines += [
                "",
                f"Keys of the table `[{name}]`: " + ", ".join(f"`{k}`" for k in keys) + ".",
            ]
    return "\n".join(lines) + "\n"


def test_the_tables_of_commands_are_those_of_the_modules():
    """Each module's summary and extras; `UPDATE_DOCS=1` writes the tables."""
    names = sorted(each.name for each in pkgutil.iter_modules(commands.__path__))
    for name in names:
        importlib.import_module(f"{commands.__name__}.{name}")
    summaries = {name: app.commands[name].short_help for name in names}
    extras = {name: app.commands[name].extras for name in names}
    extras = {name: each for name, each in extras.items() if each != "cli"}
    path = Path(commands.__file__)
    text = path.read_text(encoding="utf-8")
    for table, items in (("SUMMARIES", summaries), ("EXTRAS", extras)):
        rows = "".join(f"    {json.dumps(key)}: {json.dumps(of)},\n" for key, of in items.items())
        before, start, after = text.partition(f"{table}: Final = {{\n")
        text = f"{before}{start}{rows}{after[after.index('}') :]}"
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(text, encoding="utf-8")
        commands.SUMMARIES |= summaries
    assert path.read_text(encoding="utf-8") == text, "run this with UPDATE_DOCS=1"


def test_the_page_of_commands_equals_their_help(monkeypatch):
    """Every command and option; `UPDATE_DOCS=1` writes it."""
    for name in app.list_commands(click.Context(app)):
        command = app.get_command(click.Context(app), name)
        monkeypatch.setattr(command, "epilog", command.epilog)
    page = commands_page()
    path = ROOT / "docs" / "commands.md"
    if os.environ.get("UPDATE_DOCS"):
        path.write_text(page, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page, "run this with UPDATE_DOCS=1"


@pytest.fixture
def examples_folder(tmp_path):
    """A folder with all examples and Python files of the pages."""
    for page in PAGES:
        stem = page.path.stem.replace("-", "_").lower()
        files = [(block.file, block) for block in page.blocks if block.file.endswith(".py")]
        files += [
            (f"{stem}_{number}.py", block) for number, (block, _) in enumerate(page.examples())
        ]
        for name, block in files:
            if name not in UNTYPED:
                (tmp_path / name).write_text(block.text, encoding="utf-8")
    return tmp_path


@pytest.mark.slow("a complete run of mypy, unless it is cached")
def test_the_examples_pass_mypy_strict(examples_folder):
    """They are checked against the installed packages."""
    result = mypy(".", cwd=examples_folder)
    assert result.returncode == 0, result.stdout


@pytest.mark.slow("a complete run of pyright")
def test_the_examples_pass_pyright_strict(examples_folder):
    """They are checked against the sources."""
    settings = {"typeCheckingMode": "strict", "extraPaths": [*map(str, PACKAGES)]}
    (examples_folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    result = subprocess.run(command, cwd=examples_folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_blocks_and_commands_are_parsed():
    """`documents.py` describes the format."""
    page = Page.__new__(Page)
    page.text = "```text app.log\nx\n```\n\n```console\n$ a b # exit status 3\nout\n$ c\n```\n"
    file, console = page.blocks
    assert file == Block("text", "app.log", "x\n", 1)
    assert [tuple(each) for each in console.commands()] == [("a b", 3, "out\n"), ("c", 0, None)]
    assert page.file("app.log") == "x\n"
