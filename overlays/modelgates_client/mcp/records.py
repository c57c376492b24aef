"""What is answered of a generation: its figures, and how its cost comes about."""

from typing_extensions import TypedDict  # which pydantic asks for before Python 3.12

from modelgates_client.mcp.results import Untrusted, digits, untrusted
from modelgates_client.records.attempts import Attempts
from modelgates_client.records.field_access import field_or_none, number_or_none
from modelgates_client.records.generation import Generation
from modelgates_client.records.money import Cost, format_usd

_TEXTS = ("model", "provider_name", "finish_reason", "service_tier", "api_type", "router")


class GenerationResult(TypedDict):
    """A generation. Amounts in US dollars, durations in milliseconds, null is not known."""

    is_final: bool
    created: str | None
    charged_usd: str | None
    upstream_usd: str | None
    all_in_usd: str | None
    cache_saving_usd: str | None
    is_own_key: bool | None
    tokens_prompt_billed: float | None
    tokens_completion_billed: float | None
    tokens_cached: float | None
    tokens_reasoning: float | None
    latency_ms: float | None
    generation_ms: float | None
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
    """How the cost of a generation comes about, and who was tried."""

    all_in_usd: str | None
    is_final: bool
    statements: list[str]
    attempts_known: bool
    attempts: list[AttemptInfo]
    time_lost_ms: float | None


def answer(record: Generation) -> GenerationResult:
    """Return what a record says."""
    cost, created = record.cost, record.created
    texts = {name: untrusted(field_or_none(record, name, str)) for name in _TEXTS}
    found: GenerationResult = {
        "is_final": record.is_final,
        "created": None if created is None else created.isoformat(),
        "charged_usd": digits(cost.charged),
        "upstream_usd": digits(cost.upstream),
        "all_in_usd": digits(cost.all_in),
        "cache_saving_usd": digits(cost.cache_saving),
        "is_own_key": field_or_none(record, "is_byok", bool),
        "tokens_prompt_billed": number_or_none(record, "native_tokens_prompt"),
        "tokens_completion_billed": number_or_none(record, "native_tokens_completion"),
        "tokens_cached": number_or_none(record, "native_tokens_cached"),
        "tokens_reasoning": number_or_none(record, "native_tokens_reasoning"),
        "latency_ms": number_or_none(record, "latency"),
        "generation_ms": number_or_none(record, "generation_time"),
        "is_cancelled": field_or_none(record, "cancelled", bool),
        "texts": {name: text for name, text in texts.items() if text is not None},
        "not_known": [],
        "deviations_from_spec": len(record.drift),
    }
    found["not_known"] = [name for name, value in found.items() if value is None]
    return found


def explanation(record: Generation) -> Explanation:
    """Return how a cost comes about."""
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
    said = [f"The account was charged {format_usd(cost.charged)}."]
    if own_key:
        said.append(
            f"The provider billed {format_usd(cost.upstream)} besides, to your own key: "
            f"{format_usd(cost.all_in)} all in."
        )
    elif own_key is None:
        said.append("Whether your own key was billed besides is not known, so neither is the sum.")
    else:
        said.append("No key of your own was billed: that is all there is to pay.")
    saving = cost.cache_saving
    if saving is not None and saving < 0:
        said.append(f"Writing to the cache cost {format_usd(saving.copy_abs())} more.")
    elif saving:
        said.append(f"Caching saved {format_usd(saving)}, which is off the charge already.")
    if cost.charged == 0:
        said.append("A charge of 0 is a free generation, not an unknown cost.")
    if not record.is_final:
        said.append("The record is not final: its figures may still change.")
    return said


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
