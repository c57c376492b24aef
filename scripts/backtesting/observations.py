"""How the client of one version decoded the responses that another version allows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from common.effects import Effect

from backtesting.bodies import ResponseBody, pattern


class Deviation(NamedTuple):
    """A kind of drift entry.

    Attributes:
        place: Its pointer, with `*` for items of arrays and for keys of the server's choice.
    """

    operation: str
    status: str
    place: str
    kind: str
    expected: str
    found: str


@dataclass
class Backtest:
    """The result of decoding the bodies of one version with the client of another.

    Attributes:
        old: The version that the client was generated from.
        new: The version that the bodies were made from.
        bodies: How many there were.
        crashes: Bodies that caused anything other than a value or a documented error.
        wrong_values: Attributes with a value that they must not have, and unlisted deviations.
        losses: Values that were sent and are missing when the body is encoded again.
        places: The strongest effect seen at each operation, status and place.
        drift: How often each deviation was listed.
        uncovered: Places where not everything that the new version allows was sent.
    """

    old: str
    new: str
    bodies: int = 0
    crashes: list[str] = field(default_factory=list)
    wrong_values: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    places: dict[tuple[str, str, str], Effect] = field(default_factory=dict)
    drift: Counter[Deviation] = field(default_factory=Counter)
    uncovered: list[str] = field(default_factory=list)

    @property
    def effects(self) -> dict[tuple[str, str], Effect]:
        """The strongest effect seen at each status and place, whatever the operation."""
        strongest: dict[tuple[str, str], Effect] = {}
        for (_, status, place), effect in self.places.items():
            strongest[status, place] = max(effect, strongest.get((status, place), effect))
        return strongest

    @property
    def broken(self) -> set[tuple[str, str, str]]:
        """The places that cannot be read, at least in some bodies."""
        return {place for place, effect in self.places.items() if effect is Effect.BROKEN}

    @property
    def is_clean(self) -> bool:
        """Whether there are no crashes, wrong values or losses."""
        return not (self.crashes or self.wrong_values or self.losses)

    def count(self, effect: Effect) -> int:
        """Return the number of places with an effect."""
        return sum(place_effect is effect for place_effect in self.places.values())

    def add(self, body: ResponseBody, result: Mapping[str, Any]) -> None:
        """Add the result of decoding one body."""
        self.bodies += 1
        where = f"body {body.number}, {body.operation} {body.code}"
        outcome = result.get("outcome")
        if outcome == "decoded":
            self._add_decoded(where, body, result)
        elif outcome == "invalid":
            self._see(body, "", Effect.BROKEN)
        elif outcome == "unexpected":
            failed = body.code >= HTTPStatus.BAD_REQUEST
            self._see(body, "", Effect.SURFACED if failed else Effect.BROKEN)
        elif outcome == "unknown":
            missing = f"{body.operation}: the client of {self.old} has no such operation"
            if missing not in self.uncovered:
                self.uncovered.append(missing)
        else:
            self.crashes.append(f"{where}: {result.get('detail', 'no answer')}")

    def _add_decoded(self, where: str, body: ResponseBody, result: Mapping[str, Any]) -> None:
        for lines, key in ((self.wrong_values, "wrong_values"), (self.losses, "losses")):
            lines.extend(f"{where} {line}" for line in result[key])
        for pointer, kind, expected, found in result["drift"]:
            place = self._see(body, pointer, Effect.SURFACED)
            self.drift[Deviation(body.operation, body.status, place, kind, expected, found)] += 1
        for pointer in result["unreadable"]:
            self._see(body, pointer, Effect.BROKEN)

    def _see(self, body: ResponseBody, pointer: str, effect: Effect) -> str:
        place = pattern(body.value, pointer)
        key = (body.operation, body.status, place)
        self.places[key] = max(effect, self.places.get(key, effect))
        return place

    def check_own(self) -> None:
        """Report drift in bodies of the client's own version as wrong values."""
        for (operation, status, place), effect in sorted(self.places.items()):
            self.wrong_values.append(
                f"{operation} {status} {place}: {effect}, though the client's own spec allows it"
            )
