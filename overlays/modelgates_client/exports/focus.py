"""The rows as charges: the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification.

A charge is what one issuer bills for one generation. With an own key (BYOK) the provider sends a
bill as well, so such a generation is two charges with two issuers. Unknown amounts are not charges:
`ExportCounts` has the numbers of ids and records that are left out.

All 21 mandatory columns are present; so are those optional ones that records have values for, and
custom ones, `x_…`, for values that FOCUS has no column for. Where FOCUS requires a value that no
record has, the column is NULL, which a validator will report:

- `BillingAccountId`, unless it is passed; `BillingAccountName`;
- `PricingQuantity`, `PricingUnit`: a generation is priced by several kinds of tokens at once;
- `InvoiceIssuerName`, `ProviderName`, `ServiceName` of an upstream charge, and `PublisherName`,
  where the provider is not known.

`BilledCost`, `ContractedCost`, `EffectiveCost` and `ListCost` are all what was charged: records
contain neither list prices nor contracts. The billing period is the calendar month in UTC, the
charge period the hour in UTC in which the generation was created: records contain no other.
Conditional columns for regions, resources, SKUs, commitments, capacity and sub accounts are left
out.

Source: https://focus.finops.org/focus-specification/v1-2/
"""

import re
from typing import Final

from modelgates_client.exports.sql import literal
from modelgates_client.exports.tables import RECORDS, ExportTable
from modelgates_client.rows.column import Column, Kind
from modelgates_client.rows.columns import ALL_COLUMNS

VERSION: Final = "1.2"

#: The default issuer of what is charged to the account.
ISSUER: Final = "ModelGates"

_CHARGES: Final = f"""(
    SELECT *, unnest([
        {{'of': 'gateway', 'cost': charged_usd}},
        {{'of': 'upstream', 'cost': CASE WHEN is_byok THEN upstream_usd END}}
    ]) AS charge
    FROM rows WHERE {RECORDS} AND created_at IS NOT NULL
) WHERE charge.cost IS NOT NULL"""  # noqa: S608 - constants

_IS_GATEWAY: Final = "charge.of = 'gateway'"
_COST: Final = "charge.cost"
_SUM: Final = "(CAST(native_tokens_prompt AS HUGEINT) + native_tokens_completion)"
_TOKENS: Final = f"TRY_CAST({_SUM} AS BIGINT)"

#: Selects records whose number of tokens is unknown because it exceeds 64 bits.
TOO_MANY_TOKENS: Final = f"{_SUM} IS NOT NULL AND {_TOKENS} IS NULL"
_DESCRIPTION: Final = f"""
    'Generation' || coalesce(' by ' || model, '') || coalesce(', served by ' || served_by, '')
    || CASE WHEN {_IS_GATEWAY} THEN '' ELSE ', billed by the provider to an own key' END"""
_TAGS: Final = """CAST(json_merge_patch(coalesce(to_json(labels), '{}'), json_object(
    'modelgates/model', model, 'modelgates/provider', served_by,
    'modelgates/service_tier', service_tier, 'modelgates/app', CAST(app_id AS VARCHAR),
    'user', external_user, 'session', session_id)) AS VARCHAR)"""


def charges(issuer: str = ISSUER, billing_account: str | None = None) -> ExportTable:
    """Return the table of charges.

    Args:
        issuer: The issuer of what is charged to the account: the gateway.
        billing_account: The account's identifier there; None: not known.
    """
    account = "NULL" if billing_account is None else literal(billing_account)
    biller = f"CASE WHEN {_IS_GATEWAY} THEN {literal(issuer)} ELSE served_by END"
    columns: list[Column] = []
    values: dict[str, str] = {}
    overrides = {
        "BillingAccountId": f"CASE WHEN {_IS_GATEWAY} THEN CAST({account} AS VARCHAR) END",
        "InvoiceIssuerName": biller,
        "ProviderName": biller,
        "ServiceName": biller,
    }
    for name, kind, value, doc in _COLUMNS:
        columns.append(Column(name, kind, "US dollars" if kind == "usd" else None, None, doc))
        values[name] = overrides.get(name, value)
    words = set(re.findall(r"\w+", " ".join((_CHARGES, *values.values()))))
    needs = frozenset(column.name for column in ALL_COLUMNS if column.name in words)
    return ExportTable("charges", (*columns,), needs, values, _CHARGES)


def _gateway(value: str) -> str:
    """Return SQL that is NULL for upstream charges, so that quantities do not count twice."""
    return f"CASE WHEN {_IS_GATEWAY} THEN {value} END"


