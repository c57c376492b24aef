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
    """A list of integers whose second item is none."""
    return Array(INTEGER)([3, "odd", 1], "/list")


def test_one_odd_item_costs_no_other_its_type(items):
    """The others read as usual, by position or all at once."""
    assert (items[0], items[2], items[-1], len(items)) == (3, 1, 1, 3)
    assert items.readable() == [3, 1]
    assert items[::2] == [3, 1]
    assert type(items[::2]) is list


def test_reading_the_odd_item_names_its_place(items):
    """The error says where it stands, what was expected and what came."""
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
def test_nothing_hands_the_odd_item_on(items, hand_on):
    """Whatever would pass it on unread raises, and leaves the list as it is."""
    with pytest.raises(FieldError):
        hand_on(items)
    assert encode(items) == [3, "odd", 1]


def test_json_dumps_does_not_take_the_odd_item_for_a_value(items):
    """The standard encoder knows no such item, and says so."""
    with pytest.raises((TypeError, FieldError)):
        json.dumps(items)


def test_iteration_goes_on_after_the_odd_item(items):
    """An iterator that raised yields the items that follow."""
    iterator = iter(items)
    assert next(iterator) == 3
    with pytest.raises(FieldError):
        next(iterator)
    assert list(iterator) == [1]


def test_comparing_and_searching_never_find_the_odd_item(items):
    """It equals nothing that a caller has."""
    assert "odd" not in items
    assert items != [3, "odd", 1]
    assert items.count("odd") == 0
    assert items.index(1) == 2


def test_a_good_item_in_its_place_makes_the_list_readable(items):
    """After the assignment all is as with any list."""
    items[1] = 2
    items.sort(reverse=True)
    assert list(items) == [3, 2, 1] == items + []  # noqa: RUF005
    assert items.pop() == 1
    assert (items.copy(), items * 2, 2 * items) == ([3, 2], [3, 2, 3, 2], [3, 2, 3, 2])


def test_readable_items_can_be_popped(items):
    """Popping raises only for the odd item."""
    assert (items.pop(), items.pop(0), len(items)) == (1, 3, 1)


@pytest.mark.parametrize("twin_of", [copy, deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_is_as_careful(items, twin_of):
    """Copies and pickles keep the odd item, and keep it from being read."""
    twin = twin_of(items)
    assert type(twin) is CheckedList
    assert twin is not items
    assert twin.readable() == [3, 1]
    assert encode(twin) == [3, "odd", 1]
    assert repr(twin) == repr(items)


def test_a_list_of_odd_items_alone_is_still_no_list_of_values():
    """Nothing in it is readable, all of it is kept."""
    items = Array(INTEGER)([None, [1]], "")
    assert (items.readable(), encode(items)) == ([], [None, [1]])


def test_an_unreadable_item_is_drift():
    """Its entry says what came."""
    (drift,) = MismatchedValue(None, "/here", "integer").__drift__("/there")
    assert drift == Drift("/there", "null", "integer", "null")


@pytest.fixture
def extras():
    """The unnamed fields of a node, one of them readable."""
    return Node.from_dict({"na/me": "n", "good": 1, "odd": "x"}).additional_properties


def test_unnamed_fields_are_a_mapping(extras):
    """They read, count and iterate as any mapping's."""
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
def test_an_unnamed_field_of_another_type_is_unreadable(extras, read):
    """Every way to its value raises."""
    with pytest.raises(FieldError, match="/odd"):
        read(extras)


def test_unnamed_fields_can_be_set_and_removed():
    """What is set is sent, whether or not there was such a field before."""
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


def test_unnamed_fields_of_another_type_can_be_cleared(extras):
    """To drop them all, none need be readable."""
    extras.clear()
    assert len(extras) == 0


def test_a_named_field_is_no_additional_property(extras):
    """To set it there would send something else than the attribute says."""
    with pytest.raises(ValueError, match="set its attribute"):
        extras["na/me"] = 5


def test_reading_unnamed_fields_changes_nothing():
    """A record that was looked at is the record it was."""
    node, twin = Node.from_dict({"na/me": "n"}), Node.from_dict({"na/me": "n"})
    assert dict(node.additional_properties) == {}
    assert (node, node.to_dict(), node.drift) == (twin, twin.to_dict(), twin.drift)


def test_asking_for_an_unnamed_field_does_not_read_it(extras):
    """Whether it is there can be asked of an unreadable one, too; so can what sets ask."""
    assert "odd" in extras
    assert "none" not in extras
    assert extras.keys() & {"odd", "none"} == {"odd"}
