"""The figures of a report: sums that say what they leave out, spreads, rates. Plain values."""

import datetime
from decimal import Decimal
from typing import Generic, Literal, NamedTuple, TypeVar

from attrs import frozen

from modelgates_client.ledger.control_totals import EXACT, TotalsDifference

N = TypeVar("N", Decimal, int)

#: What groups are ordered by: time and name from the first, all else from the greatest.
Sort = Literal["time", "cost", "charged", "records", "tokens", "latency", "name"]

#: What holding a ledger against the account's activity finds of a day and model.
Finding = Literal["same", "missing here", "not there", "another cost"]


@frozen
class Total(Generic[N]):
    """A sum, and how many records it leaves out.

    Attributes:
        known: The sum over the records that say it.
        unknown: How many do not: their share is not 0, it is not known.
    """

    known: N
    unknown: int


@frozen
class Spread:
    """How a measurement is spread; None where no record says it.

    Between two measurements it is interpolated linearly, as NumPy's `quantile` does.

    Attributes:
        count: How many records say it.
        p50: The median.
        p95: What 95 % stay within.
        p99: What 99 % stay within.
    """

    count: int
    p50: float | None
    p95: float | None
    p99: float | None


@frozen
class Group:
    """The records that have something in common.

    Attributes:
        key: What they have in common, in the order of the report's `by`; None: they do not say.
        records: How many there are.
        provisional: How many of them are not final: their figures may still change.
        charged_usd: What the account was charged.
        upstream_usd: What providers billed besides, to own keys (BYOK).
        all_in_usd: Both.
        cache_saving_usd: What caching saved; negative for a premium.
        tokens_prompt: As providers count and bill them (native).
        tokens_completion: As providers count and bill them (native).
        tokens_cached: Of the prompt, those that came from a cache.
        tokens_reasoning: Of the completion, those for reasoning.
        latency_ms: The spec's `latency`.
        generation_ms: The spec's `generation_time`.
        tokens_per_second: Native completion tokens per second of generation.
    """

    key: tuple[str | None, ...]
    records: int
    provisional: int
    charged_usd: Total[Decimal]
    upstream_usd: Total[Decimal]
    all_in_usd: Total[Decimal]
    cache_saving_usd: Total[Decimal]
    tokens_prompt: Total[int]
    tokens_completion: Total[int]
    tokens_cached: Total[int]
    tokens_reasoning: Total[int]
    latency_ms: Spread
    generation_ms: Spread
    tokens_per_second: Spread


@frozen
class UnresolvedCounts:
    """Ids that no total contains, because there is no record of them.

    They are of the period, by the time in an id (`gen-<seconds>-…`), or of no known time.

    Attributes:
        pending: Asked for, and not there yet, or not asked for yet.
        failed: Asked for in vain; another try is not expected to help.
        errors: How many of both ended with which error, the most frequent first.
        forgotten: Not asked for any more.
    """

    pending: int
    failed: int
    errors: tuple[tuple[str, int], ...]
    forgotten: int = 0


@frozen
class Provider:
    """How a provider did in the attempts that records list.

    Attributes:
        name: None: the attempts do not say.
        attempts: How often it was asked.
        failures: How often it is known to have answered with no success, a status that is not 2xx.
        served: How many generations it served in the end: those whose last 2xx came from it.
        statuses: How often each status came, the most frequent first; None: not known.
        latency_ms: Of its attempts.
    """

    name: str | None
    attempts: int
    failures: int
    served: int
    statuses: tuple[tuple[int | None, int], ...]
    latency_ms: Spread


@frozen
class Fallback:
    """How often the next one was asked after a provider had failed.

    Where the attempts do not name one of them, it is not counted.

    Attributes:
        failed: The one that failed, with a status that is not 2xx.
        then: The one that was asked next; None: nobody, the generation failed.
        count: How often.
    """

    failed: str
    then: str | None
    count: int


@frozen
class HistogramBin:
    """One bar of a histogram: from `lower` (included) to `upper` (excluded), in milliseconds.

    Bars are next to each other, and about equally wide on a logarithmic scale: ten a decade.
    """

    lower: float
    upper: float
    count: int


@frozen
class TimeSlice:
    """The cost of one model on one day, or hour.

    Attributes:
        start: When it begins, aware.
        model: None: the records do not say.
        records: How many there are.
        all_in_usd: What they cost in all.
        others: Whether it is of all models beyond the 50 that cost most, taken together; `model` is
            None then.
    """

    start: datetime.datetime
    model: str | None
    records: int
    all_in_usd: Total[Decimal]
    others: bool = False


