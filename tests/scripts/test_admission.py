"""What may be vendored: scripts/vendoring/admission.py."""

import ast
import copy
import json
import os
import subprocess
import sys

import pytest
from common.tool_errors import ToolError
from normalizing.normal import normalize
from vendoring import admission

from .conftest import FROZEN, PINNED

OURS = FROZEN[PINNED].document
SCHEMAS = ("components", "schemas")
GET = ("paths", "/generation", "get")
REMOVED = object()


def change(*path_and_value, **schemas) -> dict:
    """Return our spec with one place changed, or removed, and schemas added."""
    spec = copy.deepcopy(OURS)
    if path_and_value:
        *path, key, value = path_and_value
        node = spec
        for part in path:
            node = node[part]
        if value is REMOVED:
            del node[key]
        else:
            node[key] = value
    spec["components"]["schemas"].update(schemas)
    return spec


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def refusal(spec):
    """Return the words by which a spec is refused: one line that names it."""
    with pytest.raises(ToolError, match=r"^new\.yaml") as caught:
        admission.admit(spec, "new.yaml")
    message = str(caught.value)
    assert message.isprintable()
    return message


def operation(name, **more):
    return {"get": {"operationId": name, "responses": {"200": {"description": "D"}}, **more}}


TEXT = {"type": "string"}
OBJECT = {"type": "object", "properties": {f"p{i}": TEXT for i in range(30)}}


@pytest.mark.parametrize(
    "spec",
    [
        change(),
        change("openapi", "3.0.3"),
        change("servers", [{"url": "https://modelgates.ai/api/v1"}]),
        change("servers", [{"url": "/api/v1"}, {"url": "http://localhost:3000/"}]),
        change(
            "servers",
            [{"url": "https://{region}.x.ai", "variables": {"region": {"default": "eu"}}}],
        ),
        change("paths", "//doubled/{id}/x", operation("other")),
        change(A={"type": "object", "properties": {"a": ref("A")}}),
        change(A={"anyOf": [TEXT, {"type": "array", "items": ref("A")}]}),
        change(A={**ref("B"), "description": "beside it"}, B=TEXT),
        change(**{"A": ref("a~1b"), "a/b": ref("c%20d"), "c d": TEXT}),
        change(A={"type": "object", "properties": {"$ref": TEXT, "$id": TEXT, "servers": TEXT}}),
        change("info", "description", "Tabs\tand\r\nlines, é, \u2028 and \U0001f600."),
        change(**{"N" * admission.MAX_NAME: TEXT}),
        change(
            P=OBJECT,
            U={
                "oneOf": [ref("P")],
                "discriminator": {
                    "propertyName": "p1",
                    "mapping": {"a": "P", "b": "#/components/schemas/P"},
                },
            },
        ),
    ],
)
def test_what_an_api_may_be_is_admitted(spec):
    """None of it is refused, however rare."""
    before = copy.deepcopy(spec)

    admission.admit(spec, "new.yaml")

    assert spec == before


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"swagger": "2.0", "paths": {}}, "is a Swagger 2.0 document; ask the provider for"),
        (change("openapi", REMOVED), "has `openapi: None`; only 3.0.x and 3.1.x"),
        (change("openapi", 3.1), "has `openapi: 3.1`"),
        (change("openapi", "3.2.0"), "has `openapi: '3.2.0'`"),
        (change("openapi", "3.1.0\n"), "only 3.0.x and 3.1.x"),
        (change("openapi", 100 * "\x1b"), "only 3.0.x and 3.1.x"),
        (change("paths", REMOVED), "has no `paths`"),
        (change("paths", {}), "has no `paths`"),
        (change("paths", []), "has no `paths`"),
        (change(*GET, "responses", []), "#/paths/~1generation/get has no `responses`"),
        (
            change(*GET, "responses", "200", {"$ref": "https://evil.example/x#/a"}),
            "in another document",
        ),
        (change(*GET, "operationId", "another"), "has no usable operation `get_generation`"),
        (change(*GET, "operationId", REMOVED), None),
        (change(*GET, "operationId", "getGeneration"), None),
        (change("paths", {"/x": OURS["paths"]["/generation"]}), None),
        (change("paths", "/x", {"$ref": "#/paths/~1generation"}), None),
        (change("paths", "/x", operation("get-generation")), None),
        (change(A={"type": "nonsense"}), None),
        (change(A={"$ref": "other.yaml"}), None),
    ],
)
def test_what_is_no_such_api_is_refused(spec, message):
    """The message says what would be accepted; the operation may move, but must exist."""
    if message is None:
        admission.admit(spec, "new.yaml")
    else:
        assert message in refusal(spec)


@pytest.mark.parametrize(
    "path",
    [
        *("", "x", "#/a", "/a b", "/a\nb", "/a\\b", "/é", "/a\u202eb", "/a/../b", "/.."),
        *("/./a", "/a/%2e%2E/b", "/a/.%2e", "https://evil.example/", '/"', "/<a>", "/\x7f"),
    ],
)
def test_a_path_is_a_path(path):
    """Nothing that would lead a request elsewhere is carried."""
    [lost] = normalize(change("paths", path, operation("other"))).omitted
    assert lost.name == f"GET {path}"
    assert "path" in lost.problems[0].reason


