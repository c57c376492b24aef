"""Bad input to the script: one line with the problem and the remedy, and no changes."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest
from codegen import overlay
from normalizing import messages
from normalizing.normal import normalize

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
    ("text", "message"),
    [
        ("", "openapi.yaml holds no mapping"),
        ("- a", "openapi.yaml holds no mapping"),
        ("a: [", "openapi.yaml, line 1 is not YAML"),
        ("a: 1\na: 2", 'line 2 is not YAML: found duplicate key "a"'),
        ("swagger: '2.0'", "it describes no operation"),
        ("openapi: 3.1.0\ninfo: {title: T, version: '1'}", "it describes no operation"),
        ("openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: []", "no operation"),
        ("openapi: 3.1.0\npaths: {/a: {get: 1}}", "#/paths/~1a/get: is not an Operation Object"),
    ],
)
def test_an_invalid_spec_is_refused(regenerated, text, message):
    """Vendored as it is, with the right hash."""
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(text)

    assert message in regenerated.refusal()


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


def using(schema: dict) -> dict:
    """Return the small spec with a second operation, whose response has a schema."""
    content = {"application/json": {"schema": schema}}
    answer = {"200": {"description": "D", "content": content}}
    return change("paths", "/b", {"put": {"operationId": "put", "responses": answer}})


@pytest.mark.parametrize(
    ("spec", "place", "message"),
    [
        (
            using({"enum": ["Z.AI", "Z AI"], "x-enum-varnames": ["Z", "Z"]}),
            "put/responses",
            "with the name Z",
        ),
        (using({"$ref": "#/components/schemas/No"}), "put/responses", "which is not there"),
        (using({"$ref": "other.yaml"}), "put/responses", "in another document"),
        (using({"type": "nonsense"}), "put/responses", "which is not a JSON type"),
        (
            change("paths", "/b", {"put": {"operationId": "Get", "responses": ANSWER}}),
            "put",
            "would be api/default/get.py, and so would GET /a",
        ),
        (
            change(
                "paths",
                "/b",
                {
                    "put": {
                        "operationId": "put",
                        "requestBody": {"content": {"multipart/form-data": {"schema": {}}}},
                        "responses": ANSWER,
                    }
                },
            ),
            "put/requestBody/content/multipart~1form-data",
            "has no parts",
        ),
        (
            change("paths", "/b", {"put": {"responses": ANSWER, "parameters": [
                {"name": "p", "in": "path", "schema": {}, "required": True}]}}),
            "put",
            "describes 'p', which its path does not have",
        ),
    ],
)  # fmt: skip
def test_an_operation_that_cannot_be_carried_is_left_out_by_name(regenerated, spec, place, message):
    """With place and reason; the suggested overlay actions solve the problem."""
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(spec)

    done = regenerated.regenerate()

    assert done.returncode == 0, done.stderr
    assert "left out: PUT /b\n" in done.stderr
    assert f"#/paths/~1b/{place}" in done.stderr
    assert message in done.stderr
    assert (regenerated.root / "generated/modelgates_api/api/default/get.py").is_file()
    regenerated.write(OVERLAY, f"overlay: 1.0.0\nactions:\n{printed(done.stderr)}")
    again = regenerated.regenerate()
    assert (again.returncode, again.stderr) == (0, ""), again.stderr


def test_all_faults_are_reported_at_once():
    """Each with its place; the actions solve all of them, one after another."""
    faults = [
        {"$ref": "#/components/schemas/No"},
        {"$ref": "other.yaml"},
        {"type": "nonsense"},
        {"enum": ["a", "b"], "x-enum-varnames": ["SAME", "SAME"]},
        {"enum": ["a\nb"]},
        {"allOf": {}},
        {"type": "object", "required": [1]},
    ]
    spec = copy.deepcopy(SMALL)
    for number in range(41):
        schema = {"type": "object", "properties": {"it": faults[number % len(faults)]}}
        content = {"application/json": {"schema": schema}}
        answer = {"200": {"description": "D", "content": content}}
        spec["paths"][f"/f{number}"] = {"get": {"operationId": f"f{number}", "responses": answer}}

    normal = normalize(spec)

    lines = list(messages.lines(normal))
    assert lines[0] == "41 operation(s) are left out, for 41 problem(s):"
    assert [line for line in lines if "left out: " in line] == [
        f"  left out: GET /f{number}" for number in range(41)
    ]
    places = {line.split(": ")[0].strip() for line in lines if line.startswith("    #")}
    assert {place.split("/")[2] for place in places} == {f"~1f{number}" for number in range(41)}
    actions = list(messages.fixes(normal))
    corrected = overlay.apply({"overlay": "1.0.0", "actions": actions}, spec)
    assert [*messages.lines(normalize(corrected))] == []


def printed(message: str) -> str:
    """Return the overlay actions that were printed."""
    lines = message.partition("that fix this")[2].splitlines()[1:]
    return "".join(f"{line}\n" for line in lines if line.startswith("  - "))


def test_a_client_of_no_operation_is_refused(regenerated):
    """All reasons are reported, each with its place."""
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(change(*GET, "responses", {"200": {"$ref": "#/no"}, "404": {"$ref": "x"}}))

    output = regenerated.refusal()

    assert "no operation of openapi.yaml is supported" in output
    assert "#/paths/~1a/get/responses/200: refers to '#/no', which is not there" in output
    assert "#/paths/~1a/get/responses/404: refers to 'x', in another document" in output


def test_names_of_one_module_are_distinguished(regenerated):
    """One file would overwrite the other."""
    names = {n: {"type": "object", "properties": {n: {}}} for n in ("HTTPUrl", "HttpUrl")}
    regenerated.write(OVERLAY, "overlay: 1.0.0\nactions: []\n")
    regenerated.set_spec(change("components", "schemas", names))

    assert regenerated.regenerate().returncode == 0

    models = sorted(
        p.name for p in (regenerated.root / "generated/modelgates_api/models").iterdir()
    )
    assert models == ["__init__.py", "http_url.py", "http_url_object.py"]


def test_an_edited_spec_is_refused(regenerated):
    """Corrections belong into the overlay."""
    regenerated.replace(SPEC, "Unique identifier", "unique identifier")

    assert "openapi.yaml was changed after it was vendored" in regenerated.refusal()
    assert "openapi.yaml was changed after it was vendored" in regenerated.refusal("--check")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "codegen-config.yaml holds no mapping"),
        ("- a", "codegen-config.yaml holds no mapping"),
        ("a: [", "codegen-config.yaml, line 1 is not YAML"),
        ("post_hook: []", "unknown key 'post_hook'; the known keys are package_name_override, "),
        ("post_hooks: 7", "codegen-config.yaml: post_hooks: "),
        ("post_hooks: []", "has no `post_hooks`"),
        ("field_prefix: x_", "unknown key 'field_prefix'"),
        ("post_hooks: [no-such-program .]", "no-such-program is not in PATH"),
        ("post_hooks: [ruff no-such-command]", "ruff failed"),
        ("literal_enums: true", "unknown key 'literal_enums'"),
    ],
)
def test_an_invalid_configuration_is_refused(regenerated, text, message):
    """A misspelt key too, which the generator would ignore."""
    regenerated.write(CONFIG, text)

    assert message in regenerated.refusal()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("$.components.schemas.*.title", "$.components.schemas.*.titel", "matches nothing"),
        ("overlay: 1.0.0", "overlay: 3.1.0", "no `overlay: 1.0.0`"),
        ("actions:", "action:", "unknown key 'action'"),
        ("x-merge-as: ErrorDetail", "x-merge: ErrorDetail", "unknown key 'x-merge'"),
    ],
)
def test_an_invalid_overlay_is_refused(regenerated, old, new, message):
    """An action with nothing left to correct is an error, too."""
    regenerated.replace(OVERLAY, old, new)

    assert message in regenerated.refusal()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sha256 ", "sha256 0", "does not name the template it replaces"),
        ("sha256 f", "sha256 0", "replaces an upstream template that has changed"),
        ("{% macro read(property) %}", "{% macro read(property %}", "model.py.jinja:"),
        ("{% endmacro %}", "", "model.py.jinja:"),
        ('{% from "decoder.jinja"', '{% from "no.jinja"', "no.jinja"),
        ("{{ class_name }}", "{{ class_name.no.such }}", "not a valid template"),
        ("{{ class_name }}", "{{ class_name + 1 }}", "the templates cannot render"),
        ("class {{ class_name }}(", "class {{ class_name }}((", "ruff failed"),
    ],
)
def test_an_invalid_template_is_refused(regenerated, old, new, message):
    """Wherever the error shows."""
    regenerated.replace(MODEL, old, new)

    assert message in regenerated.refusal()


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


def test_an_invalid_root_is_refused(regenerated):
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
