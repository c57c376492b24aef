"""The figures of a report as plain values: sums with the records they leave out, spreads, rates."""

import datetime
from collections.abc import Iterable
from decimal import Decimal
from typing import Generic, Literal, NamedTuple, TypeVar

from attrs import frozen

from modelgates_client.ledger.control_totals import EXACT, TotalsDifference

N = TypeVar("N", Decimal, int)

#: What groups are sorted by: time and name ascending, everything else descending.
Sort = Literal["time", "cost", "charged", "records", "tokens", "latency", "name"]

#: The result of comparing a ledger with the account's activity, for one day and model.
Finding = Literal["same", "missing in the ledger", "missing in the account", "different cost"]


@frozen
class Total(Generic[N]):
    """A sum, and how many records it leaves out.

    Attributes:
        known: The sum over the records that have the value.
        unknown: How many records do not have it; their share is unknown, not 0.
    """

    known: N
    unknown: int


def sum_of_totals(totals: Iterable[Total[Decimal]]) -> Total[Decimal]:
    """Return the exact sum of totals."""
    known, unknown = Decimal(0), 0
    for total in totals:
        known = EXACT.add(known, total.known)
        unknown += total.unknown
    return Total(known, unknown)


@frozen
class Spread:
    """The quantiles of a measurement; None where no record has it.

    Quantiles between two measurements are interpolated linearly, as NumPy's `quantile` does.

    Attributes:
        count: How many records have the measurement.
        p50: The median.
        p95: The 95th percentile.
        p99: The 99th percentile.
    """

    count: int
    p50: float | None
    p95: float | None
    p99: float | None

    @property
    def quantiles(self) -> tuple[tuple[str, float | None], ...]:
        """The quantiles with their titles, in ascending order."""
        return (("p50", self.p50), ("p95", self.p95), ("p99", self.p99))


@frozen
class Group:
    """The figures of the records that share a key.

    Attributes:
        key: The values that the records share, in the order of the report's `by`; None: unknown.
        records: How many records there are.
        provisional: How many of them are not final: their figures may still change.
        never_final: How many of them did not become final and are no longer requested: they count
            with the figures that they state.
        charged_usd: What the account was charged.
        upstream_usd: What providers billed to your own keys (BYOK), in addition.
        all_in_usd: The sum of both.
        cache_saving_usd: What caching saved; negative for a premium.
        native_tokens_prompt: Native prompt tokens, as providers count and bill them.
        native_tokens_completion: Native completion tokens, as providers count and bill them.
        native_tokens_cached: The prompt tokens that came from a cache.
        native_tokens_reasoning: The completion tokens that were used for reasoning.
        latency_ms: The spec's `latency`.
        generation_time_ms: The spec's `generation_time`.
        native_tokens_per_second: Native completion tokens per second of generation.
    """

    key: tuple[str | None, ...]
    records: int
    provisional: int
    never_final: int
    charged_usd: Total[Decimal]
    upstream_usd: Total[Decimal]
    all_in_usd: Total[Decimal]
    cache_saving_usd: Total[Decimal]
    native_tokens_prompt: Total[int]
    native_tokens_completion: Total[int]
    native_tokens_cached: Total[int]
    native_tokens_reasoning: Total[int]
    latency_ms: Spread
    generation_time_ms: Spread
    native_tokens_per_second: Spread


@frozen
class UnresolvedCounts:
    """Ids that no total includes, because they have no record.

    The time in an id (`gen-<seconds>-…`) is within the period, or the id contains no time.

    Attributes:
        pending: Ids that were not requested yet, or whose record did not exist yet.
        failed: Ids whose record could not be fetched; retrying is not expected to help.
        errors: The errors of pending and failed ids with their counts, the most frequent first.
        forgotten: Ids that are no longer requested.
    """

    pending: int
    failed: int
    errors: tuple[tuple[str, int], ...]
    forgotten: int = 0


@frozen
class Provider:
    """The attempts of one provider, over all records that list attempts.

    Attributes:
        name: The provider; None: the attempts do not name it.
        attempts: How many attempts it had.
        failures: How many of them are known to have failed, with a status other than 2xx.
        served: How many generations it served: those whose last 2xx came from it.
        statuses: The count of each status, the most frequent first; None: unknown status.
        latency_ms: The latency of its attempts.
    """

    name: str | None
    attempts: int
    failures: int
    served: int
    statuses: tuple[tuple[int | None, int], ...]
    latency_ms: Spread


@frozen
class Fallback:
    """How often a provider's failure was followed by an attempt at another one.

    It is not counted where the attempts do not name either provider.

    Attributes:
        failed: The provider that failed, with a status other than 2xx.
        then: The provider of the next attempt; None: there was none, the generation failed.
        count: How often this happened.
    """

    failed: str
    then: str | None
    count: int


@frozen
class HistogramBin:
    """One bin of a histogram: from `lower` (inclusive) to `upper` (exclusive), in milliseconds.

    Bins are contiguous and about equally wide on a logarithmic scale: ten per decade.
    """

    lower: float
    upper: float
    count: int


@frozen
class TimeSlice:
    """The cost of one model in one hour, day or year.

    Attributes:
        start: The start of the slice, timezone-aware.
        model: The model; None: unknown.
        records: How many records there are.
        all_in_usd: Their all-in cost.
        others: Whether the slice combines all models but the 50 that cost most; `model` is None
            then.
    """

    start: datetime.datetime
    model: str | None
    records: int
    all_in_usd: Total[Decimal]
    others: bool = False


