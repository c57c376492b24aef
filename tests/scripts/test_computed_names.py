"""What hand-written classes add to generated ones hides no field: scripts/codegen/properties.py."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from codegen import computed, properties
from codegen.properties import COMPUTED, RESERVED
from common.project import Project
from normalizing.normal import normalize
from openapi_python_client.config import Config, ConfigFile, MetaType

import modelgates_client
from modelgates_api import models
from modelgates_runtime.model import Model

from .conftest import ROOT


def classes(cls=Model):
    """Yield every model, those of the hand-written package among them."""
    for result in cls.__subclasses__():
        yield result
        yield from classes(result)


@pytest.fixture(scope="module")
def by_hand():
    """The hand-written classes over generated ones."""
    for item in pkgutil.walk_packages(modelgates_client.__path__, "modelgates_client."):
        if not item.name.endswith(("__main__", ".plugin")):
            importlib.import_module(item.name)
    return [cls for cls in classes() if cls.__module__.startswith("modelgates_client.")]


def public(cls):
    """Return the public attributes that a class itself defines."""
    return {name for name in vars(cls) if not name.startswith("_")}


def test_every_computed_name_is_reserved(by_hand):
    """Also those that are added tomorrow: they are looked for, not listed here."""
    assert by_hand
    for cls in by_hand:
        [base] = [base for base in cls.__mro__ if base.__module__.startswith("modelgates_api.")]
        assert public(cls) <= RESERVED | COMPUTED.get(base.__name__, frozenset())


def test_only_existing_names_are_reserved(by_hand):
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


def record(**properties):
    """Return a normal form with a record of some properties."""
    attempt = {"type": "object", "properties": {"provider_name": TEXT, "status": NUMBER,
                                                "latency": NUMBER}}  # fmt: skip
    schemas = {"Generation": {"type": "object", "properties": RECORD | properties},
               "ProviderResponse": attempt}  # fmt: skip
    kept = schemas["Generation"]["properties"]
    schemas["Generation"]["properties"] = {key: one for key, one in kept.items() if one is not None}
    return normalize({"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}})


TEXT, NUMBER, FLAG = {"type": "string"}, {"type": ["number", "null"]}, {"type": "boolean"}
RECORD = {
    "created_at": TEXT, "finish_reason": {"type": "string", "enum": ["stop"]}, "cancelled": FLAG,
    "is_byok": FLAG, "total_cost": NUMBER, "upstream_inference_cost": NUMBER,
    "cache_discount": NUMBER, "generation_time": NUMBER, "native_tokens_completion": NUMBER,
    "provider_responses": {
        "type": "array", "items": {"$ref": "#/components/schemas/ProviderResponse"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("properties", "name", "reason"),
    [
        ({"created_at": {"type": "integer"}}, "created", "where `created_at` is of type integer"),
        ({"created_at": None}, "created", "without `created_at`"),
        ({"total_cost": {"type": ["number", "string"]}}, "cost",
         "where `total_cost` is of type string"),
        ({"is_byok": None, "cache_discount": TEXT}, "cost",
         "where `cache_discount` is of type string, and without `is_byok`"),
        ({"provider_responses": None}, "attempts", "without `provider_responses`"),
        ({"finish_reason": None}, "is_final", "without `finish_reason`"),
        ({"generation_time": FLAG}, "native_tokens_per_second",
         "where `generation_time` is of type boolean"),
    ],
)  # fmt: skip
def test_computed_properties_that_a_spec_makes_unknown_are_reported(properties, name, reason):
    """Each unknown property, with the field that it needs."""
    assert computed.lost(Project(ROOT), record(**properties)) == {f"Generation.{name}": reason}


def test_computed_properties_stay_known_if_their_fields_are_readable():
    """Unchanged fields, a date-time instead of a string, and fields of any type."""
    moment = {"type": "string", "format": "date-time"}
    for changed in ({}, {"created_at": moment}, {"total_cost": {}}):
        assert computed.lost(Project(ROOT), record(**changed)) == {}


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
