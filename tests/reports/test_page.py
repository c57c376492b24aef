"""A report as an HTML page, without a browser: valid, exact, safe, and deterministic."""

import base64
import datetime
import hashlib
import html.parser
import json
import re
import sys
import zlib
from decimal import Decimal

import attrs
import pytest

from modelgates_client.errors import ConfigurationError
from modelgates_client.reports.figures import (
    ActivitySums,
    DayAndModel,
    HistogramBin,
    Provider,
    Reconciliation,
    ReconciliationLine,
    Spread,
    TimeSlice,
    Total,
    UnresolvedCounts,
)
from modelgates_client.reports.page import charts, render
from modelgates_client.reports.page.document import split_amount
from modelgates_client.reports.page.library import load

from .sample_reports import NO_SPREAD, full, group, report
from .sample_rows import NOON

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&amp;<b>\u2028\u202e\x1b[2J"
DAY = NOON.date()
VOID = {"meta", "img", "br", "link", "input", "hr"}
INLINE = {"span", "bdi", "em"}
DIGEST = re.compile(r"'(sha256-[^']+)'")


class Page(html.parser.HTMLParser):
    """The parts of a page; an element that is not closed properly is an error."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.inline = {"script": [], "style": []}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names))
        self.elements.append((tag, dict(attributes)))
        if tag not in INLINE:
            self.texts.append(" ")
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.inline:
            self.inline[tag].append((dict(attributes), ""))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in self.inline:
            elements = self.inline[self.open[-1]]
            elements[-1] = (elements[-1][0], elements[-1][1] + text)
        else:
            self.texts.append(text)

    def words(self):
        return " ".join("".join(self.texts).split())

    def data_text(self):
        (data,) = [
            text for attributes, text in self.inline["script"] if attributes.get("id") == "data"
        ]
        return data

    def data(self):
        return json.loads(self.data_text())

    def policy(self):
        (policy,) = [
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        return dict(part.strip().split(" ", 1) for part in policy.split(";"))


@pytest.fixture(scope="module")
def library():
    """Compress the library once: its code is the same on each page."""
    return load()


@pytest.fixture
def page(library, monkeypatch):
    """Return a function that renders a report and parses the page."""
    monkeypatch.setattr("modelgates_client.reports.page.library.load", lambda: library)
    return lambda figures: Page(render(figures))


@pytest.mark.parametrize("make", [report, full, lambda: full(HOSTILE, HOSTILE)])
def test_the_page_is_valid(page, make):
    """Elements are closed in order, ids are unique, and references to ids resolve."""
    parsed = page(make())

    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(name, "main").split()) <= {*ids}
    assert sum(tag == "h1" for tag, _ in parsed.elements) == 1


def test_equal_reports_result_in_equal_pages():
    """Byte for byte, including the compressed library."""
    assert render(full()) == render(full())


def test_amounts_are_exact_with_thousands_separators():
    """In tables and charts."""
    parsed = Page(render(full()))

    assert "$1,201.50000000000000000000003 3 100.0 %" in " ".join(parsed.words().split())
    notes = [row["note"] for row in parsed.data()["costs"]["rows"]]
    assert notes[0] == "$1,201.50000000000000000000003 (and 3 unknown)"


def test_every_total_states_what_it_leaves_out(page):
    """Amounts, ids, records without a time, and records that are not final, in each tile."""
    shown = page(full()).words()

    for text in (
        "All in $1,201.50000000000000000000003",
        "excludes 3 records of unknown amount",
        "excludes 2 records of unknown amount",
        "excludes 1,203 ids without a record",
        "excludes 12 records of unknown time",
        "5 records not final",
        "Records 1,234,567 5 of them not final, 4 of them never final",
        "Ids without a record 1,203 1,200 pending, 3 failed",
        "2 more groups",
        "4 more providers",
        "1 more pair",
        "The attempts of 8 records are unknown.",
        "unknown: charged of 2, upstream (BYOK) of 1, all in of 3, cache saving of 1, of 1,234,567",
        "Not in the sums, because unknown: tokens in of 4",
    ):
        assert text in " ".join(shown.split()), text
    assert shown.count("excludes 1,203 ids without a record") == 4


def test_amounts_that_do_not_add_up_are_explained(page):
    """Charged plus upstream is all in, or a note states what the difference is."""
    part = group(
        records=2,
        cost="3",
        upstream_usd=Total(Decimal(1), 1),
        all_in_usd=Total(Decimal("1.5"), 1),
    )
    note = "not included in all in: $2.5 of records with a partly known cost"
    assert note in page(report(total=part)).words()
    assert "not included in all in" not in page(report(total=group(records=2, cost="3"))).words()


def test_forgotten_ids_are_listed_but_not_missing_from_sums(page):
    """They have a note, but the totals do not mention them."""
    shown = page(report(unresolved=UnresolvedCounts(0, 0, (), 7), total=group(records=2))).words()
    assert "Ids without a record 0 and 7 forgotten" in " ".join(shown.split())
    assert "every id has one" not in shown
    assert "7 forgotten ids whose record was never found" in shown
    assert "ids without a record" not in shown


def test_an_unknown_total_is_not_zero(page):
    """If no record has an amount, none is shown."""
    shown = page(report(total=group(records=4, cost="0", unknown=4))).words()

    assert "All in unknown" in shown
    assert "All in $0" not in shown


def test_an_empty_report_has_no_charts_and_tables(page):
    """It states that there are no records."""
    parsed = page(report())

    assert {tag for tag, _ in parsed.elements} & {"table", "details"} == set()
    assert set(parsed.data().values()) == {None}
    assert "nothing is left out" not in parsed.words()
    for text in ("No record has a readable time.", "No record has a latency."):
        assert text in parsed.words()


def test_hostile_names_are_text(page):
    """They create no element or attribute, and end no script; also titles and reconciled models."""

    def everywhere(name, title):
        sums = ActivitySums(requests=1)
        line = ReconciliationLine(DayAndModel(DAY, name), sums, ActivitySums(), "different cost")
        compared = Reconciliation(DAY, DAY, (line,), sums, sums, Decimal(0), 0, 0, 0)
        return attrs.evolve(full(name, name), by=(title,), reconciliation=compared)

    clean, hostile = page(everywhere("m", "model")), page(everywhere(HOSTILE, "</th><b>\"'"))

    assert [tag for tag, _ in clean.elements] == [tag for tag, _ in hostile.elements]
    assert not [
        attributes
        for _, attributes in hostile.elements
        if any(name[:2] == "on" for name in attributes)
    ]
    assert "</script><img src=x onerror=alert(1)>\"'&amp;<b>" in hostile.words()
    for raw in ("\u2028", "\u202e", "\x1b"):
        assert raw not in "".join(hostile.texts)
    assert hostile.data()["costs"]["rows"][0]["name"].startswith("</script><img")


def test_data_cannot_end_its_script_element(page):
    """It contains no character that is special in HTML."""
    name = "<!--<script></script>'語&"
    parsed = page(full(name))

    assert not set(parsed.data_text()) & set("<>&'")
    assert parsed.data_text().isascii()
    assert parsed.data()["costs"]["rows"][0]["name"] == name


def test_the_policy_allows_only_the_scripts_and_styles_of_the_page(page):
    """Each by its digest; no requests, no eval, no other inline code."""
    parsed = page(full())
    policy = parsed.policy()

    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    for sources in (policy["script-src"], policy["style-src"]):
        assert DIGEST.sub("", sources).strip() == ""
    scripts = [text for attributes, text in parsed.inline["script"] if not attributes]
    (compressed,) = [
        text for attributes, text in parsed.inline["script"] if attributes.get("id") == "library"
    ]
    code = zlib.decompress(base64.b64decode(compressed)).decode()
    allowed = {*DIGEST.findall(policy["script-src"])}
    assert allowed == {digest(text) for text in (*scripts, code)}
    assert {digest(text) for _, text in parsed.inline["style"]} <= {
        *DIGEST.findall(policy["style-src"])
    }
    assert "Plotly" in code


def digest(text):
    encoded = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"sha256-{encoded}"


def test_the_page_refers_to_nothing_outside(page):
    """There are no addresses, and no styles or handlers in attributes."""
    for tag, attributes in page(full()).elements:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert {"src", "srcset", "style"}.isdisjoint(attributes), tag
        assert attributes.get("href", "#main") == "#main"


@pytest.mark.parametrize("missing", ["jinja2", "plotly"])
def test_without_the_extra_the_error_names_what_to_install(monkeypatch, missing):
    """It is one line, not the traceback of an import."""
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ConfigurationError, match=r"pip install 'modelgates-client\[report\]'"):
        render(report())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("$12.5", "$12.5"),
        ("$12.345678", "$12.34"),
        ("-$0.00003452", "-$0.000034"),
        ("$0.0345", "$0.03"),
        ("$0.0045", "$0.0045"),
        ("$12.30999", "$12.30"),
        ("$1.00000003", "$1.00"),
        ("$1,234,567.891", "$1,234,567.89"),
        ("$7", "$7"),
        ("unknown", "unknown"),
    ],
)
def test_the_first_digits_of_an_amount_are_larger(text, first):
    """They contain a significant digit."""
    large, small = split_amount(text)

    assert large == first
    assert large + small == text


def daily_slices(models, number, cost):
    """Return one slice per model and day."""
    return tuple(
        TimeSlice(NOON + datetime.timedelta(days=day), model, 2, Total(Decimal(cost), 1))
        for day in range(number)
        for model in models
    )


def test_each_bar_of_a_day_states_the_total_of_the_day():
    """The hint explains the legend."""
    parts = (
        TimeSlice(NOON, "a", 2, Total(Decimal(3), 1)),
        TimeSlice(NOON, "b", 1, Total(Decimal("0.5"), 0)),
    )
    series = charts.charts(report(timeline=parts))["time"]["series"]
    assert {line["points"][0]["text"][-1] for line in series} == {
        "the day, all models: $3.5 (and 1 unknown), of 3 records"
    }
    assert (
        "Click a model in the legend to hide or show it"
        in Page(render(report(timeline=parts))).words()
    )


def test_models_beyond_six_are_combined():
    """Together with those that the report combines; sums are exact in any decimal context."""
    models = [f"m/{number}" for number in range(9)]
    parts = daily_slices(models, 2, "0.1000000000000000000000000000000003")
    more = TimeSlice(NOON, None, 5, Total(Decimal("0.5"), 2), others=True)
    unnamed = TimeSlice(NOON, None, 1, Total(Decimal(7), 0))

    series = charts.timeline(report(timeline=(*parts, more, unnamed)))["series"]

    assert [line["name"] for line in series] == ["unknown", *models[:5], "other models"]
    assert [line["colour"] for line in series] == [0, 1, 2, 3, 4, 5, None]
    first = series[-1]["points"][0]
    assert first["text"][:3] == [
        "2026-11-02",
        "$0.9000000000000000000000000000000012 (and 6 unknown) all in",
        "of 13 records",
    ]
    assert first["y"] == pytest.approx(0.9)


def test_groups_beyond_fifteen_are_only_in_the_table(page):
    """The page states so."""
    groups = tuple(group((f"m/{number}",), 1, str(200 - number)) for number in range(200))
    parsed = page(report(groups=groups, total=group((), 200, "20100")))

    assert len(parsed.data()["costs"]["rows"]) == 15
    assert "The chart shows 15 of 200 groups." in parsed.words()
    assert "m/199" in parsed.words()


def test_quantiles_are_placed_within_their_bins():
    """By the logarithm of the latency, and always within the chart."""
    bins = (HistogramBin(-5.0, 0.0, 1), HistogramBin(0.0, 1.0, 1), HistogramBin(1.0, 100.0, 1))

    positions = [charts.position(value, bins) for value in (-9.0, -2.5, 0.0, 0.5, 1.0, 10.0, 100.0)]
    assert positions == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3])


def test_kinds_of_failures_add_up():
    """By kind of status; failures without a known status are of another kind."""
    statuses = ((200, 80), (429, 5), (404, 3), (503, 2), (None, 9), (302, 1))
    provider = Provider("P", 100, 12, 80, statuses, NO_SPREAD)

    (row,) = charts.providers(report(providers=(provider,)))["rows"]

    assert [part["value"] for part in row["parts"]] == [5, 3, 2, 2]
    assert row["note"] == "12.0 % of 100"


def test_unusual_figures_do_not_break_the_page(page):
    """Refunds, NaN as a measurement, hours that occur twice, groups with two keys."""
    twice = [NOON.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=h))) for h in (2, 1)]
    total = group((), 2, "-3", latency_ms=Spread(2, float("nan"), float("inf"), 0.0))
    parsed = page(
        report(
            by=("model", "provider"),
            total=total,
            groups=(group(("m", None), 2, "-3"),),
            timeline=tuple(TimeSlice(when, "m", 1, Total(Decimal(-1), 0)) for when in twice),
            step="hour",
            latencies=(HistogramBin(1.0, 2.0, 2),),
            unresolved=UnresolvedCounts(1, 0, ()),
        )
    )

    points = parsed.data()["time"]["series"][0]["points"]
    assert [point["text"][0] for point in points] == [
        "2026-11-02 12:00 +02:00",
        "2026-11-02 12:00 +01:00",
    ]
    assert parsed.data()["costs"]["rows"][0]["name"] == "m \N{MIDDLE DOT} unknown"
    assert "-$3" in parsed.words()


def test_every_chart_has_a_table_with_its_figures(page):
    """For readers who cannot see the charts, or have no JavaScript."""
    figures = full()
    parsed = page(figures)

    captions = [
        attributes["aria-label"]
        for tag, attributes in parsed.elements
        if "tabindex" in attributes and tag == "div"
    ]
    assert captions == [
        "Cost by day",
        "Cost by model",
        "Records by latency",
        "Fallbacks",
        "Attempts by provider",
        "Speed and tokens by model",
    ]
    assert not [
        attributes
        for tag, attributes in parsed.elements
        if tag == "details" and "open" not in attributes
    ]
    values = [
        attributes.get("data-value")
        for _, attributes in parsed.elements
        if "data-value" in attributes
    ]
    assert str(float(figures.total.all_in_usd.known)) in values


def test_unknown_values_have_no_value_to_sort_by(page):
    """They are last in either order."""
    parsed = page(attrs.evolve(full(), groups=(group((None,), 2, "0", 2), group(("m",), 1, "1"))))

    names = [
        attributes
        for tag, attributes in parsed.elements
        if tag == "th" and attributes.get("scope") == "row"
    ]
    assert {"scope": "row", "class": "text"} in names
