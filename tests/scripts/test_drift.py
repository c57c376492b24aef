"""`nox -s drift`: exit statuses, formats, accepted differences, the changelog, hostile specs."""

import json
import re

import pytest

BREAKING = (
    "type: number\n          format: double\n          description: Total cost",
    "type: [number, 'null']\n          format: double\n          description: Total cost",
)


def test_a_breaking_change_fails_and_is_explained(drift):
    """Level, rule, pointer, reason, effect, the result of regenerating, and the backtest."""
    status, out, _ = drift(drift.spec(BREAKING))
    assert status == 1
    assert "openapi.yaml (2026-05-13) → new.yaml: 1 change(s): 1 breaking, 0 warning, 0 info" in out
    assert "`total_cost` may be null" in out
    assert (
        "response-property-became-nullable, at #/components/schemas/GenerationResponseData" in out
    )
    assert "why: null may be sent where a value was promised" in out
    assert (
        "broken (attributes cannot be read, or calls fail), in get-generation 200 /data/tot" in out
    )
    assert "breaks  `Generation.total_cost` is `float | None`, was `float`" in out
    assert re.search(
        r"Backtest: \d{3} bodies .* 0 crashes, wrong values or losses; 0 places differ", out
    )
    assert "Release: 0.1.0 → 0.2.0, as a major change is numbered before 1.0" in out
    assert "code that uses the package breaks when it is regenerated" in out


def test_an_unchanged_spec_has_no_changes(drift):
    """The vendored spec against itself: no change, no release, status 0."""
    status, out, err = drift(drift.spec())
    assert (status, err) == (0, "")
    assert "no change" in out
    assert "Release: none needed, 0.1.0 is unchanged" in out


@pytest.mark.parametrize(
    ("level", "status"), [("breaking", 0), ("warning", 1), ("info", 1), ("never", 0)]
)
def test_the_level_to_fail_on_is_chosen(drift, level, status):
    """An added enum value is a warning."""
    new = drift.spec(("        - FakeProvider", "        - FakeProvider\n        - Newcomer"))
    assert drift(new, "--fail-on", level, "--no-backtest")[0] == status


def test_json_has_everything_for_programs(drift):
    """With stable keys: each change, each difference in the code, the backtest, the release."""
    status, out, _ = drift(drift.spec(BREAKING), "--format", "json")
    report = json.loads(out)
    assert status == 1
    assert out.isascii()
    assert list(report) == [
        "version", "old", "new", "counts", "changes", "suspicions", "findings", "answers",
        "regenerated", "refusal", "proof", "release", "changelog", "failing",
    ]  # fmt: skip
    (change,) = report["changes"]
    assert change == {
        "rule": "response-property-became-nullable",
        "level": "breaking",
        "text": "`total_cost` may be null",
        "why": "null may be sent where a value was promised",
        "effect": "broken",
        "pointer": "#/components/schemas/GenerationResponseData/properties/total_cost/type",
        "old": "#/components/schemas/GenerationResponseData/properties/total_cost/type",
        "new": "#/components/schemas/GenerationResponseData/properties/total_cost/type",
        "places": [{"operation": "get-generation", "status": "200", "pointer": "/data/total_cost"}],
        "accepted": None,
    }
    assert report["regenerated"][0]["breaks"] is True
    assert report["proof"]["bodies"] > 100
    assert report["proof"]["faults"] == report["proof"]["disagreements"] == []
    assert report["release"] == {"bump": "major", "version": "0.1.0", "next": "0.2.0"}
    assert report["changelog"][0]["breaking"] is True


def test_annotations_point_at_the_line(drift):
    """GitHub shows them next to the change in a pull request."""
    new = drift.spec(BREAKING)
    _, out, _ = drift(new, "--format", "github", "--no-backtest")
    line = int(re.search(r"::error file=[^,]*new.yaml,line=(\d+),title=response-prop", out)[1])
    assert new.read_text().splitlines()[line - 1].strip() == "type: [number, 'null']"
    assert "::error ::code that uses the package breaks" in out


def test_the_report_can_be_written_to_a_file(drift, tmp_path):
    """And stdout stays empty."""
    status, out, _ = drift(
        drift.spec(BREAKING), "--format", "markdown", "--output", tmp_path / "report.md"
    )
    assert (status, out) == (1, "")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("## Spec: openapi.yaml (2026-05-13) → new.yaml\n")
    assert "| **breaking** | `total_cost` may be null |" in text


ACCEPTED = """accepted:
  - rule: response-property-became-nullable
    pointer: "#/components/schemas/GenerationResponseData/properties/total_cost/*"
    reason: The service always did this.
"""


def test_an_accepted_difference_is_shown_with_its_reason(drift):
    """It no longer counts as a change; its effect on code still counts."""
    drift.project.write("overlays/accepted-differences.yaml", ACCEPTED)
    status, out, _ = drift(drift.spec(BREAKING), "--no-backtest")
    assert status == 1
    assert "accepted  `total_cost` may be null" in out
    assert "why: The service always did this." in out
    assert "not accepted" not in out
    assert "code that uses the package breaks" in out


