"""`get_many` in outages: no id is lost, few extra requests are sent, and every run ends."""

import itertools
import logging
import re

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client import APIConnectionError, Failed, Pending, Resolved

from .simulator import (
    HANG,
    LATENCY_S,
    MAX_RETRIES,
    REFUSED,
    error,
    error_in_success,
    record,
    simulate,
)

OUTAGES = {
    "refused": REFUSED,
    "502": error(502),
    "503": error(503),
    "503 with Retry-After": error(503, 1),
    "529 with nonsense": error(529, "soon"),
    "528": error(528),
    "503 in a 200": error_in_success(503),
}
attempt_results = pytest.mark.parametrize("attempt_result", OUTAGES.values(), ids=OUTAGES)


def outage(attempt_result, begin, seconds, *, latency_s=LATENCY_S):
    """Return a server that is unavailable for some seconds."""

    def server(now, generation_id):
        if begin <= now < begin + seconds:
            return 0.001, attempt_result
        return latency_s, record(generation_id)

    return server


@attempt_results
@pytest.mark.parametrize("seconds", [1, 3, 10, 60])
@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (1000, 32), (1000, 200)])
def test_an_outage_loses_no_id(attempt_result, seconds, ids, concurrency):
    """Also without retries; the run ends soon after the outage, with few extra requests."""
    begin = 0.05 if ids > 3 else 0.0
    result = simulate(
        outage(attempt_result, begin, seconds), ids, concurrency=concurrency, max_retries=0
    )
    assert result.kinds == {"Resolved": ids}
    probes = 6 + 2 * min(seconds, 10) + max(0, seconds - 10)
    assert len(result.requests) <= ids + concurrency + probes
    ideal_s = LATENCY_S * (1 + ids / concurrency)
    assert result.ended_at <= begin + seconds + 1 + 1.5 * ideal_s


@attempt_results
@pytest.mark.parametrize("ids", [1, 2, 1000])
@pytest.mark.parametrize("wait_s", [0.0, 60.0])
@pytest.mark.parametrize("ordered", [False, True])
def test_a_permanent_outage_ends_the_run(attempt_result, ids, wait_s, ordered):
    """Each id taken so far is pending, no further id is taken, and the error has the reason."""
    result = simulate(
        outage(attempt_result, 0.0, 1e9), ids, wait_s=wait_s, ordered=ordered, outage_timeout_s=20.0
    )
    assert result.error is not None
    assert result.kinds == {"Pending": result.taken}
    assert result.taken <= 2 * 32
    assert all(outcome.error.last_error is not None for _, outcome in result.outcomes)
    assert result.ended_at == pytest.approx(20, abs=1)
    assert len(result.requests) <= 32 + 40


def test_a_long_outage_is_reported_while_it_lasts():
    """Soon after it began, after each probe, and when it is over; a short one is not reported."""
    result = simulate(outage(REFUSED, 0.1, 12), 1000)
    (began, first), *_, (ended, last) = result.outages
    assert 0.5 <= began <= 1
    assert isinstance(first.error, APIConnectionError)
    assert first.waiting >= 32
    assert 0 < first.left_s < 300
    assert 12.1 <= ended <= 13.2
    assert last is None
    assert simulate(outage(REFUSED, 0.1, 0.2), 1000).outages == []


def test_probes_are_rare_and_use_different_ids():
    """After 0.1 s, doubled up to 0.5 s, every second after 10 s; no id is probed twice in a row."""
    result = simulate(outage(REFUSED, 0.0, 30.0), 100, concurrency=4)
    probes = [(at, name) for at, name in result.requests if 0.01 < at < 30]
    gaps = [later - sooner for (sooner, _), (later, _) in itertools.pairwise(probes)]
    assert gaps[:3] == pytest.approx([0.2, 0.4, 0.5], abs=0.01)
    assert all(0.45 < gap < 1.05 for gap in gaps[2:])
    assert all(first != second for (_, first), (_, second) in itertools.pairwise(probes))


def test_probes_are_sent_while_ids_that_failed_wait_for_their_turn():
    """Such an id is no probe: it has nothing to send yet."""

    def server(now, name):
        if now < 1:
            return LATENCY_S, error(500)
        return (0.001, REFUSED) if now < 15 else (LATENCY_S, record(name))

    result = simulate(server, 500, max_retries=10)
    assert result.kinds == {"Resolved": 500}
    sent = [at for at, _ in result.requests if 1.5 < at < 15]
    assert max(later - sooner for sooner, later in itertools.pairwise(sent)) <= 1.1


def test_a_retry_after_is_respected_up_to_300_seconds():
    """No request is sent before it has passed."""
    result = simulate(outage(error(503, 20), 0.0, 5.0), 100)
    assert not [at for at, _ in result.requests if 0.01 < at < 20]
    for after in ("86400", "1e300"):
        result = simulate(outage(error(503, after), 0.0, 5.0), 50, outage_timeout_s=400)
        assert result.kinds == {"Resolved": 50}
        assert result.ended_at < 302


