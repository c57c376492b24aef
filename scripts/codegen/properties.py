"""Converts the normal form to the properties that the generator's templates render."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from attrs import evolve
from normalizing import enum_names
from normalizing.located import COMPONENTS
from normalizing.naming import TYPE_NAMES, spelled
from normalizing.writing import NormalSchema
from openapi_python_client.config import Config
from openapi_python_client.parser.errors import ParseError
from openapi_python_client.parser.properties.any import AnyProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.enum_property import EnumProperty
from openapi_python_client.parser.properties.file import FileProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.model_property import ModelProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.property import Property
from openapi_python_client.parser.properties.protocol import Value
from openapi_python_client.parser.properties.schemas import Class
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.schema import Schema as NoSchema
from openapi_python_client.schema.untrusted_string import UntrustedString
from openapi_python_client.strings import PythonCode, PythonIdentifier, remove_string_escapes

#: The names that every model defines; a field of such a name gets an underscore at the end.
RESERVED: Final = frozenset(
    {"additional_properties", "drift", "from_dict", "to_dict", "to_json", "to_multipart"}
)

#: The names that the hand-written package adds to a generated class, with the same effect. Adding a
#: name renames an existing field of that name, a breaking change for the release notes.
COMPUTED: Final = {
    "Generation": frozenset(
        {"attempts", "cost", "created", "is_final", "native_tokens_per_second"}
    ),
}

_FORMATS: Final[dict[str, type[Property]]] = {
    "date-time": DateTimeProperty,
    "date": DateProperty,
    "uuid": UuidProperty,
    "binary": FileProperty,
}
_SCALARS: Final[dict[str | None, type[Property]]] = {
    "integer": IntProperty,
    "number": FloatProperty,
    "boolean": BooleanProperty,
    "null": NoneProperty,
}
_LITERALS = (str, int, bool)


class Properties:
    """Creates the properties of one document.

    Attributes:
        models: The classes of objects, by name.
        enums: The enums, by name.
        multipart: The names of the classes that are bodies of multipart/form-data; binary fields
            in them are files, and elsewhere strings.
    """

    def __init__(
        self, schemas: dict[str, NormalSchema], config: Config, multipart: set[str]
    ) -> None:
        """Create every class, then fill in the fields, which may refer to any class."""
        self.config = config
        self.multipart = multipart
        self.models: dict[str, ModelProperty] = {}
        self.enums: dict[str, EnumProperty] = {}
        self._tags: dict[int, dict[str, Any]] = {}
        self._unions: list[UnionProperty] = []
        for name, schema in schemas.items():
            if "enum" in schema:
                self.enums[name] = self._enum(name, schema)
            else:
                self.models[name] = self._model(name, schema)
        names = {model.class_info.name for model in self.models.values()}
        names |= {enum.class_info.name for enum in self.enums.values()}
        for name, model in self.models.items():
            self._fill(model, schemas[name], names, files=name in multipart)

    def tags(self, union: UnionProperty) -> dict[str, Any] | None:
        """Return the discriminator of a union: the key and the classes by value."""
        return self._tags.get(id(union.inner_properties))

    def convert(  # noqa: PLR0913 - what a property has
        self,
        schema: NormalSchema,
        name: str,
        *,
        required: bool,
        python_name: str,
        description: str | None = None,
        files: bool = False,
    ) -> Property:
        """Return the property of a schema in the normal form.

        Args:
            schema: The schema.
            name: Its name in JSON.
            required: Whether it is required.
            python_name: Its name in Python.
            description: Its description if the schema has none.
            files: Whether binary strings are files.
        """
        text = schema.get("description") or description
        result = self._property(schema, files=files)
        result = evolve(
            result,
            name=UntrustedString(name),
            required=required,
            python_name=str.__new__(PythonIdentifier, python_name),
            description=UntrustedString(text) if text else result.description,
        )
        default = None if isinstance(result, FileProperty) else _default(result, schema)
        object.__setattr__(result, "default", default)
        return result

    def names(self, json_names: Iterable[str], reserved: Collection[str]) -> list[str]:
        """Return a distinct Python name for each JSON name, none of which is taken.

        Names that differ only in case or separators are left unchanged; those that differ in
        characters that Python names cannot have are spelled out.
        """
        json_names = list(json_names)
        result = [self._python(wire) for wire in json_names]
        result = _apart(json_names, result, lambda wire: self._python(wire, as_is=True))
        result = _apart(json_names, result, lambda wire: self._python(spelled(wire)))
        used = set(reserved)
        for index, name in enumerate(result):
            while name in used:
                name += "_"  # noqa: PLW2901
            used.add(name)
            result[index] = name
        return result

    def _python(self, wire: str, *, as_is: bool = False) -> str:
        name = PythonIdentifier(wire, self.config.field_prefix, skip_snake_case=as_is)
        return unicodedata.normalize("NFKC", name)  # as Python reads it

    # Classes.

    def _model(self, name: str, schema: NormalSchema) -> ModelProperty:
        return ModelProperty(
            name=UntrustedString(name),
            required=True,
            default=None,
            python_name=PythonIdentifier(name, self.config.field_prefix),
            example=None,
            class_info=Class.from_string(string=name, config=self.config),
            data=NoSchema(),
            description=_untrusted(schema.get("description")),
            roots=set(),
            required_properties=[],
            optional_properties=[],
            relative_imports=set(),
            lazy_imports=set(),
            additional_properties=None,
            is_multipart_body=name in self.multipart,
        )

    def _enum(self, name: str, schema: NormalSchema) -> EnumProperty:
        values = schema["enum"]
        return EnumProperty(
            name=UntrustedString(name),
            required=True,
            default=None,
            python_name=PythonIdentifier(name, self.config.field_prefix),
            description=_untrusted(schema.get("description")),
            example=None,
            values=dict(zip(schema[enum_names.NAMES], values, strict=True)),
            class_info=Class.from_string(string=name, config=self.config),
            value_type=str if schema["type"] == "string" else int,
        )

    def _fill(
        self, model: ModelProperty, schema: NormalSchema, reserved: Collection[str], *, files: bool
    ) -> None:
        described, required = schema.get("properties", {}), set(schema.get("required", ()))
        keys = sorted(described, key=lambda key: key not in required)
        computed = COMPUTED.get(model.class_info.name, frozenset())
        python_names = self.names(keys, {*reserved, *RESERVED, *TYPE_NAMES, *computed})
        fields = [
            self.convert(
                described[key], key, required=key in required, python_name=name, files=files
            )
            for key, name in zip(keys, python_names, strict=True)
        ]
        extra = schema.get("additionalProperties")
        more = [] if extra in (None, False) else [
            self.convert(extra, "additional", required=True, python_name="additional")
        ]  # fmt: skip
        parts = {
            "required_properties": [field for field in fields if field.required],
            "optional_properties": [field for field in fields if not field.required],
            "additional_properties": more[0] if more else None,
        }
        for key, value in parts.items():
            object.__setattr__(model, key, value)
        imports = (field.get_imports(prefix="..") for field in [*fields, *more])
        lazy = (field.get_lazy_imports(prefix="..") for field in [*fields, *more])
        model.set_relative_imports(set().union(*imports))
        model.set_lazy_imports(set().union(*lazy))

    # Kinds.

    def _property(self, schema: NormalSchema, *, files: bool) -> Property:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(COMPONENTS)
            return self.enums.get(name) or self.models[name]
        if "anyOf" in schema:
            return self._union(schema, files=files)
        if "const" in schema and isinstance(schema["const"], _LITERALS):
            constant = schema["const"]
            code = Value(python_code=PythonCode(repr(constant)), raw_value=constant)
            return ConstProperty(**_bare(schema), example=None, value=code)
        kind = schema.get("type")
        if kind == "string":
            cls = _FORMATS.get(schema.get("format", ""), StringProperty)
            is_text = cls is FileProperty and not files
            return (StringProperty if is_text else cls)(**_bare(schema), example=None)
        if kind == "array" or "items" in schema:
            item = self.convert(
                schema.get("items", NormalSchema()),
                "item",
                required=True,
                python_name="item",
                files=files,
            )
            return ListProperty(**_bare(schema), example=None, inner_property=item)
        return _SCALARS.get(kind, AnyProperty)(**_bare(schema), example=None)

    def _union(self, schema: NormalSchema, *, files: bool) -> UnionProperty:
        kinds: dict[PythonCode, Property] = {}
        for part in schema["anyOf"]:
            part_property = self.convert(
                part, "part", required=True, python_name="part", files=files
            )
            kinds.setdefault(part_property.get_type_string(no_optional=True), part_property)
        union = UnionProperty(**_bare(schema), example=None, inner_properties=list(kinds.values()))
        if tags := schema.get("discriminator"):
            self._unions.append(union)  # kept alive, so that the id of its list stays unique
            self._tags[id(union.inner_properties)] = {
                "key": tags["propertyName"],
                "classes": {
                    value: self.models[reference.removeprefix(COMPONENTS)].class_info.name
                    for value, reference in tags["mapping"].items()
                },
            }
        return union


def _bare(schema: NormalSchema) -> dict[str, Any]:
    return {
        "name": UntrustedString(""),
        "required": True,
        "default": None,
        "python_name": PythonIdentifier("x", ""),
        "description": _untrusted(schema.get("description")),
    }


def _untrusted(text: str | None) -> UntrustedString | None:
    return UntrustedString(text) if text else None


def _default(property_: Property, schema: NormalSchema) -> Value | None:
    """Return the exact default of a schema; None if it is not a valid value."""
    raw = schema.get("default")
    if raw is None or isinstance(property_, ModelProperty | ListProperty | AnyProperty):
        return None
    if not isinstance(property_, StringProperty) and _is_infinite(raw):
        return None
    value = property_.convert_value(raw)
    if not isinstance(value, Value) or isinstance(value, ParseError):
        return None
    if isinstance(raw, str) and value.python_code == PythonCode(repr(remove_string_escapes(raw))):
        return Value(
            python_code=PythonCode(repr(raw)), raw_value=raw
        )  # the generator escapes strings twice
    return value


def _is_infinite(value: Any) -> bool:
    """Whether a value is a number, or the text of one, that no JSON number stands for."""
    try:
        return not math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
    except OverflowError:
        return True


def _apart(json_names: list[str], names: list[str], alternative: Callable[[str], str]) -> list[str]:
    """Return the names, with other names for duplicates."""
    duplicates = {name for name, count in Counter(names).items() if count > 1}
    pairs = zip(json_names, names, strict=True)
    return [alternative(json_name) if name in duplicates else name for json_name, name in pairs]
