"""What a YAML document may cost to read, counted while it is parsed and before it is built.

The limits are ten times what large descriptions need (one of 100 operations and 800 schemas has
1.4 MB and 73,000 values); within them, reading takes time that grows with the document.
"""

from dataclasses import dataclass
from typing import Any

from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    ScalarEvent,
)
from ruamel.yaml.parser import Parser

#: Bytes of a document. The parser is plain Python: a megabyte of YAML takes some seconds.
MAX_BYTES = 15_000_000

#: Levels of mappings and sequences. What reads a document calls itself for each of them, some
#: tools several times, and Python gives up at 1,000 calls.
MAX_DEPTH = 64

#: Keys and values, those that aliases repeat counted each time. Memory and every later step grow
#: with it.
MAX_NODES = 750_000

#: Characters of all keys and values, likewise: aliases may repeat a long text.
MAX_CHARACTERS = 2 * MAX_BYTES

#: Aliases. Nobody writes many by hand, and each may be looked at more than once.
MAX_ALIASES = 10_000

#: Characters of a key: what YAML 1.2 allows one that is not introduced by `?` (section 7.4.2).
MAX_KEY = 1_024

#: Characters of a value; a description of pages has a tenth.
MAX_SCALAR = 100_000

#: Bits of an integer: what is beyond the largest double is no number to most readers of JSON.
MAX_INTEGER_BITS = 1_024

#: Tags that say what would be read anyway, or that it is a string.
_TAGS = {None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))}


class LimitError(MarkedYAMLError):
    """A document is YAML or JSON, but not one that is read here."""

    def __init__(self, problem: str, mark: Any = None) -> None:
        """Take what the document does, and where."""
        super().__init__(problem=problem, problem_mark=mark)


@dataclass
class _Collection:
    """A mapping or sequence that has begun, and what had been counted before."""

    anchor: str | None
    nodes: int
    characters: int
    height: int = 0


@dataclass(frozen=True)
class _Size:
    nodes: int
    characters: int
    height: int


class GuardedParser(Parser):
    """Ends parsing where a document goes beyond a limit or beyond JSON."""

    def __init__(self, loader: Any) -> None:
        """Start with nothing counted."""
        super().__init__(loader)
        self._open: list[_Collection] = []
        self._sizes: dict[str, _Size] = {}
        self._nodes = self._characters = self._aliases = 0

    def get_event(self) -> Any:
        """Return the next event, if it keeps the document within the limits."""
        event = super().get_event()
        self._check(event)
        return event

    def _check(self, event: Any) -> None:
        mark = event.start_mark
        if isinstance(event, DocumentStartEvent):
            if event.tags or event.version not in {None, (1, 2)}:
                raise LimitError("has a directive, which changes what words mean; delete it", mark)
        elif isinstance(event, AliasEvent):
            self._repeat(event.anchor, mark)
        elif isinstance(event, CollectionStartEvent):
            self._refuse_tag(event)
            self._open.append(_Collection(event.anchor, self._nodes, self._characters))
            self._add(_Size(1, 0, 0), mark)
        elif isinstance(event, ScalarEvent):
            self._refuse_tag(event)
            if len(event.value) > MAX_SCALAR:
                raise LimitError(f"holds a text of more than {MAX_SCALAR} characters", mark)
            size = _Size(1, len(event.value), 0)
            self._add(size, mark)
            self._remember(event.anchor, size)
        elif isinstance(event, CollectionEndEvent):
            self._close()

    def _refuse_tag(self, event: Any) -> None:
        tag = None if event.ctag is None else str(event.ctag)
        if tag not in _TAGS:
            raise MarkedYAMLError(
                problem=f"the tag {tag!r:.80} asks for what JSON does not have",
                problem_mark=event.start_mark,
            )

    def _repeat(self, anchor: str, mark: Any) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise LimitError(
                f"holds more than {MAX_ALIASES} aliases; write out what they mean", mark
            )
        if any(collection.anchor == anchor for collection in self._open):
            raise LimitError(f"contains itself, by the alias {anchor!r:.80}", mark)
        if anchor in self._sizes:  # if not, the composer says so
            self._add(self._sizes[anchor], mark)

    def _add(self, size: _Size, mark: Any) -> None:
        self._nodes += size.nodes
        self._characters += size.characters
        if len(self._open) + size.height > MAX_DEPTH:
            raise LimitError(f"is nested too deeply, more than {MAX_DEPTH} levels", mark)
        if self._nodes > MAX_NODES:
            raise LimitError(
                f"holds more than {MAX_NODES} values, counting what aliases repeat", mark
            )
        if self._characters > MAX_CHARACTERS:
            raise LimitError(
                f"holds more than {MAX_CHARACTERS} characters, counting what aliases repeat", mark
            )
        if self._open:
            self._open[-1].height = max(self._open[-1].height, size.height)

    def _close(self) -> None:
        done = self._open.pop()
        size = _Size(self._nodes - done.nodes, self._characters - done.characters, done.height + 1)
        if self._open:
            self._open[-1].height = max(self._open[-1].height, size.height)
        self._remember(done.anchor, size)

    def _remember(self, anchor: str | None, size: _Size) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
