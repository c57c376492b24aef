"""A model like the generated ones, with features that the vendored spec lacks."""

from attrs import define

from modelgates_runtime import decoders, enums, model, schema
from modelgates_runtime.drift import MISSING


class Priority(enums.OpenIntEnum):
    """An enum of integers."""

    __slots__ = ()

    LOW = enums.Member(1)
    HIGH = enums.Member(9)


class Colour(enums.OpenStrEnum):
    """An enum of strings."""

    __slots__ = ()

    RED = enums.Member("red")
    DARK_BLUE = enums.Member("dark blue")


@define(kw_only=True, eq=False, repr=False, getstate_setstate=False, weakref_slot=False)
class Node(model.Model):
    """A model that contains itself; unnamed fields are integers."""

    children: list["Node"] | None = None
    child: "Node | None" = None
    name: str | None = None
    colour: Colour | None = None
    moment: object = None
    file: object = None

    @classmethod
    def __fields__(cls):
        return schema.Schema(
            schema.Field(
                "children", "children", decoders.Array(decoders.Object(Node)), required=False
            ),
            schema.Field("child", "child", decoders.Object(Node), required=False),
            schema.Field("na/me", "name", decoders.STRING, required=False),
            schema.Field("colour", "colour", decoders.StrEnumeration(Colour), required=False),
            schema.Field("moment", "moment", decoders.DATETIME, required=False),
            schema.Field("file", "file", decoders.FILE, required=False),
            extra=decoders.INTEGER,
        )

    @classmethod
    def __decode__(cls, source, pointer):
        self = object.__new__(cls)
        rest = ()
        filled = source if len(source) >= 6 else cls.__schema__().fill(source)
        try:
            value = filled["children"]
            if value.__class__ is list:
                self.children = decoders.objects(Node, value, pointer + "/children")
            elif value is MISSING:
                self.children = None
            else:
                rest = (*rest, "children")
            value = filled["child"]
            if value.__class__ is dict:
                self.child = Node.__decode__(value, pointer + "/child")
            elif value is MISSING:
                self.child = None
            else:
                rest = (*rest, "child")
            self.name = schema.OPTIONAL_TEXTS[filled["na/me"]]
            value = filled["colour"]
            self.colour = None if value is MISSING else Colour.__members__[value]
            rest = (*rest, "moment", "file")
        except (KeyError, TypeError):
            rest = cls.__schema__().fields
        if rest or len(source) != 6:
            self._settle(source, rest, pointer)
        return self
