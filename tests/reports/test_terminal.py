"""A report as text: it fits the terminal, keeps all digits, and no name controls the terminal."""

import io
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st
from rich.cells import cell_len

from modelgates_client.reports.figures import Total, UnresolvedCounts
from modelgates_client.reports.terminal.text import as_text

from .sample_reports import full, group, report

SEQUENCE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """Make all terminals of one kind."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def lines(figures, width, monkeypatch, limit=None, *, exact=True):
    """Return the lines on a terminal, without colours."""
    monkeypatch.setenv("COLUMNS", str(width))
    return SEQUENCE.sub("", as_text(figures, Terminal(), limit, exact=exact)).splitlines()


def text_of(figures, width, monkeypatch, *, exact=True):
    """Return the text on a terminal as one line."""
    return " ".join(" ".join(lines(figures, width, monkeypatch, exact=exact)).split())


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_a_report_fits_the_terminal(terminal, width):
    """At every width from 40 on."""
    shown = lines(full(), width, terminal)

    assert max(map(cell_len, shown)) <= width


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_digit_is_lost(terminal, width):
    """With exact amounts, at any width; counts are always complete."""
    shown = text_of(full(), width, terminal)

    for text in (
        "$1.00000000000000000000003 (and 2 unknown) charged",
        "$1,200.5 (and 1 unknown) upstream, billed by providers to your own keys",
        "$1,201.50000000000000000000003 (and 3 unknown) all in",
        "of 1,234,567 records, 5 of them not final: their figures may still change; 4 of them",
        "4 of them never final: no longer requested, counted as stated",
        "1,203 ids without a record (1,200 pending, 3 failed), of unknown cost",
        "12 records without a readable time, which may be of the period",
        "$0.25 premium paid for writing to the cache; unknown for 1 record",
        "1,798,904,818 (and 4 unknown) in",
        "p50 898 ms, p95 2.84 s, p99 1.1 min",
        "and 2 more groups: $0.125 all in, of 3 records",
        "132,284",
        "5.6 %",
        "and 4 more providers",
    ):
        assert text in shown


def test_a_wide_terminal_has_a_table(terminal):
    """With a row per group, and a column of what was charged only if that differs from all in."""
    shown = lines(full(), 160, terminal)
    header = next(number for number, line in enumerate(shown) if line.startswith("model "))

    assert shown[header].split() == [
        "model", "charged", "all", "in", "unknown", "share", "records", "p50", "p95", "p99",
    ]  # fmt: skip
    assert shown[header + 1].split()[:3] == [
        "openai/gpt-5-mini",
        "$1.00000000000000000000003",
        "$1,201.50000000000000000000003",
    ]
    assert shown[header + 1].split()[3] == "3"


def test_a_narrow_terminal_has_lines(terminal):
    """Each figure follows its title."""
    shown = text_of(full(), 40, terminal)

    assert "openai/gpt-5-mini charged $1.00000000000000000000003" in shown
    assert "unknown charged unknown - all in unknown - unknown 60" in shown.replace("·", "-")


def test_an_empty_report_has_no_charts(terminal):
    """And no share of a total of 0."""
    shown = text_of(report(), 80, terminal)

    assert shown.startswith("spend.db: all time; days of UTC Cost $0 charged of 0 records")
    assert "Cost over time" not in shown
    assert "Left out" not in shown


def test_unknown_is_not_shown_as_zero(terminal):
    """Neither a sum of unknown amounts, nor an unknown latency."""
    total = group(records=2, unknown=2)
    shown = text_of(report(total=total, groups=(group(("m",), 2, "0", 2),)), 80, terminal)

    assert "Cost 2 unknown charged" in shown
    assert "$0" not in shown.replace("$0 billed", "")
    assert "Caching unknown" in shown
    assert "Speed unknown" in shown


def test_ids_without_a_record_are_mentioned_only_if_there_are_any(terminal):
    """Their number is next to the sum, also without a period."""
    figures = report(total=group(records=1, cost="1"))
    assert "without a record" not in text_of(figures, 80, terminal)

    figures = report(unresolved=UnresolvedCounts(1, 0, ()))
    assert "1 id without a record (1 pending, 0 failed)" in text_of(figures, 80, terminal)


def test_listed_groups_and_the_others_add_up(terminal):
    """Groups of the report that are not listed are combined with the rest."""
    groups = tuple(group((f"m{n}",), 1, "0.1") for n in range(30))
    figures = report(
        total=group(records=33, cost="4"), groups=groups, rest=group((), 3, "1"), groups_left_out=2
    )

    assert "and 12 more groups: $2 all in, of 13 records" in text_of(figures, 80, terminal)
    assert "m19" in text_of(figures, 80, terminal)
    shown = " ".join(lines(figures, 80, terminal, limit=1))
    assert "and 31 more groups: $3.9 all in, of 32 records" in shown
    assert "m1 " not in shown


texts = st.text(st.characters(codec="utf-8"), max_size=200) | st.sampled_from(
    [
        "\x1b]0;owned\x07",
        "\x1b[2J",
        "a\r\nb",
        "\x9b31m",
        "[bold]x[/bold]",
        "[/]",
        "\u202e",
        "語" * 90,
    ]
)


@settings(max_examples=60, deadline=None)
@given(name=texts, provider=texts, width=st.sampled_from([40, 80, 120]))
def test_no_name_controls_the_terminal(name, provider, width):
    """Names of servers and users are sanitized, and are not markup."""
    with pytest.MonkeyPatch.context() as patch:
        shown = lines(full(name, provider), width, patch)

    for line in shown:
        assert line.isprintable()
        assert cell_len(line) <= width


def test_markup_in_a_name_is_text(terminal):
    """And a name that looks like an API key is not shown."""
    shown = text_of(full("[red]x[/red]", "sk-mg-CANARY"), 120, terminal)

    assert "[red]x[/red]" in shown
    assert "CANARY" not in shown


def test_a_long_name_is_shortened(terminal):
    """It could fill the screen; the JSON contains all of it."""
    shown = text_of(full("x" * 5000), 200, terminal)

    assert "x" * 39 + "..." + "x" * 38 in shown
    assert "x" * 40 not in shown


def test_amounts_of_a_column_are_rounded_alike(terminal):
    """Their points are aligned; an amount is never rounded to 0."""
    groups = (
        group(("a",), 1, "1203.4567891"),
        group(("b",), 1, "0.1"),
        group(("c",), 1, "0.00012"),
        group(("d",), 1, "-0.5"),
        group(("e",), 2, "0", 2),
    )
    figures = report(total=group(records=6, cost="1203.0569091"), groups=groups)
    shown = lines(figures, 120, terminal, exact=False)

    rows = [line.split()[1] for line in shown if re.match("[a-e] ", line)]
    assert rows == ["$1,203.46", "$0.10", "<$0.01", "-$0.50", "unknown"]
    points = {line.index(".") for line in shown if re.match("[a-d] ", line)}
    assert len(points) == 1
    assert any("$1,203.06 charged" in line for line in shown)


def test_amounts_that_do_not_add_up_are_explained(terminal):
    """All in does not include records with a partly known cost."""
    amounts = {
        "charged_usd": Total(Decimal(3), 0),
        "upstream_usd": Total(Decimal(5), 1),
        "all_in_usd": Total(Decimal(7), 1),
    }
    shown = text_of(report(total=group(records=3, **amounts)), 120, terminal)

    assert "not included in all in: $1 of records with a partly known cost" in shown


def test_the_width_of_a_pipe_is_that_of_the_environment(terminal):
    """COLUMNS is honoured."""
    terminal.setenv("COLUMNS", "50")
    assert max(map(cell_len, as_text(full(), None).splitlines())) <= 50


def test_only_terminals_have_colours(terminal):
    """Unless NO_COLOR is set; a file has none."""
    terminal.setenv("COLUMNS", "80")
    assert "\x1b[" in as_text(full(), Terminal())
    assert "\x1b[" not in as_text(full(), None)
    terminal.setenv("NO_COLOR", "1")
    assert "\x1b[" not in as_text(full(), Terminal())


def test_a_pipe_in_another_encoding_gets_ascii(terminal):
    """Like a file in that encoding."""
    assert as_text(full(), None, encoding="ascii").isascii()
    assert not as_text(full(), None).isascii()


def test_a_long_name_above_its_cells_takes_one_line(terminal):
    """Its middle is left out, if there is no room for a table."""
    shown = lines(full("vendor/" + "x" * 70 + "-preview"), 48, terminal)
    index = next(n for n, line in enumerate(shown) if line.startswith("  charged"))
    assert shown[index - 1].startswith("vendor/xx")
    assert shown[index - 1].endswith("-preview")
    assert "..." in shown[index - 1]
    assert len(shown[index - 1]) <= 48


def test_a_terminal_in_another_encoding_gets_ascii(terminal):
    """Bars and columns are made of ASCII characters."""
    stream = Terminal()
    stream.encoding = "ascii"
    terminal.setenv("COLUMNS", "100")
    shown = as_text(full(), stream)

    assert shown.isascii()
    assert "##########" in shown


def test_lines_have_no_trailing_spaces(terminal):
    """They can be pasted."""
    assert not [line for line in lines(full(), 100, terminal) if line.endswith(" ")]
