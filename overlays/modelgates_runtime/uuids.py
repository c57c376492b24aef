"""UUIDs that keep their original text; imported on first use, as importing `uuid` is slow."""

import uuid
from typing import Any


class SentUUID(uuid.UUID):
    """A UUID that keeps its original text, which `to_dict` returns."""

    sent: str = ""

    def __reduce__(self) -> Any:
        return sent_uuid, (self.sent or str(self),)


def sent_uuid(text: str) -> SentUUID | None:
    """Parse a UUID in the text form of RFC 4122, section 3; return None if it is invalid."""
    try:
        identifier = SentUUID(text)
    except ValueError:
        return None
    if str(identifier) != text.lower():
        return None  # braces, a URN prefix or misplaced hyphens
    object.__setattr__(identifier, "sent", text)
    return identifier
