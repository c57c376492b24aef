"""Records and errors made from the spec: complete, valid, and the same for the same id. Pure.

The fields and their types are those of the generated models, whatever the spec has by then. What
is written down here only makes some of them plausible: a value that the spec does not allow any
more is not used, and a field that it does not have is not made.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, Final

from modelgates_api.api.generations import get_generation
from modelgates_api.models import ErrorResponse
from modelgates_client.records.generation import Generation
from modelgates_client.testing._stub_response import StubResponse, as_json
from modelgates_runtime import decoders
from modelgates_runtime.decoder import Decoder
from modelgates_runtime.model import Model
from modelgates_runtime.operation import Operation
from modelgates_runtime.values import is_array, is_object

#: The operation whose answers are records.
RECORDS: Final = get_generation.OPERATION

#: Of each type without parts; those of formats are the examples of their RFCs.
_EXAMPLES: Final[Mapping[Decoder, Any]] = {
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

_UNSAID: Final[Any] = object()


def make_record(generation_id: str, /, **fields: Any) -> dict[str, Any]:
    """Make the record of a generation: every field of the spec, each with a value of its type.

    The same id makes the same record, in every process; another id makes other amounts. The record
    is final, and served at the first attempt; what it says of money and tokens is consistent.

    Args:
        generation_id: Its id.
        fields: Values of your own, by the spec's names.

    Raises:
        ValueError: A field is not in the spec, or its value is not as the spec says; for such
            records there is `drifted`. Or there are two ids.

    Source: openapi.yaml, schema `Generation`.
    """
    known = Generation.__schema__().fields
    if fields.get("id", generation_id) != generation_id:
        raise ValueError(f"the id is {generation_id!r}, and {fields['id']!r}, too")
    for name in fields:
        if name not in known:
            raise ValueError(f"{no_such_field(name, known)}; for a record that has it, see drifted")
    made = {**_object(Generation, _plausible(generation_id), ()), **fields}
    for entry in Generation.from_dict(as_sent(made)).drift:
        raise ValueError(f"{entry}; for a record that is not as the spec says, see drifted")
    return made


def make_error(
    status: int,
    message: str | None = None,
    *,
    code: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the body of an error, as the API sends it with a status.

    Args:
        status: The status, which the body repeats as its `code`.
        message: What it says; by default something usual for the status.
        code: Another code than the status.
        metadata: The error's `metadata`.

    Source: openapi.yaml, schema `ErrorResponse`.
    """
    wanted = {
        "error": {
            "code": status if code is None else code,
            "message": _message(status) if message is None else message,
            "metadata": None,
        },
        "modelgates_metadata": None,
        "user_id": None,
    }
    body = _object(ErrorResponse, wanted, ())
    if metadata is not None:
        body["error"]["metadata"] = dict(metadata)
    return body


