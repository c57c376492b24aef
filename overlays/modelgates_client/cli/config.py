"""The configuration file: defaults of options, and budgets.

It is `modelgates.toml`, or the table `tool.modelgates` of `pyproject.toml`, in the current folder
or the nearest parent folder. `docs/configuration.md` lists all keys. Options that decide where the
API key is sent (`--base-url`, `--proxy` and the like) cannot be set: a file that happens to be in a
folder must not control that.
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

#: Keys that apply to all commands with an option or argument of that name.
COMMON: Final[Mapping[str, str]] = {"ledger": "sources", "tz": "timezone"}
BUDGETS: Final = "budgets"


@frozen
class Config:
    """The contents of a configuration file.

    Attributes:
        path: The file; None if there is none.
        defaults: Defaults of options, by command, in the form of click's `default_map`.
        budgets: The budgets, in the order of the file.
    """

    path: Path | None
    defaults: Mapping[str, Mapping[str, Any]]
    budgets: "tuple[Budget, ...]"


#: Options that a file cannot set: those that concern the API key, and those of a single run.
_NOT_IN_FILES: Final = frozenset(
    [
        *("key-file", "key-stdin", "base-url", "allow-http", "proxy", "ca-bundle"),
        *("help", "all", "undo"),
        *("since", "until", "today", "yesterday", "week", "month", "last-month"),
    ]
)

EMPTY: Final = Config(None, {}, ())


def find(folder: Path) -> Path | None:
    """Return the configuration file that applies to a folder; None if there is none."""
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
    _check_keys(content, (*COMMON, *names, BUDGETS), place)
    for key in COMMON:
        if not isinstance(content.get(key, ""), str):
            raise ConfigurationError(f"{place}: {key}: expected a string")
    commands = {
        name: command
        for name in names
        if name in content or name == invoked
        if (command := group.get_command(context, name)) is not None
    }
    defaults = {name: _shared_defaults(content, command) for name, command in commands.items()}
    for name, command in commands.items():
        table = _table(content, name, place)
        options = {_key(option): option for option in configurable(command)}
        _check_keys(table, options, f"{place}, [{name}]")
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
    """Return the options of a command whose defaults a file can set."""
    return [
        option
        for option in command.params
        if isinstance(option, click.Option) and _key(option) not in _NOT_IN_FILES
    ]


def _key(option: click.Option) -> str:
    return next(name for name in option.opts if name.startswith("--")).removeprefix("--")


def _shared_defaults(content: Mapping[str, Any], command: click.Command) -> dict[str, Any]:
    """Return the defaults of a command that come from the keys for all commands."""
    defaults: dict[str, Any] = {}
    for key, name in COMMON.items():
        for each in command.params if key in content else ():
            if each.name in {key, name}:
                text = content[key]
                defaults[str(each.name)] = (text,) if each.nargs == -1 else text
    return defaults


def _value(option: click.Option, value: Any, place: str) -> Any:
    """Check a value, and return it in the form that click expects."""
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


def _check_keys(table: Mapping[str, Any], names: Any, place: str) -> None:
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