CUT_OFF = record("gen-1")._replace(body=b"{", defect="cut off", is_retriable=True)


@pytest.mark.parametrize("attempt_result", [CUT_OFF, error(408)], ids=["cut off", "408"])
@pytest.mark.parametrize("ids", [1, 2, 500])
@pytest.mark.parametrize("seconds", [3, 60])
def test_an_outage_that_cuts_off_all_bodies_loses_no_id(attempt_result, ids, seconds):
    """A connection that is lost in the middle of a body is a lost connection."""
    result = simulate(outage(attempt_result, 0.0, seconds), ids)
    assert result.kinds == {"Resolved": ids}
    assert len(result.requests) <= ids + 32 + 8 + 2 * 10 + seconds


@pytest.mark.parametrize("attempt_result", [CUT_OFF, error(408)], ids=["cut off", "408"])
@pytest.mark.parametrize("concurrency", [1, 32])
def test_ids_whose_bodies_are_cut_off_fail_alone(attempt_result, concurrency):
    """Others get their records meanwhile."""
    result = simulate(
        lambda _, name: (
            LATENCY_S,
            attempt_result if name in {"gen-5", "gen-99"} else record(name),
        ),
        100,
        concurrency=concurrency,
    )
    assert result.kinds == {"Resolved": 98, "Failed": 2}
    assert result.request_counts["gen-5"] == 1 + MAX_RETRIES


def failing_for(status, names):
    """Return a server that fails for some ids, and has records of all others."""
    return lambda _, name: (LATENCY_S, error(status) if name in names else record(name))


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("names", [{"gen-20"}, {"gen-99"}, {"gen-20", "gen-21", "gen-99"}])
@pytest.mark.parametrize("concurrency", [1, 32])
def test_ids_that_make_the_server_fail_are_not_an_outage(status, names, concurrency):
    """They fail, and the other ids do not, at any position."""
    result = simulate(failing_for(status, names), 100, concurrency=concurrency)
    assert result.error is None
    failed = {
        outcome.generation_id for _, outcome in result.outcomes if isinstance(outcome, Failed)
    }
    assert failed == names
    assert result.kinds["Resolved"] == 100 - len(names)
    assert all(result.request_counts[name] == 1 + MAX_RETRIES for name in names)
    assert result.ended_at < 120


def test_a_long_retry_after_for_one_id_delays_no_other():
    """However long it is."""
    for after in (3600, "1e300"):
        server = failing_for(503, ())
        result = simulate(
            lambda now, name, after=after, server=server: (
                (LATENCY_S, error(503, after)) if name == "gen-5" else server(now, name)
            ),
            500,
            concurrency=8,
        )
        others = [at for at, outcome in result.outcomes if outcome.generation_id != "gen-5"]
        assert len(others) == 499
        assert max(others) < 5


FIRST_REFUSALS = {
    "429, silent": (error(429), 1),
    "429, a minute": (error(429, 60), 60),
    "429, a day": (error(429, 86_400), 0),
    "503, a minute": (error(503, 60), 60),
    "503, an hour": (error(503, 3600), 300),
}


@pytest.mark.parametrize(("refusal", "wait_s"), FIRST_REFUSALS.values(), ids=FIRST_REFUSALS)
def test_a_refusal_before_any_other_response_delays_no_other_id(refusal, wait_s):
    """It is no limit if all other requests in flight pass; the id is requested again."""
    refusals = iter([refusal])
    result = simulate(
        lambda _, name: (
            (LATENCY_S, next(refusals, None) or record(name))
            if name == "gen-0"
            else (2 * LATENCY_S, record(name))
        ),
        500,
    )
    assert result.kinds == {"Resolved": 500}
    assert sorted(at for at, _ in result.outcomes)[-2] < 5
    assert result.ended_at <= wait_s + 5


@pytest.mark.parametrize("attempt_result", [REFUSED, error(502)], ids=["refused", "502"])
@pytest.mark.parametrize(("bad_count", "concurrency"), [(1, 1), (2, 1), (40, 32), (200, 32)])
def test_bad_ids_at_the_beginning_do_not_hide_the_good_ones(attempt_result, bad_count, concurrency):
    """Probes ask for ids that have not failed, so further ids are taken if none is left."""
    bad = {f"gen-{number}" for number in range(bad_count)}
    result = simulate(
        lambda _, name: (LATENCY_S, attempt_result if name in bad else record(name)),
        500,
        concurrency=concurrency,
    )
    assert result.error is None
    assert result.kinds == {"Resolved": 500 - bad_count, "Failed": bad_count}


