"""Limits the cost of reading a YAML document, counted while it is parsed.

The limits are ten times what large specs need (one with 100 operations and 800 schemas has 1.4 MB
and 73,000 values). Within them, the time to read a document grows linearly with its size.
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

#: Levels of mappings and sequences. Readers recurse once or several times for each level, and
#: Python stops at 1,000 calls.
MAX_DEPTH = 64

#: Keys and values, with aliases expanded. Memory and the time of later steps grow with it.
MAX_NODES = 750_000

#: Characters of all keys and values, with aliases expanded: they may repeat a long text.
MAX_CHARACTERS = 2 * MAX_BYTES

#: Aliases. Nobody writes many by hand, and each may be checked more than once.
MAX_ALIASES = 10_000

#: Characters of a key: what YAML 1.2 allows one that is not introduced by `?` (section 7.4.2).
MAX_KEY = 1_024

#: Characters of a value; a description of several pages has a tenth of this.
MAX_SCALAR = 100_000

#: Bits of an integer: most JSON readers cannot represent one above the largest double.
MAX_INTEGER_BITS = 1_024

#: Tags that change nothing, or that make a value a string.
_TAGS = {None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))}


class LimitError(MarkedYAMLError):
    """A document is YAML or JSON, but exceeds a limit."""

    def __init__(self, problem: str, mark: Any = None) -> None:
        """Create the error with the problem and its place."""
        super().__init__(problem=problem, problem_mark=mark)


@dataclass
class _Collection:
    """An open mapping or sequence, with the counts from before it began."""

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
    """Stops parsing where a document exceeds a limit or uses more than JSON has."""

    def __init__(self, loader: Any) -> None:
        """Start all counts at zero."""
        super().__init__(loader)
        self._open: list[_Collection] = []
        self._sizes: dict[str, _Size] = {}
        self._nodes = self._characters = self._aliases = 0

    def get_event(self) -> Any:
        """Return the next event, after checking the limits."""
        event = super().get_event()
        self._check(event)
        return event

    def _check(self, event: Any) -> None:
        mark = event.start_mark
        if isinstance(event, DocumentStartEvent):
            if event.tags or event.version not in {None, (1, 2)}:
                raise LimitError("has a YAML directive, which is not supported; delete it", mark)
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
            raise LimitError(f"holds more than {MAX_ALIASES} aliases; write out their values", mark)
        if any(collection.anchor == anchor for collection in self._open):
            raise LimitError(f"contains itself, by the alias {anchor!r:.80}", mark)
        if anchor in self._sizes:  # if not, the composer raises
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
        closed = self._open.pop()
        nodes, characters = self._nodes - closed.nodes, self._characters - closed.characters
        size = _Size(nodes, characters, closed.height + 1)
        if self._open:
            self._open[-1].height = max(self._open[-1].height, size.height)
        self._remember(closed.anchor, size)

    def _remember(self, anchor: str | None, size: _Size) -> None:
        if anchor is not None:
            self._sizes[anchor] = size
