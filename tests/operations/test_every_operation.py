"""Every operation of the spec, through both clients, against the stub."""

import inspect

import pytest

from modelgates_api.api import OPERATIONS
from modelgates_api.api.generations.get_generation import OPERATION as GET_GENERATION
from modelgates_client import APIStatusError, AsyncModelGates, ModelGates
from modelgates_client.conformance.checking import check
from modelgates_client.errors import status_error
from modelgates_runtime.decoded import find_drift

from .sample_arguments import arguments_of, function_of, method_of, module_of, tag_and_module_name

pytestmark = pytest.mark.filterwarnings("ignore:the API's .* is deprecated:DeprecationWarning")


def error_statuses(operation):
    """Return the error statuses that an operation documents."""
    return [int(status) for status in operation.responses if status[0] in "45" and status.isdigit()]


def test_a_success_has_the_documented_type(call, operation, api):
    """The stub accepts the request."""
    decoded = call()
    (request,) = api.requests
    assert (request.operation, request.method) == (operation.id, operation.method)
    assert request.violation is None
    assert list(find_drift(decoded, "")) == []
    content = operation.content(request.status)
    if content is not None and hasattr(content.decoder, "model"):
        assert isinstance(decoded, content.decoder.model)


def test_a_success_passes_strict_validation(call):
    """The stub's responses conform to the spec."""
    call(validation="strict")


def test_each_documented_error_is_typed(call, operation, api):
    """Its class follows its status; its body is decoded by its schema."""
    for status in error_statuses(operation):
        key = "gen-1" if operation.id == GET_GENERATION.id else operation.id
        api.fail(key, status=status)
        with pytest.raises(APIStatusError) as error_info:
            call()
        error = error_info.value
        assert type(error) is status_error(status)
        assert (error.status_code, error.code) == (status, status)
        assert error.parsed is not None
        model = getattr(operation.content(status).decoder, "model", None)
        assert model is None or type(error.parsed) is model


def test_the_operation_can_be_sent_as_a_call(run, operation, api):
    """With all arguments, by `send_raw`, `send_many` and the generated `sync`."""
    module, function = module_of(operation), function_of(operation)

    def create_call():  # anew for each, since files are read once
        return function(**arguments_of(operation, everything=True))

    raw = run(lambda client: client.send_raw(create_call()))
    assert raw.status_code in range(200, 300)
    assert raw.attempts == 1
    (outcome,) = run(lambda client: client.send_many([create_call()]))
    assert outcome.response.status_code == raw.status_code
    assert outcome.call.operation is operation

    def by_name(client):
        send = module.sync if isinstance(client, ModelGates) else module.asyncio
        return send(client=client, **arguments_of(operation))

    assert type(run(by_name)) is type(raw.parsed)
    assert [request.operation for request in api.requests] == [operation.id] * 3


def test_responses_of_the_stub_have_no_drift(run, operation):
    """They conform to the spec."""
    raw = run(lambda client: client.send_raw(function_of(operation)(**arguments_of(operation))))
    assert [*check(raw.status_code, raw.body, operation).deviations] == []


def test_every_method_accepts_call_options(call, operation, api):
    """An invalid one is rejected before any request is sent."""
    call(timeout=5, max_retries=1, headers={"X-Trace": "1"}, idempotency_key="once")
    assert len(api.requests) == 1
    with pytest.raises(Exception, match=r"timeout must be .*not 0"):
        call(timeout=0)
    with pytest.raises(Exception, match="unknown option of a call: tiemout"):
        call(tiemout=1)
    assert len(api.requests) == 1


def test_paginated_operations_yield_all_items(run, operation, api):
    """Each page is fetched when it is needed."""
    if operation.pages is None:
        pytest.skip("it gives no pages")
    tag, name = tag_and_module_name(operation)

    def paginate(client):
        resource = getattr(client, tag.removesuffix("_"))
        return getattr(resource, f"paginate_{name}")(**arguments_of(operation))

    assert len(run(paginate)) == 1
    assert len(api.requests) == 2


def test_both_clients_have_the_same_methods(operation):
    """With the same arguments, and a docstring that names the operation."""
    clients = [kind(api_key="sk-mg-1") for kind in (ModelGates, AsyncModelGates)]
    sync_method, async_method = (method_of(client, operation).func for client in clients)
    assert inspect.signature(sync_method).parameters == inspect.signature(async_method).parameters
    for method in (sync_method, async_method):
        assert f"operation `{operation.id}`" in inspect.getdoc(method)


def test_a_module_has_three_signatures(operation):
    """The function that creates the call, and two functions that send it."""
    module = module_of(operation)
    own = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__name__[0] != "_"]
    assert {f.__name__ for f in own if f.__module__ == module.__name__} == {
        tag_and_module_name(operation)[1],
        "sync",
        "asyncio",
    }


def test_the_catalogue_is_a_mapping():
    """From ids to operations."""
    assert [OPERATIONS[name].id for name in OPERATIONS] == list(OPERATIONS)
    assert len(OPERATIONS) >= 1
    with pytest.raises(KeyError):
        OPERATIONS["none"]
