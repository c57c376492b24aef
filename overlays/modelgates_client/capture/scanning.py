"""Finding the id of a generation in a body that comes in pieces; memory is constant. Pure.

A body is a JSON object, of which the own `id` counts, or an event stream, of whose first events
the same is true (https://html.spec.whatwg.org/multipage/server-sent-events.html). Nothing within a
text, or deeper, is one. What is passed over is not kept.
"""

import json
import re
from typing import Final

from modelgates_client.records.generation_ids import is_id

_MAX: Final = 256  # bytes that are kept of a text: keys and ids are shorter
_EVENTS: Final = (
    32  # with data, of a stream, that are looked at: the id is in each of the gateway's
)
_IGNORED: Final = b" \t\r\n\xef\xbb\xbf"  # white space, and the mark of UTF-8

_TEXT: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)  # to a quote, or to half an escape
_OUTSIDE: Final = re.compile(rb'[^"{}\[\],:]*+')  # what is between the signs of JSON, and texts
_LINE: Final = re.compile(rb"[^\r\n]*+")
_DATA: Final = b"data:"

#: What most answers begin with, in one step: comments, and an object whose first key is the id.
_USUAL: Final = re.compile(
    rb'(?:(?::[^\r\n]*+[\r\n]++)*+data:)?\s*+\{\s*+"id"\s*+:\s*+"([0-9A-Za-z_-]{1,256})"'
)


class ObjectScanner:
    """Looks for the own `id` of one JSON object.

    Attributes:
        found: The id; None as long as there is none.
        is_done: Whether nothing more can be found.
    """

    def __init__(self) -> None:
        """Begin before the object."""
        self.found: str | None = None
        self.is_done = False
        self._depth = 0
        self._in_text = False
        self._is_split = False  # the piece ended behind a backslash
        self._kept: bytearray | None = None  # of a text that matters
        self._is_key = False  # the next text is one, or this one
        self._is_wanted = False  # the next value is the id's

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        at = 0
        if not self._depth:
            data = data.lstrip(_IGNORED)
            if data and not data.startswith(b"{"):
                self.is_done = True
        while at < len(data) and not self.is_done:
            at = self._text(data, at) if self._in_text else self._sign(data, at)

    def _text(self, data: bytes, at: int) -> int:
        """Pass over a text, or what there is of it; return where it ends."""
        start = at
        if self._is_split:
            at += 1
        match = _TEXT.match(data, at)
        end = len(data) if match is None else match.end()
        self._is_split = data[end : end + 1] == b"\\"
        if self._kept is not None and len(self._kept) <= _MAX:
            self._kept += data[start : min(end + self._is_split, start + _MAX + 1)]
        if self._is_split or end == len(data):
            return end + self._is_split
        self._in_text = False
        if self._kept is not None:
            self._ended(_unescaped(self._kept))
            self._kept = None
        return end + 1

    def _ended(self, text: str) -> None:
        if self._is_key:
            self._is_key = False
            self._is_wanted = text == "id"
            return
        self.is_done = True
        if is_id(text):
            self.found = text

    def _sign(self, data: bytes, at: int) -> int:
        """Take the next sign; return what is behind it."""
        match = _OUTSIDE.match(data, at)
        at = len(data) if match is None else match.end()
        sign = data[at : at + 1]
        if sign == b'"':
            self._in_text = True
            if self._depth == 1 and (self._is_key or self._is_wanted):
                self._kept = bytearray()
        elif sign in (b"{", b"["):
            self._depth += 1
            self._is_key = self._depth == 1
            self.is_done = self._is_wanted  # the id is no text
        elif sign in (b"}", b"]"):
            self._depth -= 1
            self.is_done = self._depth <= 0
        elif sign == b"," and self._depth == 1:
            self._is_key = True
            self.is_done = self._is_wanted  # likewise
        return at + 1


def _unescaped(text: bytearray) -> str:
    """Return what a text says; nothing, if it is none, or too long to matter."""
    try:
        said = json.loads(b'"%s"' % text)
    except ValueError:
        return ""
    return str(said)


class BodyScanner:
    """Looks for the id in a body: an object, or an event stream.

    Attributes:
        found: The id; None as long as there is none.
        is_done: Whether nothing more can be found.
    """

    def __init__(self) -> None:
        """Begin before the body."""
        self.is_done = False
        self.found: str | None = None
        self._object: ObjectScanner | None = None
        self._is_stream: bool | None = None
        self._begun = bytearray()  # of a line, as long as it is not known what it is
        self._is_data: bool | None = None
        self._after_return = False
        self._has_data = False  # the event
        self._left = _EVENTS

    def feed(self, data: bytes) -> None:
        """Take the next piece."""
        if self._is_stream is None:
            data = data.lstrip(_IGNORED)
            if not data:
                return
            usual = _USUAL.match(data)
            if usual is not None and is_id(word := usual[1].decode()):
                self.found, self.is_done = word, True
                return
            # of a field or a comment; nothing else that is answered begins like that
            self._is_stream = data[:1] != b"{"
            self.is_done = self._is_stream and data[:1] not in b"deir:"
        if not self._is_stream:
            self.is_done = self._look(data)
            return
        at = 0
        while at < len(data) and not self.is_done:
            at = self._line(data, at)

    def _line(self, data: bytes, at: int) -> int:
        """Take a line, or what there is of it; return what is behind it."""
        if self._after_return and data[at : at + 1] == b"\n":
            at += 1
        self._after_return = False
        match = _LINE.match(data, at)
        end = len(data) if match is None else match.end()
        self._part(data[at:end])
        if end < len(data):
            self._after_return = data[end : end + 1] == b"\r"
            self._ended()
        return end + 1

    def _part(self, part: bytes) -> None:
        if self._is_data is None:
            lacking = len(_DATA) - len(self._begun)
            self._begun += part[:lacking]
            part = part[lacking:]
            if len(self._begun) < len(_DATA):
                return
            self._is_data = bytes(self._begun) == _DATA
        if self._is_data and part:
            self._has_data = True
            self._look(part)
            self.is_done = self.found is not None

    def _look(self, part: bytes) -> bool:
        """Look into a part of an object; whether nothing more can be found in it."""
        if self._object is None:
            self._object = ObjectScanner()
        self._object.feed(part)
        self.found = self._object.found
        return self._object.is_done

    def _ended(self) -> None:
        """End a line; behind an empty one, look at the next event."""
        is_blank = not self._begun
        self._begun.clear()
        self._is_data = None
        if self._has_data and not is_blank:
            self._look(b"\n")
        elif self._has_data:
            self._has_data = False
            self._object = None
            self._left -= 1
            self.is_done = not self._left
