"""Whether a decoded body lies: says what is not so, or hides what is."""

import pickle
import types
import typing
from copy import deepcopy

import attrs

from modelgates_api.errors import FieldError
from modelgates_api.runtime.model import Model

from .strategies import deviations


def check(schema, sent, record):
    """Fail if an attribute is not of its type, a deviation is hidden, or data is lost."""
    found = {entry.pointer: entry.kind for entry in record.drift}
    assert len(found) == len(record.drift)
    assert found == deviations(schema, sent)
    unreadable = set(check_types(record, ""))
    assert unreadable == {
        at for at, kind in found.items() if kind in {"null", "type"} or at in unreadable
    }
    assert same(record.to_dict(), sent)
    for twin in (pickle.loads(pickle.dumps(record)), deepcopy(record)):
        assert twin == record
        assert twin.drift == record.drift
    assert repr(record)


def check_types(record, at):
    """Fail if an attribute at any depth is not of its annotated type; yield unreadable ones."""
    hints = typing.get_type_hints(type(record))
    for field in attrs.fields(type(record)):
        yield from _check(
            lambda name=field.name: getattr(record, name), hints[field.name], f"{at}/{field.name}"
        )


def _check(read, hint, at):
    try:
        value = read()
    except FieldError as error:
        yield at if error.pointer.endswith(at) else f"{at}, which the error calls {error.pointer}"
        return
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kind = next((c for c in choices if isinstance(value, typing.get_origin(c) or c)), None)
    assert kind is not None, f"{at} is {value!r}, which is no {hint}"
    assert (
        type(value) is kind
        or isinstance(value, list | Model)
        or kind.__module__.startswith("modelgates")
    ), at
    if isinstance(value, Model):
        yield from check_types(value, at)
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from _check(
                lambda index=index: value[index], typing.get_args(kind)[0], f"{at}/{index}"
            )


def same(one, other):
    """Whether two JSON values are equal; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (one is other) if isinstance(one, bool) or isinstance(other, bool) else one == other
