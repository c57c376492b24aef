"""Faults of JSON encoders: invalid JSON, missing records, and records with invalid fields."""

import json
from functools import partial

from modelgates_client import FieldError, ResponseValidationError

from .faults import VALUE, Fault, play
from .wire import COST, ID, OTHER_ID, WRONG_COST, body, record, response

_fault = partial(Fault, "json")
_record = partial(Fault, "record")

_NO_RECORD = (ResponseValidationError,)
_MAYBE = (VALUE, ResponseValidationError)
_BODY = body()


def _bad(name: str, content: bytes) -> Fault:
    return _fault(name, play(response(content)), _NO_RECORD, error_attributes={"status_code": 200})


def _maybe(name: str, content: bytes) -> Fault:
    return _fault(name, play(response(content)), _MAYBE)


def _raw(field: str, text: bytes) -> bytes:
    """Return a body with this text as the value of a field, valid JSON or not."""
    marked = body(**{field: "@"})
    return marked.replace(b'"@"', text)


def _with(name: str, **changes: object) -> Fault:
    """Change fields whose values may differ; the record is still the requested one."""
    return _record(name, play(response(body(**changes))), (VALUE,), 1)


def _unreadable(name: str, field: str, text: bytes) -> Fault:
    """Send a value of another type for a field: reading it must raise."""
    return _record(
        name, play(response(_raw(field, text))), (VALUE,), 1, record_attributes={field: FieldError}
    )


def _either(name: str, field: str, text: bytes) -> Fault:
    """Like `_unreadable`, but the whole body may also be rejected as invalid JSON (RFC 8259)."""
    return _record(
        name, play(response(_raw(field, text))), _MAYBE, record_attributes={field: FieldError}
    )


