"""Every fault with each client: a correct value or a typed error, in time, without the key."""

import gc
import logging
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest

from modelgates_client import (
    APIConnectionError,
    FieldError,
    ModelGatesError,
    ResponseValidationError,
)

from . import leaks
from .calls import post_record, run_calls, serving
from .catalogue import FAULTS
from .clients import BORROWED_FLAVOURS, FLAVOURS
from .faults import VALUE, good, play
from .known_weaknesses import ENDLESS_HEADS, EXCESS_DATA, is_applicable, is_tested
from .servers import FaultServer
from .wire import COST, ID, KEY, NEXT_ID

#: Seconds after the deadline that fail a test. The promise is 0.25 s, but test machines are busy.
SLACK_S = 30.0


@pytest.fixture(scope="session")
def elsewhere():
    """The target of redirects, which must never be contacted."""
    with FaultServer(play(good)) as server:
        yield server


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    """Shorten the waits between attempts, which would add up to minutes."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_WAIT_S", 0.02)


CASES = [
    pytest.param(fault, flavour, id=f"{fault.id}-{flavour}")
    for number, fault in enumerate(FAULTS)
    for flavour in FLAVOURS
    if is_tested(fault, flavour, number)
]


def rotate_flavours():
    """Yield each fault with one client; the clients rotate within each kind."""
    counts = Counter()
    for fault in FAULTS:
        flavours = [flavour for flavour in FLAVOURS if is_applicable(fault, flavour)]
        yield fault, flavours[counts[fault.kind] % len(flavours)]
        counts[fault.kind] += 1


POSTS = [pytest.param(*pair, id=f"{pair[0].id}-{pair[1]}") for pair in rotate_flavours()]


@pytest.mark.parametrize(("fault", "flavour"), CASES, indirect=["flavour"])
def test_a_fault_has_an_allowed_outcome(fault, flavour, elsewhere, caplog):
    """The right value or a typed error, within the deadline; and the next call works."""
    caplog.set_level(logging.DEBUG)
    with serving(fault, f"http://localhost:{elsewhere.port}/api/v1") as server:
        first, second = run_calls(flavour, fault, server)
    gc.collect(1)  # so that unclosed resources fail this test

    assert_allowed(first, fault.allowed)
    if first.error is None:
        assert_right(first.record, ID, fault)
    else:
        assert_typed(first.error, fault)
    assert first.elapsed_s < fault.timeout_s + SLACK_S
    assert_attempts(first, fault, server)
    if flavour in BORROWED_FLAVOURS and fault.id in EXCESS_DATA:
        assert second.error is None or leaks.of_error(second.error) == []
    else:
        assert_allowed(second, fault.allowed_after)
        if second.error is None:
            assert_right(second.record, NEXT_ID)
        assert fault.connections in {None, server.connections}
    assert leaks.of_records(caplog.records) == []
    assert elsewhere.connections == 0
    assert not any(
        leaks.shows(str(request)) for request in server.requests if request.is_for_a_proxy
    )


@pytest.mark.parametrize(("fault", "flavour"), POSTS, indirect=["flavour"])
def test_a_fault_of_a_post_has_an_allowed_outcome(fault, flavour, elsewhere, caplog):
    """The server gets it once, unless it responded that it did not process it."""
    caplog.set_level(logging.DEBUG)
    with serving(fault, f"http://localhost:{elsewhere.port}/api/v1") as server:
        first, second = run_calls(flavour, fault, server, call=post_record)
    gc.collect(1)

    if first.error is None:
        assert_right(first.record, ID, fault)
    else:
        assert isinstance(first.error, ModelGatesError)
        assert leaks.of_error(first.error) == []
        assert str(first.error).isprintable()
    assert VALUE in fault.allowed or first.error is not None
    assert first.elapsed_s < fault.timeout_s + SLACK_S
    requests = server.requests[: server.request_count_at_end]
    posts = [request for request in requests if request.head.startswith(b"POST")]
    assert len(posts) <= 1 or may_be_sent_twice(first, fault)
    if flavour in BORROWED_FLAVOURS and fault.id in EXCESS_DATA:
        assert second.error is None or leaks.of_error(second.error) == []
    elif second.error is None:
        assert_right(second.record, NEXT_ID)
    else:  # a POST on a broken idle connection must not be retried
        assert isinstance(second.error, APIConnectionError | ResponseValidationError), (
            second.summary
        )
        assert leaks.of_error(second.error) == []
    assert leaks.of_records(caplog.records) == []
    assert elsewhere.connections == 0


def may_be_sent_twice(outcome, fault):
    """Whether a retry was allowed: the server did not process the request, or asked for a retry."""
    error = outcome.error
    codes = {getattr(error, "status_code", None), getattr(error, "code", None)}
    return error is None or bool(codes & {429, 503}) or "should-retry-true" in fault.id


def assert_allowed(outcome, allowed):
    """Check that an outcome is allowed."""
    kind = VALUE if outcome.error is None else type(outcome.error)
    assert kind in allowed, outcome.summary


def assert_right(record, generation_id, fault=None):
    """Check that a record is the requested one, with the values that were sent."""
    attributes = {
        "id": generation_id,
        "total_cost": COST,
        **(fault.record_attributes if fault else {}),
    }
    for name, expected in attributes.items():
        if expected is FieldError:
            with pytest.raises(FieldError):
                getattr(record, name)
        else:
            assert getattr(record, name) == expected


def assert_typed(error, fault):
    """Check an error's base class, attributes, pickling, and that it does not show the key."""
    assert isinstance(error, ModelGatesError)
    assert leaks.of_error(error) == []
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), repr(twin)) == (type(error), str(error), repr(error))
    assert {name: getattr(error, name) for name in fault.error_attributes} == fault.error_attributes
    assert str(error).isprintable()


