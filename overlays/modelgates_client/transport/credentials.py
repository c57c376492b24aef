"""The API key: where it comes from, and that it is shown nowhere."""

import html  # not when it is needed: a failure may come when nothing can be loaded any more
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
_MIN_MASKED: Final = 8  # characters; shorter keys, of a stub, are part of other words
_MIN_PART: Final = 12  # characters of half a key that give it away
_SEARCHED: Final = 256 * 1024  # characters that are searched for a key in disguise
_MARKS: Final = ("\\", "%", "&", "\0")  # what a disguise cannot do without
_BYTE_MARKS: Final = tuple(mark.encode() for mark in _MARKS)
_JSON_ESCAPE: Final = r"(?<!\\)\\+u([0-9a-fA-F]{4})"


class Secret:
    """A key that no `repr`, pickle or traceback shows."""

    __slots__ = ("_needles", "_parts", "_value")

    def __init__(self, value: str) -> None:
        """Hold `value`, and what gives most of it away."""
        self._value = value
        half = len(value) // 2
        if half >= _MIN_PART:
            self._parts: tuple[str, ...] = (value, value[:half], value[half:])
        else:
            self._parts = (value,) if len(value) >= _MIN_MASKED else ()
        # Where the whole is, its halves are.
        self._needles = tuple(_as_bytes(part).lower() for part in self._parts[-2:])

    def reveal(self) -> str:
        """Return the key; the result must not be kept in a variable."""
        return self._value

    def problem(self) -> str | None:
        """Return what is wrong with the key, without showing it; None when it can be sent."""
        if not self._value:
            return (
                "no API key: pass api_key=…, or set the environment variable "
                f"{ENVIRONMENT_VARIABLE}"
            )
        if not (self._value.isascii() and self._value.isprintable()) or " " in self._value:
            return (
                "the API key has white space, control or non-ASCII characters; was it copied "
                "whole, and alone?"
            )
        return None

    def masked(self, text: str) -> str:
        """Return a server's words without the key, should they show it.

        Words that show it to whoever decodes them (as JSON, HTML or a URL) are withheld.
        """
        if self._is_within(_as_bytes(text)):
            for part in self._parts:
                text = re.sub(re.escape(part), _MASK, text, flags=re.IGNORECASE)
        if not any(mark in text for mark in _MARKS):
            return text
        try:
            shown = any(self._is_within(_as_bytes(read)) for read in _decoded(text[:_SEARCHED]))
        except ValueError:  # an HTML entity whose number is too large to be one
            shown = True
        return _WITHHELD if shown else text

    def masked_bytes(self, content: bytes) -> bytes:
        """Return a body without the key; see `masked`."""
        if not (self._is_within(content) or any(mark in content for mark in _BYTE_MARKS)):
            return content
        text = content.decode("latin-1")
        masked = self.masked(text)
        return content if masked is text else masked.encode("latin-1")

    def _is_within(self, content: bytes) -> bool:
        """Whether a text shows the key, in letters of either case, as names of headers are read."""
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
            "a client that was given its key as a string cannot be pickled, since the pickle would "
            f"show the key; set {ENVIRONMENT_VARIABLE}, or pass a function that returns the key"
        )


class Credentials:
    """Where the key comes from: given, from a function at each request, or the environment."""

    __slots__ = ("_function", "_secret")
    _function: KeyFunction | None
    _secret: Secret | None

    def __init__(self, source: "str | Secret | KeyFunction | None") -> None:
        """Take a key, a function that returns one, or None: the environment, read now."""
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
        """Pickle by any protocol; those before 2 know nothing of slots."""
        return Credentials, (self._function or self._secret,)

    def problem(self, *, can_await: bool) -> str | None:
        """Return why no client can be made with these; None when one can."""
        if self._secret is not None:
            return self._secret.problem()
        if not callable(self._function):
            return "api_key is neither a string nor a function that returns one"
        if not can_await and inspect.iscoroutinefunction(self._function):
            return "api_key is a coroutine function; those are for AsyncModelGates"
        return None

    @property
    def fixed(self) -> Secret | None:
        """The key, where it is the same for all requests; None where a function returns it."""
        return self._secret

    def secret(self) -> Secret:
        """Return the key for one request.

        Raises:
            ConfigurationError: The function failed, or returned no key.
        """
        if self._secret is not None:
            return self._secret
        result = self._called()
        if not isinstance(result, Secret):
            if inspect.iscoroutine(result):
                result.close()
            raise ConfigurationError("the api_key function is asynchronous; use AsyncModelGates")
        return result

    async def secret_async(self) -> Secret:
        """Return the key for one request; awaits what the function returns.

        Raises:
            ConfigurationError: The function failed, or returned no key.
        """
        if self._secret is not None:
            return self._secret
        result = self._called()
        if isinstance(result, Secret):
            return result
        try:
            return _wrapped(await result)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the caller's own code
            failure = type(error).__name__
        raise ConfigurationError(f"the api_key function failed: {failure}")

    def _called(self) -> Secret | Awaitable[str]:
        """Call the function; what it raises may show the key, so only its type is passed on."""
        if self._function is None:
            raise ConfigurationError("there is no api_key function")
        result: Any = None
        try:
            result = self._function()
            return result if inspect.isawaitable(result) else _wrapped(result)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the caller's own code
            failure = type(error).__name__
        finally:
            del result  # a traceback that shows locals must not show it
        raise ConfigurationError(f"the api_key function failed: {failure}")


class _EnvironmentSecret(Secret):
    """A key from the environment, to which its pickle refers."""

    __slots__ = ()

    def __reduce__(self) -> Any:
        return _from_environment, ()


def _from_environment() -> Secret:
    return _EnvironmentSecret(os.environ.get(ENVIRONMENT_VARIABLE, "").strip())


def _wrapped(result: object) -> Secret:
    """Return a key as a secret; a traceback that shows locals must not show it."""
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


def _decoded(text: str) -> tuple[str, ...]:
    """Return a text as its readers may read it: as JSON, however often encoded, HTML or a URL."""
    plain = re.sub(_JSON_ESCAPE, lambda match: chr(int(match[1], 16)), text)
    plain = plain.replace("\\", "").replace("\0", "")
    return plain, html.unescape(plain), unquote(plain)
