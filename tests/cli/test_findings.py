"""The findings of a check in each format: complete, well-formed, and without private data."""

import io
import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client import __version__
from modelgates_client.cli.findings import as_json, as_junit
from modelgates_client.cli.findings_table import as_table
from modelgates_client.conformance.checking import check, unreadable_line
from modelgates_client.conformance.recorded import check_line
from modelgates_client.conformance.tally import Place, Tally

from ..contract.strategies import SCHEMAS
from ..recorded_gaps import (
    MISSING_BREAKING,
    MISSING_FIELDS,
)
from .command_runs import RECORD

#: The number of findings in the report of these tests, by level and including worse levels.
BREAKING = MISSING_BREAKING + 1
WARNING = len(MISSING_FIELDS) + 2
ALL = WARNING + 1


def report_of(*responses, source="recorded.jsonl"):
    """Return the report of responses, each a status and a body."""
    tally = Tally()
    for number, response in enumerate(responses, 1):
        tally.add(Place(source, number), check(*response))
    return tally.report()


@pytest.fixture
def report():
    """The report of three bodies: one with missing fields and two deviations, and two errors."""
    record = {**RECORD, "total_cost": "free", "tier": "gold"}
    error = {"error": {"code": 404, "message": "m"}}
    return report_of((200, {"data": record}), (418, b"<html>"), (404, error))


def formatted(report, fail_on="breaking"):
    """Return the report in every format."""
    return {
        "json": as_json(report, fail_on),
        "junit": as_junit(report, fail_on),
        "table": as_table(report, None),
        "terminal": as_table(report, io.StringIO()),
    }


def levels(report):
    """Return the levels of a report's findings, the worst first."""
    order = ["breaking", "warning", "info"]
    return sorted((finding.level for finding in report.findings), key=order.index)


def test_json_has_all_documented_names(report):
    """The result is one object."""
    document = json.loads(as_json(report, "breaking"))

    assert list(document) == [
        *("version", "client_version", "bodies", "deviating", "findings", "unlisted"),
        *("unchecked", "fail_on", "failed"),
    ]
    findings = document.pop("findings")
    assert document == {
        "version": 1,
        "client_version": __version__,
        "bodies": 3,
        "deviating": 2,
        "fail_on": "breaking",
        "failed": True,
        "unlisted": {"breaking": 0, "warning": 0, "info": 0},
        "unchecked": [],
    }
    assert next(entry for entry in findings if entry["kind"] == "type") == {
        "level": "breaking",
        "reason": "reading it raises FieldError",
        "kind": "type",
        "status": 200,
        "pointer": "/data/total_cost",
        "expected": "number",
        "found": "string",
        "example": "string (len 4)",
        "bodies": 1,
        "occurrences": 1,
        "first": {"source": "recorded.jsonl", "line": 1},
        "last": {"source": "recorded.jsonl", "line": 1},
    }
    assert [(entry["level"], entry["pointer"]) for entry in findings] == [
        *sorted(
            [("breaking", at) for at in MISSING_FIELDS if MISSING_FIELDS[at] == "breaking"]
            + [("breaking", "/data/total_cost")]
        ),
        *(("warning", at) for at in MISSING_FIELDS if MISSING_FIELDS[at] == "warning"),
        ("warning", ""),
        ("info", "/data/tier"),
    ]


@pytest.mark.parametrize(
    ("fail_on", "failures"),
    [("breaking", BREAKING), ("warning", WARNING), ("info", ALL), ("never", 0)],
)
def test_junit_has_a_failure_per_finding_at_the_level(report, fail_on, failures):
    """Each finding is a test, and one test always passes."""
    suites = ET.fromstring(as_junit(report, fail_on))
    (suite,) = suites
    tests = list(suite)

    assert (suites.tag, suite.tag, {test.tag for test in tests}) == (
        "testsuites",
        "testsuite",
        {"testcase"},
    )
    assert suite.attrib == {
        "name": "modelgates check",
        "tests": str(ALL + 1),
        "failures": str(failures),
        "errors": "0",
    }
    assert len(tests) == ALL + 1
    assert len({(test.get("classname"), test.get("name")) for test in tests}) == ALL + 1
    assert all([part.tag for part in test] in (["failure"], ["system-out"]) for test in tests)
    assert len(suite.findall("testcase/failure")) == failures
    assert json.loads(as_json(report, fail_on))["failed"] is bool(failures)


def test_the_table_has_counts_and_a_row_for_each_finding(report):
    """The worst findings come first."""
    lines = as_table(report, None).splitlines()

    counts = f"{BREAKING} breaking, {WARNING - BREAKING} warning, 1 info"
    assert lines[0] == f"bodies checked: 3, deviating: 2; findings: {counts}"
    at = lines.index("breaking     200       1  /data/total_cost: expected number, found string")
    assert lines[at : at + 3] == [
        "breaking     200       1  /data/total_cost: expected number, found string",
        "                          reading it raises FieldError; in recorded.jsonl:1",
        "                          like string (len 4)",
    ]
    rows = [line.split()[0] for line in lines[2:] if not line.startswith(" ")]
    assert rows == levels(report)
    assert len(rows) == ALL
    assert [line for line in lines if line.endswith(" ")] == []