JSON = (
    _bad("empty", b""),
    _bad("white-space", b" \r\n\t "),
    _bad("truncated-at-half", _BODY[: len(_BODY) // 2]),
    _bad("truncated-last-brace", _BODY[:-1]),
    _bad("truncated-in-number", _BODY[: _BODY.index(b"3.452e-05") + 3]),
    _bad("truncated-in-text", _BODY[: _BODY.index(b"llama") + 2]),
    _bad("not-utf-8", _raw("model", b'"\xff\xfe"')),
    _bad("latin-1", _raw("model", '"modèle"'.encode("latin-1"))),
    _bad("overlong-utf-8", _raw("model", b'"\xc0\xaf"')),
    _bad("surrogate-bytes", _raw("model", b'"\xed\xa0\x80"')),
    _maybe("byte-order-mark", b"\xef\xbb\xbf" + _BODY),
    _maybe("utf-16", _BODY.decode().encode("utf-16")),
    _maybe("utf-16-be", _BODY.decode().encode("utf-16-be")),
    _maybe("utf-32", _BODY.decode().encode("utf-32")),
    _bad("trailing-garbage", _BODY + b" and so on"),
    _bad("trailing-nul", _BODY + b"\x00"),
    _bad("leading-nul", b"\x00" + _BODY),
    _bad("two-documents", _BODY + body(OTHER_ID)),
    _bad("two-lines", _BODY + b"\n" + _BODY),
    _bad("single-quotes", _BODY.replace(b'"', b"'")),
    _bad("bare-keys", _BODY.replace(b'"data"', b"data", 1)),
    _bad("trailing-comma", _BODY[:-1] + b",}"),
    _bad("comments", b"/* hello */" + _BODY),
    _bad("python-words", _BODY.replace(b"null", b"None").replace(b"false", b"False")),
    _bad("jsonp", b"callback(" + _BODY + b");"),
    _bad("hijacking-guard", b")]}',\n" + _BODY),
    _bad("event-stream", b"data: " + _BODY + b"\n\n"),
    _bad("xml", b"<?xml version='1.0'?><data/>"),
    _bad("raw-control-in-text", _raw("model", b'"a\nb"')),
    _bad("bad-escape", _raw("model", rb'"\x41"')),
    _bad("bad-unicode-escape", _raw("model", rb'"\u12"')),
    _bad("hexadecimal-number", _raw("latency", b"0x10")),
    _bad("leading-zero", _raw("latency", b"010")),
    _bad("leading-plus", _raw("latency", b"+1")),
    _bad("bare-point", _raw("latency", b".5")),
    _bad("depth-100000", b"[" * 100_000),
    _bad("depth-100000-closed", b"[" * 100_000 + b"]" * 100_000),
    _bad("depth-100000-objects", b'{"data":' * 100_000 + b"1" + b"}" * 100_000),
    _bad("depth-in-record", _raw("extra", b"[" * 100_000 + b"]" * 100_000)),
    *(
        _bad(f"top-{name}", content)
        for name, content in [
            ("array", b"[" + _BODY + b"]"),
            ("string", json.dumps(_BODY.decode()).encode()),
            ("null", b"null"),
            ("number", b"7"),
            ("true", b"true"),
            ("object", b"{}"),
            ("nan", b"NaN"),
            ("5000-digits", b"9" * 5000),
        ]
    ),
    *(
        _bad(f"data-{name}", b'{"data": ' + content + b"}")
        for name, content in [
            ("null", b"null"),
            ("list", b"[" + _BODY + b"]"),
            ("text", b'"gen-1"'),
            ("number", b"1"),
            ("false", b"false"),
            ("empty", b"{}"),
            ("nested", _BODY),
        ]
    ),
)

RECORD = (
    *(
        _record(f"id-{name}", play(response(_raw("id", text))), _NO_RECORD)
        for name, text in [
            ("null", b"null"),
            ("number", b"1771967973"),
            ("empty", b'""'),
            ("list", b'["gen-1"]'),
            ("upper-case", ID.upper().encode().join([b'"'] * 2)),
            ("with-space", b'"%s "' % ID.encode()),
            ("prefix", b'"gen-1771967973"'),
            ("with-nul", b'"%s\\u0000"' % ID.encode()),
        ]
    ),
    _record(
        "id-missing",
        play(response(body().replace(b'"id": "gen-177', b'"ID": "gen-177', 1))),
        _NO_RECORD,
    ),
    _record("id-of-another", play(response(body(OTHER_ID))), _NO_RECORD),
    _record(
        "id-escaped", play(response(_raw("id", b'"\\u0067%s"' % ID[1:].encode()))), (VALUE,), 1
    ),
    _record("id-twice", play(response(_raw("id", b'"x", "id": "%s"' % ID.encode()))), _MAYBE),
    _record("id-in-source", play(response(body(OTHER_ID, request_id=ID))), _NO_RECORD),
    _record(
        "keys-twice", play(response(_raw("total_cost", b'666.0, "total_cost": %r' % COST))), _MAYBE
    ),
    _record(
        "data-twice",
        play(
            response(
                b'{"data": '
                + json.dumps(record(OTHER_ID, total_cost=WRONG_COST)).encode()
                + b", "
                + _BODY[1:]
            )
        ),
        _MAYBE,
    ),
    _with("field-undeclared", tier="gold"),
    _with("field-undeclared-odd-name", **{"": 1, "a/b~c": 2, "__class__": 3, "__proto__": {}}),
    _with("fields-undeclared-many", **{f"new_{n}": n for n in range(2_000)}),
    _with("enum-unknown", api_type="telepathy"),
    _with("provider-unknown", provider_responses=[{"status": 200, "provider_name": "Nobody"}]),
    _with("providers-null", provider_responses=None),
    _with("text-surrogate", model="\ud800"),
    _with("text-nul", model="a\x00b"),
    _with("text-control", model="\x1b[31m\u202e"),
    _with("text-long", model="m" * 1_000_000),
    _unreadable("cost-text", "total_cost", b'"free"'),
    _unreadable("cost-null", "total_cost", b"null"),
    _unreadable("cost-flag", "total_cost", b"true"),
    _unreadable("cost-object", "total_cost", b'{"usd": 1}'),
    _either("cost-infinity", "total_cost", b"Infinity"),
    _either("cost-minus-infinity", "total_cost", b"-Infinity"),
    _either("cost-nan", "total_cost", b"NaN"),
    _either("cost-1e400", "total_cost", b"1e400"),
    _either("cost-5000-digits", "total_cost", b"9" * 5000),
    _either("cost-400-digits", "total_cost", b"9" * 400),
    _either("latency-nan", "latency", b"NaN"),
    _either("latency-1e999999", "latency", b"1e999999"),
    _either("tokens-5000-digits", "native_tokens_prompt", b"9" * 5000),
    _unreadable("tokens-fraction", "native_tokens_prompt", b"1.5"),
    _unreadable("tokens-text", "native_tokens_prompt", b'"64"'),
    _unreadable("model-number", "model", b"7"),
    _unreadable("streamed-text", "streamed", b'"true"'),
    _unreadable("providers-text", "provider_responses", b'"x"'),
    _unreadable("enum-number", "api_type", b"7"),
    _record(
        "cost-missing",
        play(response(body().replace(b'"total_cost"', b'"total_costs"'))),
        (VALUE,),
        1,
        record_attributes={"total_cost": FieldError},
    ),
    _record(
        "cost-0",
        play(response(body(total_cost=0))),
        (VALUE,),
        1,
        record_attributes={"total_cost": 0.0},
    ),
    _record(
        "cost-negative",
        play(response(body(total_cost=-1e-9))),
        (VALUE,),
        1,
        record_attributes={"total_cost": -1e-9},
    ),
    _record(
        "cost-smallest",
        play(response(_raw("total_cost", b"5e-324"))),
        (VALUE,),
        1,
        record_attributes={"total_cost": 5e-324},
    ),
    _record(
        "cost-1e-999",
        play(response(_raw("total_cost", b"1e-999"))),
        _MAYBE,
        record_attributes={"total_cost": 0.0},
    ),
    _record(
        "cost-minus-0",
        play(response(_raw("total_cost", b"-0.0"))),
        (VALUE,),
        1,
        record_attributes={"total_cost": 0.0},
    ),
    _record(
        "cost-long-fraction",
        play(response(_raw("total_cost", b"0.5" + b"0" * 5000))),
        (VALUE,),
        record_attributes={"total_cost": 0.5},
    ),
    _record(
        "strict-undeclared",
        play(response(body(tier="gold"))),
        _NO_RECORD,
        options={"validation": "strict"},
    ),
    _record(
        "strict-as-documented", play(response(_BODY)), (VALUE,), 1, options={"validation": "strict"}
    ),
)
