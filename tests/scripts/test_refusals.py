"""Bad input to the script: one line that says what and how to mend it, and nothing changed."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = "openapi.yaml"
CONFIG = "codegen-config.yaml"
OVERLAY = "overlays/spec.overlay.yaml"
MODEL = "overlays/templates/model.py.jinja"

SMALL = {
    "openapi": "3.1.0",
    "info": {"title": "Small", "version": "1"},
    "paths": {
        "/a": {
            "get": {
                "operationId": "get",
                "responses": {
                    "200": {
                        "description": "D",
                        "content": {"application/json": {"schema": {"type": "string"}}},
                    }
                },
            }
        }
    },
    "components": {"schemas": {"One": {"type": "object"}, "Two": {"type": "object"}}},
}


@pytest.mark.parametrize("name", [SPEC, "openapi.lock.json", CONFIG, OVERLAY])
@pytest.mark.parametrize("check", [[], ["--check"]])
def test_a_missing_file_is_named(regenerated, name, check):
    """With how to get it back."""
    (regenerated.root / name).unlink()

    assert f"{Path(name).name} is missing; restore it" in regenerated.refusal(*check)


@pytest.mark.parametrize("name", [SPEC, "openapi.lock.json", CONFIG, OVERLAY])
def test_a_directory_in_the_place_of_a_file_is_named(regenerated, name):
    """By the system's own words."""
    (regenerated.root / name).unlink()
    (regenerated.root / name).mkdir()

    assert Path(name).name in regenerated.refusal()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "openapi.yaml holds no mapping"),
        ("- a", "openapi.yaml holds no mapping"),
        ("a: [", "openapi.yaml, line 1 is not YAML"),
        ("a: 1\na: 2", 'line 2 is not YAML: found duplicate key "a"'),
        ("swagger: '2.0'", "openapi.yaml is not an OpenAPI 3 document"),
        ("openapi: 3.1.0\ninfo: {title: T, version: '1'}", "paths: Field required"),
        ("openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: []", "paths"),
        ("openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {/a: {get: 1}}", "paths"),
    ],
)
def test_an_invalid_spec_is_refused(regenerated, text, words):
    """Vendored as it is, with the right hash."""
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(text)

    assert words in regenerated.refusal()


def change(*path_and_value) -> dict:
    """Return the small spec with one place changed."""
    spec = copy.deepcopy(SMALL)
    *path, key, value = path_and_value
    node = spec
    for part in path:
        node = node[part]
    node[key] = value
    return spec


SCHEMAS = ("components", "schemas")
GET = ("paths", "/a", "get")
ANSWER = SMALL["paths"]["/a"]["get"]["responses"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (change(*SCHEMAS, "Z", {"enum": ["Z.AI", "Z AI"]}), "make the name Z_AI"),
        (change(*SCHEMAS, "Z", {"enum": ["a", 1]}), "Enum values must all be the same type"),
        (change(*SCHEMAS, "one", {"type": "object"}), 'duplicate models with name "One"'),
        (
            change(
                "components", "schemas", {n: {"type": "object"} for n in ("HTTPUrl", "HttpUrl")}
            ),
            "the schemas HTTPUrl and HttpUrl would both be models/http_url.py",
        ),
        (change(*SCHEMAS, "Bad", {"$ref": "#/components/schemas/No"}), "the generator refuses"),
        (change(*SCHEMAS, "Bad", {"$ref": "other.yaml"}), "the generator"),
        (change(*SCHEMAS, "Bad", {"type": "nonsense"}), "not an OpenAPI 3 document"),
        (
            change(
                *SCHEMAS, "Bad", {"type": "object", "properties": {"x-y": {}, "x_y": {}, "xy": {}}}
            ),
            "components/schemas/Bad",
        ),
        (
            change("paths", "/b", {"put": {"operationId": "Get", "responses": ANSWER}}),
            "operations GET /a and PUT /b would both be api/default/get.py",
        ),
        (
            change(*GET, "requestBody", {"content": {"multipart/form-data": {"schema": {}}}}),
            "the multipart body of GET /a is no object",
        ),
        (
            change(
                *GET, "parameters", [{"name": "p", "in": "path", "schema": {}, "required": True}]
            ),
            "Incorrect path templating for /a",
        ),
    ],
)
def test_a_contradictory_spec_is_refused(regenerated, spec, words):
    """Rather than that something is left out of the package, or overwritten in it."""
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(spec)

    assert words in regenerated.refusal()


def test_two_schemas_given_one_class_are_refused(regenerated):
    """By `class_overrides`; the generator alone would drop one."""
    names = "class_overrides:\n  GenerationResponse:\n    class_name: ErrorDetail\n"
    regenerated.write(CONFIG, regenerated.read(CONFIG) + names)

    assert 'duplicate models with name "ErrorDetail"' in regenerated.refusal()


def test_two_schemas_given_one_module_are_refused(regenerated):
    """One file would overwrite the other."""
    names = "class_overrides:\n  GenerationResponse:\n    module_name: error_detail\n"
    regenerated.write(CONFIG, regenerated.read(CONFIG) + names)

    assert "would both be models/error_detail.py" in regenerated.refusal()


