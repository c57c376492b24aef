"""Tool results about a generation: its values, and an explanation of its cost."""

from typing_extensions import TypedDict  # which pydantic asks for before Python 3.12

from modelgates_client.mcp.results import Untrusted, digits, untrusted
from modelgates_client.records.attempts import Attempts
from modelgates_client.records.field_access import field_or_none, number_or_none
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd

_TEXTS = ("model", "provider_name", "finish_reason", "service_tier", "api_type", "router")


class GenerationResult(TypedDict):
    """A generation. Amounts are in US dollars, durations in milliseconds; null means unknown."""

    is_final: bool
    created: str | None
    charged_usd: str | None
    upstream_usd: str | None
    all_in_usd: str | None
    cache_saving_usd: str | None
    is_own_key: bool | None
    native_tokens_prompt: float | None
    native_tokens_completion: float | None
    native_tokens_cached: float | None
    native_tokens_reasoning: float | None
    latency_ms: float | None
    generation_time_ms: float | None
    is_cancelled: bool | None
    texts: dict[str, Untrusted]
    not_known: list[str]
    deviations_from_spec: int


class AttemptInfo(TypedDict):
    """An attempt of a provider to serve a generation."""

    provider: Untrusted | None
    status: int | None
    latency_ms: float | None
    has_served: bool


class Explanation(TypedDict):
    """An explanation of a generation's cost, with the providers that were tried."""

    all_in_usd: str | None
    is_final: bool
    statements: list[str]
    attempts_known: bool
    attempts: list[AttemptInfo]
    time_lost_ms: float | None


def generation_result(record: Generation) -> GenerationResult:
    """Return the result for a record."""
    cost, created = record.cost, record.created
    texts = {name: untrusted(field_or_none(record, name, str)) for name in _TEXTS}
    result: GenerationResult = {
        "is_final": record.is_final,
        "created": None if created is None else created.isoformat(),
        "charged_usd": digits(cost.charged),
        "upstream_usd": digits(cost.upstream),
        "all_in_usd": digits(cost.all_in),
        "cache_saving_usd": digits(cost.cache_saving),
        "is_own_key": field_or_none(record, "is_byok", bool),
        "native_tokens_prompt": number_or_none(record, "native_tokens_prompt"),
        "native_tokens_completion": number_or_none(record, "native_tokens_completion"),
        "native_tokens_cached": number_or_none(record, "native_tokens_cached"),
        "native_tokens_reasoning": number_or_none(record, "native_tokens_reasoning"),
        "latency_ms": number_or_none(record, "latency"),
        "generation_time_ms": number_or_none(record, "generation_time"),
        "is_cancelled": field_or_none(record, "cancelled", bool),
        "texts": {name: text for name, text in texts.items() if text is not None},
        "not_known": [],
        "deviations_from_spec": len(record.drift),
    }
    result["not_known"] = [name for name, value in result.items() if value is None]
    return result


def explanation(record: Generation) -> Explanation:
    """Return the explanation of a record's cost."""
    attempts = record.attempts
    return {
        "all_in_usd": digits(record.cost.all_in),
        "is_final": record.is_final,
        "statements": _statements(record, record.cost),
        "attempts_known": attempts.known,
        "attempts": _attempts(attempts),
        "time_lost_ms": attempts.time_lost_ms,
    }


def _statements(record: Generation, cost: Cost) -> list[str]:
    own_key = field_or_none(record, "is_byok", bool)
    statements = [f"The account was charged {format_usd(cost.charged)}."]
    if own_key:
        statements.append(
            f"The provider also billed {format_usd(cost.upstream)} to your own key: "
            f"{format_usd(cost.all_in)} all in."
        )
    elif own_key is None:
        statements.append(
            "It is unknown whether your own key was billed, too, and so is the total."
        )
    else:
        statements.append("Your own key was not billed: the charge is the total.")
    saving = cost.cache_saving
    if saving is not None and saving < 0:
        statements.append(f"Writing to the cache cost {format_usd(saving.copy_abs())} more.")
    elif saving:
        statements.append(f"Caching saved {format_usd(saving)}, which the charge already reflects.")
    if cost.charged == 0:
        statements.append("A charge of 0 is a free generation, not an unknown cost.")
    if not record.is_final:
        statements.append("The record is not final: its values may still change.")
    return statements


def _attempts(attempts: Attempts) -> list[AttemptInfo]:
    served = attempts.served
    return [
        {
            "provider": untrusted(each.provider),
            "status": each.status,
            "latency_ms": each.latency_ms,
            "has_served": each is served,
        }
        for each in attempts
    ]
