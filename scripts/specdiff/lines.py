"""The line of a file at which a JSON pointer stands, for those who show it beside the text."""

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode


def find(text: str, pointers: set[str]) -> dict[str, int]:
    """Return the line of each pointer, from 1; of what is not there, that of what is nearest.

    Args:
        text: A YAML document that has been loaded before.
        pointers: JSON pointers, from `#`.
    """
    root = YAML(typ="safe", pure=True).compose(text)
    return {pointer: _line(root, pointer) for pointer in pointers}


def _line(root: Node | None, pointer: str) -> int:
    node, line = root, 1
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        step = _step(node, key)
        if step is None:
            break
        node, line = step
    return line


def _step(node: Node | None, key: str) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == key:
                return value, name.start_mark.line + 1
    elif isinstance(node, SequenceNode) and key.isdigit() and int(key) < len(node.value):
        value = node.value[int(key)]
        return value, value.start_mark.line + 1
    return None