class DayAndModel(NamedTuple):
    """The key of a line of the reconciliation.

    Attributes:
        day: The UTC day.
        model: The model; None: the records do not name one.
    """

    day: datetime.date
    model: str | None


@frozen
class ActivitySums:
    """The sums of a day and model, as stated by the account or by the ledger.

    Attributes:
        requests: How many requests there were.
        charged_usd: What the account was charged.
        upstream_usd: What providers billed to your own keys (BYOK), in addition.
        native_tokens_prompt: The prompt tokens.
        native_tokens_completion: The completion tokens.
        unknown: How many of the requests have an unknown cost.
    """

    requests: int = 0
    charged_usd: Decimal = Decimal(0)
    upstream_usd: Decimal = Decimal(0)
    native_tokens_prompt: int = 0
    native_tokens_completion: int = 0
    unknown: int = 0

    def plus(self, other: "ActivitySums") -> "ActivitySums":
        """Return the exact sum of both."""
        return ActivitySums(
            self.requests + other.requests,
            EXACT.add(self.charged_usd, other.charged_usd),
            EXACT.add(self.upstream_usd, other.upstream_usd),
            self.native_tokens_prompt + other.native_tokens_prompt,
            self.native_tokens_completion + other.native_tokens_completion,
            self.unknown + other.unknown,
        )


@frozen
class ReconciliationLine:
    """The comparison of one day and model.

    Attributes:
        key: The day and the model.
        account: The sums of the account's activity.
        ledger: The sums of the ledger.
        finding: The result of the comparison.
    """

    key: DayAndModel
    account: ActivitySums
    ledger: ActivitySums
    finding: Finding


@frozen
class Reconciliation:
    """The comparison of a ledger with the account's activity.

    Attributes:
        first: The first day of the activity.
        last: The last day of the activity.
        lines: The days and models, sorted.
        account: The sums of the account's activity.
        ledger: The sums of the ledger for the same days.
        tolerance: The fraction by which amounts may differ.
        outside: How many records are of days that the activity does not cover.
        undated: How many records have no readable time: they may be of these days.
        unresolved: How many ids of these days, or of no known time, have no record: these may be
            the missing requests.
    """

    first: datetime.date
    last: datetime.date
    lines: tuple[ReconciliationLine, ...]
    account: ActivitySums
    ledger: ActivitySums
    tolerance: Decimal
    outside: int
    undated: int
    unresolved: int

    @property
    def is_same(self) -> bool:
        """Whether no line differs."""
        return all(line.finding == "same" for line in self.lines)


@frozen
class Report:
    """What the generations of a ledger cost, and how they performed.

    Attributes:
        source: The name of the ledger or export.
        by: What `groups` are grouped by.
        since: The start of the period (inclusive), timezone-aware; None: unbounded.
        until: The end of the period (exclusive), timezone-aware; None: unbounded.
        timezone: The IANA name of the time zone that days are of.
        generated_at: When the report was generated, timezone-aware.
        total: All records of the period.
        groups: The groups of the records, sorted by `sort`.
        unresolved: Ids without a record, of the period or of no known time.
        undated: Records without a readable time, which a period leaves out.
        timeline: Cost over time, sorted.
        step: The length of a slice of the timeline: "hour" for up to two days, "day", or "year" if
            there are records of more than 4,000 days.
        latencies: A histogram of `latency`.
        providers: The providers, those with the most attempts first.
        fallbacks: The fallbacks, the most frequent first.
        attempts_unknown: How many records do not list their attempts.
        rest: All groups that are not in `groups`, combined, with the key (); None: there are none.
        groups_left_out: How many groups `rest` combines.
        providers_left_out: How many providers are not in `providers`.
        fallbacks_left_out: How many fallbacks are not in `fallbacks`.
        differences: Where the rows of the period's UTC days differ from the control totals of the
            ledger: rows were changed after they were written, so no figure is reliable.
        sort: What the groups are sorted by.
        reconciliation: The comparison of the whole ledger with the account's activity; None: not
            requested.
    """

    source: str
    by: tuple[str, ...]
    since: datetime.datetime | None
    until: datetime.datetime | None
    timezone: str
    generated_at: datetime.datetime
    total: Group
    groups: tuple[Group, ...]
    unresolved: UnresolvedCounts
    undated: int
    timeline: tuple[TimeSlice, ...]
    step: str
    latencies: tuple[HistogramBin, ...]
    providers: tuple[Provider, ...]
    fallbacks: tuple[Fallback, ...]
    attempts_unknown: int
    rest: Group | None = None
    groups_left_out: int = 0
    providers_left_out: int = 0
    fallbacks_left_out: int = 0
    differences: tuple[TotalsDifference, ...] = ()
    sort: Sort = "cost"
    reconciliation: Reconciliation | None = None

    def listed(self, limit: int) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
        """Split the groups into those to show and the others.

        The first `limit` groups are shown; sorted by time, the latest ones.
        """
        if self.sort == "time":
            split = max(0, len(self.groups) - limit)
            return self.groups[split:], self.groups[:split]
        return self.groups[:limit], self.groups[limit:]
