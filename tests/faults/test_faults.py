"""Every fault, against each client: the right value or a typed error, in time, showing no key."""

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
from .calls import outcomes, posted, serving
from .catalogue import FAULTS
from .clients import FLAVOURS, GIVEN
from .faults import VALUE, good, play
from .known_weaknesses import BEYOND_ANSWERS, ENDLESS_HEADS, is_met, is_tried
from .servers import FaultServer
from .wire import COST, ID, KEY, NEXT_ID

#: Seconds beyond the deadline that fail a test. The promise is 0.25; a busy machine is no fault.
SLACK_S = 30.0


@pytest.fixture(scope="session")
def elsewhere():
    """A server that redirects lead to; nobody may ask it."""
    with FaultServer(play(good)) as server:
        yield server


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    """Shorten the waits between attempts: hundreds of them would take minutes."""
    monkeypatch.setattr("modelgates_client.calls.retry._FIRST_S", 0.02)


CASES = [
    pytest.param(fault, flavour, id=f"{fault.id}-{flavour}")
    for number, fault in enumerate(FAULTS)
    for flavour in FLAVOURS
    if is_tried(fault, flavour, number)
]


def by_turns():
    """Yield each fault with one of the clients, which take turns within its kind."""
    turns = Counter()
    for fault in FAULTS:
        flavours = [one for one in FLAVOURS if is_met(fault, one)]
        yield fault, flavours[turns[fault.kind] % len(flavours)]
        turns[fault.kind] += 1


POSTS = [pytest.param(*pair, id=f"{pair[0].id}-{pair[1]}") for pair in by_turns()]


@pytest.mark.parametrize(("fault", "flavour"), CASES, indirect=["flavour"])
def test_a_fault_ends_well(fault, flavour, elsewhere, caplog):
    """In the right value or a typed error, within the deadline; and the next call works."""
    caplog.set_level(logging.DEBUG)
    with serving(fault, f"http://localhost:{elsewhere.port}/api/v1") as server:
        first, second = outcomes(flavour, fault, server)
    gc.collect(1)  # what was left open is reported by its own test, and fails it

    assert_allowed(first, fault.gives)
    if first.error is None:
        assert_right(first.record, ID, fault)
    else:
        assert_typed(first.error, fault)
    assert first.elapsed_s < fault.timeout_s + SLACK_S
    assert_attempts(first, fault, server)
    if flavour in GIVEN and fault.id in BEYOND_ANSWERS:
        assert second.error is None or leaks.of_error(second.error) == []
    else:
        assert_allowed(second, fault.then)
        if second.error is None:
            assert_right(second.record, NEXT_ID)
        assert fault.connections in {None, server.connections}
    assert leaks.of_records(caplog.records) == []
    assert elsewhere.connections == 0
    assert not any(leaks.shows(str(asked)) for asked in server.requests if asked.is_for_a_proxy)


@pytest.mark.parametrize(("fault", "flavour"), POSTS, indirect=["flavour"])
def test_a_fault_of_a_request_with_a_body_ends_well(fault, flavour, elsewhere, caplog):
    """As any; and the server gets it once, unless it says that it did nothing with it."""
    caplog.set_level(logging.DEBUG)
    with serving(fault, f"http://localhost:{elsewhere.port}/api/v1") as server:
        first, second = outcomes(flavour, fault, server, call=posted)
    gc.collect(1)

    if first.error is None:
        assert_right(first.record, ID, fault)
    else:
        assert isinstance(first.error, ModelGatesError)
        assert leaks.of_error(first.error) == []
        assert str(first.error).isprintable()
    assert VALUE in fault.gives or first.error is not None
    assert first.elapsed_s < fault.timeout_s + SLACK_S
    posts = [one for one in server.requests[: server.asked] if one.head.startswith(b"POST")]
    assert len(posts) <= 1 or may_be_repeated(first, fault)
    if flavour in GIVEN and fault.id in BEYOND_ANSWERS:
        assert second.error is None or leaks.of_error(second.error) == []
    elif second.error is None:
        assert_right(second.record, NEXT_ID)
    else:  # what broke an idle connection breaks this call, which may not be sent again
        assert isinstance(second.error, APIConnectionError | ResponseValidationError), second.what
        assert leaks.of_error(second.error) == []
    assert leaks.of_records(caplog.records) == []
    assert elsewhere.connections == 0


def may_be_repeated(outcome, fault):
    """Whether the server may have been asked twice: it said that nothing was done, or to retry."""
    error = outcome.error
    said = {getattr(error, "status_code", None), getattr(error, "code", None)}
    return error is None or bool(said & {429, 503}) or "should-retry-true" in fault.id


def assert_allowed(outcome, allowed):
    """Fail if a call came to anything that it may not."""
    kind = VALUE if outcome.error is None else type(outcome.error)
    assert kind in allowed, outcome.what


def assert_right(record, generation_id, fault=None):
    """Fail if a record is not the one asked for, or says what was not sent."""
    reads = {"id": generation_id, "total_cost": COST, **(fault.reads if fault else {})}
    for name, expected in reads.items():
        if expected is FieldError:
            with pytest.raises(FieldError):
                getattr(record, name)
        else:
            assert getattr(record, name) == expected


def assert_typed(error, fault):
    """Fail if an error is not ours, says the wrong thing, does not pickle, or shows the key."""
    assert isinstance(error, ModelGatesError)
    assert leaks.of_error(error) == []
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), str(twin), repr(twin)) == (type(error), str(error), repr(error))
    assert {name: getattr(error, name) for name in fault.says} == fault.says
    assert str(error).isprintable()


def assert_attempts(outcome, fault, server):
    """Fail if there were more or fewer attempts than there should be, or the error lies of them."""
    seen = max(server.asked, 1)
    made = getattr(outcome.error, "attempts", seen)
    assert made >= seen
    assert made <= 1 + fault.options.get("max_retries", 1)
    assert fault.attempts in {None, made}


def test_names_are_unique():
    """So that a failure names its fault."""
    counts = Counter(fault.id for fault in FAULTS)
    assert [name for name, count in counts.items() if count > 1] == []


def test_the_table_names_each_class_with_its_count():
    """README.md says what there is, and nothing else."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", text, re.MULTILINE)
    assert {name: int(count) for name, count in rows} == Counter(fault.kind for fault in FAULTS)
    assert f"{len(FAULTS)} faults" in text


def test_each_client_posts_under_each_kind_of_fault():
    """But for what it cannot meet."""
    met = {(fault.kind, flavour) for fault, flavour in by_turns()}
    bearable = {(fault.kind, one) for fault in FAULTS for one in FLAVOURS if is_met(fault, one)}
    assert bearable - met == set()


def test_what_is_weaker_is_told():
    """README.md names each endless head, and counts the answers with something behind them."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in ENDLESS_HEADS)
    kinds = Counter(fault.kind for fault in FAULTS if fault.id in BEYOND_ANSWERS)
    assert kinds.total() == len(BEYOND_ANSWERS)
    assert ", ".join(f"{count} of `{kind}`" for kind, count in kinds.items()) in text


def test_the_key_is_recognised_in_disguise():
    """The suite's own check would notice a key however it is escaped, and one that is cut off."""
    escaped = "".join(f"\\u{ord(char):04x}" for char in KEY)
    for text in (KEY, escaped, repr(escaped), KEY.replace("/", "\\/"), KEY.replace("/", "%2F")):
        assert leaks.shows(f"x {text} y")
    assert leaks.shows(KEY[:-3])
    assert not leaks.shows("sk-mg-another-key")
