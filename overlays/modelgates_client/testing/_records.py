"""Records and errors made from the spec: complete, valid, and the same for the same id. Pure.

Fields and types are those of the generated models. The values in this module only make records
plausible: a value that the spec does not allow, or a field that it does not have, is not used.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, Final

from modelgates_api.api.generations import get_generation
from modelgates_api.models import ErrorResponse
from modelgates_client.records.generation import Generation
from modelgates_client.testing._responses import StubResponse, json_response
from modelgates_runtime import decoders
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.model import Model
from modelgates_runtime.operation import Operation
from modelgates_runtime.values import is_array, is_object

#: The operation that returns records.
RECORDS: Final = get_generation.OPERATION

#: A value of each scalar type; those of formats are the examples in their RFCs.
_SCALARS: Final[Mapping[Decoder, Any]] = {
    decoders.BOOLEAN: False,
    decoders.INTEGER: 1,
    decoders.NUMBER: 0.5,
    decoders.NULL: None,
    decoders.ANYTHING: None,
    decoders.DATETIME: "1985-04-12T23:20:50.52Z",
    decoders.DATE: "1985-04-12",
    decoders.UUID: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
}

_MODEL: Final = "meta-llama/llama-4-scout-17b-16e-instruct"
_PROVIDER: Final = "DeepInfra"
_EPOCH: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

_MESSAGES: Final[Mapping[int, str]] = {
    401: "User not found.",
    402: "Insufficient credits",
    404: "Generation not found",
    429: "Rate limit exceeded",
    524: "A timeout occurred",
    529: "Provider is overloaded",
}

_UNSET: Final[Any] = object()


def make_record(generation_id: str, /, **fields: Any) -> dict[str, Any]:
    """Make the record of a generation, with a valid value for every field of the spec.

    The same id makes the same record, in every process; other ids make other amounts. The record is
    final, the first attempt was successful, and its costs and tokens are consistent. Optional
    information is null.

    Args:
        generation_id: The id of the generation.
        fields: Values of your own, by the spec's names.

    Raises:
        ValueError: A field is not in the spec, or the spec does not allow its value; `drifted`
            makes such records. Or the fields have another id.

    Source: openapi.yaml, schema `Generation`.
    """
    known = Generation.__schema__().fields
    if fields.get("id", generation_id) != generation_id:
        raise ValueError(f"there are two ids: {generation_id!r} and {fields['id']!r}")
    for name in fields:
        if name not in known:
            raise ValueError(f"{no_such_field(name, known)}; to add a field, use drifted")
    values = {**dict.fromkeys(known), **_plausible(generation_id)}
    record = {**_object(Generation, values, ()), **fields}
    for entry in Generation.from_dict(json_copy(record)).drift:
        raise ValueError(f"{entry}; to make a record that deviates from the spec, use drifted")
    return record


def make_error(
    status: int,
    message: str | None = None,
    *,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the body of an error response.

    Args:
        status: The status code, which is also the error's `code`.
        message: The message; by default a common one for the status.
        metadata: The error's `metadata`.

    Source: openapi.yaml, schema `ErrorResponse`.
    """
    values = {
        "error": {
            "code": status,
            "message": _message(status) if message is None else message,
            "metadata": None,
        },
        "modelgates_metadata": None,
        "user_id": None,
    }
    body = _object(ErrorResponse, values, ())
    if metadata is not None:
        body["error"]["metadata"] = dict(metadata)
    return body


def make_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Make the response body that contains a record.

    Source: openapi.yaml, operation `get-generation`, status 200.
    """
    content = RECORDS.content(HTTPStatus.OK)
    if content is None or not isinstance(content.decoder, decoders.Object):
        raise LookupError("the spec documents no body for status 200")
    return {**_object(content.decoder.model, {"data": {}}, ()), "data": dict(record)}


def make_response(operation: Operation[Any], query: Mapping[str, str]) -> StubResponse:
    """Make a successful response to an operation, as the spec documents it.

    If the operation has pages, the first page has items and the second is empty.
    """
    status = next((s for s in operation.responses if s.startswith("2")), "default")
    code = int(status.replace("XX", "00")) if status != "default" else int(HTTPStatus.OK)
    content = operation.responses.get(status)
    if content is None or content.decoder is None:
        return StubResponse(code, b"")
    if not content.is_json:
        return StubResponse(code, b"text", {"Content-Type": content.content_type})
    body = _value(content.decoder, "data", _UNSET, ())
    pages = operation.pages
    if pages is not None and is_object(body) and _is_later_page(operation, query):
        parent = body
        for name in pages.items[:-1]:
            parent = parent[name]
        parent[pages.items[-1]] = []
    return json_response(body, code)


def _is_later_page(operation: Operation[Any], query: Mapping[str, str]) -> bool:
    """Whether a request is for a page after the first."""
    pages = operation.pages
    return pages is not None and any(
        query.get(parameter.name, "0") not in {"", "0"}
        for parameter in operation.parameters
        if parameter.argument in {pages.offset, pages.cursor}
    )


def no_such_field(name: str, known: Iterable[str]) -> str:
    """Return the message for a field that the spec does not have, with a similar name if any."""
    similar = get_close_matches(name, known, n=1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    return f"the spec's record has no field {name!r}{hint}"


def json_copy(value: Any) -> Any:
    """Return a copy of a value as a client receives it, encoded as JSON and decoded.

    Raises:
        TypeError: JSON cannot represent the type of a value.
        ValueError: A number is NaN or infinite, or the value contains itself.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def _message(status: int) -> str:
    try:
        return _MESSAGES.get(status) or HTTPStatus(status).phrase
    except ValueError:  # not a status that the IANA lists
        return f"Status {status}"


