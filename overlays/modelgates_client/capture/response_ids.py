"""The generation id of a response, from its headers or from its body as it streams."""

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
    """The part of an httpx or httpx2 response that is read."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case."""
        ...


def may_be_generation(response: ObservedResponse) -> bool:
    """Whether a response may be that of a generation: it is successful."""
    return 200 <= response.status_code < 300  # noqa: PLR2004 - RFC 9110, section 15.3


def id_in_headers(response: ObservedResponse) -> str | None:
    """Return the id in the headers of a response; None if there is none."""
    if HEADER not in response.headers:  # `get` for a missing header takes twice as long
        return None
    word = response.headers[HEADER].partition(",")[0].strip()  # a repeated header is a list
    is_id = is_askable(word) and word.isascii() and " " not in word and len(word) <= _MAX_ID_LENGTH
    return word if is_id else None


class IdSniffer:
    """Reads the bytes of a body as they stream, until the id is found or there is none.

    Attributes:
        is_done: Whether no more bytes are needed.
    """

    def __init__(self, decode: Decode | None, note: Callable[[str], object]) -> None:
        """Begin before the body.

        Args:
            decode: Decodes the body; None if its encoding is not supported.
            note: Takes the id, once; does not raise.
        """
        self.is_done = decode is None
        self._decode = decode
        self._note = note
        self._scanner = BodyScanner()
        self._left = _MAX_BODY_BYTES

    @classmethod
    def of(cls, response: ObservedResponse, note: Callable[[str], object]) -> "IdSniffer":
        """Create a sniffer for the body of a response."""
        is_plain = _ENCODING not in response.headers
        return cls(identity if is_plain else decoder(response.headers[_ENCODING]), note)

    def feed(self, chunk: bytes) -> None:
        """Process the next bytes; never raises."""
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
