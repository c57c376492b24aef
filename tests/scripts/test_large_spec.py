"""A spec of a hundred awkward operations becomes a package that works (tests/specs/large.py)."""

import asyncio
import datetime
import inspect
import io
import json
import pkgutil
import re
import subprocess
import sys
import types
import typing
import uuid
from random import Random
from typing import Any

import attrs
import httpx
import pytest
from werkzeug import Request, Response

from ..typed import mypy

SAMPLES = 12  # bodies a response


@pytest.fixture(scope="module")
def operations(large_api) -> dict[int, Any]:
    """The module of each operation, by the number in its path."""
    api = large_api("api")
    result = {}
    for item in pkgutil.walk_packages(api.__path__, "large_api.api."):
        module = large_api(item.name.removeprefix("large_api."))
        if not item.ispkg:
            result[int(re.search(r"/things/(\d+)", module.__doc__)[1])] = module
    return result


@pytest.fixture(scope="module")
def left_out(large_api) -> dict[int, str]:
    """The reason for each omitted operation, by the number in its path."""
    lines = large_api("api").LEFT_OUT
    whole = [line for line in lines if line.partition(": ")[2].startswith("its response (200) is")]
    return {int(re.search(r"/things/(\d+)", line)[1]): line for line in whole}


@pytest.fixture(scope="module")
def answers(large_spec, operations) -> list[tuple[int, int, dict[str, Any]]]:
    """Number, status and schema of every JSON response that the spec documents."""
    result = []
    for path, item in large_spec["paths"].items():
        [operation] = item.values()
        for status, response in operation["responses"].items():
            if schema := response.get("content", {}).get("application/json", {}).get("schema"):
                code = int(status.replace("XX", "42")) if status != "default" else 599
                result.append((int(path.split("/")[2]), code, schema))
    return [each for each in result if each[0] in operations]


def test_there_are_a_hundred_operations(operations, left_out):
    """None is lost silently: omitted operations are named with the reason."""
    assert sorted({*operations, *left_out}) == list(range(100))
    assert not operations.keys() & left_out.keys()
    assert len(left_out) > 0
    assert {line.partition(": ")[2] for line in left_out.values()} == {
        "its response (200) is an event stream, which has no end to wait for"
    }


def test_each_operation_is_listed(operations, large_api):
    """By its id, and is loaded on first use."""
    listed = large_api("api").OPERATIONS
    assert len(listed) == len(operations)
    assert {id(item) for item in listed.values()} == {id(m.OPERATION) for m in operations.values()}


