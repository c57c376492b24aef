"""A release: tag, version and changelog agree, and the links of its README lead somewhere."""

import pytest
import release
from common.tool_errors import ToolError

from ..documents import README, Page


@pytest.fixture
def project(tmp_path):
    """A project of version 1.2.3, with that in its changelog."""
    version = tmp_path / release.VERSION
    version.parent.mkdir(parents=True)
    version.write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    changelog = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-30\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    return tmp_path


def test_a_tag_that_is_the_version_is_taken(project):
    """With an entry in the changelog."""
    release.check(project, "v1.2.3")


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2.4", "v1.2.30", "v1.2.3 "])
def test_another_tag_is_refused(project, tag):
    """The error states the expected tag."""
    with pytest.raises(ToolError, match=r"the tag must be v1\.2\.3"):
        release.check(project, tag)


@pytest.mark.parametrize("heading", ["## 1.2.3", "## Unreleased", "## 1.2.30 - 2026-11-30"])
def test_a_version_that_the_changelog_does_not_have_is_refused(project, heading):
    """With its date."""
    (project / "CHANGELOG.md").write_text(f"{heading}\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"no heading `## 1\.2\.3 - YYYY-MM-DD`"):
        release.check(project, "v1.2.3")


@pytest.mark.parametrize("urls", ["", 'Repository = "https://example.com/another"'])
def test_a_repository_that_the_project_does_not_name_is_refused(project, urls):
    """Its metadata would lead elsewhere than its README."""
    (project / "pyproject.toml").write_text(f"[project.urls]\n{urls}\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"as Repository, not https://example\.com/project"):
        release.check(project, "v1.2.3", "https://example.com/project")


def test_the_version_is_found_where_it_is():
    """In the file of this project."""
    with pytest.raises(ToolError, match="the tag must be v"):
        release.check(release.ROOT, "none")


def test_the_links_of_the_readme_hold_on_the_package_index():
    """All of them are absolute there, and those that were stay."""
    base = "https://example.com/project/blob/v1.2.3"
    page = Page.__new__(Page)
    page.text = release.absolute(README.text, base)
    assert all(link.startswith("https://") for link in page.links)
    assert [link.removeprefix(f"{base}/") for link in page.links] == README.links
