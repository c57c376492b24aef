"""Finding the generation id in a body that arrives in chunks, in constant memory. Pure.

A body is a JSON object with an `id` at its top level, or an event stream whose first events are
such objects (https://html.spec.whatwg.org/multipage/server-sent-events.html). An `id` within a
string, or deeper in the object, does not count. Skipped data is not kept.
"""

import json
import re
from typing import Final

from modelgates_client.records.generation_ids import is_id

_MAX: Final = 256  # bytes of a string to keep: keys and ids are shorter
_EVENTS: Final = 32  # events with data to search: the gateway sends the id in each of them
_IGNORED: Final = b" \t\r\n\xef\xbb\xbf"  # white space, and the byte order mark of UTF-8

_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)  # up to a quote or half an escape
_OTHER: Final = re.compile(rb'[^"{}\[\],:]*+')  # between the delimiters of JSON
_LINE: Final = re.compile(rb"[^\r\n]*+")
_DATA: Final = b"data:"

#: Most responses: comments, then an object whose first key is the id, of the gateway's own form.
_USUAL: Final = re.compile(
    rb'(?:(?::[^\r\n]*+[\r\n]++)*+data:)?\s*+\{\s*+"id"\s*+:\s*+'
    rb'"(gen-[0-9]{9,11}-[0-9A-Za-z]{1,64})"'
)


def id_at_start(data: bytes) -> str | None:
    """Return the id that data begins with, as those of most responses do; else None."""
    usual = _USUAL.match(data)
    return None if usual is None else usual[1].decode()


class ObjectScanner:
    """Searches for the top-level `id` of one JSON object.

    Attributes:
        found: The id, or None until it is found.
        is_done: Whether the search is over.
    """

    def __init__(self) -> None:
        """Start before the object."""
        self.found: str | None = None
        self.is_done = False
        self._depth = 0
        self._in_string = False
        self._is_split = False  # the chunk ended after a backslash
        self._kept: bytearray | None = None  # the string so far, if it is a key or the id
        self._is_key = False  # the current or next string is a key
        self._is_id = False  # the next value is that of `id`

    def feed(self, data: bytes) -> None:
        """Process the next chunk."""
        at = 0
        if not self._depth:
            data = data.lstrip(_IGNORED)
            if data and not data.startswith(b"{"):
                self.is_done = True
        while at < len(data) and not self.is_done:
            at = self._string(data, at) if self._in_string else self._delimiter(data, at)

    def _string(self, data: bytes, at: int) -> int:
        """Skip a string, or the part of it in this chunk; return where it ends."""
        start = at
        if self._is_split:
            at += 1
        match = _STRING.match(data, at)
        end = len(data) if match is None else match.end()
        self._is_split = data[end : end + 1] == b"\\"
        if self._kept is not None and len(self._kept) <= _MAX:
            self._kept += data[start : min(end + self._is_split, start + _MAX + 1)]
        if self._is_split or end == len(data):
            return end + self._is_split
        self._in_string = False
        if self._kept is not None:
            self._end_string(_unescaped(self._kept))
            self._kept = None
        return end + 1

    def _end_string(self, text: str) -> None:
        if self._is_key:
            self._is_key = False
            self._is_id = text == "id"
            return
        self.is_done = True
        if is_id(text):
            self.found = text

    def _delimiter(self, data: bytes, at: int) -> int:
        """Process the next delimiter; return the position after it."""
        match = _OTHER.match(data, at)
        at = len(data) if match is None else match.end()
        delimiter = data[at : at + 1]
        if delimiter == b'"':
            self._in_string = True
            if self._depth == 1 and (self._is_key or self._is_id):
                self._kept = bytearray()
        elif delimiter in (b"{", b"["):
            self._depth += 1
            self._is_key = self._depth == 1
            self.is_done = self._is_id  # the id is not a string
        elif delimiter in (b"}", b"]"):
            self._depth -= 1
            self.is_done = self._depth <= 0
        elif delimiter == b"," and self._depth == 1:
            self._is_key = True
            self.is_done = self._is_id  # the id is not a string
        return at + 1


def _unescaped(text: bytearray) -> str:
    """Decode a JSON string; empty if it is invalid or was too long to keep."""
    try:
        return str(json.loads(b'"%s"' % text))
    except ValueError:
        return ""


class BodyScanner:
    """Searches for the id in a body: an object or an event stream.

    Attributes:
        found: The id, or None until it is found.
        is_done: Whether the search is over.
    """

    def __init__(self) -> None:
        """Start before the body."""
        self.is_done = False
        self.found: str | None = None
        self._object: ObjectScanner | None = None
        self._is_stream: bool | None = None
        self._prefix = bytearray()  # the beginning of a line whose field is not yet known
        self._is_data: bool | None = None
        self._after_return = False
        self._has_data = False  # whether the current event has data
        self._left = _EVENTS

    def feed(self, data: bytes) -> None:
        """Process the next chunk."""
        if self._is_stream is None:
            data = data.lstrip(_IGNORED)
            if not data:
                return
            self.found = id_at_start(data)
            if self.found is not None:
                self.is_done = True
                return
            # An event stream begins with a field or a comment, and no other response does.
            self._is_stream = data[:1] != b"{"
            self.is_done = self._is_stream and data[:1] not in b"deir:"
        if not self._is_stream:
            self.is_done = self._scan(data)
            return
        at = 0
        while at < len(data) and not self.is_done:
            at = self._line(data, at)

    def _line(self, data: bytes, at: int) -> int:
        """Process a line, or the part of it in this chunk; return the position after it."""
        if self._after_return and data[at : at + 1] == b"\n":
            at += 1
        self._after_return = False
        match = _LINE.match(data, at)
        end = len(data) if match is None else match.end()
        self._part(data[at:end])
        if end < len(data):
            self._after_return = data[end : end + 1] == b"\r"
            self._end_line()
        return end + 1

    def _part(self, part: bytes) -> None:
        if self._is_data is None:
            missing = len(_DATA) - len(self._prefix)
            self._prefix += part[:missing]
            part = part[missing:]
            if len(self._prefix) < len(_DATA):
                return
            self._is_data = bytes(self._prefix) == _DATA
        if self._is_data and part:
            self._has_data = True
            self._scan(part)
            self.is_done = self.found is not None

    def _scan(self, part: bytes) -> bool:
        """Scan a part of an object; return whether the search in it is over."""
        if self._object is None:
            self._object = ObjectScanner()
        self._object.feed(part)
        self.found = self._object.found
        return self._object.is_done

    def _end_line(self) -> None:
        """End a line; an empty line ends the event."""
        is_blank = not self._prefix
        self._prefix.clear()
        self._is_data = None
        if self._has_data and not is_blank:
            self._scan(b"\n")
        elif self._has_data:
            self._has_data = False
            self._object = None
            self._left -= 1
            self.is_done = not self._left
