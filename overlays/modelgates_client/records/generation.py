"""`Generation`, the public record class: the spec's fields, and properties computed from them.

The modules that compute them are imported on first use, so that reading fields alone stays cheap.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from typing import Any, Self

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_api import models
from modelgates_client.records.field_access import field_or_none, number_or_none
from modelgates_runtime import extending, schema
from modelgates_runtime.values import is_object


class Generation(models.Generation):
    """The record of one generation: what it cost, and how it was served.

    All fields of the spec are here as the server sent them, under the spec's names: `total_cost`,
    `usage` and the other amounts as `float` US dollars, `latency` and `generation_time` in
    milliseconds, `created_at` as text, `provider_responses` as a list, tokens in both counts
    (`native_tokens_*` are billed, `tokens_*` are normalised). Reading one whose value is not of
    its type raises `FieldError`.

    The properties below are computed from them on each access. They never raise: a value that the
    fields do not provide is None, never 0.

    Source: openapi.yaml, schema `Generation`.
    """

    __slots__ = ()

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Decode a record from parsed JSON; see the base class.

        Raises:
            ValueError: `source` is a whole response rather than a record, so that no field could be
                read; or a value without a type in the spec is nested over 100 levels deep.
            TypeError: `source` is not a mapping.
        """
        if not isinstance(source, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - people
            raise TypeError(f"a record is a JSON object, a dict here, not {type(source).__name__}")
        if source and not source.keys() & cls.__schema__().fields.keys():
            if is_object(source.get("data")):
                raise ValueError(
                    'this is a whole response; the record is under "data": '
                    'Generation.from_dict(source["data"])'
                )
            if "data" in source:
                raise ValueError('this is a response without a record: look at "data"')
            if "error" in source:
                raise ValueError('this is the API\'s error, not a record: look under "error"')
        return super().from_dict(source)

    @property
    def created(self) -> datetime.datetime | None:
        """When the generation was created, aware, with the offset that was sent.

        None if `created_at` is not an ISO 8601 date and time in the years 1 to 9999, or has no
        offset, since the time zone would be a guess. Digits beyond microseconds are cut off.
        """
        moment = field_or_none(self, "created_at", datetime.datetime)
        text = field_or_none(self, "created_at", str)
        return moment if text is None else _moment(text)

    @property
    def cost(self) -> modelgates_client.Cost:
        """The cost in US dollars, as exact decimals."""
        from modelgates_client.records.money import Cost  # noqa: PLC0415 - see above

        return Cost.of(self)

    @property
    def attempts(self) -> modelgates_client.Attempts:
        """Which providers were tried, which one served the request, and the time lost."""
        from modelgates_client.records.attempts import Attempts  # noqa: PLC0415 - see above

        return Attempts.of(self)

    @property
    def native_tokens_per_second(self) -> float | None:
        """Completion tokens as the provider counts them, per second of `generation_time`.

        None if either is unknown or does not give a rate: a time of 0, or a negative number.
        """
        tokens = number_or_none(self, "native_tokens_completion")
        time_ms = number_or_none(self, "generation_time")
        if tokens is None or time_ms is None or tokens < 0 or time_ms <= 0:
            return None
        try:
            rate = tokens * 1000 / time_ms
        except OverflowError:  # JSON's integers have no limit, doubles have
            return None
        return rate if math.isfinite(rate) else None

    @property
    def is_final(self) -> bool:
        """Whether the record is settled: there is a `finish_reason`, or it was `cancelled`.

        A cost of 0 does not matter: free generations are final too. A field that cannot be read
        counts as not set.
        """
        return field_or_none(self, "finish_reason", str) is not None or bool(
            field_or_none(self, "cancelled", bool)
        )

    def _repr_html_(self) -> str:
        """Return the record as an HTML table, for notebooks."""
        from modelgates_client.records.summary import summarize_as_html  # noqa: PLC0415 - see above

        return summarize_as_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython calls
        """Print the record as a summary, for IPython."""
        from modelgates_client.records.summary import summarize  # noqa: PLC0415 - see above

        printer.text(summarize(self))

    def __rich__(self) -> object:
        """Return the record as a summary without markup, for rich."""
        from rich.text import Text  # noqa: PLC0415 - it is rich that calls

        from modelgates_client.records.summary import summarize  # noqa: PLC0415 - see above

        return Text(summarize(self))


class GenerationResponse(extending.Extended, models.GenerationResponse):
    """The response body that contains a record.

    Attributes:
        data: The record.

    Source: openapi.yaml, schema `GenerationResponse`.
    """

    __slots__ = ()

    data: Generation  # pyright: ignore[reportIncompatibleVariableOverride] # as it is decoded

    @classmethod
    def __fields__(cls) -> schema.Schema:
        return extending.with_subclass(super().__fields__(), models.Generation, Generation)


def _moment(text: str) -> datetime.datetime | None:
    """Parse an ISO 8601 date and time; None if it is invalid."""
    # dateutil ships no types; where stubs are installed, there is nothing to ignore
    from dateutil.parser import isoparse  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - see above

    # isoparse accepts any separator, even a digit, and a date without a time.
    if not re.search("[0-9][Tt ][0-9]{2}", text):
        return None
    try:
        moment: datetime.datetime = isoparse(text)
        if moment.utcoffset() is None:
            return None
        moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # invalid, or outside the calendar when converted to UTC
        return None
    return moment