def _plausible(generation_id: str) -> dict[str, Any]:
    """Return values for known fields; amounts depend on the id and are small and positive."""
    seed = int.from_bytes(hashlib.sha256(generation_id.encode("utf-8", "replace")).digest()[:8])
    prompt, completion = 20 + seed % 480, 10 + seed // 480 % 390
    upstream = f"chatcmpl-{seed:016x}"
    created = _EPOCH + datetime.timedelta(seconds=seed % (30 * 86400))
    cost = round(prompt * 8e-8 + completion * 3e-7, 9)
    return {
        "id": generation_id,
        "api_type": "completions",
        "cancelled": False,
        "created_at": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "finish_reason": "stop",
        "generation_time": 500 + completion * 20,
        "is_byok": False,
        "latency": 200 + prompt,
        "model": _MODEL,
        "native_finish_reason": "stop",
        "native_tokens_cached": 0,
        "native_tokens_completion": completion,
        "native_tokens_prompt": prompt,
        "native_tokens_reasoning": 0,
        "origin": "https://example.com/",
        "provider_name": _PROVIDER,
        "provider_responses": [
            {
                "endpoint_id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "id": upstream,
                "is_byok": False,
                "latency": 100 + prompt,
                "model_permaslug": _MODEL,
                "provider_name": _PROVIDER,
                "status": 200,
            }
        ],
        "request_id": f"req-{seed:016x}",
        "streamed": True,
        "tokens_completion": completion,
        "tokens_prompt": prompt,
        "total_cost": cost,
        "upstream_id": upstream,
        "upstream_inference_cost": 0,
        "usage": cost,
    }


def _object(
    model: type[Model], values: Mapping[str, Any], parents: tuple[type[Model], ...]
) -> dict[str, Any]:
    """Make an object of a model that is nested in objects of the parent models."""
    parents = (*parents, model)
    return {
        field.key: _value(field.decoder, field.key, values.get(field.key, _UNSET), parents)
        for field in model.__schema__().fields.values()
        if field.required or _is_finite(field.decoder, parents)
    }


def _value(decoder: Decoder, name: str, value: Any, parents: tuple[type[Model], ...]) -> Any:
    """Return the value if the decoder accepts it, or else make one that it accepts."""
    if isinstance(decoder, decoders.Nullable):
        if value is None or not _is_finite(decoder.item, parents):
            return None
        return _value(decoder.item, name, value, parents)
    if isinstance(decoder, decoders.Object):
        return _object(decoder.model, value if is_object(value) else {}, parents)
    if isinstance(decoder, decoders.Array):
        if not _is_finite(decoder.item, parents):
            return []
        items = value if is_array(value) else [_UNSET]
        return [_value(decoder.item, name, item, parents) for item in items]
    if value is not _UNSET and decoder.knows(value):
        return value
    if isinstance(decoder, decoders.OneOf):
        choice = next(choice for choice in decoder.choices if _is_finite(choice, parents))
        return _value(choice, name, value, parents)
    if isinstance(decoder, decoders.StrEnumeration | decoders.IntEnumeration):
        return next(iter(decoder.enum.known())).value
    if isinstance(decoder, decoders.Constant):
        return decoder.value
    return name if decoder is decoders.STRING else _SCALARS[decoder]


def _is_finite(decoder: Decoder, parents: tuple[type[Model], ...]) -> bool:
    """Whether a value can be made without nesting a model in itself."""
    if isinstance(decoder, decoders.OneOf):
        return any(_is_finite(choice, parents) for choice in decoder.choices)
    return not (isinstance(decoder, decoders.Object) and decoder.model in parents)
