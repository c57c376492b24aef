"""`RecordMetrics`: a record's usage as metrics of the GenAI conventions, and its cost."""

import math
import os
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self

from modelgates_client._version import __version__
from modelgates_client.errors import ConfigurationError
from modelgates_client.ledger import Ledger
from modelgates_client.records.field_access import field_or_none, number_or_none
from modelgates_client.records.generation import Generation
from modelgates_client.telemetry import names

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

_MAX_VALUES: Final = 100  # of an attribute
_MAX_LABELS: Final = 8  # that become attributes

#: The conventions' names of operations; other API types keep their own name.
_OPERATIONS: Final = {"completions": "chat"}
_TOKENS: Final = tuple(4**power for power in range(14))  # bucket bounds from the conventions
_SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
_REASON: Final = "error"  # the finish reason of a failed generation
_OTHER: Final = "_OTHER"  # replaces values beyond the limit
_MAX_CHARACTERS: Final = 128  # of a value


class RecordMetrics:
    """Records the metrics of each record it is called with; use it as a `Resolver`'s `on_record`.

    >>> with RecordMetrics(ledger="costs.db") as metrics:  # doctest: +SKIP
    ...     Resolver("costs.db", on_record=metrics)

    The metrics are billed tokens, the generation time in seconds, and the cost in US dollars:
    `modelgates.cost` with the payer `account` (charged to the ModelGates account) and, with your
    own key, with the payer `own_key`; together they are the total. Refunds have a separate counter,
    since counters only increase, and so have generations of unknown cost: an unknown cost is never
    recorded as 0. Metrics are doubles; exact amounts are in the ledger.

    `names` lists the names, the attributes, and the versions of the conventions. An attribute has
    at most `max_values` values; later ones become `_OTHER`.

    A ledger given as a path is opened at the first record, and stays open until `close`. An
    instance may be shared between threads.
    """

    def __init__(
        self,
        *,
        ledger: str | os.PathLike[str] | Ledger | None = None,
        meter_provider: "MeterProvider | None" = None,
        max_values: int = _MAX_VALUES,
    ) -> None:
        """Create the instruments.

        Args:
            ledger: The ledger with the labels of records, which become attributes; None for none.
            meter_provider: The provider of the meter; None for the application's global one.
            max_values: Maximum number of values of an attribute.

        Raises:
            ConfigurationError: The extra `otel` is not installed.
        """
        try:
            from opentelemetry.metrics import get_meter  # noqa: PLC0415 - of an extra
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "opentelemetry":
                raise
            raise ConfigurationError(
                "metrics need an extra: pip install 'modelgates-client[otel]'"
            ) from None
        meter = get_meter("modelgates_client", __version__, meter_provider)
        self._tokens: Final = meter.create_histogram(
            names.TOKEN_USAGE,
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._duration: Final = meter.create_histogram(
            names.OPERATION_DURATION,
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._cost: Final = meter.create_counter(names.COST, "USD", "What generations cost.")
        self._refunded: Final = meter.create_counter(
            names.REFUNDED, "USD", "Refunds of what generations cost."
        )
        self._unknown: Final = meter.create_counter(
            names.UNKNOWN_COST, "{generation}", "Generations of unknown cost."
        )
        self._bounds: Final = _Bounds(max_values)
        self._label_bounds: Final = _Bounds(max_values, _MAX_LABELS)
        self._ledger: Ledger | None = ledger if isinstance(ledger, Ledger) else None
        self._path: Final = None if isinstance(ledger, Ledger) else ledger

    def __call__(self, record: Generation) -> None:
        """Record the metrics of a record.

        Raises:
            LedgerError: The labels cannot be read.
        """
        attributes = {
            **self._bounds.bounded(_attributes(record)),
            **self._label_bounds.bounded(self._labels(record)),
        }
        for kind, name in (
            ("input", "native_tokens_prompt"),
            ("output", "native_tokens_completion"),
        ):
            tokens = _amount(record, name)
            if tokens is not None:
                self._tokens.record(tokens, {**attributes, names.TOKEN_TYPE: kind})
        time_ms = _amount(record, "generation_time")
        if time_ms is not None:
            self._duration.record(time_ms / 1000, attributes)
        self._record_cost(record.cost.charged, {**attributes, names.COST_PAYER: "account"})
        if field_or_none(record, "is_byok", bool) is not False:
            self._record_cost(record.cost.upstream, {**attributes, names.COST_PAYER: "own_key"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger, if it was opened here."""
        if self._path is not None and self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _record_cost(self, amount: Decimal | None, attributes: Mapping[str, str]) -> None:
        if amount is None:
            self._unknown.add(1, attributes)
        elif amount < 0:
            self._refunded.add(float(amount.copy_abs()), attributes)
        else:
            self._cost.add(float(amount), attributes)

    def _labels(self, record: Generation) -> dict[str, str | None]:
        generation_id = field_or_none(record, "id", str)
        if self._ledger is None and self._path is not None:
            self._ledger = Ledger(self._path, read_only=True)
        if self._ledger is None or generation_id is None:
            return {}
        labels = self._ledger.labels(generation_id)
        return {f"{names.LABEL}{name}": value for name, value in sorted(labels.items())}


def _attributes(record: Generation) -> dict[str, str | None]:
    """Return the attributes of a generation; the requested model is unknown if it was routed."""
    api_type, model = field_or_none(record, "api_type", str), field_or_none(record, "model", str)
    operation = None if api_type is None else _OPERATIONS.get(api_type, str(api_type))
    was_routed = field_or_none(record, "router", str) is not None
    return {
        names.OPERATION_NAME: operation,
        names.PROVIDER_NAME: field_or_none(record, "provider_name", str),
        names.REQUEST_MODEL: None if was_routed else model,
        names.RESPONSE_MODEL: model,
        names.SERVICE_TIER: field_or_none(record, "service_tier", str),
        names.ERROR_TYPE: _error(record),
    }


def _error(record: Generation) -> str | None:
    """Return the error type of a generation; None if it did not fail, or that is unknown."""
    if field_or_none(record, "cancelled", bool):
        return "cancelled"
    attempts = record.attempts
    if field_or_none(record, "finish_reason", str) != _REASON and (not attempts or attempts.served):
        return None
    status = next((each for each in reversed(attempts.failed_statuses) if each is not None), None)
    return _OTHER if status is None else str(status)


def _amount(record: Generation, name: str) -> float | None:
    """Return a field as a double; None if it is not a number, negative or too large."""
    number = number_or_none(record, name)
    try:
        return None if number is None or number < 0 else float(number)
    except OverflowError:  # JSON's integers have no limit
        return None


class _Bounds:
    """Limits attributes to their first values, since each value adds time series, which cost.

    Threads may share it.
    """

    def __init__(self, max_values: int, max_names: float = math.inf) -> None:
        """Keep at most `max_values` values of each attribute, and `max_names` attributes."""
        self._max_values = max_values
        self._max_names = max_names
        self._seen: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def bounded(self, attributes: Mapping[str, str | None]) -> dict[str, str]:
        """Return the attributes that have a value, with `_OTHER` for values beyond the limit."""
        with self._lock:
            return {
                name: self._value(name, value[:_MAX_CHARACTERS])
                for name, value in attributes.items()
                if value is not None and self._is_known(name)
            }

    def _is_known(self, name: str) -> bool:
        if name not in self._seen and len(self._seen) < self._max_names:
            self._seen[name] = set()
        return name in self._seen

    def _value(self, name: str, value: str) -> str:
        seen = self._seen[name]
        if value not in seen and len(seen) < self._max_values:
            seen.add(value)
        return value if value in seen else _OTHER
