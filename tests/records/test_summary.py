"""The summary of a record for people."""

import json
from pathlib import Path

import pytest

from modelgates_client.records.generation import Generation
from modelgates_client.records.summary import summarize

RECORD = Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json"


def summary(**changes):
    """Summarise the recorded response with some fields changed; `...` removes one."""
    record = {**json.loads(RECORD.read_bytes())["data"], **changes}
    return summarize(
        Generation.from_dict({key: value for key, value in record.items() if value is not ...})
    )


def test_an_unknown_cost_is_not_zero():
    """A cost that was not sent is unreadable, not $0."""
    assert "unreadable charged" in summary(total_cost=...)
    assert "$0 charged" in summary(total_cost=0)


@pytest.mark.parametrize("cost", [0.1, 1e-9, 123456.789, -0.25])
def test_amounts_are_not_rounded(cost):
    """Amounts below a micro-dollar, large and negative ones have all digits."""
    amount = summary(total_cost=cost).partition("Cost")[2].split()[0]
    assert float(amount.replace("$", "")) == cost
    assert "e" not in amount


def test_the_upstream_cost_counts_only_with_an_own_key():
    """Otherwise it repeats the charge, and adding it would double the bill."""
    without = summary(is_byok=False, upstream_inference_cost=0.5)
    assert "your own key" not in without
    assert "all in" not in without
    billed = summary(is_byok=True, total_cost=0.1, upstream_inference_cost=0.2)
    assert "$0.2 billed by the provider besides" in billed
    assert "$0.3 all in" in billed


def test_an_unknown_total_is_not_computed_from_its_known_part():
    """The charge alone would look like the total."""
    text = summary(is_byok=True, upstream_inference_cost=None)
    assert "unknown billed by the provider besides" in text
    assert "unknown all in" in text
    assert "unreadable billed" in summary(is_byok=True, upstream_inference_cost="much")
    assert "unreadable whether your own key was billed" in summary(is_byok=...)


def test_a_negative_cache_discount_is_a_premium():
    """An unknown discount is not mentioned."""
    assert "$0.25 saved by caching" in summary(cache_discount=0.25)
    assert " $0.25 premium paid for writing to the cache" in summary(cache_discount=-0.25)
    assert "unreadable saved by caching" in summary(cache_discount="much")
    assert "cach" not in summary(cache_discount=None).replace("cached", "")


def test_a_provisional_record_is_marked():
    """Its cost may still change."""
    assert "not final" in summary(finish_reason=None, cancelled=False)
    assert "not final" not in summary(finish_reason="stop", cancelled=False)
    assert "not final" not in summary(finish_reason=None, cancelled=True)


def test_an_unknown_cancellation_is_unknown():
    """It is not displayed as no."""
    assert "cancelled: unknown" in summary(cancelled=None)
    assert "cancelled: unreadable" in summary(cancelled="maybe")


def test_an_unreadable_attempt_does_not_hide_others():
    """Each attempt has its line."""
    attempt = {"provider_name": "Groq", "status": 503, "latency": 12.5}
    text = summary(provider_responses=["odd", attempt])
    assert "1. unknown, status unknown, unknown" in text
    assert "2. Groq, status 503, 12.5 ms" in text
    assert "/provider_responses/0: expected object" in text


def test_unknown_attempts_are_not_displayed_as_none():
    """Null does not say how many there were; an empty list does."""
    assert "attempts unreadable" in summary(provider_responses="none")
    assert "attempts unknown" in summary(provider_responses=None)
    assert "attempts" not in summary(provider_responses=[])


def test_the_time_lost_is_shown_where_there_were_fallbacks():
    """In full; it is omitted if the first attempt succeeded."""
    failed = {"provider_name": "Groq", "status": 503, "latency": 0.1}
    served = {"provider_name": "DeepInfra", "status": 200, "latency": 420}
    assert " 0.3 ms lost" in summary(provider_responses=[failed, failed, failed, served])
    assert "unknown lost" in summary(provider_responses=[{**failed, "latency": None}, served])
    assert "lost" not in summary(provider_responses=[served])


def test_text_from_the_server_cannot_control_the_terminal():
    """Control characters and unpaired surrogates are replaced."""
    text = summary(model="\x1b[2Jmodel\r\n\ud800", finish_reason="\u202e")
    assert all(char.isprintable() for char in text.replace("\n", ""))
    assert "[2Jmodel" in text
