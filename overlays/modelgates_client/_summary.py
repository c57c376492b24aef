"""A record as a person reads it: cost, tokens, timing, who served it, what drifted."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from modelgates_api.errors import FieldError
from modelgates_api.models import Generation, ProviderResponse
from modelgates_api.runtime.values import printable

_UNKNOWN = "unknown"


def summarize(record: Generation) -> str:
    """Return a record as lines of text, safe to print on a terminal.

    What is not known reads as "unknown", what is unreadable as such; nothing reads as zero that
    is not zero.
    """
    rows = [
        ("Cost", _cost(record)),
        ("Tokens", _tokens(record)),
        ("Timing", _timing(record)),
        ("Served by", _served(record)),
        ("Drift", _drift(record)),
    ]
    lines = [*_head(record)]
    for title, texts in rows:
        for index, text in enumerate(texts):
            lines.append(f"  {title if index == 0 else '':<10} {text}")
    return "\n".join(printable(line) for line in lines)


def _head(record: Generation) -> Iterator[str]:
    yield f"{_read(lambda: record.id)}  {_read(lambda: record.model)}"
    yield f"  {_read(lambda: record.created_at)}, {_read(lambda: record.api_type)}"
    reason, cancelled = _read(lambda: record.finish_reason), _read(lambda: record.cancelled)
    yield f"  finish reason: {reason}; cancelled: {cancelled}"


def _cost(record: Generation) -> Iterator[str]:
    yield f"{_read(lambda: _dollars(record.total_cost))} charged"
    own_key = _read(lambda: record.is_byok)
    if own_key == "yes":
        upstream = _read(lambda: _dollars(record.upstream_inference_cost))
        yield f"{upstream} billed by the provider besides, to your own key"
    elif own_key != "no":
        yield f"{own_key} whether your own key was billed besides"
    discount = _read(lambda: _dollars(record.cache_discount))
    if discount != _UNKNOWN:
        yield f"{discount} saved by caching (negative: a premium paid)"


def _tokens(record: Generation) -> Iterator[str]:
    prompt = _read(lambda: record.native_tokens_prompt)
    completion = _read(lambda: record.native_tokens_completion)
    yield f"{prompt} in, {completion} out, as the provider counts and bills them"
    cached = _read(lambda: record.native_tokens_cached)
    reasoning = _read(lambda: record.native_tokens_reasoning)
    yield f"{cached} cached, {reasoning} for reasoning"
    prompt = _read(lambda: record.tokens_prompt)
    completion = _read(lambda: record.tokens_completion)
    yield f"{prompt} in, {completion} out, normalised"


def _timing(record: Generation) -> Iterator[str]:
    yield f"latency {_read(lambda: record.latency, ' ms')}"
    yield f"generation {_read(lambda: record.generation_time, ' ms')}"


def _served(record: Generation) -> Iterator[str]:
    yield _read(lambda: record.provider_name)
    try:
        attempts = record.provider_responses
    except FieldError:
        yield "attempts unreadable"
        return
    for number in range(len(attempts or [])):
        yield _attempt(number, attempts or [])


def _attempt(number: int, attempts: list[ProviderResponse]) -> str:
    provider = _read(lambda: attempts[number].provider_name)
    status = _read(lambda: attempts[number].status)
    latency = _read(lambda: attempts[number].latency, " ms")
    return f"{number + 1}. {provider}, status {status}, {latency}"


def _drift(record: Generation) -> Iterator[str]:
    drift = record.drift
    if not drift:
        yield "none: the record is as the spec says"
        return
    yield f"{len(drift)} deviation(s) from the spec"
    for entry in drift:
        yield str(entry)


def _dollars(amount: float | None) -> str | None:
    if amount is None:
        return None
    exact = Decimal(repr(amount)).normalize()
    return f"{'-' if exact < 0 else ''}${abs(exact):f}"


def _read(read: Callable[[], object], unit: str = "") -> str:
    """Return a field as text; what cannot be read says so."""
    try:
        value = read()
    except FieldError:
        return "unreadable"
    if value is None:
        return _UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value}{unit}"
