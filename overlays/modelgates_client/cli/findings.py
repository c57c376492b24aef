"""The findings of a check as JSON and JUnit XML. Pure: text is returned.

The JSON is one object:

| name           | value                                                                    |
|----------------|--------------------------------------------------------------------------|
| version        | format version: 1. Names may be added to a version, but none is removed  |
| client_version | version of the client whose spec was used                                |
| bodies         | number of responses checked                                              |
| deviating      | number of those that deviate                                             |
| fail_on        | `breaking`, `warning`, `info` or `never`                                 |
| failed         | whether there is a deviation at that level or above                      |
| findings       | most severe first, with the attributes of `tally.Finding`. `first` and   |
|                | `last` are `{"source": FILE, "line": N}`; for ids, `line` is null        |
| unlisted       | by level, number of deviations that are not among the findings           |
| unchecked      | files and ids that could not be checked, or not completely:              |
|                | `{"source": FILE, "reason": WHY}`; the other values do not include them  |
"""

import xml.etree.ElementTree as ET
from typing import Literal

from modelgates_client.conformance.checking import LEVELS, Level
from modelgates_client.conformance.tally import Finding, Place, Report, Unchecked
from modelgates_client.records.sanitize import sanitize
from modelgates_client.reports.to_json import to_plain, versioned

FailOn = Level | Literal["never"]


def summary(report: Report) -> str:
    """Return the counts as one line."""
    counts = ", ".join(f"{report.count(level)} {level}" for level in LEVELS)
    line = f"bodies checked: {report.bodies}, deviating: {report.deviating}; findings: {counts}"
    return f"{line}; sources not checked: {len(report.unchecked)}" if report.unchecked else line


def unlisted(report: Report) -> str:
    """Return the counts of unlisted deviations as one line; empty if there are none."""
    counts = ", ".join(f"{count} {level}" for level, count in report.unlisted.items() if count)
    return f"and deviations of other kinds, not listed: {counts}" if counts else ""


def unchecked(source: Unchecked) -> str:
    """Return what was not checked and why, as one line that is safe for a terminal."""
    return sanitize(f"not checked, or not completely: {source.source}: {source.reason}")


def fails(report: Report, fail_on: FailOn) -> bool:
    """Whether there is any deviation at a level or above."""
    return fail_on != "never" and report.reaches(fail_on)


def pointer(finding: Finding) -> str:
    """Return the pointer to show for a finding; `/` is the whole body."""
    return finding.pointer or "/"


def difference(finding: Finding) -> str:
    """Return the expected and the found value of a finding, as text."""
    return f"expected {finding.expected}, found {finding.found}"


def place(where: Place) -> str:
    """Return the origin of a response, as text that is safe for a terminal."""
    return sanitize(str(where))


def as_json(report: Report, fail_on: FailOn) -> str:
    """Return the report as a JSON object, in ASCII."""
    verdict = {"fail_on": fail_on, "failed": fails(report, fail_on)}
    return versioned({**to_plain(report), **verdict}, indent=2)


def as_junit(report: Report, fail_on: FailOn) -> str:
    """Return JUnit XML: a test for each finding, which fails at the level `fail_on` or above.

    Another test has the counts, and is an error if nothing was checked. Each source that could not
    be checked is a test with an error, too.

    Source: junit-10.xsd of Jenkins' plugin xunit.
    """
    failing_levels = () if fail_on == "never" else LEVELS[: LEVELS.index(fail_on) + 1]
    suite = ET.Element("testsuite")
    counted = _test(suite, "responses", "were checked")
    if report.bodies:
        _end_test(counted, summary(report))
    else:
        _break_test(counted, summary(report))
    for source in report.unchecked:
        _break_test(_test(suite, "source", sanitize(source.source)), unchecked(source))
    for finding in report.findings:
        status = "unknown" if finding.status is None else str(finding.status)
        name = f"{pointer(finding)}: {difference(finding)}"
        test = _test(suite, f"status_{status}", name)
        is_failing = finding.level in failing_levels
        _end_test(test, _text(finding), finding.level if is_failing else None)
    for level, count in report.unlisted.items():
        if count:
            test = _test(suite, "unlisted", level)
            _end_test(test, unlisted(report), level if level in failing_levels else None)
    suite.attrib = {
        "name": "modelgates check",
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
    }
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _test(suite: ET.Element, kind: str, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=f"modelgates.check.{kind}", name=name)


def _end_test(test: ET.Element, text: str, failing: str | None = None) -> None:
    """Set a test's result: a failure at a level, or a pass if that is None."""
    if failing is None:
        ET.SubElement(test, "system-out").text = text
    else:
        message = text.partition("\n")[0]
        ET.SubElement(test, "failure", type=failing, message=message).text = text


def _break_test(test: ET.Element, text: str) -> None:
    """Set a test's result to an error, since it is unknown whether it would pass."""
    ET.SubElement(test, "error", type="unchecked", message=text).text = text


def _text(finding: Finding) -> str:
    lines = [
        f"{finding.level}: {pointer(finding)}: {difference(finding)}",
        f"effect: {finding.reason}",
        f"bodies: {finding.bodies}, occurrences: {finding.occurrences}",
        f"first: {place(finding.first)}, last: {place(finding.last)}",
    ]
    if finding.example is not None:
        lines.append(f"example: {finding.example}")
    return "\n".join(lines)
