"""Checking a recorded line, which contains the status and body of a response. Pure.

A line is one JSON object. Its names alone decide its format, in this order:

1. `body`, with `status_code` or `status`: an exchange. The body is JSON, or a string with its
   original text. `operation` may name an operation of the spec by its `operationId`; without it,
   the exchange is checked as one for a record. Other names are ignored.
2. `data`: the whole body of a 200.
3. `error`, without `id`: the whole body of an error. Its status is `error.code` if that is within
   400 to 599; otherwise it is checked against the schema of errors alone.
4. `id`: a record, as printed by `modelgates get --json`; it is checked as `/data`.
"""

from itertools import chain
from typing import Any, Final

from modelgates_api.api import OPERATIONS
from modelgates_client.conformance.checking import (
    RECORD,
    Checked,
    check,
    repeated_names,
    unreadable_line,
)
from modelgates_runtime.drift import json_type
from modelgates_runtime.parsing import parse_json
from modelgates_runtime.values import is_object

_SUCCESS: Final = 200
_STATUSES: Final = range(100, 1000)  # three digits: RFC 9110, section 15
_ERROR_CODES: Final = range(400, 600)


def check_line(line: bytes) -> Checked:
    """Check a recorded line against the spec; a line that is not a response deviates, too."""
    try:
        source = parse_json(line)
    except ValueError:
        return unreadable_line("invalid JSON")
    if not is_object(source):
        return unreadable_line(json_type(source))
    checked = _check_object(source)
    repeated = repeated_names(line)
    return checked._replace(deviations=chain(repeated, checked.deviations)) if repeated else checked


def _check_object(source: dict[str, Any]) -> Checked:
    if "body" in source and ("status_code" in source or "status" in source):
        return _check_exchange(source)
    if "data" in source:
        return check(_SUCCESS, source)
    if "error" in source and "id" not in source:
        return check(_code(source["error"]), source)
    if "id" in source:
        return check(_SUCCESS, {"data": source})
    return unreadable_line("an object without body, data, error or id")


def _check_exchange(source: dict[str, Any]) -> Checked:
    status, body = source.get("status_code", source.get("status")), source["body"]
    if not _is_one_of(_STATUSES, status):
        return unreadable_line("an exchange whose status is not an HTTP status")
    name = source.get("operation", RECORD.id)
    if not isinstance(name, str) or name not in OPERATIONS:
        return unreadable_line("an exchange of an operation that the spec does not have")
    # Lone surrogates become invalid UTF-8, which is reported as invalid JSON.
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return check(status, content, OPERATIONS[name])


def _code(error: Any) -> int | None:
    code = error.get("code") if is_object(error) else None
    return code if _is_one_of(_ERROR_CODES, code) else None


def _is_one_of(numbers: range, value: Any) -> bool:
    """Whether a JSON value is an integer within a range; 1.0 and true do not count."""
    return type(value) is int and value in numbers
