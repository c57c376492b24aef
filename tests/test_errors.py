"""The errors: their class tree, their pickles, and text of a server in their messages."""

import copy
import inspect
import pickle

import pytest
from hypothesis import given, settings, strategies as st

import modelgates_client
from modelgates_api.models import ErrorResponse
from modelgates_client import Generation, ModelGatesError, RateLimit, Response, errors
from modelgates_client.errors import STATUS_ERRORS, status_error
from modelgates_client.records.generation import GenerationResponse
from modelgates_runtime.drift import Drift

HOSTILE = st.text() | st.sampled_from(
    ["\x1b[2J", "a\nb", "\r\x00", "\u202egnp", "\ud800", "\x9b31m", "\u2028", "\x7f", "%s{}"]
)
COUNTS = st.integers(0, 9)
JSON = st.dictionaries(HOSTILE, HOSTILE | COUNTS | st.none(), max_size=2)
DRIFT = st.builds(Drift, HOSTILE, st.just("type"), HOSTILE, HOSTILE, HOSTILE)
RESPONSES = st.builds(
    Response,
    JSON.map(lambda record: GenerationResponse(data=Generation.from_dict(record))),
    COUNTS,
    st.just({}),
    st.binary(),
    COUNTS,
    COUNTS,
)

#: A strategy for each argument of an error, by its name.
ARGUMENTS = {
    "message": HOSTILE,
    "attempts": COUNTS,
    "host": st.text(),
    "status_code": st.integers(100, 999),
    "body": HOSTILE,
    "code": st.none() | st.integers(),
    "metadata": st.none() | JSON,
    "user_id": st.none() | HOSTILE,
    "request_id": st.none() | HOSTILE,
    "retry_after": st.none() | st.floats(0, 1e9),
    "drift": st.lists(DRIFT, max_size=5).map(tuple),
    "generation_id": HOSTILE,
    "rate_limit": st.none() | st.builds(RateLimit, COUNTS, COUNTS, st.floats(0, 1e5)),
    "parsed": st.none() | JSON.map(ErrorResponse.from_dict),
    "elapsed_s": st.floats(0, 1e5),
    "response": st.none() | RESPONSES,
    "last_error": st.none()
    | st.builds(modelgates_client.RateLimitError, HOSTILE, st.just(429))
    | st.builds(modelgates_client.APITimeoutError, HOSTILE, COUNTS),
    "name": HOSTILE,
    "pointer": HOSTILE,
    "expected": HOSTILE,
    "found": HOSTILE,
}

EXPORTED = [getattr(modelgates_client, name) for name in modelgates_client.__all__]
CLASSES = [
    value for value in EXPORTED if isinstance(value, type) and issubclass(value, ModelGatesError)
]


def parameters(kind):
    """Return the names of an error's arguments; an error without its own constructor has one."""
    if kind.__init__ is Exception.__init__:
        return ["message"]
    return list(inspect.signature(kind).parameters)


def errors_of(kind):
    """Return a strategy of errors of a class, with complete positional arguments."""
    return st.tuples(*(ARGUMENTS[name] for name in parameters(kind))).map(lambda args: kind(*args))


ERRORS = st.sampled_from(CLASSES).flatmap(errors_of)


def documented_tree():
    """Return the parent of each class in the module's docstring, and the text next to it."""
    parents, texts, path = {}, {}, []
    for line in errors.__doc__.splitlines():
        name, _, text = line.lstrip("├└│─ ").partition(" ")
        if not name.endswith("Error") or line.startswith("Every"):
            continue
        depth = (len(line) - len(line.lstrip("├└│─ "))) // 4
        del path[depth:]
        parents[name] = path[-1] if path else "Exception"
        texts[name] = text.strip()
        path.append(name)
    return parents, texts


def test_the_docstring_draws_the_tree_of_errors():
    """All public errors, each under its base class, and no other."""
    parents, _ = documented_tree()
    assert parents == {kind.__name__: kind.__base__.__name__ for kind in CLASSES}
    assert len(CLASSES) == 22


def test_each_status_has_the_class_in_the_docstring():
    """Other statuses have the class of their range."""
    _, texts = documented_tree()
    drawn = {int(text): name for name, text in texts.items() if text.isdigit()}
    assert drawn == {status: kind.__name__ for status, kind in STATUS_ERRORS.items()}
    for status in range(1000):
        expected = "ServerError" if 500 <= status <= 599 else "APIStatusError"
        assert status_error(status).__name__ == drawn.get(status, expected)


@pytest.mark.parametrize("kind", CLASSES)
def test_arguments_are_positional_and_complete(kind):
    """So that errors can be pickled; each argument is an attribute, except `Exception`'s."""
    names = parameters(kind)
    assert set(names) <= ARGUMENTS.keys()
    values = tuple(object() for _ in names)
    error = kind(*values)
    assert error.args == values
    if kind.__init__ is not Exception.__init__:
        assert vars(error) == dict(zip(names, values, strict=True))


@given(ERRORS, st.sampled_from(range(pickle.HIGHEST_PROTOCOL + 1)))
def test_errors_can_be_pickled(error, protocol):
    """With class, arguments, message and attributes."""
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert comparable(twin.args) == comparable(error.args)
        assert comparable(tuple(vars(twin).items())) == comparable(tuple(vars(error).items()))


def comparable(value):
    """Return a value with the errors in it, which are only equal to themselves, as their parts."""
    if isinstance(value, tuple):
        return [comparable(part) for part in value]
    if isinstance(value, Exception):
        return type(value), comparable(value.args)
    return value


WITH_MESSAGE = [kind for kind in CLASSES if kind.__init__ is not Exception.__init__]


@pytest.mark.parametrize("kind", WITH_MESSAGE)
@given(st.data())
@settings(max_examples=30)
def test_hostile_text_cannot_control_a_terminal(kind, data):
    """The message is one line without control characters."""
    assert str(data.draw(errors_of(kind))).isprintable()


@pytest.mark.parametrize("kind", CLASSES)
def test_the_message_is_not_the_tuple_of_arguments(kind):
    """Except for errors whose only argument is the message."""
    error = kind(*("words" if name in {"message", "name"} else 7 for name in parameters(kind)))
    if kind is modelgates_client.ResponseValidationError:
        error.drift = ()
    if kind is modelgates_client.GenerationNotReadyError:
        error.response = None
    assert not str(error).startswith("(")
    assert "words" in str(error) or kind is modelgates_client.GenerationNotReadyError


def test_the_message_has_the_number_of_attempts():
    """If there was more than one."""
    error = modelgates_client.ServerError("no", 503, 3, request_id="r-1")
    assert str(error) == "HTTP 503: no (3 attempts) (request r-1)"
    assert str(modelgates_client.ServerError("no", 503)) == "HTTP 503: no"
    assert str(modelgates_client.APIConnectionError("gone", 2)) == "gone (2 attempts)"


def test_the_message_shows_a_few_deviations():
    """The attribute has all of them."""
    drift = tuple(Drift(f"/{at}", "type", "string", "integer") for at in range(5))
    error = modelgates_client.ResponseValidationError("5 deviations", 200, 1, "", None, drift)
    assert str(error).count("expected string") == 3
    assert "and 2 more" in str(error)
    error = modelgates_client.ResponseValidationError("3 deviations", 200, 1, "", None, drift[:3])
    assert "more" not in str(error)
