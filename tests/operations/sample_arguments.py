"""Sample arguments from the type hints of generated functions."""

import datetime
import functools
import importlib
import inspect
import io
import types
import typing
import uuid

import attrs

from modelgates_api.api import OPERATIONS
from modelgates_runtime.types import File

SCALARS = {
    str: "gen-1", int: 7, float: 0.5, bool: True, type(None): None, typing.Any: "any",
    datetime.datetime: datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    datetime.date: datetime.date(2024, 2, 29), uuid.UUID: uuid.UUID(int=7), object: "any",
}  # fmt: skip


def tag_and_module_name(operation):
    """Return the tag of an operation, and the name of its module."""
    return OPERATIONS._modules[operation.id].split(".")


def module_of(operation):
    """Return the module of an operation."""
    return importlib.import_module(f"modelgates_api.api.{'.'.join(tag_and_module_name(operation))}")


def function_of(operation):
    """Return the function that creates the call of an operation."""
    return getattr(module_of(operation), tag_and_module_name(operation)[1])


def method_of(client, operation):
    """Return the operation as a method of a client, with its required arguments bound."""
    tag, name = tag_and_module_name(operation)
    resource = getattr(client, tag, None) or getattr(client, tag.removesuffix("_"))
    return functools.partial(getattr(resource, name), **arguments_of(operation))


def arguments_of(operation, *, everything=False):
    """Return a sample for each required argument, or for all arguments."""
    function = function_of(operation)
    hints = typing.get_type_hints(function)
    return {
        parameter.name: sample(hints[parameter.name])
        for parameter in inspect.signature(function).parameters.values()
        if everything or parameter.default is parameter.empty
    }


def sample(hint):
    """Return a value of a type."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        return sample(next(kind for kind in typing.get_args(hint) if kind is not type(None)))
    if origin is list:
        return [sample(*typing.get_args(hint))]
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin is dict:
        return {}
    if hasattr(hint, "known"):
        return hint.known()[0]
    if hint is File:
        return File(io.BytesIO(b"octets"), "name.bin", "application/octet-stream")
    if hasattr(hint, "from_dict"):
        hints = typing.get_type_hints(hint)
        required = [field for field in attrs.fields(hint) if field.default is attrs.NOTHING]
        return hint(**{field.name: sample(hints[field.name]) for field in required})
    return SCALARS[hint]