@pytest.mark.parametrize(
    "later", [None, error_in_success(500), error(500), error(404), error(429, 0)], ids=str
)
def test_a_provisional_record_is_kept_when_an_outage_ends_the_run(later):
    """The pending outcome has it, also if another response came before the outage."""
    provisional = record("gen-0")._replace(
        body=b'{"data": {"id": "gen-0", "finish_reason": null, "cancelled": false}}'
    )
    responses = iter([provisional] if later is None else [provisional, later])
    result = simulate(
        lambda *_: (0.01, next(responses, REFUSED)),
        1,
        wait_s=60.0,
        final=True,
        outage_timeout_s=5.0,
    )
    ((_, outcome),) = result.outcomes
    assert isinstance(outcome, Pending)
    assert outcome.error.record.id == "gen-0"
    assert result.error is not None


@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (50, 1), (300, 32)])
@pytest.mark.parametrize("begin", [0.0, 0.05])
@pytest.mark.parametrize("seconds", [1, 10, 60])
def test_a_silent_server_loses_no_id(ids, concurrency, begin, seconds):
    """Connections from before the outage stay dead after it: requests on them time out."""

    def server(now, generation_id):
        return (0, HANG) if begin <= now < begin + seconds else (LATENCY_S, record(generation_id))

    result = simulate(server, ids, concurrency=concurrency, max_retries=0)
    assert result.kinds == {"Resolved": ids}
    assert len(result.requests) <= ids + concurrency + 10 + seconds
    assert result.ended_at <= begin + 1.5 * seconds + 8 + 1.5 * ids / concurrency * LATENCY_S


@pytest.mark.parametrize(("ids", "concurrency"), [(1, 1), (3, 32), (20, 1), (100, 32)])
@pytest.mark.parametrize("latency_s", [8.0, 25.0])
def test_a_slow_server_is_not_an_outage(ids, concurrency, latency_s):
    """Each request takes long and gets its response."""
    result = simulate(lambda _, name: (latency_s, record(name)), ids, concurrency=concurrency)
    assert result.kinds == {"Resolved": ids}
    assert len(result.requests) <= 1.5 * ids + 20  # probes, until one was given the time


def test_an_id_that_hangs_fails_alone():
    """After the client's timeout, as by `get`."""
    result = simulate(
        lambda _, name: (0, HANG) if name == "gen-5" else (LATENCY_S, record(name)), 100
    )
    assert result.kinds == {"Resolved": 99, "Failed": 1}


spans = st.lists(
    st.tuples(st.floats(0, 3), st.floats(0.01, 20), st.sampled_from([*OUTAGES.values()])),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(spans, st.integers(1, 60), st.integers(1, 40), st.sampled_from([0.001, 0.02, 0.5]))
def test_no_id_is_lost_in_any_sequence_of_outages(spans, ids, concurrency, latency_s):
    """Every id has its record."""
    plan, at = [], 0.0
    for up_s, down_s, attempt_result in spans:
        plan.append((at + up_s, at + up_s + down_s, attempt_result))
        at += up_s + down_s

    def server(now, generation_id):
        for begin, end, attempt_result in plan:
            if begin <= now < end:
                return 0.001, attempt_result
        return latency_s, record(generation_id)

    result = simulate(server, ids, concurrency=concurrency, wait_s=0.0)
    assert all(isinstance(outcome, Resolved) for _, outcome in result.outcomes)
    assert result.kinds["Resolved"] == ids
    max_extra_requests = sum(
        concurrency + 8 + 2.2 * min(end - begin, 10) + end - begin for begin, end, _ in plan
    )
    assert len(result.requests) <= ids + max_extra_requests


def info_lines(caplog):
    """Return the log lines of level INFO, except for drift."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.levelno == logging.INFO and each.module != "drift_observer"
    ]


def test_an_outage_logs_one_line_at_its_start_and_one_at_its_end(caplog):
    """With the status, the attempt, seconds and reason; nothing else, for any number of ids."""
    caplog.set_level(logging.INFO, "modelgates_client")
    simulate(lambda now, name: (LATENCY_S, error(503) if 0.1 < now < 6 else record(name)), ids=1000)
    began, ended = info_lines(caplog)
    assert re.fullmatch(
        r"outage: no id gets a response; attempt [0-9]+ during it ended with HTTP 503 "
        r"\(the server is not available\); probing with one id at a time for at most 300 s",
        began,
    )
    assert re.fullmatch(r"the outage is over, after [0-9.]+ s", ended)


def test_a_rate_limit_logs_one_line_for_all_ids(caplog):
    """At most one line in ten seconds."""
    caplog.set_level(logging.INFO, "modelgates_client")
    result = simulate(
        lambda now, name: (LATENCY_S, error(429, 2) if now < 4 else record(name)), 100
    )
    assert result.kinds["Resolved"] == len(result.outcomes)
    (line,) = info_lines(caplog)
    assert re.fullmatch(
        r"rate limit: attempt 1 ended with HTTP 429 \(too many requests\); the next in [0-9.]+ s",
        line,
    )
