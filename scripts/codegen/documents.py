"""Reading YAML documents as what OpenAPI takes them for: JSON values in another notation."""

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from codegen.failure import Failure


def load(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON document whose top level is a mapping.

    Keys become strings and dates stay strings, as in JSON. No two places of the result share an
    object, whatever anchors the document has: changing one place must not change another.

    Raises:
        Failure: It is missing, or not such a document.

    Source: OpenAPI 3.1.0, section 4.3 (YAML's JSON schema, string keys only).
    """
    try:
        reader = YAML(typ="safe", pure=True)
        reader.Constructor = _Constructor
        document = _plain(reader.load(path.read_bytes()))
    except FileNotFoundError:
        raise Failure(f"{path.name} is missing; restore it (git checkout -- {path.name})") from None
    except OSError as error:
        raise Failure(f"{path.name} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise Failure(f"{path.name} is nested too deeply, or contains itself") from None
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = str(error.problem).splitlines()[0]
        raise Failure(f"{path.name}{line} is not YAML: {problem}; mend it there") from None
    except (YAMLError, ValueError) as error:
        raise Failure(f"{path.name} is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(document, dict):
        raise Failure(f"{path.name} holds no mapping at its top level; is it the right file?")
    return document


class _Constructor(SafeConstructor):
    """Makes JSON values only: what looks like a date is a string."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {_key(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    if node is None or isinstance(node, str | int | float):
        return node
    raise ValueError(f"it holds a {type(node).__name__}, which JSON does not have")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    return json.dumps(key) if key is None or isinstance(key, int | float) else str(key)
