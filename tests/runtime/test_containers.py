"""Lists and mappings that hold an unreadable item."""

import json
import operator
import pickle
from copy import copy, deepcopy

import pytest

from modelgates_runtime.containers import CheckedList, MismatchedValue
from modelgates_runtime.decoders import INTEGER, Array
from modelgates_runtime.drift import Drift
from modelgates_runtime.encoding import encode
from modelgates_runtime.errors import FieldError

from .models import Node


@pytest.fixture
def items():
    """A list of integers whose second item is not an integer."""
    return Array(INTEGER)([3, "odd", 1], "/list")


def test_an_unreadable_item_does_not_affect_the_others(items):
    """They are read as usual, one at a time or all at once."""
    assert (items[0], items[2], items[-1], len(items)) == (3, 1, 1, 3)
    assert items.readable() == [3, 1]
    assert items[::2] == [3, 1]
    assert type(items[::2]) is list


def test_reading_an_unreadable_item_names_its_position(items):
    """The error has the position, the expected and the received type."""
    with pytest.raises(FieldError) as caught:
        items[1]
    error = caught.value
    assert (error.pointer, error.expected, error.found) == ("/list/1", "integer", "string")


HANDING_ON = {
    "iterating": list,
    "iterating backwards": lambda items: list(reversed(items)),
    "unpacking": lambda items: [*items],
    "unpacking to arguments": lambda items: max(0, *items),
    "a tuple": tuple,
    "a set": set,
    "a slice": lambda items: items[:2],
    "all": lambda items: items[:],
    "copy": CheckedList.copy,
    "adding": lambda items: items + [1],  # noqa: RUF005
    "adding to": lambda items: [1] + items,  # noqa: RUF005
    "extending": lambda items: operator.iadd([1], items),
    "assigning to a slice": lambda items: [1].__setitem__(slice(0, 0), items),
    "repeating": lambda items: items * 2,
    "repeating, reversed": lambda items: 2 * items,
    "popping": lambda items: items.pop(1),
    "sorting": CheckedList.sort,
    "sorting by a key": lambda items: items.sort(key=id),
    "sorted": sorted,
    "max": max,
    "enumerating": lambda items: list(enumerate(items)),
    "zipping": lambda items: list(zip(items, items, strict=True)),
    "indented JSON": lambda items: json.dumps(items, indent=1),
}


@pytest.mark.parametrize("hand_on", HANDING_ON.values(), ids=HANDING_ON)
def test_no_operation_passes_an_unreadable_item_on(items, hand_on):
    """It raises, and leaves the list unchanged."""
    with pytest.raises(FieldError):
        hand_on(items)
    assert encode(items) == [3, "odd", 1]


def test_json_dumps_rejects_an_unreadable_item(items):
    """The standard encoder raises."""
    with pytest.raises((TypeError, FieldError)):
        json.dumps(items)


def test_iteration_continues_after_an_unreadable_item(items):
    """An iterator that raised yields the following items."""
    iterator = iter(items)
    assert next(iterator) == 3
    with pytest.raises(FieldError):
        next(iterator)
    assert list(iterator) == [1]


def test_comparing_and_searching_never_find_an_unreadable_item(items):
    """It is not equal to any value of a caller."""
    assert "odd" not in items
    assert items != [3, "odd", 1]
    assert items.count("odd") == 0
    assert items.index(1) == 2


def test_replacing_an_unreadable_item_makes_the_list_readable(items):
    """Afterwards it behaves like any list."""
    items[1] = 2
    items.sort(reverse=True)
    assert list(items) == [3, 2, 1] == items + []  # noqa: RUF005
    assert items.pop() == 1
    assert (items.copy(), items * 2, 2 * items) == ([3, 2], [3, 2, 3, 2], [3, 2, 3, 2])


def test_readable_items_can_be_popped(items):
    """Popping raises only for an unreadable item."""
    assert (items.pop(), items.pop(0), len(items)) == (1, 3, 1)


@pytest.mark.parametrize("twin_of", [copy, deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles_keep_items_unreadable(items, twin_of):
    """They contain the unreadable item, and raise when it is read."""
    twin = twin_of(items)
    assert type(twin) is CheckedList
    assert twin is not items
    assert twin.readable() == [3, 1]
    assert encode(twin) == [3, "odd", 1]
    assert repr(twin) == repr(items)


def test_a_list_of_unreadable_items_keeps_them():
    """None is readable, all are kept."""
    items = Array(INTEGER)([None, [1]], "")
    assert (items.readable(), encode(items)) == ([], [None, [1]])


def test_an_unreadable_item_is_drift():
    """The entry has the received type."""
    (drift,) = MismatchedValue(None, "/here", "integer").__drift__("/there")
    assert drift == Drift("/there", "null", "integer", "null")


@pytest.fixture
def extras():
    """The unnamed fields of a node, one of them readable."""
    return Node.from_dict({"na/me": "n", "good": 1, "odd": "x"}).additional_properties


def test_additional_properties_are_a_mapping(extras):
    """Reading, counting and iterating work as for any mapping."""
    assert (extras["good"], extras.get("none"), len(extras), list(extras)) == (
        1,
        None,
        2,
        ["good", "odd"],
    )
    assert "na/me" not in extras
    assert "odd" in repr(extras)


@pytest.mark.parametrize(
    "read",
    [
        lambda extras: extras["odd"],
        lambda extras: extras.get("odd"),
        lambda extras: extras.pop("odd"),
        lambda extras: list(extras.values()),
        lambda extras: list(extras.items()),
        dict,
    ],
)
def test_an_additional_property_of_another_type_is_unreadable(extras, read):
    """Every way of reading it raises."""
    with pytest.raises(FieldError, match="/odd"):
        read(extras)


def test_additional_properties_can_be_set_and_removed():
    """They are sent, whether or not there was such a field before."""
    node = Node(name="n")
    node.additional_properties["new"] = 5
    node.additional_properties["other"] = 6
    del node.additional_properties["other"]
    assert node.to_dict() == {"na/me": "n", "new": 5}
    node = Node.from_dict({"odd": "x"})
    node.additional_properties["odd"] = 1
    assert (node.additional_properties["odd"], node.drift) == (1, ())
    node.additional_properties.clear()
    assert node.to_dict() == {}


def test_unreadable_additional_properties_can_be_cleared(extras):
    """`clear` does not read them."""
    extras.clear()
    assert len(extras) == 0


def test_a_declared_field_is_not_an_additional_property(extras):
    """Setting it there would bypass its attribute."""
    with pytest.raises(ValueError, match="set its attribute"):
        extras["na/me"] = 5


def test_reading_additional_properties_changes_nothing():
    """The record is equal to the original."""
    node, twin = Node.from_dict({"na/me": "n"}), Node.from_dict({"na/me": "n"})
    assert dict(node.additional_properties) == {}
    assert (node, node.to_dict(), node.drift) == (twin, twin.to_dict(), twin.drift)


def test_membership_of_an_additional_property_does_not_read_it(extras):
    """It works for unreadable ones, too; so do operations of sets."""
    assert "odd" in extras
    assert "none" not in extras
    assert extras.keys() & {"odd", "none"} == {"odd"}
