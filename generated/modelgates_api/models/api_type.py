# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from modelgates_runtime import enums as _enums


class ApiType(_enums.OpenStrEnum):
    """Type of API used for the generation"""

    __slots__ = ()

    COMPLETIONS = _enums.Member("completions")
    EMBEDDINGS = _enums.Member("embeddings")
    RERANK = _enums.Member("rerank")
    TTS = _enums.Member("tts")
    STT = _enums.Member("stt")
    VIDEO = _enums.Member("video")
