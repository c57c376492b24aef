"""Ids given as arguments, and found in files and pipes: lists, JSON Lines, logs.

A line of nothing but ids is a list. A line that is JSON is a response, or says something about one:
its own id is meant, wherever it is nested, and not what people and models talk about; an object
without one of its own may mention ids, as the messages of logs do. In other lines ids are searched
for among the words. Which word is an id, `_generation_ids` decides. Lines that begin with `#` are
comments; so is what follows ` #` behind ids.

What might be meant as an id and is none is refused aloud, and so is a source without any.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeGuard

from modelgates_client.cli.keys import holds_key
from modelgates_client.cli.messages import Messages
from modelgates_client.cli.reading import STDIN, check_stdin
from modelgates_client.cli.recordings import MAX, is_ledger, read_lines
from modelgates_client.cli.statuses import Status
from modelgates_client.errors import ConfigurationError
from modelgates_client.records.generation_ids import is_id, is_other_kind, refusal, shortened
from modelgates_client.records.id_search import (
    find_ids_in_text,
    may_have_ids,
    strip_ansi,
    unescaped,
)
from modelgates_client.transport.credentials import Secret
from modelgates_runtime.values import is_array

_SAID: Final = 10  # refusals that are said, each in a line; the others are only counted

_COMMENT: Final = re.compile(r"\s#.*", re.DOTALL)
_BETWEEN: Final = re.compile(r"[\s,;]+")
_QUOTES: Final = "\"'`"
_WIDE: Final = re.compile(rb"g\0+e\0+n")
_EVENT: Final = "data:"  # of server-sent events

#: Names, without case and punctuation, of what holds an id, or a list of them.
_KEYS: Final = frozenset(
    name + plural
    for name in (
        "id",
        "genid",
        "generationid",
        "xgenerationid",
        "responseid",
        "completionid",
        "genairesponseid",
    )
    for plural in ("", "s")
)
#: Names of what people and models say.
_TALK: Final = frozenset(
    (
        "messages",
        "choices",
        "content",
        "prompt",
        "input",
        "delta",
        "parts",
        "reasoning",
        "toolcalls",
        "arguments",
        "instructions",
        "system",
    )
)
#: Names of what they say, if it is a text.
_SAYINGS: Final = frozenset(("completion", "output", "text", "question", "answer"))

_NO_NAME: Final = re.compile(r"[^0-9a-z]")


class Found(NamedTuple):
    """What a line has.

    Attributes:
        ids: The ids, each once.
        refused: Why other words of it are no ids.
        is_list: Whether it is of words alone, each by itself.
    """

    ids: list[str]
    refused: list[str]
    is_list: bool = False


class Refusals:
    """Says what is refused: the first ones by a line each, of the others how many there are.

    Attributes:
        status: What the process is to end with on their account.
    """

    def __init__(self, messages: Messages) -> None:
        """Begin without any."""
        self.status = Status.OK
        self._messages = messages
        self._count = 0

    def __call__(self, where: str, why: str, status: Status = Status.USAGE) -> None:
        """Say what is refused; from any thread."""
        self.status = max(self.status, status)
        self._count += 1
        if self._count <= _SAID:
            self._messages.error(f"{where}: {why}")

    def say_rest(self) -> None:
        """Say how many there were besides."""
        if self._count > _SAID:
            self._messages.error(f"{self._count - _SAID} more were refused")


def ids_in(line: bytes) -> list[str]:
    """Return the ids of a line, each once.

    >>> ids_in(b'POST /x 200 id=gen-1771967973-0hZ8 "gen-1771967973-0hZ8"')
    ['gen-1771967973-0hZ8']
    """
    return look(line).ids


def look(line: bytes, *, in_list: bool = False) -> Found:
    """Return what a line has.

    Args:
        line: The line; what is no UTF-8 in it is no part of an id.
        in_list: Whether all lines so far were lists, so that every word is meant as an id.
    """
    text = strip_ansi(_decoded(line)).strip()
    if not text or text.startswith("#"):
        return Found([], [], is_list=True)
    words = [word.strip(_QUOTES) for word in _BETWEEN.split(_COMMENT.sub("", text))]
    if all(is_id(word) for word in words if word):
        return Found([*dict.fromkeys(filter(None, words))], [], is_list=True)
    if not may_have_ids(text):
        return _without(text, words, in_list=in_list)
    value = _json_in(text)
    if value is not None:
        return _of_json(value, is_whole=text[0] in "{[" or text.startswith(_EVENT))
    start = text.find("{")
    value = _json_in(text[start:]) if start > 0 and text.endswith("}") else None
    if value is not None:
        before, within = find_ids_in_text(text[:start]), _of_json(value, is_whole=True)
        return Found(
            [*dict.fromkeys(before.ids + within.ids)],
            [*map(_cut_off, before.refused), *([] if before.ids else within.refused)],
        )
    within_text = find_ids_in_text(text)
    if within_text.ids or within_text.refused:
        return Found(within_text.ids, [*map(_cut_off, within_text.refused)])
    return _without(text, words, in_list=in_list)


def check_files(names: Sequence[str]) -> None:
    """Find out before the work whether files can be read.

    Raises:
        ConfigurationError: One cannot, or is a ledger, or is no text; or stdin is closed.
    """
    for name in names:
        if name == STDIN:
            check_stdin()
            continue
        try:
            is_pipe = not (Path(name).is_file() or Path(name).is_dir()) and Path(name).stat()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(f"the file {name!r}: {why}") from None
        if is_ledger(name):
            raise ConfigurationError(
                f"the file {name!r} is a ledger, not a list of ids; to continue it, give only "
                "--ledger with it"
            )
        if not is_pipe:  # from which nothing can be taken twice
            next(read_lines(name, documents=False), None)


def find_ids(
    names: Sequence[str],
    secret: Secret,
    refuse: Callable[[str, str, Status], object],
    arguments: Sequence[str] = (),
) -> Iterator[str]:
    """Yield the ids of arguments, and of files and stdin (`-`, as either), as their lines come.

    What holds a key is left out, and refused, as lines that are too long to be looked through.

    Args:
        names: Files.
        secret: The key.
        refuse: Told of what is refused: where, why, and which exit status that makes.
        arguments: Words that come before the files, each an id, or `-`.

    Raises:
        ConfigurationError: A file cannot be read, or no further.
    """
    for argument in arguments:
        if argument == STDIN:
            yield from _ids_of(STDIN, secret, refuse)
        else:
            yield argument
    for name in names:
        yield from _ids_of(name, secret, refuse)


def _ids_of(
    name: str, secret: Secret, refuse: Callable[[str, str, Status], object]
) -> Iterator[str]:
    has_ids, in_list = False, True
    for number, line in read_lines(name, documents=False):
        where = f"{name}:{number}"
        if line is None:
            why = f"a line of more than {MAX} bytes was not read"
            refuse(where, why, Status.USAGE)
            in_list = False
            continue
        found = look(line, in_list=in_list)
        in_list = in_list and found.is_list
        for why in found.refused:
            refuse(where, why, Status.USAGE)
        for generation_id in found.ids:
            has_ids = True
            if holds_key(generation_id, secret):
                why = "an id contains an API key, which was not sent"
                refuse(where, why, Status.USAGE)
            else:
                yield generation_id
    if not has_ids:
        source = "stdin" if name == STDIN else f"the file {name!r}"
        refuse(source, "it contains no id", Status.NO_ID)


def _decoded(line: bytes) -> str:
    if b"\0" in line:  # UTF-16 behind other text, as PowerShell's `>>` adds it; or it separates
        line = line.replace(b"\0", b"" if _WIDE.search(line) else b" ")
    return line.decode("utf-8", "replace").replace("\N{ZERO WIDTH NO-BREAK SPACE}", " ")


def _without(text: str, words: list[str], *, in_list: bool) -> Found:
    """Return what a line without ids has: a word that was meant as one is refused."""
    named = [word for word in words if word]
    if len(named) != 1 or text[0] in "{[" or not any(map(str.isalnum, text)):
        return Found([], [], is_list=not any(map(str.isalnum, text)))
    word = named[0]
    if in_list and _plain(word) in _KEYS:
        return Found([], [], is_list=True)  # the name of a column
    is_meant = in_list or word.lower().startswith(("gen-", "gen_"))
    return Found([], [refusal(word)] if is_meant else [], is_list=True)


def _cut_off(word: str) -> str:
    return f"{shortened(word)!r} is not a complete id"


def _plain(name: str) -> str:
    return _NO_NAME.sub("", name.lower())


def _json_in(text: str) -> Any:
    """Return what a line of JSON holds, or a line of a document laid out over several; or None.

    Objects come as tuples of pairs: a name that is there twice is there twice.
    """
    text = text.removeprefix(_EVENT).strip().strip("\x1e")
    bare = text.rstrip(",")
    if text.startswith(("{", "[")):
        candidates = [text, bare, bare.strip("[]")]
    elif text.startswith('"'):
        candidates = [f"{{{bare}}}", f"[{bare}]"]
    else:
        return None
    for candidate in candidates:
        try:
            return json.loads(candidate, object_pairs_hook=tuple, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            continue
    return None


def _of_json(value: Any, *, is_whole: bool) -> Found:
    """Return the ids of a JSON value: its own ones, else those that it mentions."""
    own: dict[str, None] = {}
    mentioned: dict[str, None] = {}
    spoken: dict[str, None] = {}
    refused: list[str] = []
    for name, text, is_talk in _texts(value):
        if not is_talk and (not name or name in _KEYS):
            word = unescaped(text).strip()
            if is_id(word):
                own[word] = None
                continue
            if name and word.startswith(("gen-", "gen_")):
                refused += [] if is_other_kind(word) else [refusal(word)]
                continue
        if may_have_ids(text):
            within = find_ids_in_text(text)
            (spoken if is_talk else mentioned).update(dict.fromkeys(within.ids))
            refused += [] if is_talk or own else map(_cut_off, within.refused)
    if spoken and is_whole and not own and not mentioned and not refused:
        refused.append("its only id is mentioned in the text of a message, so it was not taken")
    return Found(list(own or mentioned), refused)


def _texts(value: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts of a JSON value: by which name, and whether people or models say them."""
    todo: list[tuple[str, Any, bool]] = [("", value, False)]
    while todo:
        name, each, is_talk = todo.pop()
        if _is_object(each):
            named = _named_parts(each, name)
            for key, _ in each:
                if "gen" in key:
                    yield "-", key, is_talk
            todo += [(plain, part, is_talk or _is_talk(plain, part)) for plain, part in named[::-1]]
        elif is_array(each):
            if len(each) == 2 and isinstance(each[0], str) and _plain(each[0]) in _KEYS:  # noqa: PLR2004 - a header
                name, each = _plain(each[0]), each[1:]
            todo += [(name, part, is_talk) for part in reversed(each)]
        elif isinstance(each, str):
            inner = None if is_talk or not may_have_ids(each) else _json_in_text(each)
            if inner is None:
                yield name, each, is_talk
            else:
                todo += [(name or "body", part, is_talk) for part in reversed(inner)]


