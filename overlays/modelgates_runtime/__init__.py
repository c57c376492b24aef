"""What every generated model shares: decoding that does not lie, and encoding that loses nothing.

The modules here are the same for every spec, and know none. The generated models import them, and
only declare their fields and check the common case inline.

| module       | subject                                                                   |
|--------------|---------------------------------------------------------------------------|
| `model`      | `Model`, the base class: reading, drift, `to_dict`, equality, pickling    |
| `decoder`    | `Decoder`, what all of these are                                          |
| `decoders`   | one decoder per kind of schema: does this JSON value have the type?       |
| `scalars`    | JSON scalars to Python ones, dates and UUIDs among them                   |
| `uuids`      | UUIDs as they were sent; loaded when there is one                         |
| `encoding`   | the way back: from typed values to JSON, query strings and multipart      |
| `enums`      | open enums: an unknown value stays, and says that it is unknown           |
| `containers` | lists and dicts in which one unreadable item costs no other item its type |
| `drift`      | `Drift`, one deviation from the spec                                      |
| `schema`     | what the spec says of a model, and what is noted beside its values        |
| `parsing`    | bytes to JSON values, bounded and strict                                  |
| `bodies`     | a response's body, held against the schema of its status                  |
| `errors`     | the errors that all of this raises, and the root of the client's          |
| `types`      | what generated signatures name: files, and a response with its value      |
| `limits`     | what a server says of its limits: what remains, how long to wait          |
| `values`     | parsed values: told apart, read as stored, shown                          |
| `decoded`    | what decoding makes of JSON beside plain values                           |
| `extending`  | classes by hand over generated models                                     |
| `requests`   | the parts of a request, from typed arguments                              |
| `operation`  | an operation of the spec as a value, and a call of it                     |
| `paging`     | how the pages of an operation follow one another                          |
| `catalogue`  | the operations of a generated package, loaded when asked for              |
| `resource`   | what the resources of a client stand on                                   |
"""


def __getattr__(name: str) -> object:
    """Load a module when an annotation that names it is read (PEP 562)."""
    from importlib import import_module  # noqa: PLC0415 - rarely needed

    full = f"{__name__}.{name}"
    try:
        return import_module(full)
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