#: Name, kind, SQL (empty: see `charges`), and description.
_COLUMNS: Final[tuple[tuple[str, Kind, str, str], ...]] = (
    ("BilledCost", "usd", _COST, "What was charged"),
    ("BillingAccountId", "text", "", "As passed; null for an upstream charge, or if not passed"),
    ("BillingAccountName", "text", "CAST(NULL AS VARCHAR)", "Null: no record contains it"),
    ("BillingCurrency", "text", "'USD'", "USD"),
    (
        "BillingPeriodStart",
        "time",
        "date_trunc('month', created_at)",
        "The beginning of the month in UTC (included)",
    ),
    (
        "BillingPeriodEnd",
        "time",
        "date_trunc('month', created_at) + INTERVAL 1 MONTH",
        "The end of the month in UTC (excluded)",
    ),
    ("ChargeCategory", "text", "'Usage'", "Usage"),
    ("ChargeClass", "text", "CAST(NULL AS VARCHAR)", "Null: not a correction of an earlier period"),
    ("ChargeDescription", "text", _DESCRIPTION, "Which model, and who served it"),
    ("ChargeFrequency", "text", "'Usage-Based'", "Usage-Based"),
    (
        "ChargePeriodStart",
        "time",
        "date_trunc('hour', created_at)",
        "The beginning of the hour in UTC in which the generation was created (included)",
    ),
    (
        "ChargePeriodEnd",
        "time",
        "date_trunc('hour', created_at) + INTERVAL 1 HOUR",
        "The end of that hour (excluded)",
    ),
    (
        "ConsumedQuantity",
        "integer",
        _gateway(_TOKENS),
        "Native tokens, prompt and completion; null if beyond 64 bits, and for an upstream charge",
    ),
    (
        "ConsumedUnit",
        "text",
        _gateway(f"CASE WHEN {_TOKENS} IS NOT NULL THEN 'Tokens' END"),
        "Tokens",
    ),
    ("ContractedCost", "usd", _COST, "As BilledCost: records contain no contracts"),
    ("EffectiveCost", "usd", _COST, "As BilledCost: nothing was paid in advance"),
    ("InvoiceIssuerName", "text", "", "The gateway; for an upstream charge, the provider"),
    ("ListCost", "usd", _COST, "As BilledCost: records contain no list prices"),
    (
        "PricingQuantity",
        "usd",
        "CAST(NULL AS DECIMAL(38,24))",
        "Null: several kinds of tokens are priced at once",
    ),
    ("PricingUnit", "text", "CAST(NULL AS VARCHAR)", "Null, as PricingQuantity"),
    ("ProviderName", "text", "", "The gateway; for an upstream charge, the provider"),
    ("PublisherName", "text", "served_by", "The provider that served the generation"),
    ("ServiceCategory", "text", "'AI and Machine Learning'", "AI and Machine Learning"),
    ("ServiceName", "text", "", "The gateway; for an upstream charge, the provider"),
    ("ServiceSubcategory", "text", "'Generative AI'", "Generative AI"),
    (
        "Tags",
        "json",
        _TAGS,
        "JSON: labels, user, session, modelgates/model, provider, service_tier, app; those known",
    ),
    ("x_GenerationId", "text", "generation_id", "The generation"),
    (
        "x_Charge",
        "text",
        "charge.of",
        "gateway, or upstream: billed by the provider, with an own key",
    ),
    (
        "x_State",
        "text",
        "state",
        "final; provisional: it may still change; never-final: it is no longer requested",
    ),
    ("x_CreatedAt", "time", "created_at", "When the generation was created"),
    ("x_Model", "text", "model", "The model"),
    ("x_IsByok", "boolean", "is_byok", "Whether an own key was used"),
    ("x_PromptTokens", "integer", _gateway("native_tokens_prompt"), "Native prompt tokens"),
    (
        "x_CompletionTokens",
        "integer",
        _gateway("native_tokens_completion"),
        "Native completion tokens",
    ),
    ("x_CachedTokens", "integer", _gateway("native_tokens_cached"), "Of the prompt, from a cache"),
    (
        "x_ReasoningTokens",
        "integer",
        _gateway("native_tokens_reasoning"),
        "Of the completion, for reasoning",
    ),
    (
        "x_CacheSaving",
        "usd",
        _gateway("cache_saving_usd"),
        "What caching saved, already included in the cost; negative for a premium",
    ),
    ("x_LatencyMs", "number", "latency_ms", "The record's latency in milliseconds"),
    (
        "x_GenerationTimeMs",
        "number",
        "generation_time_ms",
        "The record's generation_time in milliseconds",
    ),
    ("x_FinishReason", "text", "finish_reason", "Why the generation ended"),
)