def _is_talk(name: str, value: Any) -> bool:
    return name in _TALK or (name in _SAYINGS and isinstance(value, str))


def _is_object(value: object) -> TypeGuard[tuple[tuple[str, Any], ...]]:
    """Whether a value is an object, as the pairs of its names and values."""
    return isinstance(value, tuple)


def _named_parts(pairs: tuple[tuple[str, Any], ...], name: str) -> list[tuple[str, Any]]:
    """Return the members of an object; a pair of name and value (OTLP, HAR) is one by that name."""
    told = {key: value for key, value in pairs if key in {"key", "name", "value"}}
    label = told.get("key", told.get("name"))
    if "value" in told and isinstance(label, str) and _plain(label) in _KEYS:
        return [(_plain(label), told["value"])]
    if name in _KEYS and len(pairs) == 1 and pairs[0][0] in {"stringValue", "string_value", "S"}:
        return [(name, pairs[0][1])]
    return [(_plain(key) or "-", value) for key, value in pairs]


def _json_in_text(text: str) -> list[Any] | None:
    """Return what a text holds that is JSON itself, or a stream of events with JSON; or None."""
    text = text.strip()
    if text.startswith(("{", "[")):
        value = _json_in(text)
        return None if value is None else [value]
    if not text.startswith((_EVENT, "event:", "id:", ": ")):
        return None
    events = [_json_in(line) for line in text.splitlines() if line.startswith(_EVENT)]
    values = [event for event in events if event is not None]
    return values or None
