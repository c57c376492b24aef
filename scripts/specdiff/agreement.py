"""Holds the verdict of the diff against what the backtest saw, place by place."""

from collections.abc import Iterable, Mapping

from specdiff.changes import Change, Place
from specdiff.effects import Effect

Seen = Mapping[tuple[str, str, str], Effect]


def expected(changes: Iterable[Change]) -> dict[Place, Effect]:
    """Return what the changes say that the client will meet: the strongest effect at each place."""
    found: dict[Place, Effect] = {}
    for change in changes:
        for place in change.places:
            if change.effect is not Effect.ABSORBED:
                found[place] = max(change.effect, found.get(place, change.effect))
    return found


def disagreements(
    changes: Iterable[Change], seen: Seen, uncovered: Iterable[str] = ()
) -> list[str]:
    """Return where the two differ, a line each.

    What is inside an object that cannot be read at all is not looked at. Where the backtest says
    that it could not make bodies, it may have seen less than the verdict says, but never more.

    Args:
        changes: What the diff says.
        seen: The strongest effect that the backtest saw, by operation, status and place.
        uncovered: The places that it could not make bodies for, as it says so.
    """
    verdict, observed = expected(changes), {Place(*key): effect for key, effect in seen.items()}
    partly = {line.partition(": ")[0] for line in uncovered}
    broken = {p for p in verdict.keys() & observed.keys() if verdict[p] is Effect.BROKEN}
    lines: list[str] = []
    for place in sorted(verdict.keys() | observed.keys()):
        said = verdict.get(place, Effect.ABSORBED)
        was = observed.get(place, Effect.ABSORBED)
        unseen = was < said and str(place).removesuffix(" /") in partly
        if said is not was and not unseen and not any(_inside(place, outer) for outer in broken):
            lines.append(f"{place}: the diff says {said}, the backtest saw {was}")
    return lines


def _inside(place: Place, outer: Place) -> bool:
    same = (place.operation, place.status) == (outer.operation, outer.status)
    return same and place != outer and place.pattern.startswith(f"{outer.pattern}/")
