"""The `generations` resource: what a generation really was."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlencode

from modelgates_api.api.generations import get_generation
from modelgates_client._calls import Call, Result, Steps
from modelgates_client._errors import ConfigurationError
from modelgates_client._generation import Generation
from modelgates_client._responses import RawResponse
from modelgates_client._retry import RetryPolicy
from modelgates_client._settings import Settings, check_seconds
from modelgates_client.transport.messages import Request

#: Seconds that `wait` waits unless told otherwise: records are there within a minute.
WAIT_S: Final = 60.0


class Generations:
    """Records of generations."""

    def __init__(
        self, settings: Settings, policy: RetryPolicy, run: Callable[[Steps], Result]
    ) -> None:
        """Ask by `run`, which takes the steps of a call."""
        self._settings = settings
        self._policy = policy
        self._run = run

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
        return raw_response(self._run(_call(generation_id, self._settings, self._policy).get()))

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
        call = _call(generation_id, self._settings, self._policy)
        return self._run(call.wait(check_seconds("timeout", timeout), final=final)).answer.record


class AsyncGenerations:
    """Records of generations, awaited."""

    def __init__(
        self, settings: Settings, policy: RetryPolicy, run: Callable[[Steps], Awaitable[Result]]
    ) -> None:
        """Ask by `run`, which takes the steps of a call."""
        self._settings = settings
        self._policy = policy
        self._run = run

    async def get(self, generation_id: str) -> Generation:
        """Fetch the record of one generation; see `Generations.get`."""
        return (await self.get_raw(generation_id)).record

    async def get_raw(self, generation_id: str) -> RawResponse:
        """Fetch a record with the answer that it came in; see `Generations.get_raw`."""
        call = _call(generation_id, self._settings, self._policy)
        return raw_response(await self._run(call.get()))

    async def wait(
        self,
        generation_id: str,
        *,
        timeout: float = WAIT_S,
        final: bool = False,
    ) -> Generation:
        """Fetch a record as soon as there is one; see `Generations.wait`."""
        call = _call(generation_id, self._settings, self._policy)
        steps = call.wait(check_seconds("timeout", timeout), final=final)
        return (await self._run(steps)).answer.record


def raw_response(result: Result) -> RawResponse:
    """Return what a call came to, as callers see it."""
    answer = result.answer
    reply = answer.reply
    return RawResponse(
        answer.record, reply.status, reply.headers, reply.body, result.attempts, result.elapsed_s
    )


def _call(generation_id: object, settings: Settings, policy: RetryPolicy) -> Call:
    if not (isinstance(generation_id, str) and generation_id and generation_id.isprintable()):
        raise ConfigurationError(f"the generation id is {generation_id!r}; it is like gen-…")
    built = get_generation.build_request(id=generation_id)
    query = urlencode(built["params"], doseq=True)
    headers = (*settings.headers, *built["headers"].items())
    request = Request(
        built["method"], f"{settings.network.server.path}{built['url']}?{query}", headers
    )
    return Call(generation_id, request, settings.validation, policy, settings.timeout_s)
