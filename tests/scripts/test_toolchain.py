"""The pinned tools and the templates over theirs: scripts/common/toolchain.py."""

import hashlib
import re
import sys
import tomllib
from importlib.resources import files

import pytest
from common import toolchain
from common.project import Project
from common.tool_errors import ToolError

from .conftest import ROOT

MODEL = "overlays/templates/model.py.jinja"


def test_every_override_says_what_it_replaces_and_why(project):
    """Name and hash of the upstream template, and a reason."""
    toolchain.check_templates(Project(project.root))

    for path in (project.root / "overlays" / "templates").glob("*.py.jinja"):
        header = path.read_text(encoding="utf-8").split("#}")[0]
        if "this file replaces nothing upstream" in header:
            assert not (files("openapi_python_client") / "templates" / path.name).is_file()
            continue
        name, digest, reason = re.match(r"{# Replaces (\S+), sha256 (\w+):\s+(.+)", header).groups()
        upstream = files("openapi_python_client") / "templates" / name
        assert name == path.name
        assert digest == hashlib.sha256(upstream.read_bytes()).hexdigest()
        assert len(reason) > 10


def test_a_changed_upstream_template_is_refused(project):
    """The message has the hash to put there, once the two have been compared."""
    digest = re.search("[0-9a-f]{64}", project.read(MODEL))[0]
    project.replace(MODEL, digest, "0" * 64)

    with pytest.raises(ToolError, match=f"template model.py.jinja .*{digest}.*compare the two"):
        toolchain.check_templates(Project(project.root))


def test_all_overrides_that_changed_are_named_at_once(project):
    """Each next to the original for comparison."""
    changed = sorted((project.root / "overlays" / "templates").glob("*.py.jinja"))[:3]
    for path in changed:
        name = path.relative_to(project.root).as_posix()
        header = re.search("[0-9a-f]{64}", project.read(name))
        if header:
            project.replace(name, header[0], "0" * 64)

    with pytest.raises(ToolError) as caught:
        toolchain.check_templates(Project(project.root))

    output = str(caught.value)
    upstream = files("openapi_python_client") / "templates"
    named = [path.name for path in changed if (upstream / path.name).is_file()]
    assert len(named) > 1
    for name in named:
        assert f"template {name} replaces an upstream template that has changed, " in output
        assert str(upstream / name) in output


def test_overrides_that_changed_are_named_though_the_generator_moved_its_insides(
    project, monkeypatch
):
    """They come first: what was moved is one line, which names nothing to be carried over."""
    ours = {"backtesting", "codegen", "normalizing"}
    for name in [name for name in sys.modules if name.partition(".")[0] in ours]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openapi_python_client.strings", None)
    assert "this version of the generator is not supported" in project.refusal()

    project.replace(MODEL, re.search("[0-9a-f]{64}", project.read(MODEL))[0], "0" * 64)
    assert (
        "template model.py.jinja replaces an upstream template that has changed"
        in project.refusal()
    )


def pins_of(name):
    """Return the versions in a file of requirements."""
    text = (ROOT / "scripts" / "requirements" / name).read_text(encoding="utf-8")
    pins = re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", text)
    return {package.replace(".", "-").replace("_", "-"): version for package, version in pins}


def test_pins_that_stand_twice_are_the_same():
    """In compiled and source requirements, and for the formatter in the project."""
    pinned = {}
    for name in ("codegen", "nox"):
        wanted, compiled = pins_of(f"{name}.in"), pins_of(f"{name}.txt")
        assert wanted
        assert wanted.items() <= compiled.items()
        pinned |= compiled
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["dependency-groups"]["lint"] == [f"ruff=={pinned['ruff']}"]
    least = re.search(r'nox\.needs_version = ">=([\d.]+)"', (ROOT / "noxfile.py").read_text())[1]
    assert pinned["nox"].startswith(least)


@pytest.mark.parametrize(
    "header", ["", "{# A reason. #}", "{# Replaces types.py.jinja, sha256 X: #}"]
)
def test_an_override_without_its_header_is_refused(project, header):
    """The message has the header to put there."""
    project.write(MODEL, header + project.read(MODEL).split("#}", 1)[1])

    with pytest.raises(
        ToolError, match=r"begin it with `{# Replaces model\.py\.jinja, sha256 \w{64}"
    ):
        toolchain.check_templates(Project(project.root))


def test_an_override_without_an_original_is_refused(project):
    """A misspelt name must not silently leave the upstream template active."""
    project.write("overlays/templates/modle.py.jinja", project.read(MODEL))

    with pytest.raises(
        ToolError, match=r"template modle.py.jinja replaces a template that .* does not have"
    ):
        toolchain.check_templates(Project(project.root))


def test_a_template_that_is_no_text_is_refused(project):
    """By name."""
    (project.root / MODEL).write_bytes(b"\xff")

    with pytest.raises(ToolError, match=r"template model\.py\.jinja is not UTF-8 text"):
        toolchain.check_templates(Project(project.root))


def test_missing_templates_are_refused(project):
    """The generator would silently use its own."""
    (project.root / "overlays" / "templates").rename(project.root / "elsewhere")

    with pytest.raises(ToolError, match="overlays/templates is missing; restore it"):
        toolchain.check_templates(Project(project.root))


@pytest.mark.parametrize("name", ["openapi-python-client", "ruff"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{name}==9.9.9", "pins 9.9.9; run `nox -s regenerate`"),
        ("{name}>=1", "does not pin {name}"),
    ],
)
def test_another_version_and_no_pin_are_refused(project, name, line, message):
    """Of the generator and of the formatter."""
    path = project.root / "scripts" / "requirements" / "codegen.txt"
    path.write_text(re.sub(rf"(?m)^{name}==\S+", line.format(name=name), path.read_text()))

    with pytest.raises(ToolError, match=message.format(name=name)):
        toolchain.check_versions(Project(project.root))


def test_a_missing_formatter_is_refused(project, monkeypatch, tmp_path):
    """Without it the generator would succeed with unformatted output."""
    monkeypatch.setattr(toolchain, "search_path", lambda: str(tmp_path))

    with pytest.raises(ToolError, match=r"ruff is not installed, codegen.txt pins"):
        toolchain.check_versions(Project(project.root))


def test_a_formatter_that_does_not_run_is_refused(project, monkeypatch, tmp_path):
    """What is there is not the program."""
    (tmp_path / "ruff").write_bytes(b"\x7fELF")
    (tmp_path / "ruff").chmod(0o755)
    monkeypatch.setattr(toolchain, "search_path", lambda: str(tmp_path))

    with pytest.raises(ToolError, match=r"ruff is not installed, codegen.txt pins"):
        toolchain.check_versions(Project(project.root))


def test_a_missing_or_garbled_requirements_file_is_refused(project):
    """By name."""
    path = project.root / "scripts" / "requirements" / "codegen.txt"
    path.write_bytes(b"\xff")
    with pytest.raises(ToolError, match=r"codegen.txt is not text"):
        toolchain.pins(Project(project.root))
    path.unlink()
    with pytest.raises(ToolError, match=r"codegen.txt is missing; restore it"):
        toolchain.pins(Project(project.root))
