"""`get_many` in outages: nothing is lost, hardly more is asked than without, and every run ends."""

import itertools
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelgates_client import APIConnectionError, Failed, Pending, Resolved

from .simulator import HANG, LATENCY_S, MAX_RETRIES, REFUSED, error, record, simulate

WAYS = {
    "refused": REFUSED,
    "502": error(502),
    "503": error(503),
    "503 with Retry-After": error(503, 1),
    "529 with nonsense": error(529, "soon"),
    "521": error(521),
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def outage(way, begin, seconds, *, latency_s=LATENCY_S):
    """Return a server that is gone for some seconds."""

    def server(now, generation_id):
        if begin <= now < begin + seconds:
            return 0.001, way
        return latency_s, record(generation_id)

    return server


@ways
@pytest.mark.parametrize("seconds", [1, 3, 10, 60])
@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (1000, 32), (1000, 200)])
def test_an_outage_loses_nothing(way, seconds, ids, concurrency):
    """Also without a retry; the end comes soon after that of the outage, by few requests more."""
    begin = 0.05 if ids > 3 else 0.0
    done = simulate(outage(way, begin, seconds), ids, concurrency=concurrency, max_retries=0)
    assert done.kinds == {"Resolved": ids}
    probes = 6 + 2 * min(seconds, 10) + max(0, seconds - 10)
    assert len(done.requests) <= ids + concurrency + probes
    ideal_s = LATENCY_S * (1 + ids / concurrency)
    assert done.ended_at <= begin + seconds + 1 + 1.5 * ideal_s


@ways
@pytest.mark.parametrize("ids", [1, 2, 1000])
@pytest.mark.parametrize("wait_s", [0.0, 60.0])
@pytest.mark.parametrize("ordered", [False, True])
def test_a_server_that_stays_away_ends_it(way, ids, wait_s, ordered):
    """Each id that was taken is pending, no other is taken, and the error says why."""
    done = simulate(
        outage(way, 0.0, 1e9), ids, wait_s=wait_s, ordered=ordered, outage_timeout_s=20.0
    )
    assert done.error is not None
    assert done.kinds == {"Pending": done.taken}
    assert done.taken <= 2 * 32
    assert all(outcome.error.last_error is not None for _, outcome in done.outcomes)
    assert done.ended_at == pytest.approx(20, abs=1)
    assert len(done.requests) <= 32 + 40


def test_it_is_told_of_while_it_lasts():
    """Soon after it began, after each probe, and when it is over; a short one is not."""
    done = simulate(outage(REFUSED, 0.1, 12), 1000)
    (began, first), *_, (ended, last) = done.told
    assert 0.5 <= began <= 1
    assert isinstance(first.error, APIConnectionError)
    assert first.waiting >= 32
    assert 0 < first.left_s < 300
    assert 12.1 <= ended <= 13.2
    assert last is None
    assert simulate(outage(REFUSED, 0.1, 0.2), 1000).told == []


def test_probes_are_rare_and_of_several_ids():
    """After 0.1 s, twice as long up to 0.5 s, and each second after ten; never two in a row."""
    done = simulate(outage(REFUSED, 0.0, 30.0), 100, concurrency=4)
    probes = [(at, name) for at, name in done.requests if 0.01 < at < 30]
    gaps = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(probes)]
    assert gaps[:3] == pytest.approx([0.2, 0.4, 0.5], abs=0.01)
    assert all(0.45 < gap < 1.05 for gap in gaps[2:])
    assert all(one != other for (_, one), (_, other) in itertools.pairwise(probes))


def test_a_retry_after_is_kept_and_bounded():
    """Nothing is sent before it; of what is too long 300 seconds are believed."""
    done = simulate(outage(error(503, 20), 0.0, 5.0), 100)
    assert not [at for at, _ in done.requests if 0.01 < at < 20]
    for after in ("86400", "1e300"):
        done = simulate(outage(error(503, after), 0.0, 5.0), 50, outage_timeout_s=400)
        assert done.kinds == {"Resolved": 50}
        assert done.ended_at < 302


def poisonous(status, names):
    """Return a server that fails for some ids, whatever else happens."""
    return lambda _, name: (LATENCY_S, error(status) if name in names else record(name))


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("names", [{"gen-20"}, {"gen-99"}, {"gen-20", "gen-21", "gen-99"}])
@pytest.mark.parametrize("concurrency", [1, 32])
def test_ids_that_make_the_server_fail_are_their_own(status, names, concurrency):
    """They fail, the others do not, and it is no outage, wherever they are."""
    done = simulate(poisonous(status, names), 100, concurrency=concurrency)
    assert done.error is None
    failed = {one.generation_id for _, one in done.outcomes if isinstance(one, Failed)}
    assert failed == names
    assert done.kinds["Resolved"] == 100 - len(names)
    assert all(done.prepared[name] == 1 + MAX_RETRIES for name in names)
    assert done.ended_at < 120


