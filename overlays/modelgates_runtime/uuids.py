"""UUIDs as they were sent; loaded when there is one, since `uuid` looks at the whole platform."""

import uuid
from typing import Any


class SentUUID(uuid.UUID):
    """A UUID that remembers the text it was sent as, so that `to_dict` gives it back."""

    sent: str = ""

    def __reduce__(self) -> Any:
        return sent_uuid, (self.sent or str(self),)


def sent_uuid(text: str) -> SentUUID | None:
    """Return the UUID that a text is in the form of RFC 4122, section 3; None if it is none."""
    try:
        identifier = SentUUID(text)
    except ValueError:
        return None
    if str(identifier) != text.lower():
        return None  # braces, a URN prefix or misplaced hyphens
    object.__setattr__(identifier, "sent", text)
    return identifier