def make_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Make the body that a record is sent in.

    Source: openapi.yaml, operation `get-generation`, status 200.
    """
    content = RECORDS.content(HTTPStatus.OK)
    if content is None or not isinstance(content.decoder, decoders.Object):
        raise LookupError("the spec documents no body of status 200")
    return {**_object(content.decoder.model, {"data": {}}, ()), "data": dict(record)}


def make_answer(operation: Operation[Any], query: Mapping[str, Sequence[str]]) -> StubResponse:
    """Make the answer to an operation: what the spec says of its success.

    An operation that gives pages has one page with items: the second is empty.
    """
    status = next((s for s in operation.responses if s.startswith("2")), "default")
    code = int(status.replace("XX", "00")) if status != "default" else int(HTTPStatus.OK)
    content = operation.responses.get(status)
    if content is None or content.decoder is None:
        return StubResponse(code, b"")
    if not content.is_json:
        return StubResponse(code, b"text", {"Content-Type": content.content_type})
    body = _value(content.decoder, "data", _UNSAID, ())
    pages = operation.pages
    if pages is not None and is_object(body) and _is_later(operation, query):
        holder = body
        for name in pages.items[:-1]:
            holder = holder[name]
        holder[pages.items[-1]] = []
    return as_json(body, code)


def _is_later(operation: Operation[Any], query: Mapping[str, Sequence[str]]) -> bool:
    """Whether a request asks for another page than the first."""
    pages = operation.pages
    return pages is not None and any(
        query.get(parameter.name, ["0"])[0] not in {"", "0"}
        for parameter in operation.parameters
        if parameter.argument in {pages.offset, pages.cursor}
    )


def no_such_field(name: str, known: Iterable[str]) -> str:
    """Say that the spec has no field of this name, and which it may be."""
    near = get_close_matches(name, known, n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"the spec's record has no field {name!r}{meant}"


def as_sent(value: Any) -> Any:
    """Return what a value is after it was sent as JSON.

    Raises:
        TypeError: It is none.
        ValueError: It is none: a NaN, an infinity, a circle.
    """
    return json.loads(json.dumps(value, allow_nan=False))


def _message(status: int) -> str:
    try:
        return _MESSAGES.get(status) or HTTPStatus(status).phrase
    except ValueError:  # no status of the IANA's list
        return f"Status {status}"


def _plausible(generation_id: str) -> dict[str, Any]:
    """Return what well-known fields hold: amounts by the id, small and positive."""
    seed = int.from_bytes(hashlib.sha256(generation_id.encode("utf-8", "replace")).digest()[:8])
    prompt, completion = 20 + seed % 480, 10 + seed // 480 % 390
    upstream = f"chatcmpl-{seed:016x}"
    created = _EPOCH + datetime.timedelta(seconds=seed % (30 * 86400))
    cost = round(prompt * 8e-8 + completion * 3e-7, 9)
    return {
        "id": generation_id,
        "api_type": "completions",
        "app_id": None,
        "cache_discount": None,
        "cancelled": False,
        "created_at": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "external_user": None,
        "finish_reason": "stop",
        "generation_time": 500 + completion * 20,
        "http_referer": None,
        "is_byok": False,
        "latency": 200 + prompt,
        "model": _MODEL,
        "moderation_latency": None,
        "native_finish_reason": "stop",
        "native_tokens_cached": 0,
        "native_tokens_completion": completion,
        "native_tokens_completion_images": None,
        "native_tokens_prompt": prompt,
        "native_tokens_reasoning": 0,
        "num_fetches": None,
        "num_input_audio_prompt": None,
        "num_media_completion": None,
        "num_media_prompt": None,
        "num_search_results": None,
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
        "response_cache_source_id": None,
        "router": None,
        "service_tier": None,
        "session_id": None,
        "streamed": True,
        "tokens_completion": completion,
        "tokens_prompt": prompt,
        "total_cost": cost,
        "upstream_id": upstream,
        "upstream_inference_cost": 0,
        "usage": cost,
        "user_agent": None,
        "web_search_engine": None,
    }


def _object(
    model: type[Model], wanted: Mapping[str, Any], within: tuple[type[Model], ...]
) -> dict[str, Any]:
    """Make an object of a model; `within` are the models that it stands in."""
    within = (*within, model)
    return {
        field.key: _value(field.decoder, field.key, wanted.get(field.key, _UNSAID), within)
        for field in model.__schema__().fields.values()
        if field.required or _ends(field.decoder, within)
    }


def _value(decoder: Decoder, name: str, wanted: Any, within: tuple[type[Model], ...]) -> Any:
    """Make a value that a decoder takes: what is wanted, if it takes that."""
    if isinstance(decoder, decoders.Nullable):
        if wanted is None or not _ends(decoder.item, within):
            return None
        return _value(decoder.item, name, wanted, within)
    if isinstance(decoder, decoders.Object):
        return _object(decoder.model, wanted if is_object(wanted) else {}, within)
    if isinstance(decoder, decoders.Array):
        if not _ends(decoder.item, within):
            return []
        items = wanted if is_array(wanted) else [_UNSAID]
        return [_value(decoder.item, name, item, within) for item in items]
    if wanted is not _UNSAID and decoder.knows(wanted):
        return wanted
    if isinstance(decoder, decoders.OneOf):
        return _value(next(c for c in decoder.choices if _ends(c, within)), name, wanted, within)
    if isinstance(decoder, decoders.StrEnumeration | decoders.IntEnumeration):
        return next(iter(decoder.enum.known())).value
    if isinstance(decoder, decoders.Constant):
        return decoder.value
    return name if decoder is decoders.STRING else _EXAMPLES[decoder]


def _ends(decoder: Decoder, within: tuple[type[Model], ...]) -> bool:
    """Whether a value can be made without an object of a model inside one of the same model."""
    if isinstance(decoder, decoders.OneOf):
        return any(_ends(choice, within) for choice in decoder.choices)
    return not (isinstance(decoder, decoders.Object) and decoder.model in within)
