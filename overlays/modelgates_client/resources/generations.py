"""The `generations` resource: fetches records of generations."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
)
from functools import partial
from typing import Any, Final, Protocol, TypeVar, Unpack

import modelgates_client  # annotations name classes that it loads lazily
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
from modelgates_client.records.generation_ids import is_askable, refusal
from modelgates_runtime import resource
from modelgates_runtime.errors import FieldError
from modelgates_runtime.operation import Call, CallOptions, RequestOptions
from modelgates_runtime.types import Response

T = TypeVar("T")

#: The operation, with the record class of this package.
GET_GENERATION: Final = get_generation.OPERATION.reading(
    models.GenerationResponse, GenerationResponse
)

#: Default time that `wait` waits, in seconds: records exist within a minute.
WAIT_S: Final = 60.0


class GenerationsClient(resource.ResourceClient, Protocol):
    """The methods that this resource needs from a sync client."""

    def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its response."""
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
        """Send a call until its response meets a condition."""
        ...

    def run_many(
        self,
        items: Iterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> Generator[list[Any]]:
        """Run many calls; yield their outcomes in batches."""
        ...


class AsyncGenerationsClient(resource.AsyncResourceClient, Protocol):
    """The methods that this resource needs from an async client."""

    async def send_raw(self, call: Call[T], /, **options: Unpack[CallOptions]) -> Response[T]:
        """Send a call, and return its response."""
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
        """Send a call until its response meets a condition."""
        ...

    def run_many(
        self,
        items: Iterable[object] | AsyncIterable[object],
        factory: CallFactory,
        bulk_options: BulkOptions,
        options: CallOptions,
    ) -> AsyncGenerator[list[Any]]:
        """Run many calls; yield their outcomes in batches."""
        ...


def call_for(generation_id: object) -> Call[GenerationResponse]:
    """Return the call for a record; a response with another record is an error.

    Raises:
        ConfigurationError: The id is invalid.
    """
    if not is_askable(generation_id):
        raise ConfigurationError(refusal(generation_id))
    problem = partial(_mismatch, generation_id)
    return GET_GENERATION.call({"id": generation_id}, None, generation_id, problem)


def call_for_stored(generation_id: str) -> Call[GenerationResponse]:
    """Return a call that decodes a stored response for an id; it cannot be sent."""
    problem = partial(_mismatch, generation_id)
    return Call(GET_GENERATION, "", subject=generation_id, problem=problem)


class Generations(GenerationsResource):
    """Records of generations."""

    _client: GenerationsClient

    def __init__(self, client: GenerationsClient) -> None:
        """Create the resource of a client."""
        super().__init__(client)

    def get(self, generation_id: str, **options: Unpack[CallOptions]) -> Generation:
        """Fetch the record of one generation.

        Args:
            generation_id: The id of the generation.
            options: Options of this call: `timeout`, `max_retries`, `headers`, `validation`.

        Returns:
            The record as the server has it now: costs in US dollars, durations in milliseconds.
            Deviations from the spec are listed in its `drift`.

        Raises:
            NotFoundError: The record does not exist yet (see `wait`), or not under this key.
            APIStatusError: The server responded with another error.
            APITimeoutError: No complete response within the client's deadline, retries included.
            APIConnectionError: There was no response.
            ResponseValidationError: The response is not the requested record, or, with
                `validation="strict"`, deviates from the spec.
            ConfigurationError: The id is empty or not a string, or there is no key.
            ClientClosedError: The client was closed.

        Source: openapi.yaml, operation `get-generation`.
        """
        return self.get_raw(generation_id, **options).parsed.data

    def get_raw(
        self, generation_id: str, **options: Unpack[CallOptions]
    ) -> Response[GenerationResponse]:
        """Fetch the record of one generation, and return the whole response.

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
        """Fetch the record of one generation as soon as it exists.

        Records are written a moment after the completion, usually within ten seconds. Until then
        the server responds with 404, and the request is repeated at growing intervals.

        Args:
            generation_id: The id of the generation.
            timeout: Seconds to wait in total; each request may take the client's timeout. Until
                then, retryable failures are retried, whatever `max_retries` is.
            final: Whether to wait until the record `is_final`, too.
            options: Options of each request: `headers`, `validation`.

        Raises:
            GenerationNotReadyError: There was no (final) record within `timeout`.
            ModelGatesError: As `get`, if the error is not retryable.

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
        """Fetch the records of many generations concurrently.

        Each id yields exactly one `Outcome`, as soon as it completes: `Resolved`, `Pending` or
        `Failed`. A failed id does not stop the others, and is not silently left out of sums: only
        `Resolved` has a record. Ids are taken from the iterator as needed, on the caller's thread,
        and at most 10,000 are open at a time: a million take no more memory than ten thousand.

        The server's rate limit is learnt from its 429s; a refused id is retried, and the time it
        waits for others does not count against its own time. If the server asks for a pause of
        more than five minutes, or refuses everything for that long, the remaining ids are `Failed`
        with its `RateLimitError`.

        In an outage (two ids in a row get no connection, or 502, 503, 504, 52x), one id at a time
        is sent as a probe until one gets a response; then the failed ids are sent again, without
        counting those attempts.

        To stop early, close the generator (`contextlib.closing`) or drop it; requests in flight
        are then cancelled, as they are by Ctrl-C.

        Args:
            ids: The ids; an id that occurs twice is fetched twice.
            concurrency: The maximum number of requests in flight, 1 to 1,000. They use connections
                of their own, closed at the end.
            ordered: Whether outcomes come in the order of the ids.
            wait: Seconds to wait for each record that does not exist yet, while others are
                fetched; with 0, such an id is `Pending` at once.
            final: Whether to wait until records are final, too.
            max_rate: The maximum number of requests per second, for a known or shared limit.
            outage_timeout: Seconds that an outage may last. After that, each id that was taken is
                `Pending`, no more are taken, and an `OutageError` is raised.
            options: Options of each request.

        Raises:
            OutageError: An outage lasted too long; all outcomes were yielded before.
            ConfigurationError: An argument is invalid. An invalid id is `Failed` with it instead.
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
        on_request: Callable[[], object] | None = None,
        **options: Unpack[CallOptions],
    ) -> Generator[list["modelgates_client.Outcome"]]:
        """Fetch many records as `get_many` does, and yield their outcomes in batches.

        Use it to store outcomes, one transaction for each batch.

        Args:
            ids: As for `get_many`.
            concurrency: As for `get_many`.
            ordered: As for `get_many`.
            wait: As for `get_many`.
            final: As for `get_many`.
            max_rate: As for `get_many`.
            outage_timeout: As for `get_many`.
            options: As for `get_many`.
            on_outage: Called, on the thread that iterates, with the state of an outage when it
                begins and after each probe, and with None at its end. An empty batch follows.
            on_request: Called for each request that is sent, retries and probes included, on the
                thread that sends.
        """
        bulk_options = validate_bulk_options(
            concurrency, max_rate, outage_timeout, on_outage, on_request, ordered=ordered
        )
        return self._client.run_many(ids, _call_factory(wait, final=final), bulk_options, options)


class AsyncGenerations(AsyncGenerationsResource):
    """Records of generations, for the async client."""

    _client: AsyncGenerationsClient

    def __init__(self, client: AsyncGenerationsClient) -> None:
        """Create the resource of a client."""
        super().__init__(client)

    async def get(self, generation_id: str, **options: Unpack[CallOptions]) -> Generation:
        """Fetch the record of one generation; see `Generations.get`."""
        return (await self.get_raw(generation_id, **options)).parsed.data

    async def get_raw(
        self, generation_id: str, **options: Unpack[CallOptions]
    ) -> Response[GenerationResponse]:
        """Fetch a record, and return the whole response; see `Generations.get_raw`."""
        return await self._client.send_raw(call_for(generation_id), **options)

    async def wait(
        self,
        generation_id: str,
        *,
        timeout: float = WAIT_S,
        final: bool = False,
        **options: Unpack[RequestOptions],
    ) -> Generation:
        """Fetch a record as soon as it exists; see `Generations.wait`."""
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

        The ids may come from an asynchronous iterator. To stop early, close the generator
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
        on_request: Callable[[], object] | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncGenerator[list["modelgates_client.Outcome"]]:
        """Fetch many records; see `Generations.get_batches`."""
        bulk_options = validate_bulk_options(
            concurrency, max_rate, outage_timeout, on_outage, on_request, ordered=ordered
        )
        return self._client.run_many(ids, _call_factory(wait, final=final), bulk_options, options)


class Resources(resources.Resources):
    """The resources of the spec, with those written by hand."""

    @resource.tag
    def generations(self: GenerationsClient) -> Generations:
        """Records of generations."""
        return Generations(self)


class AsyncResources(resources.AsyncResources):
    """The async resources of the spec, with those written by hand."""

    @resource.tag
    def generations(self: AsyncGenerationsClient) -> AsyncGenerations:
        """Records of generations."""
        return AsyncGenerations(self)


def _mismatch(generation_id: str, response: GenerationResponse) -> str | None:
    """Return why a record is not the requested one, or None.

    The record of a cached response also matches the id of its source.
    """
    record = response.data
    for name in ("id", "response_cache_source_id"):
        try:
            if getattr(record, name) == generation_id:
                return None
        except FieldError:
            continue  # unreadable, so it is not the requested id
    return f"the record is not that of the requested id {generation_id}"


def _is_settled(final: bool, response: GenerationResponse) -> bool:  # noqa: FBT001 - partial
    return not final or response.data.is_final


def _call_factory(wait: object, *, final: bool) -> CallFactory:
    """Return the factory of calls for the ids of a bulk run."""
    wait_s = 0.0 if wait == 0 else check_seconds("wait", wait)

    def steps(execution: Execution[Any]) -> Steps[Any]:
        if wait_s:
            return execution.poll(wait_s, partial(_is_settled, final))
        return _send_once(execution, final=final)

    return CallFactory(call_for, steps, _outcome)


def _send_once(
    execution: Execution[GenerationResponse], *, final: bool
) -> Steps[GenerationResponse]:
    """Send without waiting: a record that does not exist, or is not final, is not ready."""
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
