"""Reading YAML documents, with failures that name the file."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from codegen.failure import Failure


def load(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON document whose top level is a mapping.

    Raises:
        Failure: It is missing, or not such a document.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_bytes())
    except FileNotFoundError:
        raise Failure(f"{path.name} is missing; restore it (git checkout -- {path.name})") from None
    except OSError as error:
        raise Failure(f"{path.name} cannot be read: {error.strerror}") from None
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Failure(f"{path.name} is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise Failure(f"{path.name} holds no mapping at its top level; is it the right file?")
    return document
