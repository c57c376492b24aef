"""The `generations` resource: what a generation really was."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
)
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Final, Protocol

import modelgates_client  # annotations name what it loads when it is asked for
from modelgates_client.bulk.asking import plan_of, question_of
from modelgates_client.bulk.outage import Outage
from modelgates_client.calls.call import Result, Steps
from modelgates_client.calls.requests import call_of
from modelgates_client.calls.retry import RetryPolicy
from modelgates_client.calls.settings import Settings, check_seconds
from modelgates_client.records.generation import Generation
from modelgates_client.records.responses import RawResponse

if TYPE_CHECKING:
    from modelgates_client.bulk.lookups import Question
    from modelgates_client.bulk.running import Plan

#: Seconds that `wait` waits unless told otherwise: records are there within a minute.
WAIT_S: Final = 60.0

#: Requests at one time in `get_many`, unless told otherwise.
CONCURRENCY: Final = 32

#: Seconds that an outage may last in `get_many`, unless told otherwise.
OUTAGE_TIMEOUT_S: Final = 300.0


class RunMany(Protocol):
    """Asks for many ids, blocking."""

    def __call__(
        self, ids: Iterable[str], question: "Question", plan: "Plan"
    ) -> Generator[list["modelgates_client.Outcome"]]:
        """Yield what became of them, as much at a time as there is."""
        ...


class RunManyAwaited(Protocol):
    """Asks for many ids, awaited."""

    def __call__(
        self, ids: Iterable[str] | AsyncIterable[str], question: "Question", plan: "Plan"
    ) -> AsyncGenerator[list["modelgates_client.Outcome"]]:
        """Yield what became of them, as much at a time as there is."""
        ...


class Generations:
    """Records of generations."""

    def __init__(
        self,
        settings: Settings,
        policy: RetryPolicy,
        run: Callable[[Steps], Result],
        run_many: RunMany,
    ) -> None:
        """Ask by `run`, which takes the steps of a call, and by `run_many`."""
        self._settings = settings
        self._policy = policy
        self._run = run
        self._run_many = run_many

    def get(self, generation_id: str) -> Generation:
        """Fetch the record of one generation.

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
        return self.get_raw(generation_id).record

    def get_raw(self, generation_id: str) -> RawResponse:
        """Fetch the record of one generation, with the answer that it came in.

        Raises:
            ModelGatesError: As `get`.
        """
        return self._run(call_of(generation_id, self._settings, self._policy).get()).response

    def wait(
        self, generation_id: str, *, timeout: float = WAIT_S, final: bool = False
    ) -> Generation:
        """Fetch the record of one generation as soon as there is one.

        Records are written a moment after the completion, usually within ten seconds. Until then
        the server says 404, and is asked again: often at first, then ever less.

        Args:
            generation_id: Whose record.
            timeout: Seconds to wait in all; each request may take the client's timeout. Until
                it is over, failures are asked again, whatever `max_retries` is.
            final: Whether to wait until the record `is_final`, too.

        Raises:
            GenerationNotReadyError: The time is over.
            ModelGatesError: As `get`, when waiting does not mend it.

        Source: openapi.yaml, operation `get-generation`.
        """
        call = call_of(generation_id, self._settings, self._policy)
        return self._run(call.wait(check_seconds("timeout", timeout), final=final)).answer.record

    def get_many(  # noqa: PLR0913 - all by name, and all can be left out
        self,
        ids: Iterable[str],
        *,
        concurrency: int = CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = OUTAGE_TIMEOUT_S,
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
        )
        return _flat(batches)

    def get_batches(  # noqa: PLR0913 - as `get_many`
        self,
        ids: Iterable[str],
        *,
        concurrency: int = CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = OUTAGE_TIMEOUT_S,
        on_outage: Callable[[Outage | None], object] | None = None,
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
            on_outage: Called, where batches are taken, with what is known of an outage: when it
                begins, after each try, and with None when it is over. An empty batch follows.
        """
        plan = plan_of(concurrency, max_rate, outage_timeout, on_outage, ordered=ordered)
        question = question_of(self._settings, self._policy, wait, final=final)
        return self._run_many(ids, question, plan)


class AsyncGenerations:
    """Records of generations, awaited."""

    def __init__(
        self,
        settings: Settings,
        policy: RetryPolicy,
        run: Callable[[Steps], Awaitable[Result]],
        run_many: RunManyAwaited,
    ) -> None:
        """Ask by `run`, which takes the steps of a call, and by `run_many`."""
        self._settings = settings
        self._policy = policy
        self._run = run
        self._run_many = run_many

    async def get(self, generation_id: str) -> Generation:
        """Fetch the record of one generation; see `Generations.get`."""
        return (await self.get_raw(generation_id)).record

    async def get_raw(self, generation_id: str) -> RawResponse:
        """Fetch a record with the answer that it came in; see `Generations.get_raw`."""
        call = call_of(generation_id, self._settings, self._policy)
        return (await self._run(call.get())).response

    async def wait(
        self,
        generation_id: str,
        *,
        timeout: float = WAIT_S,
        final: bool = False,
    ) -> Generation:
        """Fetch a record as soon as there is one; see `Generations.wait`."""
        call = call_of(generation_id, self._settings, self._policy)
        steps = call.wait(check_seconds("timeout", timeout), final=final)
        return (await self._run(steps)).answer.record

    def get_many(  # noqa: PLR0913 - all by name, and all can be left out
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        concurrency: int = CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = OUTAGE_TIMEOUT_S,
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
        )
        return _flat_awaited(batches)

    def get_batches(  # noqa: PLR0913 - as `get_many`
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        concurrency: int = CONCURRENCY,
        ordered: bool = False,
        wait: float = WAIT_S,
        final: bool = False,
        max_rate: float | None = None,
        outage_timeout: float = OUTAGE_TIMEOUT_S,
        on_outage: Callable[[Outage | None], object] | None = None,
    ) -> AsyncGenerator[list["modelgates_client.Outcome"]]:
        """Fetch many records; see `Generations.get_batches`."""
        plan = plan_of(concurrency, max_rate, outage_timeout, on_outage, ordered=ordered)
        question = question_of(self._settings, self._policy, wait, final=final)
        return self._run_many(ids, question, plan)


def _flat(
    batches: Generator[list["modelgates_client.Outcome"]],
) -> Generator["modelgates_client.Outcome"]:
    with closing(batches):
        for batch in batches:
            yield from batch


async def _flat_awaited(
    batches: AsyncGenerator[list["modelgates_client.Outcome"]],
) -> AsyncGenerator["modelgates_client.Outcome"]:
    async with aclosing(batches):
        async for batch in batches:
            for outcome in batch:
                yield outcome
