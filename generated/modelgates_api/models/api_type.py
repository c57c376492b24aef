# Generated from openapi.yaml by `nox -s regenerate`; do not edit.
from ..runtime.enums import Member, OpenStrEnum


class ApiType(OpenStrEnum):
    """Type of API used for the generation"""

    __slots__ = ()

    COMPLETIONS = Member("completions")
    EMBEDDINGS = Member("embeddings")
    RERANK = Member("rerank")
    TTS = Member("tts")
    STT = Member("stt")
    VIDEO = Member("video")
