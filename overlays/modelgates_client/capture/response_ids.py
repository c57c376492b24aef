"""What an answer says of its generation: by its head, or by its body as that passes."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from modelgates_client.capture.encodings import Decode, decoder, identity
from modelgates_client.capture.scanning import BodyScanner
from modelgates_client.records.drift_observer import LOGGER
from modelgates_client.records.generation_ids import is_askable

HEADER: Final = "x-generation-id"
_ENCODING: Final = "content-encoding"
_MAX_ID_LENGTH: Final = 200  # characters of an id; real ones have 35
_MAX_BODY_BYTES: Final = 16 * 2**20  # bytes of a body that are looked at, encoding undone


class ObservedResponse(Protocol):
    """What is looked at of a response of httpx or httpx2."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case."""
        ...


def may_be_generation(answer: ObservedResponse) -> bool:
    """Whether it may be the answer of a generation: it is a success."""
    return 200 <= answer.status_code < 300  # noqa: PLR2004 - RFC 9110, section 15.3


def id_in_head(answer: ObservedResponse) -> str | None:
    """Return the id that the head of an answer names; None if it does not."""
    if HEADER not in answer.headers:  # `get` of one that is not there costs twice as much
        return None
    word = answer.headers[HEADER].partition(",")[0].strip()  # a repeated header is a list
    is_id = is_askable(word) and word.isascii() and " " not in word and len(word) <= _MAX_ID_LENGTH
    return word if is_id else None


class IdSniffer:
    """Takes the bytes of a body as they pass, until its id is known or there is none.

    Attributes:
        is_done: Whether it wants no more.
    """

    def __init__(self, decode: Decode | None, note: Callable[[str], object]) -> None:
        """Begin before the body.

        Args:
            decode: Undoes its encoding; None: nothing can be read of it.
            note: Takes the id, once; does not raise.
        """
        self.is_done = decode is None
        self._decode = decode
        self._note = note
        self._scanner = BodyScanner()
        self._left = _MAX_BODY_BYTES

    @classmethod
    def of(cls, answer: ObservedResponse, note: Callable[[str], object]) -> "IdSniffer":
        """Return one for the body of an answer."""
        is_plain = _ENCODING not in answer.headers
        return cls(identity if is_plain else decoder(answer.headers[_ENCODING]), note)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; never raises."""
        if self.is_done or self._decode is None:
            return
        try:
            for piece in (chunk,) if self._decode is identity else self._decode(chunk):
                self._scanner.feed(piece)
                self._left -= len(piece)
                if self._scanner.is_done or self._left < 0:
                    self.is_done = True
                    break
        except Exception as error:  # noqa: BLE001 - a broken encoding, in one of several libraries
            self.is_done = True
            LOGGER.debug("the id of a generation cannot be read: %s", type(error).__name__)
            return
        found = self._scanner.found
        if found is not None and self.is_done:
            self._note(found)
