"""Checks the result of the comparison against that of the backtest, place by place."""

from collections.abc import Iterable, Mapping

from attrs import evolve
from common.effects import Effect

from specdiff.changes import AffectedPlace, Change
from specdiff.specs import Verdict

Key = tuple[str, str, str]
"""Operation, status and place, as the backtest names them."""


def expected(changes: Iterable[Change]) -> dict[AffectedPlace, Effect]:
    """Return the strongest effect of the changes at each place."""
    effects: dict[AffectedPlace, Effect] = {}
    for change in changes:
        for place in change.places:
            if change.effect is not Effect.ABSORBED:
                effects[place] = max(change.effect, effects.get(place, change.effect))
    return effects


def disagreements(
    verdict: Verdict,
    observed_effects: Mapping[Key, Effect],
    uncovered: Iterable[str] = (),
    unmade: Iterable[Key] = (),
) -> list[str]:
    """Return the places where the two differ, one line each.

    What is inside an object that cannot be read at all is not looked at, and neither are unions of
    several objects: each body is read as whichever of them fits best. Where the backtest says that
    it could not make bodies, it may have seen less than the verdict says, but never more.

    Args:
        verdict: The result of the comparison.
        observed_effects: The strongest effect in the backtest, by operation, status and place.
        uncovered: The places that it could not make all bodies for, as it says so.
        unmade: The places without any bodies, including everything inside them.
    """
    predicted = expected(verdict.changes)
    observed: dict[AffectedPlace, Effect] = {}
    for key, effect in observed_effects.items():
        place = _unfolded(AffectedPlace(*key), verdict.loops)
        observed[place] = max(effect, observed.get(place, effect))
    partly = {line.partition(": ")[0] for line in uncovered}
    not_generated = {_unfolded(AffectedPlace(*key), verdict.loops) for key in unmade}
    unsure = {_unfolded(place, verdict.loops) for place in verdict.unsure}
    broken = {p for p in predicted.keys() & observed.keys() if predicted[p] is Effect.BROKEN}
    lines: list[str] = []
    for place in sorted(predicted.keys() | observed.keys()):
        prediction = predicted.get(place, Effect.ABSORBED)
        effect = observed.get(place, Effect.ABSORBED)
        is_partly_tested = str(place).removesuffix(" /") in partly or _is_in(place, not_generated)
        is_hidden = _is_in(place, unsure) or any(_is_inside(place, outer) for outer in broken)
        if is_hidden or (is_partly_tested and effect < prediction):
            continue
        if effect is not prediction:
            lines.append(f"{place}: the comparison says {prediction}, the backtest saw {effect}")
    return lines


def _unfolded(place: AffectedPlace, loops: Mapping[AffectedPlace, AffectedPlace]) -> AffectedPlace:
    """Return the place that stands for one in a schema inside itself."""
    for inner, outer in sorted(loops.items()):
        while place == inner or _is_inside(place, inner):
            suffix = place.pattern.removeprefix(inner.pattern)
            place = evolve(outer, pattern=f"{outer.pattern}{suffix}")
    return place


def _is_in(place: AffectedPlace, outer_places: set[AffectedPlace]) -> bool:
    """Whether a place is one of the given places, or inside one of them."""
    return any(place == outer or _is_inside(place, outer) for outer in outer_places)


def _is_inside(place: AffectedPlace, outer: AffectedPlace) -> bool:
    same = (place.operation, place.status) == (outer.operation, outer.status)
    return same and place != outer and place.pattern.startswith(f"{outer.pattern}/")