def test_an_edited_spec_is_refused(regenerated):
    """Corrections belong into the overlay."""
    regenerated.replace(SPEC, "Unique identifier", "unique identifier")

    assert "openapi.yaml is not what was vendored" in regenerated.refusal()
    assert "openapi.yaml is not what was vendored" in regenerated.refusal("--check")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "codegen-config.yaml holds no mapping"),
        ("- a", "codegen-config.yaml holds no mapping"),
        ("a: [", "codegen-config.yaml, line 1 is not YAML"),
        ("post_hook: []", "unknown key 'post_hook'; the generator knows class_overrides, "),
        ("post_hooks: 7", "codegen-config.yaml: post_hooks: "),
        ("post_hooks: []", "gives no `post_hooks`"),
        ("literal_enums: maybe", "codegen-config.yaml: literal_enums: "),
        ("post_hooks: [no-such-program .]", "no-such-program is not in PATH"),
        ("post_hooks: [ruff no-such-command]", "ruff failed"),
        ("post_hooks: [ruff --version]\nliteral_enums: true", "no decoder for a LiteralEnum"),
    ],
)
def test_an_invalid_configuration_is_refused(regenerated, text, words):
    """A misspelt key too, which the generator would ignore."""
    regenerated.write(CONFIG, text)

    assert words in regenerated.refusal()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("$.components.schemas.*.title", "$.components.schemas.*.titel", "matches nothing"),
        ("overlay: 1.0.0", "overlay: 3.1.0", "no `overlay: 1.0.0`"),
        ("actions:", "action:", "unknown key 'action'"),
        ("x-merge-as: ErrorDetail", "x-merge: ErrorDetail", "unknown key 'x-merge'"),
    ],
)
def test_an_invalid_overlay_is_refused(regenerated, old, new, words):
    """So is one that has nothing to correct any more."""
    regenerated.replace(OVERLAY, old, new)

    assert words in regenerated.refusal()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sha256 ", "sha256 0", "does not say what it replaces"),
        ("sha256 f", "sha256 0", "replaces an upstream template of another content"),
        ("{% macro read(property) %}", "{% macro read(property %}", "model.py.jinja:"),
        ("{% endmacro %}", "", "model.py.jinja:"),
        ('{% from "decoder.jinja"', '{% from "no.jinja"', "no.jinja"),
        ("{{ class_name }}", "{{ class_name.no.such }}", "not a valid template"),
        ("{{ class_name }}", "{{ class_name + 1 }}", "the templates cannot render"),
        ("class {{ class_name }}(", "class {{ class_name }}((", "ruff failed"),
    ],
)
def test_an_invalid_template_is_refused(regenerated, old, new, words):
    """Wherever the error shows."""
    regenerated.replace(MODEL, old, new)

    assert words in regenerated.refusal()


def test_missing_templates_are_refused(regenerated):
    """All of them, or a shared one."""
    templates = regenerated.root / "overlays" / "templates"
    (templates / "decoder.jinja").rename(regenerated.root / "gone")
    assert "overlays/templates/decoder.jinja is missing" in regenerated.refusal()
    (regenerated.root / "gone").rename(templates / "decoder.jinja")
    templates.rename(regenerated.root / "gone")
    assert "overlays/templates/" in regenerated.refusal()


@pytest.mark.parametrize("name", ["openapi-python-client", "ruff"])
def test_another_version_of_a_tool_is_refused(regenerated, name):
    """The output depends on it."""
    regenerated.replace("scripts/requirements/codegen.txt", f"{name}==", f"{name}==9")

    assert f"{name} is " in regenerated.refusal()
    assert "pins 9" in regenerated.refusal("--check")


def test_a_refusal_is_one_line_on_stderr_and_status_1(regenerated):
    """As a shell sees it."""
    before = regenerated.files()
    regenerated.write(CONFIG, "post_hook: []")

    done = regenerated.regenerate()

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: codegen-config.yaml has an unknown key 'post_hook'; ")
    assert done.stderr.count("\n") == 1
    assert {**regenerated.files(), CONFIG: before[CONFIG]} == before


def test_missing_tools_are_refused(regenerated):
    """An interpreter without any package says which one to install, and how."""
    script = Path(__file__).parents[2] / "scripts" / "regenerate.py"
    done = subprocess.run(
        [sys.executable, "-S", "-E", script, "--root", regenerated.root],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("error: openapi-python-client is not installed; run `nox -s regenerate`")


@pytest.mark.parametrize("arguments", [["--chekc"], ["more"], ["--root"]])
def test_unknown_arguments_are_refused(regenerated, arguments):
    """They must not mean "regenerate"."""
    assert "see --help" in regenerated.refusal(*arguments)


def test_a_root_that_is_none_is_refused(regenerated):
    """It holds no lock."""
    assert "openapi.lock.json is missing" in regenerated.refusal("--root", "no-such-directory")


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_an_override_that_is_gone_is_refused(regenerated, arguments):
    """The generator would use its own, whose models lie."""
    name = "overlays/templates/model.py.jinja"
    (regenerated.root / name).unlink()
    assert f"{name} is missing" in regenerated.refusal(*arguments)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_an_unwritable_directory_is_refused(regenerated):
    """By its name."""
    (regenerated.root / "generated" / "modelgates_api" / "client.py").unlink()
    regenerated.root.chmod(0o500)
    try:
        assert "Permission denied" in regenerated.refusal()
    finally:
        regenerated.root.chmod(0o700)
