"""YAML as OpenAPI takes it: scripts/codegen/documents.py."""

import pytest
from codegen import documents
from codegen.failure import Failure


def load(tmp_path, content):
    """Load a document of that content."""
    path = tmp_path / "some.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return documents.load(path)


def test_keys_and_dates_are_strings(tmp_path):
    """As in JSON: a status is a key, and an API's version is often a date."""
    text = "200: a\ntrue: b\nnull: c\n1.5: d\n2024-01-01: 2024-01-02\ne: 2024-01-01T00:00:00Z"

    assert load(tmp_path, text) == {
        "200": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
        "2024-01-01": "2024-01-02",
        "e": "2024-01-01T00:00:00Z",
    }


def test_aliases_share_nothing(tmp_path):
    """An overlay that changes one place must not change another."""
    document = load(tmp_path, "a: &a {x: [1]}\nb: *a\nc: {<<: *a}")

    document["a"]["x"].append(2)

    assert document["b"] == {"x": [1]}
    assert document["c"] == {"x": [1]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no mapping"),
        ("- 1", "holds no mapping"),
        ("text", "holds no mapping"),
        ("a: [", "line 1 is not YAML"),
        ("a: 1\nb: 2\na: 3", 'line 3 is not YAML: found duplicate key "a"'),
        ("a: 1\n---\nb: 2", "is not YAML"),
        (b"a: \xff\xfe", "is not YAML"),
        (b"a: \x00", "is not YAML"),
        ("a: !!python/object:os.system {}", "line 1 is not YAML"),
        ("a: !!binary aGk=", "a bytes, which JSON does not have"),
        ("a: &a {b: *a}", "contains itself"),
        ("a: " + 1200 * "[" + 1200 * "]", "nested too deeply"),
    ],
)
def test_what_is_no_such_document_is_refused_by_name(tmp_path, content, words):
    """In one line that says where."""
    with pytest.raises(Failure, match=r"^some\.yaml") as caught:
        load(tmp_path, content)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path):
    """With how to mend it."""
    with pytest.raises(Failure, match=r"no.yaml is missing; restore it"):
        documents.load(tmp_path / "no.yaml")
    with pytest.raises(Failure, match="cannot be read"):
        documents.load(tmp_path)
