"""Parsing JSON, with either parser."""

import importlib.util
import json
import math
import sys
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from modelgates_runtime import parsing
from modelgates_runtime.parsing import check_depth, parse_json

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=8,
)


def outcome(loads, content):
    """Return what a parser makes of bytes: every type, every digit; None if it refuses."""
    try:
        return repr(loads(content))
    except (ValueError, msgspec.MsgspecError):
        return None


@pytest.mark.slow("hundreds of documents, read twice")
@given(
    DOCUMENTS.map(lambda value: json.dumps(value).encode()),
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(b'[]{}",:0-.eE+1\\ud9\xed\x80\x00\n tN'))
    ),
)
@settings(max_examples=500)
def test_msgspec_agrees_with_json_or_rejects_the_document(content, edits):
    """The result does not depend on which parser is installed."""
    changed = bytearray(content)
    for place, byte in edits:
        changed[place : place + 1] = bytes([byte])
    read = outcome(msgspec.json.decode, bytes(changed))
    assert read in {None, outcome(parsing._loads, bytes(changed))}


def parse_by(monkeypatch, loads):
    """Use one of the parsers."""
    _, rejections = parsing.fast_parser()
    monkeypatch.setattr(parsing, "fast_parser", lambda: (loads, rejections))


@pytest.mark.parametrize("content", [b"-0", b"-0.0", b"1E400", b"9" * 4300, b"1.5e-400", b"1e5"])
def test_numbers_are_the_same_with_both_parsers(monkeypatch, content):
    """Signs of zero, integers of any size and numbers beyond a double."""
    parse_by(monkeypatch, msgspec.json.decode)
    with_msgspec = repr(parse_json(content))
    parse_by(monkeypatch, parsing._loads)
    assert repr(parse_json(content)) == with_msgspec == repr(json.loads(content))


@pytest.mark.parametrize("content", [b"NaN", b"[Infinity]", b'{"a": -Infinity}'])
@pytest.mark.parametrize("loads", [msgspec.json.decode, parsing._loads])
def test_python_constants_are_rejected(monkeypatch, loads, content):
    """NaN and the infinities are Python's extension, not JSON."""
    parse_by(monkeypatch, loads)
    with pytest.raises(ValueError, match="not a JSON value"):
        parse_json(content)


@pytest.mark.parametrize("loads", [msgspec.json.decode, parsing._loads])
@pytest.mark.parametrize("before", [b"", b'["\\ud800",', b"[1e999,"])
def test_nesting_beyond_the_stack_is_rejected(monkeypatch, loads, before):
    """Even if the first parser failed earlier for another reason."""
    parse_by(monkeypatch, loads)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(before + b"[" * 200_000)


def loaded_with(monkeypatch, parser):
    """Return the module as it is with this `msgspec`; None means that it is not installed."""
    monkeypatch.setitem(sys.modules, "msgspec", parser)
    spec = importlib.util.spec_from_file_location(
        "modelgates_runtime._parsing_again", parsing.__file__
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("is_installed", [True, False])
def test_msgspec_is_used_if_it_is_installed(monkeypatch, is_installed):
    """Otherwise the standard library's strict parser is used."""
    module = loaded_with(monkeypatch, msgspec if is_installed else None)
    loads, _ = module.fast_parser()
    assert loads is (msgspec.json.decode if is_installed else module._loads)


class FakeError(Exception):
    """msgspec's errors before 0.21: no ValueErrors."""


def fake_msgspec(decode):
    """Return a `msgspec` of another version."""
    return SimpleNamespace(MsgspecError=FakeError, json=SimpleNamespace(decode=decode))


def test_documents_that_an_old_msgspec_rejects_are_parsed_again(monkeypatch):
    """Its error is not a ValueError; the final error is."""

    def decode(content):
        if content.isdigit():
            return int(content)
        raise FakeError("malformed")

    module = loaded_with(monkeypatch, fake_msgspec(decode))
    assert module.fast_parser()[0] is decode
    assert module.parse_json(b"[1]") == [1]
    with pytest.raises(ValueError, match="Expecting value"):
        module.parse_json(b"<html>upstream</html>")


def test_a_msgspec_that_rounds_integers_is_not_used(monkeypatch):
    """It did before 0.17; another package may have chosen it."""
    module = loaded_with(monkeypatch, fake_msgspec(float))
    assert module.parse_json(b"18446744073709551617") == 2**64 + 1


def test_a_number_beyond_a_double_is_infinite():
    """The parser accepts it, the decoder of numbers does not."""
    assert parse_json(b"1e999") == math.inf


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_depth_is_bounded(opening):
    """A hundred levels pass, one more does not."""
    closing = "]" if opening == "[" else "}"

    def nested(levels):
        return json.loads(opening * (levels - 1) + "[]" + closing * (levels - 1))

    assert check_depth(nested(99)) == nested(99)
    with pytest.raises(ValueError, match="nested deeper than 100 levels"):
        check_depth(nested(101))
