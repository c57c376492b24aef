"""What hand-written classes add to generated ones hides no field: scripts/codegen/properties.py."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from codegen import properties
from codegen.properties import COMPUTED, RESERVED
from normalizing.normal import normalize
from openapi_python_client.config import Config, ConfigFile, MetaType

import modelgates_client
from modelgates_api import models
from modelgates_runtime.model import Model


def classes(cls=Model):
    """Yield every model, those of the hand-written package among them."""
    for found in cls.__subclasses__():
        yield found
        yield from classes(found)


@pytest.fixture(scope="module")
def by_hand():
    """The hand-written classes over generated ones."""
    for item in pkgutil.walk_packages(modelgates_client.__path__, "modelgates_client."):
        if not item.name.endswith(("__main__", ".plugin")):
            importlib.import_module(item.name)
    return [cls for cls in classes() if cls.__module__.startswith("modelgates_client.")]


def public(cls):
    """Return what a class itself adds, for all to see."""
    return {name for name in vars(cls) if not name.startswith("_")}


def test_every_computed_name_is_reserved(by_hand):
    """Also those that are added tomorrow: they are looked for, not listed here."""
    assert by_hand
    for cls in by_hand:
        [base] = [base for base in cls.__mro__ if base.__module__.startswith("modelgates_api.")]
        assert public(cls) <= RESERVED | COMPUTED.get(base.__name__, frozenset())


def test_nothing_is_reserved_that_is_not_there(by_hand):
    """Each name renames a field that has it."""
    assert public(Model) == RESERVED - {"to_multipart"}
    added = {name for cls in by_hand for name in public(cls)}
    assert added - RESERVED == set().union(*COMPUTED.values())
    assert {cls.__name__ for cls in by_hand} >= COMPUTED.keys() <= set(models.__all__)


@pytest.mark.parametrize("name", sorted({*RESERVED, *COMPUTED["Generation"]}))
def test_a_field_of_a_reserved_name_gets_an_underscore(name):
    """In JSON it keeps its name."""
    schema = {"type": "object", "properties": {name: {"type": "integer"}}}
    spec = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": {"Generation": schema}}}
    made = properties.Properties(normalize(spec).schemas, config(), set())

    [field] = made.models["Generation"].optional_properties

    assert (field.name.get_untrusted_value(), field.python_name) == (name, f"{name}_")


def config() -> Config:
    """Return the generator's configuration."""
    return Config.from_sources(
        ConfigFile(),
        MetaType.NONE,
        document_source=Path(),
        file_encoding="utf-8",
        overwrite=True,
        output_path=None,
    )
