"""The API key: where it comes from, and how it is kept out of logs, reprs and errors."""

import inspect
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, Self
from urllib.parse import unquote

from modelgates_client.errors import ConfigurationError

ENVIRONMENT_VARIABLE: Final = "MODELGATES_API_KEY"

KeyFunction = Callable[[], str] | Callable[[], Awaitable[str]]

_MASK: Final = "[API key]"
_WITHHELD: Final = "[withheld: it shows the API key]"
_MIN_MASKED: Final = 8  # characters; shorter keys, as of a stub, would match ordinary words
_MIN_PART: Final = 12  # characters; half a key of this length is a secret, too
_MAX_SEARCHED: Final = 256 * 1024  # maximum characters that are searched for an encoded key
_ESCAPES: Final = ("\\", "%", "&", "\0")  # an encoded key contains one of these
_BYTE_ESCAPES: Final = tuple(escape.encode() for escape in _ESCAPES)
_JSON_ESCAPE: Final = r"(?<!\\)\\+u([0-9a-fA-F]{4})"


class Secret:
    """An API key that no `repr`, pickle or traceback shows."""

    __slots__ = ("_needles", "_parts", "_value")

    def __init__(self, value: str) -> None:
        """Store `value`, and the parts of it that must be masked."""
        self._value = value
        half = len(value) // 2
        whole = (value,) if len(value) >= _MIN_MASKED else ()
        halves = (value[:half], value[half:]) if half >= _MIN_PART else ()
        self._parts: tuple[str, ...] = (*whole, *halves)
        # A text with the whole key contains its halves, so the halves suffice for searching.
        self._needles = tuple(_as_bytes(part).lower() for part in halves or whole)

    def reveal(self) -> str:
        """Return the key. Do not store it in a variable: a traceback with locals would show it."""
        return self._value

    def problem(self) -> str | None:
        """Return why the key cannot be sent, without showing it; None when it can."""
        if not self._value:
            return (
                "no API key: pass api_key=…, or set the environment variable "
                f"{ENVIRONMENT_VARIABLE}"
            )
        if not (self._value.isascii() and self._value.isprintable()) or " " in self._value:
            return (
                "the API key has white space, control or non-ASCII characters; check that exactly "
                "the key was copied"
            )
        return None

    def masked(self, text: str) -> str:
        """Return a server's text with the key masked.

        Text that contains the key in an encoded form (JSON, HTML or URL escapes) is withheld.
        """
        if self._is_within(_as_bytes(text)):
            for part in self._parts:
                text = re.sub(re.escape(part), _MASK, text, flags=re.IGNORECASE)
        if not any(escape in text for escape in _ESCAPES):
            return text
        try:
            is_shown = any(
                self._is_within(_as_bytes(decoded)) for decoded in _decodings(text[:_MAX_SEARCHED])
            )
        except ValueError:  # an HTML entity with a number too large for a character
            is_shown = True
        return _WITHHELD if is_shown else text

    def masked_bytes(self, content: bytes) -> bytes:
        """Return a body with the key masked; see `masked`."""
        if not (self._is_within(content) or any(escape in content for escape in _BYTE_ESCAPES)):
            return content
        text = content.decode("latin-1")
        masked = self.masked(text)
        return content if masked is text else masked.encode("latin-1")

    def _is_within(self, content: bytes) -> bool:
        """Whether content has the key, ignoring case, since header names are case-insensitive."""
        lower = content.lower()
        return any(needle in lower for needle in self._needles)

    def __repr__(self) -> str:
        return "Secret()"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: Any) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError(
            "a client whose key was passed as a string cannot be pickled, since the pickle would "
            f"contain the key; set {ENVIRONMENT_VARIABLE}, or pass a function that returns the key"
        )


class Credentials:
    """The source of the key: a string, a function called for each request, or the environment."""

    __slots__ = ("_function", "_secret")
    _function: KeyFunction | None
    _secret: Secret | None

    def __init__(self, source: "str | Secret | KeyFunction | None") -> None:
        """Store a key, or a function that returns one; None reads the environment now."""
        if isinstance(source, Secret):
            self._secret, self._function = source, None
        elif source is None:
            source = os.environ.get(ENVIRONMENT_VARIABLE, "").strip()
            self._secret = _EnvironmentSecret(source)
            self._function = None
        elif isinstance(source, str):
            self._secret, self._function = Secret(source), None
        else:
            self._secret, self._function = None, source

    def __reduce__(self) -> Any:
        """Support all pickle protocols; those before 2 do not handle slots."""
        return Credentials, (self._function or self._secret,)

    def problem(self, *, can_await: bool) -> str | None:
        """Return why no client can use these credentials; None when one can."""
        if self._secret is not None:
            return self._secret.problem()
        if not callable(self._function):
            return "api_key is neither a string nor a function that returns one"
        if not can_await and inspect.iscoroutinefunction(self._function):
            return "api_key is a coroutine function; use AsyncModelGates"
        return None

    @property
    def fixed(self) -> Secret | None:
        """The key, if it is the same for all requests; None if a function returns it."""
        return self._secret

    def secret(self) -> Secret:
        """Return the key for one request.

        Raises:
            ConfigurationError: The function failed, or returned no key.
        """
        if self._secret is not None:
            return self._secret
        result = self._call_function()
        if not isinstance(result, Secret):
            if inspect.iscoroutine(result):
                result.close()
            raise ConfigurationError("the api_key function is asynchronous; use AsyncModelGates")
        return result

    async def secret_async(self) -> Secret:
        """Return the key for one request; await the function's result if needed.

        Raises:
            ConfigurationError: The function failed, or returned no key.
        """
        if self._secret is not None:
            return self._secret
        result = self._call_function()
        if isinstance(result, Secret):
            return result
        try:
            return _to_secret(await result)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the caller's own code
            failure = type(error).__name__
        raise ConfigurationError(f"the api_key function failed: {failure}")

    def _call_function(self) -> Secret | Awaitable[str]:
        """Call the function; its exceptions may show the key, so only their type is reported."""
        if self._function is None:
            raise ConfigurationError("there is no api_key function")
        result: Any = None
        try:
            result = self._function()
            return result if inspect.isawaitable(result) else _to_secret(result)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the caller's own code
            failure = type(error).__name__
        finally:
            del result  # keep the key out of tracebacks with locals
        raise ConfigurationError(f"the api_key function failed: {failure}")


class _EnvironmentSecret(Secret):
    """A key from the environment; its pickle reads the environment again."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return _secret_from_environment, ()


def _secret_from_environment() -> Secret:
    return _EnvironmentSecret(os.environ.get(ENVIRONMENT_VARIABLE, "").strip())


def _to_secret(result: object) -> Secret:
    """Wrap a function's result as a secret, and keep it out of tracebacks with locals."""
    if isinstance(result, str):
        secret, problem = Secret(result), Secret(result).problem()
    else:
        secret, problem = Secret(""), f"it returned {type(result).__name__}"
    del result
    if problem is not None:
        raise ConfigurationError(f"the api_key function returned no key: {problem}")
    return secret


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decodings(text: str) -> tuple[str, ...]:
    """Return the possible decodings of a text: JSON (nested, too), HTML and URL."""
    import html  # noqa: PLC0415 - loaded with the first client

    unescaped = re.sub(_JSON_ESCAPE, lambda match: chr(int(match[1], 16)), text)
    unescaped = unescaped.replace("\\", "").replace("\0", "")
    return unescaped, html.unescape(unescaped), unquote(unescaped)
