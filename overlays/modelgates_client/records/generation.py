"""`Generation`, the record as people use it: the spec's fields, and what is computed from them.

What computing needs is imported when it is first used: reading a record's fields costs no more.
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
    """The record of one generation: what it cost, and what it really was.

    All fields of the spec are here as the server sent them, under the spec's names: `total_cost`,
    `usage` and the other amounts as `float` US dollars, `latency` and `generation_time` in
    milliseconds, `created_at` as text, `provider_responses` as a list, tokens in both counts
    (`native_tokens_*` are billed, `tokens_*` are normalised). Reading one whose value is not of
    its type raises `FieldError`.

    The properties below are computed from them on each access. They never raise: what the fields
    do not say is None, and never 0.

    Source: openapi.yaml, schema `Generation`.
    """

    __slots__ = ()

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> Self:
        """Decode a record, as JSON parsing left it; see the base class.

        Raises:
            ValueError: It is a whole response, not a record: of that nothing could be read. Or
                something that the spec gives no type is nested over 100 levels deep.
            TypeError: It is no mapping.
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

        None if `created_at` is no ISO 8601 date and time of the years 1 to 9999, or one without an
        offset: which zone it is in would be a guess. Digits beyond the microsecond are cut off.
        """
        moment = field_or_none(self, "created_at", datetime.datetime)
        text = field_or_none(self, "created_at", str)
        return moment if text is None else _moment(text)

    @property
    def cost(self) -> modelgates_client.Cost:
        """What it cost, in US dollars, as exact decimals."""
        from modelgates_client.records.money import Cost  # noqa: PLC0415 - see above

        return Cost.of(self)

    @property
    def attempts(self) -> modelgates_client.Attempts:
        """Which providers were tried, which one served, and what the others cost in time."""
        from modelgates_client.records.attempts import Attempts  # noqa: PLC0415 - see above

        return Attempts.of(self)

    @property
    def native_tokens_per_second(self) -> float | None:
        """Completion tokens as the provider counts them, per second of `generation_time`.

        None if either is not known, or makes no rate: no time, or a negative number.
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

        A cost of 0 says nothing of that: free generations are final too. A field that cannot be
        read counts as not set.
        """
        return field_or_none(self, "finish_reason", str) is not None or bool(
            field_or_none(self, "cancelled", bool)
        )

    def _repr_html_(self) -> str:
        """Show a notebook the record as a table."""
        from modelgates_client.records.summary import summarize_as_html  # noqa: PLC0415 - see above

        return summarize_as_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002, FBT001 - IPython calls
        """Show IPython the record as a summary."""
        from modelgates_client.records.summary import summarize  # noqa: PLC0415 - see above

        printer.text(summarize(self))

    def __rich__(self) -> object:
        """Show rich the record as a summary, in which nothing is markup."""
        from rich.text import Text  # noqa: PLC0415 - it is rich that calls

        from modelgates_client.records.summary import summarize  # noqa: PLC0415 - see above

        return Text(summarize(self))


class GenerationResponse(extending.Extended, models.GenerationResponse):
    """The body that a record comes in.

    Attributes:
        data: The record.

    Source: openapi.yaml, schema `GenerationResponse`.
    """

    __slots__ = ()

    data: Generation  # pyright: ignore[reportIncompatibleVariableOverride] # as it is decoded

    @classmethod
    def __fields__(cls) -> schema.Schema:
        return extending.reading(super().__fields__(), models.Generation, Generation)


def _moment(text: str) -> datetime.datetime | None:
    """Return the moment that a text of ISO 8601 names; None if it names none."""
    # dateutil ships no types; where stubs are installed, there is nothing to ignore
    from dateutil.parser import isoparse  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415 - see above

    # It takes any character between date and time, digits too, and no hour for midnight.
    if not re.search("[0-9][Tt ][0-9]{2}", text):
        return None
    try:
        moment: datetime.datetime = isoparse(text)
        if moment.utcoffset() is None:
            return None
        moment.astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # no time, or one that is beyond the calendar in UTC
        return None
    return moment
