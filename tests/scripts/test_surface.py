"""What users of the generated package meet after regenerating: read from the code, never run."""

import pytest
from specdiff import surface

MODEL = '''
from modelgates_runtime import enums as _enums
raise SystemExit("code that is read is not run")

class Thing(Model):
    """A thing"""

    name: str
    size: int
    parts: list[Part] | None
    note: str | None = None

class Kind(OpenStrEnum):
    """Kinds"""

    BIG = _enums.Member("big")
    SMALL = _enums.Member("small")
'''
OPERATION = """
def sync(*, client: _client.Client, id: str, view: str | None = None) -> Thing | Problem:
    return None
"""


def package(path, model=MODEL, operation=OPERATION):
    """Write a package as the generator does."""
    (path / "models").mkdir(parents=True)
    (path / "api" / "things").mkdir(parents=True)
    (path / "models" / "all.py").write_text(model)
    (path / "api" / "things" / "get_thing.py").write_text(operation)
    return surface.read(path)


@pytest.mark.parametrize(
    ("old", "new", "breaks", "message"),
    [
        ("name: str", "title: str", True, "`Thing.name` is gone"),
        ("    name: str\n", "    name: str\n    extra: str\n", False, "constructor call needs it"),
        ("    name: str\n", "    name: str\n    extra: int = 1\n", False, "(`int`) is new"),
        ("name: str", "name: str | None", True, "`Thing.name` is `str | None`, was `str`"),
        ("note: str | None", "note: str", False, "callers need no change"),
        ("size: int", "size: float", True, "must handle more types"),
        ("list[Part] | None", "list[Part]", False, "callers need no change"),
        ("list[Part] | None", "list[Part | Other] | None", True, "must handle more types"),
        ("size: int", "size: Any", False, "callers need no change"),
        ("class Thing", "class Object", True, "`Thing` is gone"),
        ('    SMALL = _enums.Member("small")\n', "", True, "`Kind.SMALL` is gone"),
        ('"small"', '"little"', True, "is `'little'`, was `'small'`"),
        ('Member("big")\n', 'Member("big")\n    TINY = _enums.Member("tiny")\n', False, "is open"),
        ("id: str", "id: str, who: str", True, "takes `who: str`: calls without it fail"),
        ("id: str", "id: str, who: str = ''", False, "calls without it work"),
        ("view: str | None = None", "", True, "no longer takes `view`"),
        ("id: str", "id: int", True, "arguments of the old type may no longer fit"),
        ("id: str", "id: str | int", False, "arguments of the old type still fit"),
        ("-> Thing | Problem", "-> Thing | Problem | Other", True, "callers must handle"),
        ("-> Thing | Problem", "-> Thing", False, "callers need no change"),
        ("def sync", "def other", True, "`api.things.get_thing` is gone"),
    ],
)
def test_a_code_difference_is_classified_as_breaking_or_not(tmp_path, old, new, breaks, message):
    """From the view of code that reads attributes, uses enum members or calls operations."""
    assert old in MODEL + OPERATION
    before = package(tmp_path / "old")
    after = package(tmp_path / "new", MODEL.replace(old, new), OPERATION.replace(old, new))
    shifts = surface.compare(before, after)
    assert any(shift.breaks for shift in shifts) is breaks
    assert any(message in f"{shift.name} {shift.text}: {shift.why}" for shift in shifts), shifts
    assert surface.compare(before, before) == []


def test_the_order_of_a_union_is_no_difference(tmp_path):
    """It follows from whether the field is required."""
    before = package(tmp_path / "old")
    after = package(tmp_path / "new", MODEL.replace("list[Part] | None", "None | list[Part]"))
    assert surface.compare(before, after) == []


@pytest.mark.vendored
def test_the_committed_package_is_read(pytestconfig):
    """Models, enums and the operation, under the names that people import."""
    found = surface.read(pytestconfig.rootpath / "generated" / "modelgates_api")
    assert found.classes["Generation"].fields["total_cost"] == "float"
    assert found.classes["ApiType"].members["TTS"] == "'tts'"
    assert found.operations["generations.get_generation"].parameters["id"] == "str"