class DayAndModel(NamedTuple):
    """Of which records something is said.

    Attributes:
        day: The UTC day.
        model: The model; None: the records do not say.
    """

    day: datetime.date
    model: str | None


@frozen
class ActivitySums:
    """What a side says of a day and model.

    Attributes:
        requests: How many there were.
        charged_usd: What the account was charged.
        own_keys_usd: What providers billed to own keys (BYOK) besides.
        tokens_prompt: Of the prompts.
        tokens_completion: Of the completions.
        unknown: How many of the requests do not say what they cost.
    """

    requests: int = 0
    charged_usd: Decimal = Decimal(0)
    own_keys_usd: Decimal = Decimal(0)
    tokens_prompt: int = 0
    tokens_completion: int = 0
    unknown: int = 0

    def plus(self, other: "ActivitySums") -> "ActivitySums":
        """Return both added up, exactly."""
        return ActivitySums(
            self.requests + other.requests,
            EXACT.add(self.charged_usd, other.charged_usd),
            EXACT.add(self.own_keys_usd, other.own_keys_usd),
            self.tokens_prompt + other.tokens_prompt,
            self.tokens_completion + other.tokens_completion,
            self.unknown + other.unknown,
        )


@frozen
class ReconciliationLine:
    """What both sides say of a day and model.

    Attributes:
        place: The day and the model.
        there: What the account says.
        here: What the ledger says.
        finding: What that comes to.
    """

    place: DayAndModel
    there: ActivitySums
    here: ActivitySums
    finding: Finding


@frozen
class Reconciliation:
    """A ledger held against the account's activity.

    Attributes:
        first: The first day that the activity is of.
        last: The last one.
        lines: Days and models, in their order.
        there: All that the account says.
        here: All that the ledger says of those days.
        tolerance: The part by which amounts may differ.
        beyond: How many records are of days that the activity does not cover.
        undated: How many records have no readable time: they may be of these days.
        unresolved: How many ids of these days, or of no known time, are without a record: they may
            be what is missing.
    """

    first: datetime.date
    last: datetime.date
    lines: tuple[ReconciliationLine, ...]
    there: ActivitySums
    here: ActivitySums
    tolerance: Decimal
    beyond: int
    undated: int
    unresolved: int

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return all(line.finding == "same" for line in self.lines)


@frozen
class Report:
    """What the generations of a ledger cost, and how they went.

    Attributes:
        source: The name of what was read.
        by: What `groups` are grouped by.
        since: The beginning of the period (included), aware; None: from the first.
        until: Its end (excluded); None: to the last.
        timezone: The IANA name of the zone that days are of.
        made_at: When the report was made, aware.
        total: All records of the period.
        groups: The same, by `by`, in the order of `sort`.
        unresolved: Ids of the period, or of no known time, without a record.
        undated: Records without a readable time, left out when a period is asked for.
        timeline: Cost over time, ordered; hours if the period is short, else days.
        step: What a slice of the timeline is: "hour" up to two days, "day", or "year" if there are
            records of more than 4,000 days.
        latencies: A histogram of `latency`.
        providers: Those with the most attempts first.
        fallbacks: The most frequent first.
        attempts_unknown: Records that do not say what the attempts were.
        rest: The groups beyond `groups`, taken together, with the key (); None: there are none.
        groups_left_out: How many groups `rest` is of.
        providers_left_out: How many providers there are beyond `providers`.
        fallbacks_left_out: How many fallbacks there are beyond `fallbacks`.
        differences: What the rows of the period's UTC days differ by from the control totals of the
            ledger: they have changed since they were written, so no figure of them is sure.
        sort: What the groups are ordered by.
        reconciliation: The ledger, of all time, held against what the account says; None: it was
            not.
    """

    source: str
    by: tuple[str, ...]
    since: datetime.datetime | None
    until: datetime.datetime | None
    timezone: str
    made_at: datetime.datetime
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
        """Return the groups to show where there is room for so many, and those that are left.

        They are the first ones by what they are ordered by; of times, the latest.
        """
        if self.sort == "time":
            split = max(0, len(self.groups) - limit)
            return self.groups[split:], self.groups[:split]
        return self.groups[:limit], self.groups[limit:]
