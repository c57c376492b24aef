"""The `generations` resource: what a generation really was."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
)
from functools import partial
from typing import Any, Final, Protocol, TypeVar, Unpack

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_api import models, resources
from modelgates_api.api.generations import get_generation
from modelgates_api.resources.generations import AsyncGenerationsResource, GenerationsResource
from modelgates_client.bulk.options import (
    DEFAULT_CONCURRENCY,
    DEFAULT_OUTAGE_TIMEOUT_S,
    BulkOptions,
    CallFactory,
    Completed,
    Outage,
    flatten,
    flatten_async,
    validate_bulk_options,
)
from modelgates_client.calls.execution import Execution, Steps
from modelgates_client.calls.settings import check_seconds
from modelgates_client.errors import (
    ConfigurationError,
    EndpointNotFoundError,
    GenerationNotReadyError,
    NotFoundError,
)
from modelgates_client.records.generation import Generation, GenerationResponse
from modelgates_client.records.generation_ids import is_askable
from modelgates_runtime import resource
from modelgates_runtime.errors import FieldError
from modelgates_runtime.operation import Call, CallOptions, RequestOptions
from modelgates_runtime.types import Response

T = TypeVar("T")

#: The operation, but that its records are those of this package.
GET_GENERATION: Final = get_generation.OPERATION.reading(
    models.GenerationResponse, GenerationResponse
)

#: Seconds that `wait` waits unless told otherwise: records are there within a minute.
WAIT_S: Final = 60.0


class GenerationsClient(resource.ResourceClient, Protocol):
    """What this resource asks of its client, blocking."""

    def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its answer."""
        ...

    def poll(
        self,
        call: Call[T],
        /,
        *,
        until: Callable[[T], bool],
        timeout: float,
        **options: Unpack[RequestOptions],
    ) -> Response[T]:
        """Send a call until its answer is what is waited for."""
        ...

    def run_many(
        self,
        items: Iterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> Generator[list[Any]]:
        """Ask for many; yield what became of each, as much at a time as there is."""
        ...


class AsyncGenerationsClient(resource.AsyncResourceClient, Protocol):
    """What this resource asks of its client, awaited."""

    async def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its answer."""
        ...

    async def poll(
        self,
        call: Call[T],
        /,
        *,
        until: Callable[[T], bool],
        timeout: float,
        **options: Unpack[RequestOptions],
    ) -> Response[T]:
        """Send a call until its answer is what is waited for."""
        ...

    def run_many(
        self,
        items: Iterable[object] | AsyncIterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> AsyncGenerator[list[Any]]:
        """Ask for many; yield what became of each, as much at a time as there is."""
        ...


def call_for(generation_id: object) -> Call[GenerationResponse]:
    """Return the call for a record; it takes no other record for an answer.

    Raises:
        ConfigurationError: The id is none.
    """
    if not is_askable(generation_id):
        raise ConfigurationError(f"the generation id is {generation_id!r}; it is like gen-…")
    return _about(generation_id, GET_GENERATION.call({"id": generation_id}))


def call_for_stored(generation_id: str) -> Call[GenerationResponse]:
    """Return the call that an answer came to, to read it anew; it cannot be sent."""
    return _about(generation_id, Call(GET_GENERATION, ""))


class Generations(GenerationsResource):
    """Records of generations."""

    _client: GenerationsClient

    def __init__(self, client: GenerationsClient) -> None:
        """Send by a client."""
        super().__init__(client)

    def get(self, generation_id: str, **options: Unpack[CallOptions]) -> Generation:
        """Fetch the record of one generation.

        Args:
            generation_id: Whose record.
            options: Of this call alone: `timeout`, `max_retries`, `headers`, `validation`.

        Returns:
            The record as the server has it now: costs in US dollars, durations in milliseconds.
            What is not as the spec says is listed in its `drift`.

        Raises:
            NotFoundError: There is no such record yet (see `wait`), or not under this key.
            APIStatusError: The server answered with another error.
            APITimeoutError: No complete answer within the client's deadline, retries included.
            APIConnectionError: There was no answer.
            ResponseValidationError: The answer is not the record that was asked for, or, under
                `validation="strict"`, not as the spec says.
            ConfigurationError: The id is empty or no text, or there is no key to ask with.
            ClientClosedError: The client was closed.

        Source: openapi.yaml, operation `get-generation`.
        """
        return self.get_raw(generation_id, **options).parsed.data

    def get_raw(
        self, generation_id: str, **options: Unpack[CallOptions]
    ) -> Response[GenerationResponse]:
        """Fetch the record of one generation, with the answer that it came in.

        Raises:
            ModelGatesError: As `get`.
        """
        return self._client.send_raw(call_for(generation_id), **options)

    def wait(
        self,
        generation_id: str,
        *,
        timeout: float = WAIT_S,
        final: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Generation:
        """Fetch the record of one generation as soon as there is one.

        Records are written a moment after the completion, usually within ten seconds. Until then
        the server says 404, and is asked again: often at first, then ever less.

        Args:
            generation_id: Whose record.
            timeout: Seconds to wait in all; each request may take the client's timeout. Until
                it is over, failures are asked again, whatever `max_retries` is.
            final: Whether to wait until the record `is_final`, too.
            options: Of each request: `headers`, `validation`.

        Raises:
            GenerationNotReadyError: The time is over.
            ModelGatesError: As `get`, when waiting does not mend it.

        Source: openapi.yaml, operation `get-generation`.
        """
        call, until = call_for(generation_id), partial(_is_settled, final)
        return self._client.poll(call, until=until, timeout=timeout, **options).parsed.data

    def get_many(  # noqa: PLR0913 - all by name, and all can be left out
        self,
        ids: Iterable[str],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        **options: Unpack[CallOptions],
    ) -> Generator["modelgates_client.Outcome"]:
        """Fetch the records of many generations, as many at a time as are allowed.

        Of each id comes exactly one `Outcome`, as soon as it is known: `Resolved`, `Pending` or
        `Failed`. An id that fails stops nothing, and can be overlooked by no sum: only `Resolved`
        has a record. Ids are taken from the iterator as they are needed, on the caller's thread,
        and no more than 10,000 are on their way: a million take no more memory than ten thousand.

        The server's rate limit is learnt from what it refuses with 429; a refused id is asked for
        again, and what it waits for others is not taken off its time. Where the server asks for a
        pause of more than five minutes, or lets nothing through for that long, what is left ends
        as `Failed` with its `RateLimitError`.

        In an outage (two ids in a row get no connection, or 502, 503, 504, 52x) one id at a time is
        asked for until one is answered; what failed is asked for again then, at no cost to it.

        To end early, close the generator (`contextlib.closing`) or let go of it; what is on its
        way is cancelled then, as it is by Ctrl-C.

        Args:
            ids: Whose records; each is asked for as often as it is given.
            concurrency: The most requests at one time, 1 to 1,000. They use connections of their
                own, closed at the end.
            ordered: Whether outcomes come in the order of the ids.
            wait: Seconds to wait for each record that is not there yet, beside the others; 0:
                what is not there is `Pending` at once.
            final: Whether to wait until records are final, too.
            max_rate: The most requests per second, where you know of a limit, or share one.
            outage_timeout: Seconds that an outage may last. Then each id that was taken comes as
                `Pending`, no more are taken, and an `OutageError` is raised.
            options: Of each request.

        Raises:
            OutageError: An outage lasted too long; all outcomes have come before.
            ConfigurationError: An argument cannot be used. An id that is none is `Failed` with it.
            ClientClosedError: The client was closed.

        Source: openapi.yaml, operation `get-generation`, for each id.
        """
        batches = self.get_batches(
            ids,
            concurrency=concurrency,
            ordered=ordered,
            wait=wait,
            final=final,
            max_rate=max_rate,
            outage_timeout=outage_timeout,
            **options,
        )
        return flatten(batches)

    def get_batches(  # noqa: PLR0913 - as `get_many`
        self,
        ids: Iterable[str],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        on_outage: Callable[[Outage | None], object] | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[list["modelgates_client.Outcome"]]:
        """Fetch many records as `get_many` does; yield as many outcomes at a time as there are.

        It is for those who store them, a batch in a transaction.

        Args:
            ids: As for `get_many`.
            concurrency: As for `get_many`.
            ordered: As for `get_many`.
            wait: As for `get_many`.
            final: As for `get_many`.
            max_rate: As for `get_many`.
            outage_timeout: As for `get_many`.
            options: As for `get_many`.
            on_outage: Called, where batches are taken, with what is known of an outage: when it
                begins, after each try, and with None when it is over. An empty batch follows.
        """
        bulk_options = validate_bulk_options(
            concurrency, max_rate, outage_timeout, on_outage, ordered=ordered
        )
        return self._client.run_many(ids, _call_factory(wait, final=final), bulk_options, options)


class AsyncGenerations(AsyncGenerationsResource):
    """Records of generations, awaited."""

    _client: AsyncGenerationsClient

    def __init__(self, client: AsyncGenerationsClient) -> None:
        """Send by a client."""
        super().__init__(client)

    async def get(self, generation_id: str, **options: Unpack[CallOptions]) -> Generation:
        """Fetch the record of one generation; see `Generations.get`."""
        return (await self.get_raw(generation_id, **options)).parsed.data

    async def get_raw(
        self, generation_id: str, **options: Unpack[CallOptions]
    ) -> Response[GenerationResponse]:
        """Fetch a record with the answer that it came in; see `Generations.get_raw`."""
        return await self._client.send_raw(call_for(generation_id), **options)

    async def wait(
        self,
        generation_id: str,
        *,
        timeout: float = WAIT_S,
        final: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Generation:
        """Fetch a record as soon as there is one; see `Generations.wait`."""
        call, until = call_for(generation_id), partial(_is_settled, final)
        response = await self._client.poll(call, until=until, timeout=timeout, **options)
        return response.parsed.data

    def get_many(  # noqa: PLR0913 - all by name, and all can be left out
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator["modelgates_client.Outcome"]:
        """Fetch the records of many generations; see `Generations.get_many`.

        The ids may come from an asynchronous iterator. To end early, close the generator
        (`contextlib.aclosing`).
        """
        batches = self.get_batches(
            ids,
            concurrency=concurrency,
            ordered=ordered,
            wait=wait,
            final=final,
            max_rate=max_rate,
            outage_timeout=outage_timeout,
            **options,
        )
        return flatten_async(batches)

    def get_batches(  # noqa: PLR0913 - as `get_many`
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = DEFAULT_OUTAGE_TIMEOUT_S,
        on_outage: Callable[[Outage | None], object] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[list["modelgates_client.Outcome"]]:
        """Fetch many records; see `Generations.get_batches`."""
        bulk_options = validate_bulk_options(
            concurrency, max_rate, outage_timeout, on_outage, ordered=ordered
        )
        return self._client.run_many(ids, _call_factory(wait, final=final), bulk_options, options)


class Resources(resources.Resources):
    """The operations of the spec, and what is made of them by hand."""

    @resource.tag
    def generations(self: GenerationsClient) -> Generations:
        """Records of what generations really were."""
        return Generations(self)


class AsyncResources(resources.AsyncResources):
    """The operations of the spec, and what is made of them by hand, awaited."""

    @resource.tag
    def generations(self: AsyncGenerationsClient) -> AsyncGenerations:
        """Records of what generations really were."""
        return AsyncGenerations(self)


def _about(generation_id: str, call: Call[GenerationResponse]) -> Call[GenerationResponse]:
    return call.about(generation_id, partial(_problem, generation_id))


def _problem(generation_id: str, response: GenerationResponse) -> str | None:
    """Say why a record is another's; a cached response's record may answer for its source."""
    record = response.data
    for name in ("id", "response_cache_source_id"):
        try:
            if getattr(record, name) == generation_id:
                return None
        except FieldError:
            continue  # unreadable, so it is not the id asked for
    return f"the record is not that of {generation_id}, which was asked for"


def _is_settled(final: bool, response: GenerationResponse) -> bool:  # noqa: FBT001 - partial
    return not final or response.data.is_final


def _call_factory(wait: object, *, final: bool) -> CallFactory:
    """Return how each of many ids is asked for."""
    wait_s = 0.0 if wait == 0 else check_seconds("wait", wait)

    def steps(execution: Execution[Any]) -> Steps[Any]:
        if wait_s:
            return execution.poll(wait_s, partial(_is_settled, final))
        return _once(execution, final=final)

    return CallFactory(call_for, steps, _outcome)


def _once(execution: Execution[GenerationResponse], *, final: bool) -> Steps[GenerationResponse]:
    """Ask without waiting: what is not there, or not final, is not ready."""
    started = execution.clock()
    subject = execution.call.subject
    try:
        response = yield from execution.send()
    except EndpointNotFoundError:
        raise
    except NotFoundError as error:
        elapsed_s = execution.clock() - started
        raise GenerationNotReadyError(subject, elapsed_s, error.attempts, None, error) from None
    if not _is_settled(final, response.parsed):
        raise GenerationNotReadyError(subject, response.elapsed_s, response.attempts, response)
    return response


def _outcome() -> Callable[[Completed], "modelgates_client.Outcome"]:
    from modelgates_client.bulk.outcomes import outcome_of  # noqa: PLC0415 - see `CallFactory`

    return outcome_of
