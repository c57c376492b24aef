"""Checks that a decoded body yields the sent values, and that drift lists every deviation."""

from backtesting.fidelity import AttributeReader, Runtime, differences, examine

from modelgates_runtime.errors import FieldError

from .strategies import deviations

READER = AttributeReader(FieldError)
RUNTIME = Runtime(lambda record: list(record.drift), lambda record: record.to_dict())


def check(schema, sent, record):
    """Fail if an attribute is not of its type, a deviation is hidden, or data is lost."""
    findings, drift = examine(record, type(record), sent, READER, RUNTIME)
    assert findings.wrong_values == []
    assert findings.losses == []
    listed = {entry.pointer: entry.kind for entry in drift}
    assert listed == deviations(schema, sent)
    unreadable = set(findings.unreadable)
    assert unreadable == {
        at for at, kind in listed.items() if kind in {"null", "type"} or at in unreadable
    }


def same(left, right):
    """Whether two JSON values are equal; true is not 1."""
    return not any(differences(left, right))
