"""The version that the next release should have, and what its changelog must say."""

import pytest
from attrs import evolve
from specdiff import release, specs, surface
from specdiff.surface import Shift

from . import changes as catalogue

GONE = Shift(
    breaks=True,
    name="`Thing.note`",
    text="is gone",
    why="code that reads it fails",
    how="removed",
    attribute="note",
)
NEW = Shift(breaks=False, name="`Thing.other`", text="(`str`) is new", why="…", how="added")


def changes(kind):
    """Return the changes of an entry of the catalogue."""
    (found,) = [entry for entry in catalogue.KINDS if entry.name == kind]
    spec = catalogue.base()
    found.change(spec)
    return specs.compare(catalogue.base(), spec)


@pytest.mark.parametrize(
    ("kind", "shifts", "bump"),
    [
        ("optional property gone", [GONE], "major"),
        ("enum value added", [NEW], "minor"),
        ("description", [], "patch"),
        ("path renamed", [], "major"),
        ("another server", [], "major"),
        ("nullable gained", None, "major"),
        ("summary", None, "minor"),
    ],
)
def test_the_bump_is_what_users_meet(kind, shifts, bump):
    """Code that breaks is major; so is a call that goes elsewhere, which no name shows."""
    assert release.bump(changes(kind), shifts) == bump


def test_no_change_is_no_release():
    """Nothing to publish."""
    assert release.bump([], []) == "none"
    assert release.following("1.2.3", "none") == "1.2.3"


@pytest.mark.parametrize(
    ("version", "how", "following"),
    [
        ("0.1.0", "major", "0.2.0"),
        ("0.1.0", "minor", "0.1.1"),
        ("0.1.4", "patch", "0.1.5"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
    ],
)
def test_below_1_a_breaking_change_is_minor(version, how, following):
    """As Semantic Versioning permits and most projects do."""
    assert release.following(version, how) == following


def test_a_breaking_change_is_acknowledged_by_its_name_and_rule():
    """Under Unreleased, in one item, which may run over lines; elsewhere it does not count."""
    entries = release.entries(changes("optional property gone"), [GONE, NEW])
    line = entries[0].text
    assert line == "**Breaking:** `Thing.note` is gone (`response-optional-property-removed`)."
    reported = "# Changelog\n\n## [Unreleased]\n\n### Removed\n\n- {}\n\n## 1.0.0\n\n- old\n"
    assert release.unacknowledged(reported.format(line), entries) == []
    folded = line.replace(" is gone ", "\n  is gone\n  ")
    assert release.unacknowledged(reported.format(folded), entries) == []
    for other in (
        reported.format("`Thing.note` is gone"),
        reported.format("something (`response-optional-property-removed`)"),
        reported.format("`Thing.note`\n- `response-optional-property-removed`"),
        "## Unreleased\n\n## 1.0.0\n\n- " + line,
        "",
    ):
        assert release.unacknowledged(other, entries) == [entries[0]]


def test_a_change_of_the_wire_that_no_name_shows_must_be_acknowledged():
    """Calls go to the old path."""
    (entry,) = release.entries(changes("path renamed"), [])
    assert entry.breaking
    assert entry.text == "**Breaking:** `/thing` is now `/object` (`path-changed`)."


def test_an_entry_names_the_rule_of_the_change_behind_it():
    """An enum's member is found by its value, an attribute by its name."""
    member = evolve(NEW, name="`Kind.TINY`", text="(`'tiny'`) is new", value='"tiny"')
    (entry,) = release.entries(changes("enum value added"), [member])
    assert entry.marks == ("`Kind.TINY`", "`response-property-enum-value-added`")
    (other,) = release.entries([], [member])
    assert other.marks[1] == "`generated-name-added`"


def test_without_shifts_nothing_is_breaking():
    """Two readings of one package are the same."""
    assert surface.compare(surface.Surface({}, {}), surface.Surface({}, {})) == []
