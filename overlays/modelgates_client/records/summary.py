"""A record's summary for people: cost, tokens, timing, providers, drift."""

import html
from collections.abc import Iterator
from decimal import Decimal

from modelgates_client.records.attempts import Attempt
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import format_usd
from modelgates_runtime.errors import FieldError
from modelgates_runtime.values import printable

_UNKNOWN = "unknown"


def summarize(record: Generation) -> str:
    """Return a record as lines of text, safe to print to a terminal.

    Unknown values read "unknown", and unreadable ones "unreadable"; neither ever reads as zero.
    """
    lines = [*_head(record)]
    for title, texts in _rows(record):
        for index, text in enumerate(texts):
            lines.append(f"  {title if index == 0 else '':<10} {text}")
    return "\n".join(printable(line) for line in lines)


def summarize_as_html(record: Generation) -> str:
    """Return the summary as an HTML table, with the server's texts escaped."""
    head, *rest = [_escaped(line) for line in _head(record)]
    rows = [
        f'<tr><th style="text-align: left; vertical-align: top">{title}</th>'
        f'<td style="text-align: left">{"<br>".join(map(_escaped, texts))}</td></tr>'
        for title, texts in _rows(record)
    ]
    caption = "<br>".join([f"<strong>{head}</strong>", *rest])
    return f'<table><caption style="text-align: left">{caption}</caption>{"".join(rows)}</table>'


def _escaped(line: str) -> str:
    return html.escape(printable(line.strip()))


def _rows(record: Generation) -> Iterator[tuple[str, Iterator[str]]]:
    yield "Cost", _cost(record)
    yield "Tokens", _tokens(record)
    yield "Timing", _timing(record)
    yield "Served by", _served(record)
    yield "Drift", _drift(record)


def _head(record: Generation) -> Iterator[str]:
    yield f"{_read(record, 'id')}  {_read(record, 'model')}"
    yield f"  {_read(record, 'created_at')}, {_read(record, 'api_type')}"
    reason, cancelled = _read(record, "finish_reason"), _read(record, "cancelled")
    settled = "" if record.is_final else "; not final"
    yield f"  finish reason: {reason}; cancelled: {cancelled}{settled}"


def _cost(record: Generation) -> Iterator[str]:
    cost = record.cost
    yield f"{_dollars(cost.charged, record, 'total_cost')} charged"
    own_key = _read(record, "is_byok")
    if own_key == "yes":
        upstream = _dollars(cost.upstream, record, "upstream_inference_cost")
        yield f"{upstream} billed by the provider besides, to your own key"
        yield f"{format_usd(cost.all_in)} all in"
    elif own_key != "no":
        yield f"{own_key} whether your own key was billed besides"
    saving = cost.cache_saving
    shown = _dollars(saving, record, "cache_discount")
    if saving is not None and saving < 0:
        yield f"{format_usd(saving.copy_abs())} premium paid for writing to the cache"
    elif shown != _UNKNOWN:
        yield f"{shown} saved by caching"


def _tokens(record: Generation) -> Iterator[str]:
    prompt = _read(record, "native_tokens_prompt")
    completion = _read(record, "native_tokens_completion")
    yield f"{prompt} in, {completion} out, as the provider counts and bills them"
    cached = _read(record, "native_tokens_cached")
    reasoning = _read(record, "native_tokens_reasoning")
    yield f"{cached} cached, {reasoning} for reasoning"
    prompt = _read(record, "tokens_prompt")
    completion = _read(record, "tokens_completion")
    yield f"{prompt} in, {completion} out, normalised"


def _timing(record: Generation) -> Iterator[str]:
    yield f"latency {_read(record, 'latency', ' ms')}"
    yield f"generation {_read(record, 'generation_time', ' ms')}"


def _served(record: Generation) -> Iterator[str]:
    yield _read(record, "provider_name")
    attempts = record.attempts
    if not attempts.known:
        yield f"attempts {_read(record, 'provider_responses')}"
    for number, attempt in enumerate(attempts, 1):
        yield f"{number}. {_attempt(attempt)}"
    if len(attempts) > 1:
        lost_ms = attempts.time_lost_ms
        lost = _text(lost_ms if lost_ms is None else round(lost_ms, 3), " ms")
        yield f"{lost} lost on attempts that did not serve"


def _attempt(attempt: Attempt) -> str:
    latency = _text(attempt.latency_ms, " ms")
    return f"{_text(attempt.provider)}, status {_text(attempt.status)}, {latency}"


def _drift(record: Generation) -> Iterator[str]:
    drift = record.drift
    if not drift:
        yield "none: the record is as the spec says"
        return
    yield f"{len(drift)} deviation(s) from the spec"
    for entry in drift:
        yield str(entry)


def _dollars(amount: Decimal | None, record: Generation, name: str) -> str:
    """Return an amount as text; if there is none, "unknown" or "unreadable", from its field."""
    return _read(record, name) if amount is None else format_usd(amount)


def _read(record: Generation, name: str, unit: str = "") -> str:
    """Return a field as text; "unreadable" if reading fails, "unknown" if the spec lacks it."""
    try:
        return _text(getattr(record, name, None), unit)
    except FieldError:
        return "unreadable"


def _text(value: object, unit: str = "") -> str:
    if value is None:
        return _UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value}{unit}"
