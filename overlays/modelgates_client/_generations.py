"""The `generations` resource: what a generation really was."""

from contextlib import suppress

import httpx

from modelgates_api.api.generations import get_generation
from modelgates_api.client import Client
from modelgates_api.errors import FieldError, InvalidBodyError, ResponseError
from modelgates_api.models import ErrorResponse, Generation
from modelgates_api.runtime.bodies import decode_json
from modelgates_api.runtime.decoders import Object
from modelgates_client._errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    ResponseValidationError,
)


class Generations:
    """Records of generations."""

    def __init__(self, transport: Client) -> None:
        """Send requests by `transport`."""
        self._transport = transport

    def get(self, generation_id: str) -> Generation:
        """Fetch the record of one generation.

        Returns:
            The record as the server has it now: costs in US dollars, durations in milliseconds.
            What is not as the spec says is listed in its `drift`.

        Raises:
            ConfigurationError: The id is empty, or has characters that no URL carries.
            ClientClosedError: The client was closed.
            APIStatusError: The server answered with an error; 404 while there is no record yet.
            APIConnectionError: There was no answer.
            ResponseValidationError: The answer is not a record.

        Source: openapi.yaml, operation `get-generation`.
        """
        if not (generation_id and generation_id.isprintable()):
            raise ConfigurationError(f"the generation id is {generation_id!r}; it is like gen-…")
        request = get_generation.build_request(id=generation_id)
        try:
            answer = self._transport.send(request, get_generation.parse_response)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise APIConnectionError(f"no answer: {error}") from error
        except ResponseError as error:
            raise _error(_said(error), error.status_code, error.body) from None
        status = answer.status_code
        body = ResponseError(status, "", answer.content).body
        try:
            if isinstance(answer.parsed, ErrorResponse):
                raise _error(answer.parsed.error.message, status, body)
            return answer.parsed.data
        except FieldError as error:
            raise _error(str(error), status, body) from None


def _said(error: ResponseError) -> str:
    """Return what the server said, if it said it in the form of the API's errors."""
    with suppress(InvalidBodyError, FieldError):
        content = error.body.encode("utf-8", "replace")
        said: ErrorResponse = decode_json(Object(ErrorResponse), error.status_code, content)
        return said.error.message
    return error.reason


def _error(message: str, status: int, body: str) -> APIStatusError | ResponseValidationError:
    """Return the error of an answer: its class follows the status, whatever the body is."""
    kind = ResponseValidationError if 200 <= status < 300 else APIStatusError  # noqa: PLR2004
    return kind(message, status, body)
