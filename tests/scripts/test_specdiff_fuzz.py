"""The diff held against random specs: it tells everything, falls over nothing, and is right.

A few seconds of it, always the same ones. `SPECDIFF_FUZZ=50 pytest -n 2 FILE` is fifty times as
much, and with `SPECDIFF_FUZZ_FROM=1000` from another seed on: do that after changing the diff.
"""

import copy
import json
import os
from random import Random

import pytest
from backtesting import bodies, clients, execution
from common.tool_errors import ToolError
from common.versions import Version
from normalizing.normal import normalize
from specdiff import agreement, specs

from . import specs as made

TIMES = int(os.environ.get("SPECDIFF_FUZZ", "1"))
FIRST = int(os.environ.get("SPECDIFF_FUZZ_FROM", "0"))
ONE_SIDED = ("type-changed", "type-generalized", "type-specialized", "became-not-nullable")


def seeds(count):
    """Return the seeds that are tried."""
    return range(FIRST, FIRST + count * TIMES)


def pair(seed):
    """Return two specs, the second an edited copy of the first."""
    random = Random(seed)
    spec = made.document(random)
    spec = made.edit(random, spec, random.randint(0, 4))
    return random, spec, made.edit(random, spec, random.randint(1, 6))


def same(one, other):
    """Whether two documents are the same JSON."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_two_specs_that_differ_are_never_the_same():
    """Each pair has changes in both directions; a spec compared with itself has none."""
    for seed in seeds(120):
        _, old, new = pair(seed)
        assert bool(specs.compare(old, new)) is not same(old, new), seed
        assert bool(specs.compare(new, old)) is not same(old, new), seed
        assert not specs.compare(new, copy.deepcopy(new)), seed


def test_a_mark_is_reported_wherever_it_is():
    """Whatever else changes: by its own pointer, or by that of what is new or gone, all of it."""
    for seed in seeds(120):
        random, old, new = pair(seed)
        places = [(h[key], at) for h, key, at in made.places(new) if isinstance(h[key], dict)]
        holder, at = random.choice(places)
        holder["x-mark"] = "mark"
        pointer = f"{at}/x-mark"
        reported = [change for change in specs.compare(old, new) if change.new]
        assert any(
            change.new == pointer
            or (pointer.startswith(f"{change.new}/") and change.old is None)
            or (change.rule.endswith(ONE_SIDED) and at.startswith(change.new.rpartition("/")[0]))
            for change in reported
        ), (seed, pointer)


def test_odd_documents_are_compared_or_refused():
    """Only ValueError, in one line, for any invalid document."""
    for seed in seeds(250):
        random, old, new = pair(seed)
        old = made.spoil(random, old, random.randint(0, 2))
        new = made.spoil(random, new, random.randint(1, 4))
        try:
            changes = specs.compare(old, new)
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017 - that it is raised is no promise
        else:
            assert bool(changes) or same(old, new), seed


def test_specs_that_unfold_to_too_much_are_refused():
    """Schemas that refer to the next twice, thirty deep, would be compared in 2**30 places."""
    old = made.document(Random(0))
    names = [f"S{number}" for number in range(30)]
    for name, following in zip(names, [*names[1:], "Gamma"], strict=True):
        old["components"]["schemas"][name] = {
            "type": "object", "properties": {"a": made.ref(following), "b": made.ref(following)},
        }  # fmt: skip
    old["paths"]["/thing"]["get"]["responses"] = {
        "200": {"description": "x", "content": {"application/json": {"schema": made.ref("S0")}}}
    }
    new = copy.deepcopy(old)
    new["components"]["schemas"]["Gamma"] = {"type": "boolean"}
    with pytest.raises(ValueError, match="unfold to more than 20000 places"):
        specs.compare(old, new)


def test_the_client_sees_the_predicted_effects(foreign, tmp_path_factory):
    """By execution, for each base many new specs; a base that its own client cannot read is none.

    Where the generator refuses a base, or misreads what it allows itself, there is no verdict to
    hold against anything.
    """
    count, wrong = 0, []
    for seed in seeds(4):
        random, old, _ = pair(seed)
        directory = tmp_path_factory.mktemp("client") / "client"
        try:
            client = clients.generate(foreign, Version("base", made.dumped(old)), directory)
        except ToolError:
            continue
        news = {str(n): made.edit(random, old, random.choice((0, 1, 1, 2, 4))) for n in range(12)}
        news["own"] = old
        apart = normalize(old).statuses
        sent = {name: bodies.generate(spec, separate_statuses=apart) for name, spec in news.items()}
        seen = execution.decoded(client, sent)
        if seen["own"].places or not seen["own"].is_clean:
            continue
        for name, spec in news.items():
            saw = seen[name]
            verdict = specs.verdict(old, spec)
            lines = agreement.disagreements(verdict, saw.places, saw.uncovered, sent[name].unmade)
            wrong += [(seed, name, line) for line in (*lines, *saw.wrong_values, *saw.losses)]
            count += 1
    assert wrong == []
    assert count > TIMES * 12