def assert_attempts(outcome, fault, server):
    """Check the number of attempts, and that the error reports it correctly."""
    received = max(server.request_count_at_end, 1)
    attempts = getattr(outcome.error, "attempts", received)
    assert attempts >= received
    assert attempts <= 1 + fault.options.get("max_retries", 1)
    assert fault.attempts in {None, attempts}


def test_names_are_unique():
    """Test ids must identify a fault."""
    counts = Counter(fault.id for fault in FAULTS)
    assert [name for name, count in counts.items() if count > 1] == []


def test_the_table_names_each_class_with_its_count():
    """README.md lists every class of faults, and no other."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", text, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == Counter(fault.kind for fault in FAULTS)
    assert f"{len(FAULTS)} faults" in text


def test_each_client_posts_under_each_kind_of_fault():
    """Except for kinds that cannot occur with it."""
    tested = {(fault.kind, flavour) for fault, flavour in rotate_flavours()}
    applicable = {
        (fault.kind, flavour)
        for fault in FAULTS
        for flavour in FLAVOURS
        if is_applicable(fault, flavour)
    }
    assert applicable - tested == set()


def test_the_readme_lists_the_known_weaknesses():
    """README.md names each endless head, and counts the faults with excess data."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in ENDLESS_HEADS)
    kinds = Counter(fault.kind for fault in FAULTS if fault.id in EXCESS_DATA)
    assert kinds.total() == len(EXCESS_DATA)
    assert ", ".join(f"{count} of `{kind}`" for kind, count in kinds.items()) in text


def test_leaks_of_an_escaped_or_truncated_key_are_found():
    """The checks of this suite find the key however it is escaped, and parts of it."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in KEY)
    for text in (KEY, escaped, repr(escaped), KEY.replace("/", "\\/"), KEY.replace("/", "%2F")):
        assert leaks.shows(f"x {text} y")
    assert leaks.shows(KEY[:-3])
    assert not leaks.shows("sk-mg-another-key")
