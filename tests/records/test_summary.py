"""A record as a person reads it."""

import json
from pathlib import Path

import pytest

from modelgates_client.records.generation import Generation
from modelgates_client.records.summary import summarize

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"


def summary(**changes):
    """Summarise the recorded response with some of its fields changed; `...` removes one."""
    record = {**json.loads(RECORD.read_bytes())["data"], **changes}
    return summarize(
        Generation.from_dict({key: value for key, value in record.items() if value is not ...})
    )


def test_an_unknown_cost_is_not_zero():
    """A cost that was not sent reads as unreadable, not as $0."""
    assert "unreadable charged" in summary(total_cost=...)
    assert "$0 charged" in summary(total_cost=0)


@pytest.mark.parametrize("cost", [0.1, 1e-9, 123456.789, -0.25])
def test_amounts_are_shown_whole(cost):
    """Amounts below a micro-dollar, large and negative ones keep their digits."""
    shown = summary(total_cost=cost).partition("Cost")[2].split()[0]
    assert float(shown.replace("$", "")) == cost
    assert "e" not in shown


def test_the_upstream_cost_counts_only_with_an_own_key():
    """Without BYOK the upstream cost repeats the charge; showing it would double the bill."""
    without = summary(is_byok=False, upstream_inference_cost=0.5)
    assert "your own key" not in without
    assert "all in" not in without
    billed = summary(is_byok=True, total_cost=0.1, upstream_inference_cost=0.2)
    assert "$0.2 billed by the provider besides" in billed
    assert "$0.3 all in" in billed


def test_a_bill_that_is_not_known_is_not_added_up():
    """The charge alone would pass for all there is to pay."""
    text = summary(is_byok=True, upstream_inference_cost=None)
    assert "unknown billed by the provider besides" in text
    assert "unknown all in" in text
    assert "unreadable billed" in summary(is_byok=True, upstream_inference_cost="much")
    assert "unreadable whether your own key was billed" in summary(is_byok=...)


def test_caching_saves_or_costs():
    """A negative discount is a premium; an unknown one is not mentioned."""
    assert "$0.25 saved by caching" in summary(cache_discount=0.25)
    assert " $0.25 premium paid for writing to the cache" in summary(cache_discount=-0.25)
    assert "unreadable saved by caching" in summary(cache_discount="much")
    assert "cach" not in summary(cache_discount=None).replace("cached", "")


def test_a_record_that_is_not_settled_says_so():
    """Its cost may still change."""
    assert "not final yet" in summary(finish_reason=None, cancelled=False)
    assert "not final yet" not in summary(finish_reason="stop", cancelled=False)
    assert "not final yet" not in summary(finish_reason=None, cancelled=True)


def test_what_is_not_known_is_not_guessed():
    """Whether a generation was cancelled can be unknown, too."""
    assert "cancelled: unknown" in summary(cancelled=None)
    assert "cancelled: unreadable" in summary(cancelled="maybe")


def test_attempts_that_cannot_be_read_hide_no_others():
    """An odd attempt costs no other its line."""
    attempt = {"provider_name": "Groq", "status": 503, "latency": 12.5}
    text = summary(provider_responses=["odd", attempt])
    assert "1. unknown, status unknown, unknown" in text
    assert "2. Groq, status 503, 12.5 ms" in text
    assert "/provider_responses/0: expected object" in text


def test_attempts_that_are_not_known_are_not_none():
    """Null says nothing of how many there were; an empty list does."""
    assert "attempts unreadable" in summary(provider_responses="none")
    assert "attempts unknown" in summary(provider_responses=None)
    assert "attempts" not in summary(provider_responses=[])


def test_the_time_lost_is_shown_where_there_were_fallbacks():
    """In full; not at all where the first attempt served."""
    failed = {"provider_name": "Groq", "status": 503, "latency": 0.1}
    served = {"provider_name": "DeepInfra", "status": 200, "latency": 420}
    assert " 0.3 ms lost" in summary(provider_responses=[failed, failed, failed, served])
    assert "unknown lost" in summary(provider_responses=[{**failed, "latency": None}, served])
    assert "lost" not in summary(provider_responses=[served])


def test_the_server_cannot_steer_the_terminal():
    """Control characters, and half characters that no terminal can encode, are replaced."""
    text = summary(model="\x1b[2Jmodel\r\n\ud800", finish_reason="\u202e")
    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert "[2Jmodel" in text
