"""Ids in arguments, and in files and pipes: lists, JSON Lines, logs.

A line that contains only ids is a list. A line of JSON is a response, or describes one: its own id
counts, however deeply it is nested, but not the contents of prompts and messages; an object without
its own id may mention ids in its texts, as log messages do. In other lines, ids are searched for
among the words. `records.generation_ids` decides which word is an id. Lines that begin with `#` are
comments, and so is text after ` #` that follows ids.

A word that looks like an attempt at an id is reported as an error, and so is a source without ids.
"""

import json
import re
from collections.abc import Iterator, Sequence
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

_MAX_SHOWN: Final = 10  # refusals to show, one per line; the rest are only counted

_COMMENT: Final = re.compile(r"\s#.*", re.DOTALL)
_BETWEEN: Final = re.compile(r"[\s,;]+")
_QUOTES: Final = "\"'`"
_WIDE: Final = re.compile(rb"g\0+e\0+n")
_EVENT: Final = "data:"  # the field of a server-sent event

#: Names of JSON members that contain an id or a list of ids, without case and punctuation.
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
#: Names of members that contain prompts and messages.
_CONVERSATION: Final = frozenset(
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
#: Names of members that do so only if their value is a text.
_CONVERSATION_TEXT: Final = frozenset(("completion", "output", "text", "question", "answer"))

_NO_NAME: Final = re.compile(r"[^0-9a-z]")


class LineIds(NamedTuple):
    """The ids in a line.

    Attributes:
        ids: The ids, without duplicates.
        refused: Errors about other words that look like ids.
        is_list: Whether the line consists of separate words.
    """

    ids: list[str]
    refused: list[str]
    is_list: bool = False


class Refusals:
    """Reports refused input: the first few with a line each, and the number of the others.

    Attributes:
        status: The resulting exit status of the process.
    """

    def __init__(self, messages: Messages) -> None:
        """Start without refusals."""
        self.status = Status.OK
        self._messages = messages
        self._count = 0

    def __call__(self, where: str, why: str, status: Status = Status.USAGE) -> None:
        """Report a refusal; may be called from any thread."""
        self.status = max(self.status, status)
        self._count += 1
        if self._count <= _MAX_SHOWN:
            self._messages.error(f"{where}: {why}")

    def report_rest(self) -> None:
        """Show the number of refusals that were not shown."""
        if self._count > _MAX_SHOWN:
            self._messages.error(f"{self._count - _MAX_SHOWN} more were refused")


def scan_line(line: bytes, *, in_list: bool = False) -> LineIds:
    """Find the ids in a line.

    >>> scan_line(b'POST /x 200 id=gen-1771967973-0hZ8 "gen-1771967973-0hZ8"').ids
    ['gen-1771967973-0hZ8']

    Args:
        line: The line; invalid UTF-8 in it is never part of an id.
        in_list: Whether all lines so far were lists, so that every word should be an id.
    """
    text = strip_ansi(_decoded(line)).strip()
    if not text or text.startswith("#"):
        return LineIds([], [], is_list=True)
    words = [word.strip(_QUOTES) for word in _BETWEEN.split(_COMMENT.sub("", text))]
    if all(is_id(word) for word in words if word):
        return LineIds([*dict.fromkeys(filter(None, words))], [], is_list=True)
    if not may_have_ids(text):
        return _without_ids(text, words, in_list=in_list)
    value = _parse_json(text)
    if value is not None:
        return _ids_in_json(value, is_whole=text[0] in "{[" or text.startswith(_EVENT))
    start = text.find("{")
    value = _parse_json(text[start:]) if start > 0 and text.endswith("}") else None
    if value is not None:
        before, within = find_ids_in_text(text[:start]), _ids_in_json(value, is_whole=True)
        return LineIds(
            [*dict.fromkeys(before.ids + within.ids)],
            [*map(_truncated, before.refused), *([] if before.ids else within.refused)],
        )
    within_text = find_ids_in_text(text)
    if within_text.ids or within_text.refused:
        return LineIds(within_text.ids, [*map(_truncated, within_text.refused)])
    return _without_ids(text, words, in_list=in_list)


def check_files(names: Sequence[str]) -> None:
    """Check in advance that files can be read.

    Raises:
        ConfigurationError: A file cannot be read, is a ledger or is not text; or stdin is closed.
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
        if not is_pipe:  # reading from a pipe would consume its data
            next(read_lines(name, documents=False), None)


def find_ids(
    names: Sequence[str],
    secret: Secret,
    refuse: Refusals,
    arguments: Sequence[str] = (),
) -> Iterator[str]:
    """Yield the ids in arguments, and in files and stdin (`-`, in either), as their lines arrive.

    Ids that contain an API key are skipped and refused, and so are lines that are too long.

    Args:
        names: The files.
        secret: The API key.
        refuse: Reports each refusal with its location and reason.
        arguments: Arguments that come before the files, each an id or `-`.

    Raises:
        ConfigurationError: A file cannot be read, or not completely.
    """
    for argument in arguments:
        if argument == STDIN:
            yield from _ids_of(STDIN, secret, refuse)
        else:
            yield argument
    for name in names:
        yield from _ids_of(name, secret, refuse)


def _ids_of(name: str, secret: Secret, refuse: Refusals) -> Iterator[str]:
    has_ids, in_list = False, True
    for number, line in read_lines(name, documents=False):
        where = f"{name}:{number}"
        if line is None:
            refuse(where, f"a line of more than {MAX} bytes was not read")
            in_list = False
            continue
        found = scan_line(line, in_list=in_list)
        in_list = in_list and found.is_list
        for why in found.refused:
            refuse(where, why)
        for generation_id in found.ids:
            has_ids = True
            if holds_key(generation_id, secret):
                refuse(where, "an id contains an API key, which was not sent")
            else:
                yield generation_id
    if not has_ids:
        source = "stdin" if name == STDIN else f"the file {name!r}"
        refuse(source, "it contains no id", Status.NO_ID)


def _decoded(line: bytes) -> str:
    if b"\0" in line:  # UTF-16 appended to other text, as by PowerShell's `>>`; or a separator
        line = line.replace(b"\0", b"" if _WIDE.search(line) else b" ")
    return line.decode("utf-8", "replace").replace("\N{ZERO WIDTH NO-BREAK SPACE}", " ")


def _without_ids(text: str, words: list[str], *, in_list: bool) -> LineIds:
    """Return the result for a line without ids: a word that should be one is refused."""
    named = [word for word in words if word]
    if len(named) != 1 or text[0] in "{[" or not any(map(str.isalnum, text)):
        return LineIds([], [], is_list=not any(map(str.isalnum, text)))
    word = named[0]
    if in_list and _normalized(word) in _KEYS:
        return LineIds([], [], is_list=True)  # the name of a column
    is_meant = in_list or word.lower().startswith(("gen-", "gen_"))
    return LineIds([], [refusal(word)] if is_meant else [], is_list=True)


def _truncated(word: str) -> str:
    return f"{shortened(word)!r} is not a complete id"


def _normalized(name: str) -> str:
    return _NO_NAME.sub("", name.lower())


def _parse_json(text: str) -> Any:
    """Parse a line of JSON, or one line of a document that spans several; None if it is neither.

    Objects are returned as tuples of pairs, so that repeated names are kept.
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


def _ids_in_json(value: Any, *, is_whole: bool) -> LineIds:
    """Return a JSON value's own ids, or else those that its texts mention."""
    own: dict[str, None] = {}
    mentioned: dict[str, None] = {}
    in_conversation: dict[str, None] = {}
    refused: list[str] = []
    for name, text, is_conversation in _texts(value):
        if not is_conversation and (not name or name in _KEYS):
            word = unescaped(text).strip()
            if is_id(word):
                own[word] = None
                continue
            if name and word.startswith(("gen-", "gen_")):
                refused += [] if is_other_kind(word) else [refusal(word)]
                continue
        if may_have_ids(text):
            within = find_ids_in_text(text)
            (in_conversation if is_conversation else mentioned).update(dict.fromkeys(within.ids))
            refused += [] if is_conversation or own else map(_truncated, within.refused)
    if in_conversation and is_whole and not own and not mentioned and not refused:
        refused.append("its only id is mentioned in the text of a message, so it was not taken")
    return LineIds(list(own or mentioned), refused)


def _texts(value: Any) -> Iterator[tuple[str, str, bool]]:
    """Yield the texts of a JSON value: name, text, and whether it is part of a conversation."""
    pending: list[tuple[str, Any, bool]] = [("", value, False)]
    while pending:
        name, each, is_conversation = pending.pop()
        if _is_object(each):
            named = _named_parts(each, name)
            for key, _ in each:
                if "gen" in key:
                    yield "-", key, is_conversation
            pending += [
                (key_name, part, is_conversation or _is_conversation(key_name, part))
                for key_name, part in named[::-1]
            ]
        elif is_array(each):
            if len(each) == 2 and isinstance(each[0], str) and _normalized(each[0]) in _KEYS:  # noqa: PLR2004 - a header
                name, each = _normalized(each[0]), each[1:]
            pending += [(name, part, is_conversation) for part in reversed(each)]
        elif isinstance(each, str):
            inner = None if is_conversation or not may_have_ids(each) else _json_in_text(each)
            if inner is None:
                yield name, each, is_conversation
            else:
                pending += [(name or "body", part, is_conversation) for part in reversed(inner)]


def _is_conversation(name: str, value: Any) -> bool:
    return name in _CONVERSATION or (name in _CONVERSATION_TEXT and isinstance(value, str))


def _is_object(value: object) -> TypeGuard[tuple[tuple[str, Any], ...]]:
    """Whether a value is an object, represented as pairs of names and values."""
    return isinstance(value, tuple)


def _named_parts(pairs: tuple[tuple[str, Any], ...], name: str) -> list[tuple[str, Any]]:
    """Return the members of an object; a name-value pair (OTLP, HAR) is a member of that name."""
    pair = {key: value for key, value in pairs if key in {"key", "name", "value"}}
    label = pair.get("key", pair.get("name"))
    if "value" in pair and isinstance(label, str) and _normalized(label) in _KEYS:
        return [(_normalized(label), pair["value"])]
    if name in _KEYS and len(pairs) == 1 and pairs[0][0] in {"stringValue", "string_value", "S"}:
        return [(name, pairs[0][1])]
    return [(_normalized(key) or "-", value) for key, value in pairs]


def _json_in_text(text: str) -> list[Any] | None:
    """Parse a text that contains JSON or an event stream of JSON; None if it does not."""
    text = text.strip()
    if text.startswith(("{", "[")):
        value = _parse_json(text)
        return None if value is None else [value]
    if not text.startswith((_EVENT, "event:", "id:", ": ")):
        return None
    events = [_parse_json(line) for line in text.splitlines() if line.startswith(_EVENT)]
    values = [event for event in events if event is not None]
    return values or None
