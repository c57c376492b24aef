"""The runtime of generated code: decoding to declared types only, and lossless encoding.

These modules do not depend on any spec. The generated models import them; they only declare their
fields, and decode the common case inline.

| module       | subject                                                                   |
|--------------|---------------------------------------------------------------------------|
| `model`      | `Model`, the base class: reading, drift, `to_dict`, equality, pickling    |
| `decoder`    | `Decoder`, the base class of all decoders                                 |
| `decoders`   | one decoder per kind of schema: does this JSON value have the type?       |
| `scalars`    | converts JSON scalars, including dates and UUIDs, to Python values        |
| `uuids`      | UUIDs that keep their original text; imported on first use                |
| `encoding`   | encodes typed values as JSON, query strings and multipart                 |
| `enums`      | open enums: an unknown value is kept, and marked as unknown               |
| `containers` | lists and dicts in which an unreadable item does not affect the others    |
| `drift`      | `Drift`, one deviation from the spec                                      |
| `schema`     | a model's schema, and the notes on what differs from it in a body         |
| `parsing`    | parses bytes as JSON, bounded and strict                                  |
| `bodies`     | decodes a response's body by the schema of its status                     |
| `errors`     | the errors of decoding, and the root of the client's errors               |
| `types`      | the types in generated signatures: files and responses                    |
| `limits`     | rate limits and waits that a server states                                |
| `values`     | helpers for parsed values: type checks, raw iteration, printable text     |
| `decoded`    | the base class of decoded values that are not plain JSON values           |
| `extending`  | hand-written subclasses of generated models                               |
| `requests`   | builds the parts of a request from typed arguments                        |
| `operation`  | an operation of the spec as a value, and a call of it                     |
| `paging`     | how to find the next page of an operation                                 |
| `catalogue`  | the operations of a generated package, imported on first use              |
| `resource`   | the base classes of a client's resources                                  |
"""


def __getattr__(name: str) -> object:
    """Import a module when an annotation that refers to it is evaluated (PEP 562)."""
    from importlib import import_module  # noqa: PLC0415 - rarely needed

    full = f"{__name__}.{name}"
    try:
        return import_module(full)
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