def test_a_stale_accepted_difference_fails(drift):
    """The accepted difference is gone, and the entry must not cover a future one."""
    drift.project.write("overlays/accepted-differences.yaml", ACCEPTED)
    status, _, err = drift(drift.spec(), "--no-backtest")
    assert status == 2
    assert err.startswith("error: the accepted difference response-property-became-nullable at #/")
    assert err.endswith("is stale: there is no such change; delete it from the list\n")


def test_accepted_differences_apply_after_vendoring(drift):
    """In a comparison with the version before, unrelated entries are not stale."""
    pointer = "#/components/schemas/GenerationResponseData/properties/data_region*"
    other = {"rule": "response-required-property-removed", "pointer": pointer, "reason": "Seen."}
    entry = f"  - {json.dumps(other)}\n"
    drift.project.write("overlays/accepted-differences.yaml", f"{ACCEPTED}{entry}")
    _, out, err = drift("--against", "2026-06-23", "--no-backtest")
    assert err == ""
    assert "why: Seen." in out


@pytest.mark.parametrize(
    "text",
    ["accepted: 5", "other: []", "accepted:\n  - rule: x\n    pointer: y",
     "accepted:\n  - {rule: x, pointer: y, reason: ''}", "accepted:\n  - text"],
)  # fmt: skip
def test_an_accepted_difference_needs_a_reason(drift, text):
    """It contains only rule, pointer and reason."""
    drift.project.write("overlays/accepted-differences.yaml", text)
    status, _, err = drift(drift.spec(BREAKING), "--no-backtest")
    assert status == 2
    assert err.startswith("error: accepted-differences.yaml")


def test_breaking_changes_in_the_changelog_pass(drift, tmp_path):
    """The job of a pull request: every breaking change is listed, by name and rule."""
    changelog, new = tmp_path / "CHANGELOG.md", drift.spec(BREAKING)
    changelog.write_text("# Changelog\n\n## Unreleased\n\n- Nothing\n", encoding="utf-8")
    status, out, _ = drift(new, "--no-backtest", "--changelog", changelog)
    assert status == 1
    assert "Missing from the changelog, under Unreleased:" in out
    (line,) = re.findall(r"^  - (\*\*Breaking:.*)$", out, re.MULTILINE)
    changelog.write_text(f"# Changelog\n\n## Unreleased\n\n- {line}\n", encoding="utf-8")
    assert drift(new, "--no-backtest", "--changelog", changelog)[0] == 0


def test_a_spec_that_no_client_can_be_generated_from_is_reported(drift):
    """The changes are still reported; the command fails because it cannot be regenerated."""
    error = "    NotFoundResponseErrorData:\n      type: object\n"
    new = drift.spec((error, f"{error}      minProperties: 3\n"))
    status, out, _ = drift(new, "--no-backtest")
    assert status == 1
    assert (
        "the client cannot be regenerated: the client of new.yaml cannot be generated: overlay"
        in out
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a new spec, an old one with --against, or both"),
        (["nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["new.yaml", "--fail-on", "much"], "invalid choice"),
        (["new.yaml", "--accepted", "nowhere.yaml"], "nowhere.yaml is missing"),
        (["new.yaml", "--changelog", "nowhere.md"], "nowhere.md cannot be used"),
    ],
)
def test_invalid_input_is_status_2(drift, monkeypatch, arguments, message):
    """One line on stderr, and an empty stdout."""
    drift.spec()
    monkeypatch.chdir(drift.project.root)
    status, out, err = drift(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


HOSTILE = "x`y|z<script>alert(1)</script> ](http://evil) @all \\u001b[31m\\u202e ::error::"


def hostile(drift):
    """Return a spec with a property, a value and a keyword of a hostile name."""
    return drift.spec(
        (
            "        total_cost:\n",
            f'        "{HOSTILE}":\n          type: string\n        total_cost:\n',
        ),
        ("        - FakeProvider", f'        - FakeProvider\n        - "{HOSTILE}"'),
        ("          description: Usage amount in USD", f'          "{HOSTILE}": 1'),
    )


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github"])
def test_hostile_names_are_escaped(drift, form):
    """They end in terminals, pull requests and workflow logs."""
    status, out, err = drift(hostile(drift), "--format", form, "--no-backtest")
    assert status == 1 or "unclassified" not in out
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    if form == "markdown":
        outside = re.sub(r"`[^`\n]*`", "", out)
        assert not re.search(r"<(?!br>)|\]\(|@all|(?<!\\)\|z", outside), outside
    if form == "github":
        assert all(
            line.startswith(("::warning", "::notice", "::error")) for line in out.splitlines()
        )
        assert not re.search(r"^::error::", out, re.MULTILINE)


def test_kept_versions_are_selected_by_date(drift):
    """Old and new can be any of them."""
    status, out, _ = drift("2026-06-10", "--against", "2026-06-09", "--no-backtest")
    assert status == 0
    assert "2026-06-09 → 2026-06-10" in out
    assert "`data_region` is new" in out
    assert "promised-at-once" in out
