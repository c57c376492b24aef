"""Counting deviations: each is counted in its place, in bounded memory."""

import uuid
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from modelgates_client.conformance.checking import check
from modelgates_client.conformance.tally import MAX_FINDINGS, MAX_NAMES, Place, Tally

from ..contract.strategies import SCHEMAS, mutated
from ..recorded_gaps import MISSING_FIELDS

FILE = "recorded.jsonl"


def report_of(*responses):
    """Return the report of responses, each a status and a body."""
    tally = Tally()
    for number, (status, body) in enumerate(responses, 1):
        tally.add(Place(FILE, number), check(status, body))
    return tally.report()


def finding_at(report, pointer):
    """Return the one finding at a pointer."""
    (finding,) = [finding for finding in report.findings if finding.pointer == pointer]
    return finding


def response_with_latencies(*latencies):
    """Return a response whose attempts have these latencies."""
    parts = [{"status": 200, "latency": latency} for latency in latencies]
    return 200, {"data": {"provider_responses": parts}}


def test_bodies_and_occurrences_are_counted_over_indices():
    """A deviation at several indices is one finding; a body counts once."""
    report = report_of(
        response_with_latencies("a", 1, "b"),
        response_with_latencies(1),
        response_with_latencies("c"),
    )

    finding = finding_at(report, "/data/provider_responses/*/latency")
    assert (finding.bodies, finding.occurrences) == (2, 3)
    assert (finding.first, finding.last) == (Place(FILE, 1), Place(FILE, 3))
    assert (finding.level, finding.found, finding.example) == (
        "breaking",
        "string",
        "string (len 1)",
    )


@given(
    st.lists(
        st.sampled_from(sorted(SCHEMAS)).flatmap(
            lambda status: st.tuples(st.just(status), mutated(SCHEMAS[status]))
        ),
        max_size=6,
    )
)
@settings(max_examples=60)
def test_no_deviation_is_lost(responses):
    """Listed and unlisted deviations add up to all, by level."""
    report = report_of(*responses)
    deviating = [list(check(*response).deviations) for response in responses]

    assert report.bodies == len(responses)
    assert report.deviating == sum(map(bool, deviating))
    assert Counter(e.kind for entries in deviating for e in entries) == Counter(
        {
            kind: sum(f.occurrences for f in report.findings if f.kind == kind)
            for kind in {f.kind for f in report.findings}
        }
    )


def test_findings_are_separate_by_status():
    """A field may be missing from one error only."""
    report = report_of((401, {"error": {"code": 1}}), (404, {"error": {"code": 1}}))

    assert sorted(f.status for f in report.findings if f.pointer == "/error/message") == [401, 404]


def test_many_unknown_names_are_one_finding():
    """The first ones are separate, so that a new field is visible."""
    names = [f"n{number // 26 * 'x'}{chr(97 + number % 26)}" for number in range(500)]
    report = report_of(*[(200, {"data": {name: "v"}}) for name in names])

    new = [finding for finding in report.findings if finding.kind == "undeclared"]
    assert len(new) == MAX_NAMES + 1
    assert finding_at(report, "/data/?").bodies == 500 - MAX_NAMES
    assert {finding.bodies for finding in new} == {1, 500 - MAX_NAMES}


def test_names_that_look_like_ids_are_one_finding():
    """They are keys of a map, which may be private."""
    names = [f"n{uuid.UUID(int=number).hex}" for number in range(50)]
    report = report_of(*[(200, {"data": {name: "v"}}) for name in names])

    assert finding_at(report, "/data/?").bodies == 50


def test_many_unknown_enum_values_are_one_finding():
    """A field that is no longer an enum neither fills the report nor discloses its values."""
    report = report_of(*[(200, {"data": {"api_type": f"v{number:03}"}}) for number in range(100)])

    new = [finding for finding in report.findings if finding.kind == "unknown_value"]
    assert len(new) == MAX_NAMES + 1
    assert max(new, key=lambda finding: finding.bodies).found == "string (len 4)"


def test_findings_are_bounded_and_the_rest_is_counted(monkeypatch):
    """The rest is counted by level, so that the exit status is right in any case."""
    monkeypatch.setattr("modelgates_client.conformance.tally.MAX_FINDINGS", 3)
    report = report_of((200, {"data": {"total_cost": 1}}), (200, b"<html>"), (418, None))

    assert MAX_FINDINGS == 1_000
    assert len(report.findings) == 3
    listed = sum(finding.occurrences for finding in report.findings)
    expected = len(list(check(200, {"data": {"total_cost": 1}}).deviations)) + 2
    assert listed + sum(report.unlisted.values()) == expected
    assert report.unlisted["breaking"] > 0
    assert report.unlisted["warning"] > 0


def test_memory_is_bounded_for_any_names():
    """It neither grows with the deviations nor contains names of megabytes."""
    tally = Tally()
    for number in range(3):
        body = {"data": {f"{number}-{index}": 0 for index in range(5_000)}}
        body["data"]["x" * 1_000_000] = 0
        tally.add(Place(FILE, number), check(200, body))

    assert len(tally._cache) <= 4_096
    assert max(len(key[2]) for key in tally._cache) <= 256
    assert finding_at(tally.report(), "/data/?").occurrences == 3 * 5_001


def test_findings_are_sorted_by_level_and_frequency():
    """The worst come first."""
    body = {"data": {"new": 1}}
    report = report_of((200, body), (200, body), (418, None), (200, b"<html>"))

    order = [(finding.level, -finding.bodies) for finding in report.findings]
    levels = ["breaking", "warning", "info"]
    assert order == sorted(order, key=lambda entry: (levels.index(entry[0]), entry[1]))
    assert report.findings[0].level == "breaking"
    assert report.findings[-1].level == "info"


@pytest.mark.parametrize(
    ("response", "reached"),
    [
        ((200, b"<html>"), {"breaking", "warning", "info"}),
        ((418, b"<html>"), {"warning", "info"}),
        ((404, {"error": {"code": 404, "message": "m"}, "new": 1}), {"info"}),
        ((404, {"error": {"code": 404, "message": "m"}}), set()),
    ],
)
def test_a_level_is_reached_by_deviations_of_it_or_worse(response, reached):
    """`--fail-on` depends on it."""
    report = report_of(response)

    assert {level for level in ("breaking", "warning", "info") if report.reaches(level)} == reached


def test_2000_records_are_counted_exactly(recorded):
    """The fields that are missing in the recorded response, in each copy; the worst first."""
    bodies = [
        (200, {"data": {**recorded["data"], "id": f"gen-{number}"}}) for number in range(2_000)
    ]
    report = report_of(*bodies)

    assert (report.bodies, report.deviating) == (2_000, 2_000)
    assert [
        (f.pointer, f.bodies, f.occurrences, f.level, f.first.line, f.last.line)
        for f in report.findings
    ] == [
        (pointer, 2_000, 2_000, level, 1, 2_000)
        for pointer, level in sorted(MISSING_FIELDS.items(), key=lambda item: (item[1], item[0]))
    ]
