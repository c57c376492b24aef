"""The `generations` resource: what a generation really was."""

import httpx

from modelgates_api.api.generations import get_generation
from modelgates_api.client import Client
from modelgates_api.errors import FieldError, ResponseError
from modelgates_api.models import ErrorResponse, Generation
from modelgates_client._errors import APIConnectionError, APIStatusError, ResponseValidationError


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
            ClientClosedError: The client was closed.
            APIStatusError: The server answered with an error; 404 while there is no record yet.
            APIConnectionError: There was no answer.
            ResponseValidationError: The answer is not a record.

        Source: openapi.yaml, operation `get-generation`.
        """
        request = get_generation.build_request(id=generation_id)
        try:
            answer = self._transport.send(request, get_generation.parse_response)
        except httpx.HTTPError as error:
            raise APIConnectionError(f"no answer: {error}") from error
        except ResponseError as error:
            raise _error(error.reason, error.status_code, error.body) from None
        status = answer.status_code
        body = ResponseError(status, "", answer.content).body
        try:
            if isinstance(answer.parsed, ErrorResponse):
                raise _error(answer.parsed.error.message, status, body)
            return answer.parsed.data
        except FieldError as error:
            raise _error(str(error), status, body) from None


def _error(message: str, status: int, body: str) -> APIStatusError | ResponseValidationError:
    """Return the error of an answer: its class follows the status, whatever the body is."""
    kind = ResponseValidationError if 200 <= status < 300 else APIStatusError  # noqa: PLR2004
    return kind(message, status, body)