@pytest.mark.parametrize(
    "server",
    [
        {"url": "http://modelgates.ai/api/v1"},
        {"url": "http://localhost.evil.example/"},
        {"url": "HTTP://modelgates.ai"},
        {"url": "//evil.example/"},
        {"url": "https:///x"},
        {"url": "https://modelgates.ai@evil.example/"},
        {"url": "https://user:password@modelgates.ai/"},
        {"url": "https://modelgates.ai\\@evil.example/"},
        {"url": "ftp://modelgates.ai"},
        {"url": "javascript:alert(1)"},
        {"url": "https://[::1"},
        {"url": "{scheme}://modelgates.ai", "variables": {"scheme": {"default": "https"}}},
        {"url": "https://{a}modelgates.ai", "variables": {"a": {"default": "evil.example/?"}}},
        {"url": "https://{a}.ai", "variables": {"a": {"default": "x", "enum": ["x", "a@b"]}}},
    ],
)
@pytest.mark.parametrize("place", [(), ("paths", "/generation"), GET])
def test_a_server_gets_keys_over_https_alone(server, place):
    """In every place where the spec has a URL, also with server variables."""
    assert "servers/0" in refusal(change(*place, "servers", [server]))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (change(**{"N" * 161: TEXT}), "161 bytes"),
        (change(**{"é" * 81: TEXT}), "162 bytes"),
        (change(A={"enum": ["v" * 161]}), "161 bytes"),
        (change(A={"title": "a\nb"}), "U+000A"),
        (change(A={"enum": ["a\u2028b"]}), "U+2028"),
        (change(A={"required": ["\x00"]}), "U+0000"),
        (change(A={"properties": {"a\u202eb": TEXT}}), "U+202E"),
        (change(A={"properties": {"a\u200bb": TEXT}}), "U+200B"),
        (change(*GET, "operationId", "a\rb"), "U+000D"),
        (change(*GET, "tags", ["a\x1bb"]), "U+001B"),
        (change(A={"description": "a\x1b[2Jb"}), "U+001B"),
        (change(A={"description": "a\u2066b"}), "U+2066"),
        (change(A={"default": ["a\x9bb"]}), "U+009B"),
        (
            change(
                "paths",
                {**OURS["paths"], **{f"/p{i}": operation(f"o{i}") for i in range(2000)}},
            ),
            "2001 operations",
        ),
        (change(**{f"C{i}": TEXT for i in range(10_000)}), "components; more than 10000"),
    ],
)
def test_names_and_numbers_have_limits(spec, message):
    """Names are shown, become file names, and are read by people; numbers become time."""
    assert message in refusal(spec)


def test_all_problems_are_reported_at_once():
    """Each with its place."""
    spec = change(
        "servers",
        [{"url": "http://evil.example"}],
        **{"N" * 161: TEXT, "a\u200bb": {"title": "\u202e"}},
    )
    output = refusal(spec)
    for message in ("161 bytes", "U+200B", "#/servers/0", "over a connection other than https"):
        assert message in output


#: What would be code, markup or the end of a string, if anything took it for more than text.
HOSTILE = (
    *("'", '"', '"""', "'''", "\\", '\\"', '"""\\', "end\\", "{{ 7 * 7 }}", "{% raw %}", "{#"),
    *("${x}", "{x}", "{0}", "%s", "\\N{DIGIT ONE}", "\\u0041", "#", "*/", "<!--", "../../x"),
    "'; import os; open('executed', 'w') #",
    '"); open("executed", "w") #',
    "__import__('os').remove('x')",
    '"""; open("executed", "w"); """',
)

#: As above, where lines are allowed.
LINES = (
    '"""\nopen("executed", "w")\n"""',
    "\nopen('executed', 'w')\n",
    "\r\nopen('executed', 'w')\r\n",
    "a\u2028open('executed', 'w')\u2029b",
    "a\u0085open('executed', 'w')",
)


def hostile_spec():
    """Return our spec with hostile texts in every place that they are admitted in."""
    spec = change()
    schemas = spec["components"]["schemas"]
    for index, text in enumerate((*HOSTILE, *LINES)):
        name = text if index < len(HOSTILE) else f"line {index}"
        spec["paths"][f"/hostile{index}"] = {
            "get": {
                "operationId": f"{name} {index}",
                "tags": [f"{name} {index}"],
                "summary": text,
                "description": text,
                "parameters": [
                    {
                        "name": name,
                        "in": "query",
                        "description": text,
                        "schema": {"type": "string", "default": text, "description": text},
                    },
                    {"name": f"X{name}", "in": "header", "schema": TEXT},
                ],
                "responses": {
                    "200": {
                        "description": text,
                        "content": {"application/json": {"schema": ref(f"H{index}")}},
                    }
                },
            }
        }
        schemas[f"H{index}"] = {
            "type": "object",
            "title": f"H{index} {name}",
            "description": text,
            "required": [name],
            "properties": {
                name: {"type": "string", "description": text, "example": text, "default": text},
                "an enum": {"type": "string", "enum": [name, f"other {index}"]},
                "a const": {"const": text},
                "a format": {"type": "string", "format": text, "pattern": text},
            },
        }
    return spec


def test_a_hostile_spec_becomes_inert_code(project):
    """It compiles, and importing all of it executes nothing of the spec."""
    spec = hostile_spec()
    admission.admit(spec, "new.yaml")
    project.set_spec(spec)

    done = project.regenerate()

    assert done.returncode == 0, done.stderr
    sources = list((project.root / "generated").rglob("*.py"))
    assert len(sources) > 2 * len(HOSTILE)
    for path in sources:
        calls = [n for n in ast.walk(ast.parse(path.read_bytes())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "open"]
    modules = [
        ".".join(path.relative_to(project.root / "generated").with_suffix("").parts)
        for path in sources
    ]
    code = "import importlib, json, sys; [importlib.import_module(m) for m in json.load(sys.stdin)]"
    imported = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        input=json.dumps(modules),
        text=True,
        capture_output=True,
        cwd=project.root,
        env={**os.environ, "PYTHONPATH": str(project.root / "generated")},
    )
    assert imported.returncode == 0, imported.stderr
    assert not (project.root / "executed").exists()
