"""Every operation that the spec has, by both clients, against the stub: nothing here names one."""

import inspect

import pytest

from modelgates_api.api import OPERATIONS
from modelgates_client import APIStatusError, AsyncModelGates, ModelGates
from modelgates_client.conformance.checking import check
from modelgates_client.errors import status_error
from modelgates_runtime.decoded import find_drift

from .sample_arguments import arguments_of, function_of, method_of, module_of, place_of

pytestmark = pytest.mark.filterwarnings("ignore:the API's .* is deprecated:DeprecationWarning")


def errors_of(operation):
    """Return the statuses of errors that an operation documents."""
    return [int(status) for status in operation.responses if status[0] in "45" and status.isdigit()]


def test_a_success_is_what_the_spec_says(call, operation, api):
    """The request is one that the API takes, and the answer has the type that is documented."""
    decoded = call()
    (request,) = api.requests
    assert (request.operation, request.method) == (operation.id, operation.method)
    assert request.violation is None
    assert list(find_drift(decoded, "")) == []
    content = operation.content(request.status)
    if content is not None and hasattr(content.decoder, "model"):
        assert isinstance(decoded, content.decoder.model)


def test_a_success_is_valid_under_strict(call):
    """What the stub makes of the spec is as the spec says."""
    call(validation="strict")


def test_each_documented_error_is_typed(call, operation, api):
    """Its class follows its status; its body is decoded as the spec says."""
    for status in errors_of(operation):
        key = "gen-1" if operation.id == "get-generation" else operation.id
        api.fail(key, status=status)
        with pytest.raises(APIStatusError) as caught:
            call()
        error = caught.value
        assert type(error) is status_error(status)
        assert (error.status_code, error.code) == (status, status)
        assert error.parsed is not None
        model = getattr(operation.content(status).decoder, "model", None)
        assert model is None or type(error.parsed) is model


def test_it_can_be_sent_as_a_call(run, operation, api):
    """With all arguments, by `send_raw`, by `send_many` and by the generated `sync`."""
    module, function = module_of(operation), function_of(operation)

    def made():  # anew for each, since files are read once
        return function(**arguments_of(operation, everything=True))

    raw = run(lambda client: client.send_raw(made()))
    assert raw.status_code in range(200, 300)
    assert raw.attempts == 1
    (answered,) = run(lambda client: client.send_many([made()]))
    assert answered.response.status_code == raw.status_code
    assert answered.call.operation is operation

    def by_name(client):
        send = module.sync if isinstance(client, ModelGates) else module.asyncio
        return send(client=client, **arguments_of(operation))

    assert type(run(by_name)) is type(raw.parsed)
    assert [request.operation for request in api.requests] == [operation.id] * 3


def test_its_answers_can_be_held_against_the_spec(run, operation):
    """What the stub makes of the spec deviates nowhere."""
    raw = run(lambda client: client.send_raw(function_of(operation)(**arguments_of(operation))))
    assert [*check(raw.status_code, raw.body, operation).deviations] == []


def test_the_options_of_a_call_are_taken(call, operation, api):
    """By every method; a wrong one is refused before anything is sent."""
    call(timeout=5, max_retries=1, headers={"X-Trace": "1"}, idempotency_key="once")
    assert len(api.requests) == 1
    with pytest.raises(Exception, match=r"timeout must be .*not 0"):
        call(timeout=0)
    with pytest.raises(Exception, match="unknown option of a call: tiemout"):
        call(tiemout=1)
    assert len(api.requests) == 1


def test_pages_are_iterated(run, operation, api):
    """Where the spec has pages: all items, each page when it is needed."""
    if operation.pages is None:
        pytest.skip("it gives no pages")
    tag, name = place_of(operation)

    def paginate(client):
        resource = getattr(client, tag.removesuffix("_"))
        return getattr(resource, f"paginate_{name}")(**arguments_of(operation))

    assert len(run(paginate)) == 1
    assert len(api.requests) == 2


def test_both_clients_have_the_same_methods(operation):
    """With the same arguments, and a docstring that names the operation."""
    made = [kind(api_key="sk-mg-1") for kind in (ModelGates, AsyncModelGates)]
    one, other = (method_of(client, operation).func for client in made)
    assert inspect.signature(one).parameters == inspect.signature(other).parameters
    for method in (one, other):
        assert f"operation `{operation.id}`" in inspect.getdoc(method)


def test_a_module_has_three_signatures(operation):
    """The function that fills the operation, and two names by which others send it."""
    module = module_of(operation)
    own = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__name__[0] != "_"]
    assert {f.__name__ for f in own if f.__module__ == module.__name__} == {
        place_of(operation)[1],
        "sync",
        "asyncio",
    }


def test_the_catalogue_is_a_mapping():
    """By ids."""
    assert [OPERATIONS[name].id for name in OPERATIONS] == list(OPERATIONS)
    assert len(OPERATIONS) >= 1
    with pytest.raises(KeyError):
        OPERATIONS["none"]
