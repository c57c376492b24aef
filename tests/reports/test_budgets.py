"""Budgets: which records count, which ids are doubtful, and when a limit is reached."""

import datetime
import zoneinfo
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from modelgates_client import ConfigurationError
from modelgates_client.ledger.control_totals import day_of
from modelgates_client.reports import budgets
from modelgates_client.reports.budgets import kinds_of, needed_from, read_budgets
from modelgates_client.rows.values import microseconds

NOW = datetime.datetime(2026, 11, 18, 9, 30, tzinfo=datetime.UTC)  # a Wednesday
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def budget(**keys):
    """Return a budget from a configuration, whose keys have underscores for dashes."""
    table = {"max-usd": 10, **{key.replace("_", "-"): value for key, value in keys.items()}}
    (result,) = read_budgets({"team": table})
    return result


def row(usd="1", *, days=0, state="final", at=None, **values):
    """Return the cells of a row created some days before now, and its values by their names."""
    created = NOW - datetime.timedelta(days=days) if at is None else at
    return ((created - EPOCH) // datetime.timedelta(microseconds=1), state, usd, usd), values


def states(budget, rows, timezone="UTC", *older):
    """Return the states of a budget after rows, which are added by UTC day."""
    parts = {}
    for cells, values in rows:
        day = parts.setdefault(day_of(cells[0]), [])
        day.append((*cells, *map(values.get, kinds_of([budget]))))
    return budgets.states([budget], parts.items(), NOW, timezone, *older)


def state(budget, *rows, timezone="UTC"):
    """Return the state of a budget that is not split."""
    (result,) = states(budget, rows, timezone)
    return result


@pytest.mark.parametrize(
    ("period", "days"), [("day", 0), ("week", 2), ("month", 17), ("36h", 1), ("3d", 3), ("1w", 7)]
)
def test_a_period_includes_its_first_day(period, days):
    """A record of its first day counts, one of the day before does not."""
    result = state(budget(period=period), row("1", days=days), row("2", days=days + 1))

    assert result.spent.known_usd == 1
    assert result.spent.records == 1


def test_a_month_starts_in_the_time_zone():
    """Half past midnight of the first in Berlin is still the previous month in UTC."""
    at = datetime.datetime(2026, 10, 31, 23, 30, tzinfo=datetime.UTC)
    assert state(budget(), row("3", at=at), row()).spent.known_usd == 1
    assert state(budget(), row("3", at=at), row(), timezone="Europe/Berlin").spent.known_usd == 4


@pytest.mark.parametrize(
    ("rows", "verdict", "warned_at"),
    [
        ([row("7.9")], "within", None),
        ([row("8")], "within", Decimal("0.8")),
        ([row("10")], "within", Decimal("0.8")),
        ([row("10.00000001")], "over", Decimal("0.8")),
        ([row("11"), row(None)], "over", Decimal("0.8")),
        ([row("1"), row(None)], "undecided", None),
        ([row("1", state="provisional")], "undecided", None),
        ([row("1", state="provisional", days=17)], "undecided", None),
        ([row("8", state="never-final")], "within", Decimal("0.8")),
        ([row(None, state="never-final")], "undecided", None),
        ([row("1"), row(None, state="pending")], "undecided", None),
        ([row("1"), row(None, state="pending", days=40)], "within", None),  # too old
        ([row("1"), row(None, state="forgotten")], "within", None),
        ([row("1", days=40)], "undecided", None),  # no record of the period
        ([], "undecided", None),
    ],
)
def test_a_verdict_is_undecided_if_costs_are_unknown(rows, verdict, warned_at):
    """Finding nothing does not mean that nothing was spent."""
    result = state(budget(), *rows)

    assert (result.verdict, result.warned_at) == (verdict, warned_at)


def test_a_split_budget_has_a_state_for_each_value():
    """The highest spending first; records without a value have a state of their own."""
    rows = [row("2", user="a"), row("12", user="b"), row("1", user="a"), row("4")]
    result = states(budget(each="user"), rows)

    assert [(each.value, each.spent.known_usd, each.verdict) for each in result] == [
        ("b", 12, "over"),
        (None, 4, "within"),
        ("a", 3, "within"),
    ]


def test_where_selects_records():
    """By several values at once; an id without a record may have them."""
    rows = [
        row("1", app="x", byok="no"),
        row("2", app="x", byok="yes"),
        row("4", app="y", byok="no"),
        row(None, state="failed"),
    ]
    result = state(budget(where={"app": "x", "byok": "no"}, allow_doubtful=1), *rows)

    assert result.spent.known_usd == 1
    assert result.spent.doubtful == 1
    assert result.verdict == "within"


def test_the_forecast_is_the_mean_of_the_last_whole_days():
    """Today is not one of them: it is not over."""
    rows = [row("0.7", days=days) for days in range(1, 11)] + [row("0.5")]
    result = state(budget(max_usd=12), *rows)  # 10 days of 0.7, and 0.5 today

    assert result.usd_per_day == Decimal("0.7")
    assert result.days == 7
    assert result.spent.known_usd == Decimal("7.5")
    assert result.reached_on == datetime.date(2026, 11, 24)  # 4.5 by 0.7 are 6 days and a part


def test_a_limit_not_reached_within_the_period_has_no_date():
    """The next period starts at 0."""
    rows = [row("0.1", days=days) for days in range(1, 11)]
    result = state(budget(), *rows)

    assert result.usd_per_day == Decimal("0.1")
    assert result.reached_on is None


@pytest.mark.parametrize(("first", "days", "rate"), [(4, 3, "3"), (3, 2, None), (1, 0, None)])
def test_there_is_no_forecast_from_fewer_than_three_days(first, days, rate):
    """The day of the first record does not count: it may be partial."""
    rows = [row("3", days=ago) for ago in range(1, first + 1)]
    result = state(budget(max_usd=100), *rows)

    assert result.days == days
    assert result.usd_per_day == (None if rate is None else Decimal(rate))


@given(
    rows=st.lists(
        st.tuples(
            st.decimals(-1, 9, places=4) | st.none(),
            st.integers(0, 40 * 24),
            st.sampled_from(["final", "provisional", "pending"]),
            st.sampled_from(["a", "b", None]),
        ),
        max_size=30,
    ),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
)
def test_sums_equal_those_of_plain_python(rows, zone):
    """For each value, over the records of this month in the time zone."""
    budget_rows = [
        row(
            None if usd is None else str(usd),
            at=NOW - datetime.timedelta(hours=hours),
            state=state,
            user=user,
        )
        for usd, hours, state, user in rows
    ]
    by_value = {each.value: each for each in states(budget(each="user"), budget_rows, zone)}

    clock = zoneinfo.ZoneInfo(zone)
    month = [
        (usd, user)
        for usd, hours, state, user in rows
        if state != "pending"
        and (NOW - datetime.timedelta(hours=hours)).astimezone(clock).month == 11
        and hours < 40 * 24
    ]
    for user in {user for _, user in month}:
        amounts = [usd for usd, spender in month if spender == user]
        assert by_value[user].spent.records == len(amounts)
        assert by_value[user].spent.known_usd == sum(usd or 0 for usd in amounts)
        assert by_value[user].spent.unknown == amounts.count(None)


def test_a_budget_may_be_split_by_a_label():
    """Or limited to one; an id without a record has its labels, too."""
    rows = [
        row("1", **{"label:team": "a", "label:env": "prod"}),
        row("2", **{"label:team": "b", "label:env": "prod"}),
        row("4", **{"label:team": "a", "label:env": "test"}),
        row("8"),
        row(None, state="pending", **{"label:team": "b", "label:env": "test"}),
    ]
    result = states(budget(each="label:team"), rows)
    assert [(each.value, each.spent.known_usd, each.spent.pending) for each in result] == [
        (None, 8, 0),
        ("a", 5, 0),
        ("b", 2, 1),
    ]
    (prod,) = states(budget(where={"label:env": "prod"}), rows)
    assert (prod.spent.known_usd, prod.spent.pending) == (3, 0)


def test_a_value_without_rows_in_the_period_is_left_out():
    """Without any such rows there is one state, which is undecided."""
    old, new = row("1", days=40, user="old"), row("1", user="new")
    result = states(budget(each="user"), [old, new])
    assert [(each.value, each.verdict) for each in result] == [("new", "within")]
    (empty,) = states(budget(each="user"), [old])
    assert (empty.value, empty.verdict) == (None, "undecided")


def test_older_records_make_all_days_of_the_mean_whole():
    """A value with older records has whole days even without records on them."""
    rows = [row("7", days=1, user="a"), row("1", user="a"), row("1", days=1, user="b")]
    result = states(budget(each="user"), rows, "UTC", lambda *_: {"a"})
    assert {each.value: each.usd_per_day for each in result} == {"a": 1, "b": None}
    first = needed_from([budget()], NOW, "UTC")
    assert first == microseconds(datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC))
    assert needed_from([budget(period="day")], NOW, "UTC") == microseconds(
        datetime.datetime(2026, 11, 11, tzinfo=datetime.UTC)
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "max-usd is missing"),
        ({"max-usd": True}, "max-usd: expected a number"),
        ({"max-usd": "much"}, "max-usd: expected a number"),
        ({"max-usd": -1}, "max-usd: expected a number"),
        ({"max-usd": float("nan")}, "max-usd: expected a number"),
        ({"max-usd": 1, "period": "fortnight"}, "period: expected any of day, week, month"),
        ({"max-usd": 1, "basis": "all"}, "basis: expected any of charged, all-in"),
        ({"max-usd": 1, "each": "day"}, "each: expected any of model"),
        ({"max-usd": 1, "each": "label:"}, "each: expected any of model"),
        ({"max-usd": 1, "where": {"team": "x"}}, "where: expected any of model"),
        ({"max-usd": 1, "where": "x"}, "where: expected a table"),
        ({"max-usd": 1, "warn-at": ["x"]}, "warn-at: expected a number"),
        ({"max-usd": 1, "allow-doubtful": 1.5}, "allow-doubtful: expected a whole number"),
        ({"max-usd": 1, "maxusd": 1}, "there is no key 'maxusd'"),
        (5, "expected a table"),
    ],
)
def test_invalid_settings_are_refused(table, message):
    """The error names the budget and the key."""
    with pytest.raises(ConfigurationError, match=r"^budgets\.team: ") as caught:
        read_budgets({"team": table})
    assert message in str(caught.value)
