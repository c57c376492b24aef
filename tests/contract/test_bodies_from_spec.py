"""Bodies made from the spec: those as it says, and those that are not quite."""

import json

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_api.api.generations.get_generation import OPERATION
from modelgates_runtime.errors import InvalidBodyError

from .fidelity import check, same
from .strategies import SCHEMAS, as_json, mutated, values

pytestmark = pytest.mark.usefixtures("parser")
DOCUMENTED = pytest.mark.parametrize("status", SCHEMAS)


@DOCUMENTED
@given(data=st.data())
@settings(max_examples=40)
def test_a_conforming_body_is_returned_whole_and_without_drift(status, data):
    """It is typed, and `to_dict` returns the original."""
    content = as_json(data.draw(values(SCHEMAS[status])))
    record = OPERATION.decode(status, content)
    assert record.drift == ()
    check(SCHEMAS[status], json.loads(content), record)


@pytest.mark.slow("a hundred bodies")
@DOCUMENTED
@given(data=st.data())
@settings(max_examples=100)
def test_exactly_the_deviations_of_a_body_are_drift(status, data):
    """Exactly these are listed and unreadable, and no data is lost."""
    content = as_json(data.draw(mutated(SCHEMAS[status])))
    sent = json.loads(content)
    if isinstance(sent, dict):
        check(SCHEMAS[status], sent, OPERATION.decode(status, content))


@given(data=st.data())
@settings(max_examples=25)
def test_bodies_over_http_are_returned_whole(call, stub, data):
    """Both ways of calling the operation return the body's values."""
    status = data.draw(st.sampled_from(list(SCHEMAS)))
    content = as_json(data.draw(mutated(SCHEMAS[status])))
    stub.answers(content, status)
    check(SCHEMAS[status], json.loads(content), call())


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.text('[]{}",:0123456789.eE-+tfn \ttruefalsnul\\ud8').map(str.encode)
)
@settings(max_examples=400)
def test_any_bytes_are_a_record_or_a_typed_error(content):
    """Bytes that are not a JSON object raise an error that quotes their beginning."""
    try:
        record = OPERATION.decode(200, content)
    except InvalidBodyError as error:
        shown = error.status_code, error.body
        assert shown == (200, content.decode("utf-8", "replace")[:500])
    else:
        assert same(record.to_dict(), json.loads(content))