def test_every_format_reports_that_there_are_no_findings():
    """No test suite is empty, and no table lacks rows."""
    error = {"error": {"code": 404, "message": "m"}}
    texts = formatted(report_of((404, error)))

    counts = "bodies checked: 1, deviating: 0; findings: 0 breaking, 0 warning, 0 info"
    assert texts["table"] == f"{counts}\n"
    assert json.loads(texts["json"])["findings"] == []
    assert [test.get("name") for test in ET.fromstring(texts["junit"])[0]] == ["were checked"]


def test_every_format_counts_unlisted_findings(monkeypatch):
    """They fail the check as listed ones do."""
    monkeypatch.setattr("modelgates_client.conformance.tally.MAX_FINDINGS", 0)
    texts = formatted(report_of((200, b"<html>"), (418, b"")))

    note = "and deviations of other kinds, not listed: 1 breaking, 1 warning"
    assert note in texts["table"]
    assert json.loads(texts["json"])["unlisted"] == {"breaking": 1, "warning": 1, "info": 0}
    assert json.loads(texts["json"])["failed"] is True
    assert ET.fromstring(texts["junit"])[0].get("failures") == "1"


HOSTILE = "a|b`c``<img src=x>@team [x](javascript:y)\n\x00\x1b[2J\ud800\u202e\ufffe&amp;"


def test_a_hostile_file_name_is_inert_in_every_format():
    """It is the only text of a report that others may choose."""
    texts = formatted(report_of((418, b""), source=HOSTILE))

    assert ET.fromstring(texts["junit"])[0].get("tests") == "2"
    assert json.loads(texts["json"])["findings"][0]["first"]["line"] == 1
    for text in texts.values():
        assert not re.search("[\x00\x1b\ud800\u202e\ufffe]", text)


#: Private data, as values and as names. None of it may be shown in a report.
SECRETS = [
    *("canary@example.com", "sk-mg-canary", "canary \U0001f424 text", "Ze Canary, 12 Street Rd."),
    *(313373133731, -313373133731, 31337.31337, 10**60 + 31337, 313373133731e300),
]
TRACES = re.compile("(?i)canary|\U0001f424|street|31337")
FIELDS = sorted(
    {
        *(key for schema in (RECORD, *RECORD["provider_responses"]) for key in schema),
        *("data", "error", "code", "message", "metadata", "body", "status", "id", "new_field"),
    }
)
PRIVATE = st.recursive(
    st.sampled_from([*SECRETS, None, True]),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(
            st.sampled_from([*FIELDS, "canary@example.com", "31337 31337", "canary-id", "/canary"]),
            parts,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.one_of(
    st.fixed_dictionaries({"data": st.dictionaries(st.sampled_from(FIELDS), PRIVATE)}),
    st.fixed_dictionaries({"error": PRIVATE}, optional={"user_id": PRIVATE}),
    PRIVATE,
)
STATUSES = st.sampled_from([*SCHEMAS, 418, 503, "31337", 31337])
LINES = st.one_of(
    BODIES.map(json.dumps),
    st.builds(lambda s, b: json.dumps({"status": s, "body": b}), STATUSES, BODIES),
    st.builds(lambda s, b: json.dumps({"status": s, "body": json.dumps(b)}), STATUSES, BODIES),
    st.sampled_from(["canary garbage", '"canary', '{"canary": 31337', "[31337]", "31337 canary"]),
).map(str.encode)


def test_every_format_lists_unchecked_sources():
    """Otherwise the report would look like one of everything."""
    tally = Tally()
    tally.add(Place("f", 1), check(404, {"error": {"code": 404, "message": "m"}}))
    tally.add_unchecked("a\x1b`|b", "it is damaged after line 7")
    report = tally.report()

    for name, text in formatted(report).items():
        assert "a�`" in text.replace("\\u001b", "�"), name
        assert "damaged after line 7" in text, name
        assert "\x1b" not in text, name
    assert ET.fromstring(as_junit(report, "never"))[0].attrib == {
        "name": "modelgates check",
        "tests": "2",
        "failures": "0",
        "errors": "1",
    }


def test_junit_without_any_checked_body_has_a_failure():
    """Many viewers show a suite without failures in green."""
    suite = ET.fromstring(as_junit(Tally().report(), "never"))[0]

    assert suite.get("errors") == "1"
    assert "bodies checked: 0" in suite.find("testcase/error").get("message")


@pytest.mark.slow("hundreds of reports in every format")
@given(st.lists(LINES, max_size=8))
@settings(max_examples=100)
def test_no_format_shows_private_data(lines):
    """No value and no key other than a field's name: only types, lengths and words of the spec."""
    tally = Tally()
    for number, line in enumerate(lines, 1):
        tally.add(Place("f", number), check_line(line))
    for name, text in formatted(tally.report()).items():
        assert not TRACES.search(text), name


def test_the_search_for_private_data_finds_values_and_names():
    """If a value or a name were shown, the test above would fail."""
    tally = Tally()
    tally.add(Place("f", 1), unreadable_line("canary@example.com"))
    tally.add(Place("f", 2), check(200, {"data": {"a_canary": 1, "api_type": "new 3133 canary"}}))

    for name, text in formatted(tally.report()).items():
        assert len(TRACES.findall(text)) >= 3, name