def test_one_id_that_is_told_to_wait_holds_nobody_up():
    """However long."""
    for after in (3600, "1e300"):
        server = poisonous(503, ())
        done = simulate(
            lambda now, name, after=after, server=server: (
                (LATENCY_S, error(503, after)) if name == "gen-5" else server(now, name)
            ),
            500,
            concurrency=8,
        )
        others = [at for at, one in done.outcomes if one.generation_id != "gen-5"]
        assert len(others) == 499
        assert max(others) < 5


def test_the_record_that_there_was_is_kept():
    """A provisional one, when the outage ends the run."""
    provisional = record("gen-0")._replace(
        body=b'{"data": {"id": "gen-0", "finish_reason": null, "cancelled": false}}'
    )

    def server(now, _):
        return (0.01, provisional if now < 1 else REFUSED)

    done = simulate(server, 1, wait_s=60.0, final=True, outage_timeout_s=5.0)
    ((_, outcome),) = done.outcomes
    assert isinstance(outcome, Pending)
    assert outcome.error.record.id == "gen-0"
    assert done.error is not None


@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (50, 1), (300, 32)])
@pytest.mark.parametrize("begin", [0.0, 0.05])
@pytest.mark.parametrize("seconds", [1, 10, 60])
def test_a_server_that_says_nothing_loses_nothing(ids, concurrency, begin, seconds):
    """Its connections are as dead as it, when it is back: requests on them hang for ever."""

    def server(now, generation_id):
        return (0, HANG) if begin <= now < begin + seconds else (LATENCY_S, record(generation_id))

    done = simulate(server, ids, concurrency=concurrency, max_retries=0)
    assert done.kinds == {"Resolved": ids}
    assert len(done.requests) <= ids + concurrency + 10 + seconds
    assert done.ended_at <= begin + 1.5 * seconds + 8 + 1.5 * ids / concurrency * LATENCY_S


@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (20, 1), (100, 32)])
@pytest.mark.parametrize("latency_s", [8.0, 25.0])
def test_a_slow_server_is_not_taken_for_dead(ids, concurrency, latency_s):
    """Each request takes long, and is answered."""
    done = simulate(lambda _, name: (latency_s, record(name)), ids, concurrency=concurrency)
    assert done.kinds == {"Resolved": ids}
    assert len(done.requests) <= 1.5 * ids + 20  # probes, until one was given the time


def test_an_id_that_hangs_fails_alone():
    """After the client's time-out, as by `get`."""
    done = simulate(
        lambda _, name: (0, HANG) if name == "gen-5" else (LATENCY_S, record(name)), 100
    )
    assert done.kinds == {"Resolved": 99, "Failed": 1}


spans = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.01, 20), st.sampled_from([*WAYS.values()])),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(spans, st.integers(1, 60), st.integers(1, 40), st.sampled_from([0.001, 0.02, 0.5]))
def test_whatever_outages_there_are_nothing_is_lost(spans, ids, concurrency, latency_s):
    """One after the other, of any kind: all ids have their records."""
    plan, at = [], 0.0
    for up_s, down_s, way in spans:
        plan.append((at + up_s, at + up_s + down_s, way))
        at += up_s + down_s

    def server(now, generation_id):
        for begin, end, way in plan:
            if begin <= now < end:
                return 0.001, way
        return latency_s, record(generation_id)

    done = simulate(server, ids, concurrency=concurrency, wait_s=0.0)
    assert all(isinstance(outcome, Resolved) for _, outcome in done.outcomes)
    assert done.kinds["Resolved"] == ids
    most = sum(concurrency + 8 + 2.2 * min(end - begin, 10) + end - begin for begin, end, _ in plan)
    assert len(done.requests) <= ids + most


def lines_of(caplog):
    """Return what is logged at the level INFO, but for drift."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.levelno == logging.INFO and each.module != "drift_observer"
    ]


def test_an_outage_is_a_line_and_its_end_another(caplog):
    """With the status, the attempt, the seconds and the reason; nothing else, whatever failed."""
    caplog.set_level(logging.INFO, "modelgates_client")
    simulate(lambda now, name: (LATENCY_S, error(503) if 0.1 < now < 6 else record(name)), ids=1000)
    began, ended = lines_of(caplog)
    assert re.fullmatch(
        r"outage: no id gets a response; attempt [0-9]+ during it ended with HTTP 503 "
        r"\(the server is not available\); probing with one id at a time for at most 300 s",
        began,
    )
    assert re.fullmatch(r"the outage is over, after [0-9.]+ s", ended)


def test_a_rate_limit_is_a_line_not_one_for_each_id(caplog):
    """It is told of once in ten seconds at most."""
    caplog.set_level(logging.INFO, "modelgates_client")
    done = simulate(lambda now, name: (LATENCY_S, error(429, 2) if now < 4 else record(name)), 100)
    assert done.kinds["Resolved"] == len(done.outcomes)
    (line,) = lines_of(caplog)
    assert re.fullmatch(
        r"rate limit: attempt 1 ended with HTTP 429 \(too many requests\); the next in [0-9.]+ s",
        line,
    )