def test_what_is_not_called_is_not_loaded(large, operations):
    """A client of a hundred operations loads one tag, one operation, and the models of that."""
    number, module = next((n, m) for n, m in sorted(operations.items()) if not m.OPERATION.bodies)
    tag, name = module.__name__.split(".")[2:]
    program = f"""
import sys
def loaded():
    mine = {{each for each in sys.modules if each.startswith("modelgates_api.")}}
    return mine, sorted(each for each in mine if each.startswith("modelgates_api.models."))
from modelgates_api.resources import Resources
class Client(Resources): pass
print(*sorted(loaded()[0]))
client = Client()
resource = getattr(client, {tag!r}, None) or getattr(client, {tag!r}.removesuffix("_"))
print(*sorted(loaded()[0]))
import modelgates_api.api.{tag}.{name} as module
print(*sorted(each for each in loaded()[0] if each.split(".")[1] in ("api", "resources")))
print(*loaded()[1])
"""
    path = [str(large.root / "generated"), str(large.root / "overlays")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, third, models = (line.split() for line in done.stdout.splitlines())
    assert first == ["modelgates_api.resources"]
    assert second == [*first, f"modelgates_api.resources.{tag}"]
    of_api = ["modelgates_api.api", f"modelgates_api.api.{tag}", f"modelgates_api.api.{tag}.{name}"]
    assert third == sorted([*second, *of_api])
    there = list((large.root / "generated" / "modelgates_api" / "models").glob("*.py"))
    assert len(models) < len(there) / 4, number


def test_every_module_imports(large_api):
    """So do those that no operation uses."""
    names = [item.name for item in pkgutil.walk_packages(large_api("").__path__, "large_api.")]

    for name in names:
        large_api(name.removeprefix("large_api."))

    assert len(names) > 180


def test_mypy_finds_no_errors(large):
    """Under --strict."""
    done = mypy("modelgates_api", cwd=large.root / "generated")

    assert done.returncode == 0, done.stdout + done.stderr


def test_valid_bodies_decode_without_drift(operations, answers, large_spec, bodies):
    """What the spec allows is no deviation from it, and comes back as it was."""
    random = Random(1)
    for number, status, schema in answers:
        for _ in range(SAMPLES):
            body = bodies.valid(schema, large_spec["components"]["schemas"], random)

            parsed = operations[number].OPERATION.decode(status, json.dumps(body).encode())

            assert drift(parsed) == [], (number, body)
            assert same(as_json(parsed), body), (number, body)


def test_odd_bodies_decode_or_are_refused(operations, answers, large_spec, bodies, large_api):
    """No data is lost or misread, and nothing crashes."""
    refused, errors, random = 0, large_api("errors"), Random(2)
    for number, status, schema in answers:
        for _ in range(4 * SAMPLES):
            body = bodies.valid(schema, large_spec["components"]["schemas"], random)
            for _ in range(random.randrange(1, 4)):
                body = bodies.odd(body, random)
            try:
                parsed = operations[number].OPERATION.decode(status, json.dumps(body).encode())
            except errors.InvalidBodyError:
                refused += 1
                continue
            assert same(as_json(parsed), body), (number, body)
            pointers = {item.pointer for item in drift(parsed)}
            unreadable = set(unreadables(parsed, "", errors.FieldError))
            assert unreadable <= pointers, (number, body)
    assert refused > 0


def test_only_documented_statuses_are_parsed(operations, large_api):
    """One that the spec does not document is an error; `default` documents all."""
    errors, refused = large_api("errors"), 0
    for module in operations.values():
        try:
            module.OPERATION.decode(418, b"{}")
        except errors.UnexpectedStatusError:
            refused += 1
            assert "default" not in module.OPERATION.responses
    assert 80 < refused < 100


def test_requests_are_built_from_all_arguments_and_from_the_required_ones(operations):
    """Every operation; None is not sent."""
    for number, module in operations.items():
        function = function_of(module)
        hints = typing.get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        everything = {item.name: sample(hints[item.name]) for item in parameters}
        required = {p.name: everything[p.name] for p in parameters if p.default is p.empty}
        for arguments in (everything, required):
            call = function(**arguments)

            assert re.fullmatch(rf"/things/{number}(/[^/{{}}?]+)*([?].*)?", call.target)
            assert "None" not in call.target
            assert all(type(value) is str for _, value in call.headers)


def test_a_nullable_enum_is_one_class(large_api):
    """However often the spec says that null is allowed."""
    names = large_api("models").__all__

    assert [name for name in names if name.startswith("MaybeColour")] == ["MaybeColour"]
    assert [name for name in names if "InlineNull" in name] == ["EnumsInlineNull"]


def test_awkward_names_cause_no_conflicts(large_api):
    """With a model's own members, with each other or with imported types."""
    models = large_api("models")
    body = {"class": "c", "drift": "d", "drift_": "e", "a/b~c": "s", 'quote"': "q", "x-y": "x"}

    record = models.AwkwardNames.from_dict({**body, "x_y": "y", "ﬁeld": "f", "to_dict": "t"})

    assert record.drift == ()
    assert (record.drift_, record.drift__, record.to_dict_) == ("d", "e", "t")
    assert (record.xy, record.x_y, record.field) == ("x", "y", "f")
    assert {"FileModel", "AnyModel", "UUIDModel", "Response", "Client", "Model"} <= {
        *models.__all__
    }


def test_defaults_and_constants_mean_what_the_spec_says(large_api):
    """Quotes, backslashes and line breaks included."""
    models = large_api("models")
    defaults = models.Defaults()

    assert defaults.quoted == "say \"hi\" \\ 'bye'\n"
    assert defaults.colour is models.Colour.VALUE_01_AI
    assert defaults.optional is None
    assert models.Constants.from_dict({"text": 'it\'s "so" \\ '}).drift == ()


def test_a_discriminator_decides_between_schemas_alike(operations, answers, large_spec, large_api):
    """Both schemas of the union have the same fields."""
    model = large_api("models").Unions
    stock = {"animal": "cluck", "name": "Berta"}

    record = model.from_dict({"pet": {"pet": "dog"}, "stock": stock})

    assert type(record.pet).__name__ == "Dog"
    assert type(record.stock).__name__ == "Hen"
    assert record.stock.animal == "cluck"
    assert record.drift == ()


def test_a_text_is_a_string_and_octets_are_a_file(large_spec, operations):
    """Whatever schema the spec gives them: a body of such a kind has no other value."""
    kinds = {}
    for path, item in large_spec["paths"].items():
        [operation] = item.values()
        for kind in operation["responses"].get("200", {}).get("content", {}):
            kinds.setdefault(kind, []).append(int(path.split("/")[2]))
    assert not operations.keys() & {*kinds["text/event-stream"]}
    for number in kinds["text/plain"]:
        assert operations[number].OPERATION.decode(200, b"data: 1") == "data: 1"
    for number in kinds["application/octet-stream"]:
        decoded = operations[number].OPERATION.decode(200, b"\xff")
        assert decoded.payload.read() == b"\xff"


def test_an_empty_response_is_none(operations):
    """204 has no body, and no `Any` that would hide the type of the others."""
    for module in operations.values():
        if "204" in module.OPERATION.responses:
            assert module.OPERATION.decode(204, b"") is None
            assert "None" in str(inspect.signature(module.sync).return_annotation)


def function_of(module: Any) -> Any:
    """Return the function that fills the operation of a module."""
    return getattr(module, module.__name__.rpartition(".")[2])


class Sender:
    """The least that sends calls: what `sync` and `asyncio` of a module take."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self.answer: httpx.Response

    def _request(self, call: Any) -> httpx.Request:
        return httpx.Request(
            call.operation.method,
            self._base_url + call.target,
            headers=call.headers,
            content=call.content,
        )

    def send(self, call: Any, /) -> Any:
        """Send it, blocking."""
        with httpx.Client(trust_env=False, verify=False) as client:
            self.answer = client.send(self._request(call))
        return call.operation.decode(self.answer.status_code, self.answer.content)


class AsyncSender(Sender):
    """The same, awaited."""

    async def send(self, call: Any, /) -> Any:
        """Send it."""
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            self.answer = await client.send(self._request(call))
        return call.operation.decode(self.answer.status_code, self.answer.content)


@pytest.mark.parametrize("number", range(36))
def test_operations_travel(number, operations, large_spec, bodies, httpserver):
    """Sync or async, the server gets the arguments and the caller its response."""
    if number not in operations:
        pytest.skip("it is left out")
    module = operations[number]
    function = function_of(module)
    hints = typing.get_type_hints(function)
    received: list[Any] = []
    status, content, kind = answer(number, large_spec, bodies)

    def handle(request: Request) -> Response:
        request.get_data(cache=True, parse_form_data=True)
        request.octets = [file.read() for file in request.files.values()]
        request.close()  # the files
        received.append(request)
        return Response(content, status=status, content_type=kind)

    httpserver.expect_request(re.compile("/base/.*")).respond_with_handler(handle)

    def arguments() -> dict[str, Any]:  # anew for each call, since files are read once
        names = inspect.signature(function).parameters
        return {name: sample(hints[name]) for name in names}

    blocking, waiting = (
        Sender(httpserver.url_for("/base")),
        AsyncSender(httpserver.url_for("/base")),
    )
    module.sync(client=blocking, **arguments())
    asyncio.run(module.asyncio(client=waiting, **arguments()))

    assert blocking.answer.status_code == waiting.answer.status_code == status
    assert blocking.answer.content == waiting.answer.content == content
    call = function(**arguments())
    for item in received:
        assert item.method == call.operation.method
        assert item.environ["REQUEST_URI"] == f"/base{call.target}"
        check_body(item, call, arguments())
        check_headers(item, call)
    assert len(received) == 2


def check_headers(received: Request, call: Any) -> None:
    """Compare headers and cookies with the request that was built."""
    for name, value in call.headers:
        assert received.headers[name] == value
    if "session" in received.cookies:
        assert received.cookies["session"] == "text"


def check_body(received: Request, call: Any, arguments: dict[str, Any]) -> None:
    """Compare the body with the request that was built."""
    kind = dict(call.headers).get("Content-Type", "").partition(";")[0]
    if kind == "multipart/form-data":
        sent = {name for name, _ in arguments["body"].to_multipart()}
        assert sent == {*received.form, *received.files}
        assert set(received.octets) <= {b"octets"}
    elif kind == "application/x-www-form-urlencoded":
        assert len(received.form) > 0
    elif call.content is not None:
        assert received.get_data() == call.content
        if "json" in kind:
            json.loads(call.content)
        else:
            assert call.content == b"octets"


def answer(number: int, spec: dict[str, Any], bodies: Any) -> tuple[int, bytes, str]:
    """Return the status, body and content type of the response to an operation."""
    path = next(path for path in spec["paths"] if path.split("/")[2] == str(number))
    [operation] = spec["paths"][path].values()
    status, response = next(iter(operation["responses"].items()))
    code = 599 if status == "default" else int(status)
    for kind, media in response.get("content", {}).items():
        if kind != "application/json":
            return code, b"data: text", kind
        body = bodies.valid(media["schema"], spec["components"]["schemas"], Random(3))
        return code, json.dumps(body).encode(), kind
    return code, b"", "text/plain"


def sample(hint: Any) -> Any:
    """Return a value of a type."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return sample(next(kind for kind in typing.get_args(hint) if kind is not type(None)))
    if typing.get_origin(hint) is list:
        return [sample(*typing.get_args(hint))] * 2
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)[0]
    if hasattr(hint, "known"):
        return hint.known()[0]
    if hasattr(hint, "from_dict"):
        hints = typing.get_type_hints(hint, vars(sys.modules[hint.__module__]))
        required = [field for field in attrs.fields(hint) if field.default is attrs.NOTHING]
        return hint(**{field.name: sample(hints[field.name]) for field in required})
    if hint.__name__ == "File":
        return hint(io.BytesIO(b"octets"), "name.bin", "application/octet-stream")
    return {
        str: "text", int: 7, float: 0.5, bool: True, type(None): None, Any: {"any": [1, None]},
        datetime.datetime: datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
        datetime.date: datetime.date(2024, 2, 29), uuid.UUID: uuid.UUID(int=7),
    }[hint]  # fmt: skip


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; 1 is 1.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def as_json(value: Any) -> Any:
    """Return the JSON value of a decoded one."""
    encoding = sys.modules["modelgates_runtime.encoding"]
    return encoding.encode(value)


def drift(value: Any) -> list[Any]:
    """Return all drift in a decoded value."""
    decoded = sys.modules["modelgates_runtime.decoded"]
    return list(decoded.find_drift(value, ""))


def unreadables(value: Any, pointer: str, error: type[Exception]) -> Any:
    """Yield where reading a decoded value raises, having read everything in it."""
    if hasattr(value, "from_dict"):
        for field in type(value).__schema__().fields.values():
            try:
                part = getattr(value, field.name)
            except error:
                yield pointer + field.segment
            else:
                yield from unreadables(part, pointer + field.segment, error)
    elif isinstance(value, list):
        for index in range(len(value)):
            try:
                part = value[index]
            except error:
                yield f"{pointer}/{index}"
            else:
                yield from unreadables(part, f"{pointer}/{index}", error)
