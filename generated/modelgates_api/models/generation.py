# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from __future__ import annotations

from collections.abc import Iterable
from math import isfinite as _isfinite
from typing import Any, Self

from attrs import define as _define
from modelgates_runtime import decoders as _decoders
from modelgates_runtime import model as _model
from modelgates_runtime import schema as _schema
from modelgates_runtime.drift import MISSING as _MISSING
from modelgates_runtime.encoding import HIGHEST as _HIGHEST
from modelgates_runtime.encoding import LOWEST as _LOWEST
from modelgates_runtime.schema import OPTIONAL_TEXTS as _optional_texts
from modelgates_runtime.schema import TEXTS as _texts

from ..models.api_type import ApiType

_new = object.__new__


@_define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class Generation(_model.Model):
    """Generation data

    Attributes:
        api_type: Type of API used for the generation
        app_id: ID of the app that made the request
        cache_discount: Discount applied due to caching
        cancelled: Whether the generation was cancelled
        created_at: ISO 8601 timestamp of when the generation was created
        external_user: External user identifier
        finish_reason: Reason the generation finished
        generation_time: Time taken for generation in milliseconds
        http_referer: Referer header from the request
        id: Unique identifier for the generation
        is_byok: Whether this used bring-your-own-key
        latency: Total latency in milliseconds
        model: Model used for the generation
        moderation_latency: Moderation latency in milliseconds
        native_finish_reason: Native finish reason as reported by provider
        native_tokens_cached: Native cached tokens as reported by provider
        native_tokens_completion: Native completion tokens as reported by provider
        native_tokens_completion_images: Native completion image tokens as reported by provider
        native_tokens_prompt: Native prompt tokens as reported by provider
        native_tokens_reasoning: Native reasoning tokens as reported by provider
        num_fetches: Number of web fetches performed
        num_input_audio_prompt: Number of audio inputs in the prompt
        num_media_completion: Number of media items in the completion
        num_media_prompt: Number of media items in the prompt
        num_search_results: Number of search results included
        origin: Origin URL of the request
        provider_name: Name of the provider that served the request
        provider_responses: Not described in the spec.
        router: Router used for the request (e.g., modelgates/auto)
        service_tier: Service tier the upstream provider reported running this request on, or null if
            it did not report one.
        streamed: Whether the response was streamed
        tokens_completion: Number of tokens in the completion
        tokens_prompt: Number of tokens in the prompt
        total_cost: Total cost of the generation in USD
        upstream_id: Upstream provider's identifier for this generation
        upstream_inference_cost: Cost charged by the upstream provider
        usage: Usage amount in USD
        user_agent: User-Agent header from the request
        web_search_engine: The resolved web search engine used for this generation (e.g. exa, firecrawl,
            parallel)
        request_id: Unique identifier grouping all generations from a single API request
        response_cache_source_id: If this generation was served from response cache, contains the original
            generation ID. Null otherwise.
        session_id: Session identifier grouping multiple generations in the same session
    """

    api_type: ApiType | None
    app_id: int | None
    cache_discount: float | None
    cancelled: bool | None
    created_at: str
    external_user: None | str
    finish_reason: None | str
    generation_time: float | None
    http_referer: None | str
    id: str
    is_byok: bool
    latency: float | None
    model: str
    moderation_latency: float | None
    native_finish_reason: None | str
    native_tokens_cached: int | None
    native_tokens_completion: int | None
    native_tokens_completion_images: int | None
    native_tokens_prompt: int | None
    native_tokens_reasoning: int | None
    num_fetches: int | None
    num_input_audio_prompt: int | None
    num_media_completion: int | None
    num_media_prompt: int | None
    num_search_results: int | None
    origin: str
    provider_name: None | str
    provider_responses: list[ProviderResponse] | None
    router: None | str
    service_tier: None | str
    streamed: bool | None
    tokens_completion: int | None
    tokens_prompt: int | None
    total_cost: float
    upstream_id: None | str
    upstream_inference_cost: float | None
    usage: float
    user_agent: None | str
    web_search_engine: None | str
    request_id: None | str = _MISSING
    response_cache_source_id: None | str = _MISSING
    session_id: None | str = _MISSING

    @classmethod
    def __fields__(cls) -> _schema.Schema:
        return _schema.Schema(
            _schema.Field(
                "api_type",
                "api_type",
                _decoders.Nullable(_decoders.StrEnumeration(ApiType)),
                required=True,
            ),
            _schema.Field("app_id", "app_id", _decoders.Nullable(_decoders.INTEGER), required=True),
            _schema.Field(
                "cache_discount",
                "cache_discount",
                _decoders.Nullable(_decoders.NUMBER),
                required=True,
            ),
            _schema.Field(
                "cancelled", "cancelled", _decoders.Nullable(_decoders.BOOLEAN), required=True
            ),
            _schema.Field("created_at", "created_at", _decoders.STRING, required=True),
            _schema.Field(
                "external_user",
                "external_user",
                _decoders.Nullable(_decoders.STRING),
                required=True,
            ),
            _schema.Field(
                "finish_reason",
                "finish_reason",
                _decoders.Nullable(_decoders.STRING),
                required=True,
            ),
            _schema.Field(
                "generation_time",
                "generation_time",
                _decoders.Nullable(_decoders.NUMBER),
                required=True,
            ),
            _schema.Field(
                "http_referer", "http_referer", _decoders.Nullable(_decoders.STRING), required=True
            ),
            _schema.Field("id", "id", _decoders.STRING, required=True),
            _schema.Field("is_byok", "is_byok", _decoders.BOOLEAN, required=True),
            _schema.Field(
                "latency", "latency", _decoders.Nullable(_decoders.NUMBER), required=True
            ),
            _schema.Field("model", "model", _decoders.STRING, required=True),
            _schema.Field(
                "moderation_latency",
                "moderation_latency",
                _decoders.Nullable(_decoders.NUMBER),
                required=True,
            ),
            _schema.Field(
                "native_finish_reason",
                "native_finish_reason",
                _decoders.Nullable(_decoders.STRING),
                required=True,
            ),
            _schema.Field(
                "native_tokens_cached",
                "native_tokens_cached",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "native_tokens_completion",
                "native_tokens_completion",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "native_tokens_completion_images",
                "native_tokens_completion_images",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "native_tokens_prompt",
                "native_tokens_prompt",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "native_tokens_reasoning",
                "native_tokens_reasoning",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "num_fetches", "num_fetches", _decoders.Nullable(_decoders.INTEGER), required=True
            ),
            _schema.Field(
                "num_input_audio_prompt",
                "num_input_audio_prompt",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "num_media_completion",
                "num_media_completion",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "num_media_prompt",
                "num_media_prompt",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "num_search_results",
                "num_search_results",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field("origin", "origin", _decoders.STRING, required=True),
            _schema.Field(
                "provider_name",
                "provider_name",
                _decoders.Nullable(_decoders.STRING),
                required=True,
            ),
            _schema.Field(
                "provider_responses",
                "provider_responses",
                _decoders.Nullable(_decoders.Array(_decoders.Object(ProviderResponse))),
                required=True,
            ),
            _schema.Field("router", "router", _decoders.Nullable(_decoders.STRING), required=True),
            _schema.Field(
                "service_tier", "service_tier", _decoders.Nullable(_decoders.STRING), required=True
            ),
            _schema.Field(
                "streamed", "streamed", _decoders.Nullable(_decoders.BOOLEAN), required=True
            ),
            _schema.Field(
                "tokens_completion",
                "tokens_completion",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field(
                "tokens_prompt",
                "tokens_prompt",
                _decoders.Nullable(_decoders.INTEGER),
                required=True,
            ),
            _schema.Field("total_cost", "total_cost", _decoders.NUMBER, required=True),
            _schema.Field(
                "upstream_id", "upstream_id", _decoders.Nullable(_decoders.STRING), required=True
            ),
            _schema.Field(
                "upstream_inference_cost",
                "upstream_inference_cost",
                _decoders.Nullable(_decoders.NUMBER),
                required=True,
            ),
            _schema.Field("usage", "usage", _decoders.NUMBER, required=True),
            _schema.Field(
                "user_agent", "user_agent", _decoders.Nullable(_decoders.STRING), required=True
            ),
            _schema.Field(
                "web_search_engine",
                "web_search_engine",
                _decoders.Nullable(_decoders.STRING),
                required=True,
            ),
            _schema.Field(
                "request_id", "request_id", _decoders.Nullable(_decoders.STRING), required=False
            ),
            _schema.Field(
                "response_cache_source_id",
                "response_cache_source_id",
                _decoders.Nullable(_decoders.STRING),
                required=False,
            ),
            _schema.Field(
                "session_id", "session_id", _decoders.Nullable(_decoders.STRING), required=False
            ),
        )

    @classmethod
    def __decode__(cls, source: dict[str, Any], pointer: str) -> Self:
        _self = _new(cls)
        _rest: Iterable[str] = ()
        _source = source if len(source) >= 42 else cls.__schema__().fill(source)
        try:
            _value = _source["api_type"]
            if _value is None:
                _self.api_type = None
            elif _value is _MISSING:
                _self.api_type = None
            else:
                _self.api_type = ApiType.__members__[_value]
            _value = _source["app_id"]
            if _value is None:
                _self.app_id = None
            elif _value.__class__ is int:
                _self.app_id = _value
            elif _value is _MISSING:
                _self.app_id = None
            else:
                _rest = (*_rest, "app_id")
            _value = _source["cache_discount"]
            if _value is None:
                _self.cache_discount = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.cache_discount = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.cache_discount = _value
            elif _value is _MISSING:
                _self.cache_discount = None
            else:
                _rest = (*_rest, "cache_discount")
            _value = _source["cancelled"]
            if _value is None:
                _self.cancelled = None
            elif _value is True or _value is False:
                _self.cancelled = _value
            elif _value is _MISSING:
                _self.cancelled = None
            else:
                _rest = (*_rest, "cancelled")
            _self.created_at = _texts[_source["created_at"]]
            _value = _source["external_user"]
            _self.external_user = None if _value is None else _optional_texts[_value]
            _value = _source["finish_reason"]
            _self.finish_reason = None if _value is None else _optional_texts[_value]
            _value = _source["generation_time"]
            if _value is None:
                _self.generation_time = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.generation_time = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.generation_time = _value
            elif _value is _MISSING:
                _self.generation_time = None
            else:
                _rest = (*_rest, "generation_time")
            _value = _source["http_referer"]
            _self.http_referer = None if _value is None else _optional_texts[_value]
            _self.id = _texts[_source["id"]]
            _value = _source["is_byok"]
            if _value is True or _value is False:
                _self.is_byok = _value
            else:
                _rest = (*_rest, "is_byok")
            _value = _source["latency"]
            if _value is None:
                _self.latency = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.latency = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.latency = _value
            elif _value is _MISSING:
                _self.latency = None
            else:
                _rest = (*_rest, "latency")
            _self.model = _texts[_source["model"]]
            _value = _source["moderation_latency"]
            if _value is None:
                _self.moderation_latency = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.moderation_latency = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.moderation_latency = _value
            elif _value is _MISSING:
                _self.moderation_latency = None
            else:
                _rest = (*_rest, "moderation_latency")
            _value = _source["native_finish_reason"]
            _self.native_finish_reason = None if _value is None else _optional_texts[_value]
            _value = _source["native_tokens_cached"]
            if _value is None:
                _self.native_tokens_cached = None
            elif _value.__class__ is int:
                _self.native_tokens_cached = _value
            elif _value is _MISSING:
                _self.native_tokens_cached = None
            else:
                _rest = (*_rest, "native_tokens_cached")
            _value = _source["native_tokens_completion"]
            if _value is None:
                _self.native_tokens_completion = None
            elif _value.__class__ is int:
                _self.native_tokens_completion = _value
            elif _value is _MISSING:
                _self.native_tokens_completion = None
            else:
                _rest = (*_rest, "native_tokens_completion")
            _value = _source["native_tokens_completion_images"]
            if _value is None:
                _self.native_tokens_completion_images = None
            elif _value.__class__ is int:
                _self.native_tokens_completion_images = _value
            elif _value is _MISSING:
                _self.native_tokens_completion_images = None
            else:
                _rest = (*_rest, "native_tokens_completion_images")
            _value = _source["native_tokens_prompt"]
            if _value is None:
                _self.native_tokens_prompt = None
            elif _value.__class__ is int:
                _self.native_tokens_prompt = _value
            elif _value is _MISSING:
                _self.native_tokens_prompt = None
            else:
                _rest = (*_rest, "native_tokens_prompt")
            _value = _source["native_tokens_reasoning"]
            if _value is None:
                _self.native_tokens_reasoning = None
            elif _value.__class__ is int:
                _self.native_tokens_reasoning = _value
            elif _value is _MISSING:
                _self.native_tokens_reasoning = None
            else:
                _rest = (*_rest, "native_tokens_reasoning")
            _value = _source["num_fetches"]
            if _value is None:
                _self.num_fetches = None
            elif _value.__class__ is int:
                _self.num_fetches = _value
            elif _value is _MISSING:
                _self.num_fetches = None
            else:
                _rest = (*_rest, "num_fetches")
            _value = _source["num_input_audio_prompt"]
            if _value is None:
                _self.num_input_audio_prompt = None
            elif _value.__class__ is int:
                _self.num_input_audio_prompt = _value
            elif _value is _MISSING:
                _self.num_input_audio_prompt = None
            else:
                _rest = (*_rest, "num_input_audio_prompt")
            _value = _source["num_media_completion"]
            if _value is None:
                _self.num_media_completion = None
            elif _value.__class__ is int:
                _self.num_media_completion = _value
            elif _value is _MISSING:
                _self.num_media_completion = None
            else:
                _rest = (*_rest, "num_media_completion")
            _value = _source["num_media_prompt"]
            if _value is None:
                _self.num_media_prompt = None
            elif _value.__class__ is int:
                _self.num_media_prompt = _value
            elif _value is _MISSING:
                _self.num_media_prompt = None
            else:
                _rest = (*_rest, "num_media_prompt")
            _value = _source["num_search_results"]
            if _value is None:
                _self.num_search_results = None
            elif _value.__class__ is int:
                _self.num_search_results = _value
            elif _value is _MISSING:
                _self.num_search_results = None
            else:
                _rest = (*_rest, "num_search_results")
            _self.origin = _texts[_source["origin"]]
            _value = _source["provider_name"]
            _self.provider_name = None if _value is None else _optional_texts[_value]
            _value = _source["provider_responses"]
            if _value is None:
                _self.provider_responses = None
            elif _value.__class__ is list:
                _self.provider_responses = _decoders.objects(
                    ProviderResponse, _value, pointer + "/provider_responses"
                )
            elif _value is _MISSING:
                _self.provider_responses = None
            else:
                _rest = (*_rest, "provider_responses")
            _value = _source["router"]
            _self.router = None if _value is None else _optional_texts[_value]
            _value = _source["service_tier"]
            _self.service_tier = None if _value is None else _optional_texts[_value]
            _value = _source["streamed"]
            if _value is None:
                _self.streamed = None
            elif _value is True or _value is False:
                _self.streamed = _value
            elif _value is _MISSING:
                _self.streamed = None
            else:
                _rest = (*_rest, "streamed")
            _value = _source["tokens_completion"]
            if _value is None:
                _self.tokens_completion = None
            elif _value.__class__ is int:
                _self.tokens_completion = _value
            elif _value is _MISSING:
                _self.tokens_completion = None
            else:
                _rest = (*_rest, "tokens_completion")
            _value = _source["tokens_prompt"]
            if _value is None:
                _self.tokens_prompt = None
            elif _value.__class__ is int:
                _self.tokens_prompt = _value
            elif _value is _MISSING:
                _self.tokens_prompt = None
            else:
                _rest = (*_rest, "tokens_prompt")
            _value = _source["total_cost"]
            if _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.total_cost = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.total_cost = _value
            else:
                _rest = (*_rest, "total_cost")
            _value = _source["upstream_id"]
            _self.upstream_id = None if _value is None else _optional_texts[_value]
            _value = _source["upstream_inference_cost"]
            if _value is None:
                _self.upstream_inference_cost = None
            elif _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.upstream_inference_cost = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.upstream_inference_cost = _value
            elif _value is _MISSING:
                _self.upstream_inference_cost = None
            else:
                _rest = (*_rest, "upstream_inference_cost")
            _value = _source["usage"]
            if _value.__class__ is int and _LOWEST <= _value <= _HIGHEST:
                _self.usage = float(_value)
            elif _value.__class__ is float and _isfinite(_value):
                _self.usage = _value
            else:
                _rest = (*_rest, "usage")
            _value = _source["user_agent"]
            _self.user_agent = None if _value is None else _optional_texts[_value]
            _value = _source["web_search_engine"]
            _self.web_search_engine = None if _value is None else _optional_texts[_value]
            _value = _source["request_id"]
            _self.request_id = None if _value is None else _optional_texts[_value]
            _value = _source["response_cache_source_id"]
            _self.response_cache_source_id = None if _value is None else _optional_texts[_value]
            _value = _source["session_id"]
            _self.session_id = None if _value is None else _optional_texts[_value]
        except (KeyError, TypeError):
            _rest = cls.__schema__().fields
        if _rest or len(source) != 42:
            _self._settle(source, _rest, pointer)
        return _self


# At the end, because models may refer to each other.
from ..models.provider_response import ProviderResponse  # noqa: E402

# attrs copied the globals before these imports, and `typing.get_type_hints` reads that copy.
Generation.__init__.__globals__.update(globals())
