"""The configuration file: defaults of options, and budgets.

It is `modelgates.toml`, or the table `tool.modelgates` of `pyproject.toml`, in the current folder
or the nearest one above it. `docs/configuration.md` has all keys. What says where the key goes
(`--base-url`, `--proxy` and the like) is none of them: a file that lies in a folder is not asked.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from attrs import frozen

from modelgates_client.errors import ConfigurationError
from modelgates_runtime.values import is_array, is_object

if TYPE_CHECKING:
    from modelgates_client.reports.budgets import Budget

_FILE: Final = "modelgates.toml"
_PROJECT: Final = "pyproject.toml"
_TABLE: Final = "tool.modelgates"

#: Keys that stand for all commands which have an option or argument of that name.
COMMON: Final[Mapping[str, str]] = {"ledger": "sources", "tz": "timezone"}
BUDGETS: Final = "budgets"


@frozen
class Config:
    """What a configuration file says.

    Attributes:
        path: The file; None: there is none.
        defaults: Of options, by command, as click's `default_map` has them.
        budgets: The budgets, in their order.
    """

    path: Path | None
    defaults: Mapping[str, Mapping[str, Any]]
    budgets: "tuple[Budget, ...]"


#: Options that no file gives: where the key comes from and goes, and what is of one run alone.
_NEVER: Final = frozenset(
    [
        *("key-file", "key-stdin", "base-url", "allow-http", "proxy", "ca-bundle"),
        *("help", "all", "undo"),
        *("since", "until", "today", "yesterday", "week", "month", "last-month"),
    ]
)

NOTHING: Final = Config(None, {}, ())


def find(folder: Path) -> Path | None:
    """Return the configuration file that is meant in a folder; None if there is none."""
    for each in (folder, *folder.parents):
        if (each / _FILE).is_file():
            return each / _FILE
        project = each / _PROJECT
        if project.is_file() and "modelgates" in _load(project).get("tool", {}):
            return project
    return None


def read(path: Path, group: click.Group, invoked: str | None) -> Config:
    """Return what a configuration file says.

    Args:
        path: The file.
        group: What has the commands; only those are loaded that the file names, or that is run.
        invoked: The command that is run; None: none.

    Raises:
        ConfigurationError: It cannot be read, or a key or a value of it is not known.
    """
    whole = _load(path)
    content, place = whole, str(path)
    if path.name == _PROJECT:
        content, place = whole.get("tool", {}).get("modelgates", {}), f"{path}, [{_TABLE}]"
    context = click.Context(group)
    names = group.list_commands(context)
    _known(content, (*COMMON, *names, BUDGETS), place)
    for key in COMMON:
        if not isinstance(content.get(key, ""), str):
            raise ConfigurationError(f"{place}: {key}: expected a string")
    commands = {
        name: command
        for name in names
        if name in content or name == invoked
        if (command := group.get_command(context, name)) is not None
    }
    defaults = {name: _of_all(content, command) for name, command in commands.items()}
    for name, command in commands.items():
        table = _table(content, name, place)
        options = {_key(option): option for option in configurable(command)}
        _known(table, options, f"{place}, [{name}]")
        for key, value in table.items():
            defaults[name][str(options[key].name)] = _value(options[key], value, f"{place}: {key}")
    return Config(path, defaults, _budgets(_table(content, BUDGETS, place), place))


def _budgets(tables: Mapping[str, Any], place: str) -> "tuple[Budget, ...]":
    if not tables:
        return ()
    from modelgates_client.reports.budgets import read_budgets  # noqa: PLC0415 - few have any

    try:
        return read_budgets(tables)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from None


def configurable(command: click.Command) -> list[click.Option]:
    """Return the options of a command that a file may give a default."""
    return [
        option
        for option in command.params
        if isinstance(option, click.Option) and _key(option) not in _NEVER
    ]


def _key(option: click.Option) -> str:
    return next(name for name in option.opts if name.startswith("--")).removeprefix("--")


def _of_all(content: Mapping[str, Any], command: click.Command) -> dict[str, Any]:
    """Return what the keys that stand for all commands say of one."""
    found: dict[str, Any] = {}
    for key, name in COMMON.items():
        for each in command.params if key in content else ():
            if each.name in {key, name}:
                text = content[key]
                found[str(each.name)] = (text,) if each.nargs == -1 else text
    return found


def _value(option: click.Option, value: Any, place: str) -> Any:
    """Return a value as click takes it; it checks what is in it."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise ConfigurationError(f"{place}: expected true or false")
        return value
    parts = value if option.multiple and is_array(value) else [value]
    if any(isinstance(part, bool) or not isinstance(part, str | int | float) for part in parts):
        raise ConfigurationError(f"{place}: expected a string or a number")
    try:
        texts = tuple(str(option.type.convert(str(part), option, None)) for part in parts)
    except click.BadParameter as error:
        raise ConfigurationError(f"{place}: {error.message}") from None
    return texts if option.multiple else texts[0]


def _table(content: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    table = content.get(name, {})
    if not is_object(table):
        raise ConfigurationError(f"{place}: {name}: expected a table, [{name}]")
    return table


def _known(table: Mapping[str, Any], names: Any, place: str) -> None:
    for key in table:
        if key not in names:
            raise ConfigurationError(
                f"{place}: unknown key {key!r}; expected one of {', '.join(sorted(names))}"
            )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(f"{path}: {reason}") from None
