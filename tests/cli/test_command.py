"""The command itself: its help, completion, installation and start-up cost."""

import inspect
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points

import click
import pytest

from modelgates_client import __version__, cli
from modelgates_client.cli.app import app
from modelgates_client.cli.commands import SUMMARIES


def test_version_is_printed_on_stdout(command):
    """It is one line."""
    assert command("--version").stdout == f"modelgates {__version__}\n"


@pytest.fixture
def not_loaded(monkeypatch):
    """Unload the modules of the command for a test, and restore them afterwards."""
    for name in SUMMARIES:
        import_module(f"modelgates_client.cli.commands.{name}")
    for name in [name for name in sys.modules if name.startswith("modelgates_client.cli.")]:
        monkeypatch.delitem(sys.modules, name)


def test_help_loads_no_command(not_loaded, monkeypatch, capsys):
    """It describes each command, and people wait for it."""
    monkeypatch.setattr(sys, "argv", ["modelgates", "--help"])

    assert cli.main() == 0
    help_text = capsys.readouterr().out
    assert all(f"  {name}  " in help_text for name in SUMMARIES)
    loaded = {f"modelgates_client.cli.commands.{name}" for name in SUMMARIES} & sys.modules.keys()
    assert loaded == set()


def test_every_command_is_in_the_module_of_its_name():
    """The module registers it."""
    for name in app.list_commands(click.Context(app)):
        assert app.get_command(click.Context(app), name).name == name


def test_the_script_is_named_modelgates():
    """It runs the same command."""
    (script,) = entry_points(group="console_scripts", name="modelgates")

    assert script.load() is cli.main


def test_help_lists_every_source_of_the_key(command):
    """It also says that no option takes the key itself."""
    text = command("get", "--help").stdout

    for source in ("MODELGATES_API_KEY", "--key-file", "--key-stdin"):
        assert source in text
    assert "--api-key" not in text


def without_package(package, *arguments):
    """Run the command where a package is not installed."""
    code = f"""if True:
        import sys
        sys.modules[{package!r}] = None
        from modelgates_client.cli import main
        sys.exit(main())
    """
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.fixture
def run(not_loaded, monkeypatch, capsys):
    """Run the command in this process, where a package is not installed; return its output."""

    def run(package, *arguments):
        monkeypatch.setitem(sys.modules, package, None)
        monkeypatch.setattr(sys, "argv", ["modelgates", *arguments])
        status = cli.main()
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("package", ["click", "rich"])
@pytest.mark.parametrize(
    ("arguments", "extras"),
    [
        ((), "cli"),
        (("--help",), "cli"),
        (("get", "gen-1"), "cli"),
        (("--config", "x.toml", "report", "costs.db"), "cli,report"),
        (("export", "costs.db"), "cli,report"),
        (("stub", "--record-id", "gen-1"), "cli,testing"),
        (("mcp",), "mcp"),
    ],
)
def test_a_missing_extra_is_named_with_its_install_command(run, package, arguments, extras):
    """In one line, with every extra that is needed and the status of a wrong configuration."""
    message = f"error: the command needs an extra: pip install 'modelgates-client[{extras}]'\n"
    assert run(package, *arguments) == (2, "", message)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_version_is_printed_without_any_extra(run, package):
    """Users report it when they ask for help."""
    assert run(package, "--version") == (0, f"modelgates {__version__}\n", "")


@pytest.mark.parametrize("package", ["mcp", "pydantic", "duckdb", "adbc_driver_sqlite"])
def test_mcp_names_its_extra(run, package):
    """Where the extra of the command itself is installed."""
    message = "error: the command needs an extra: pip install 'modelgates-client[mcp]'\n"
    assert run(package, "mcp") == (2, "", message)


def test_another_missing_module_is_not_blamed_on_the_extra():
    """An installation that is broken otherwise raises the original error."""
    result = without_package("modelgates_client.cli.statuses", "get", "gen-1")

    assert result.returncode == 1
    assert "ModuleNotFoundError" in result.stderr
    assert "extra" not in result.stderr


def test_the_library_loads_neither_click_nor_rich():
    """Neither importing the package nor creating a client does."""
    code = """if True:
        import sys
        import modelgates_client
        modelgates_client.ModelGates(api_key="sk-mg-test").generations
        print(sorted({"click", "rich"} & sys.modules.keys()))
    """
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout == "[]\n"


def test_rich_is_not_loaded_for_piped_records(command):
    """Its empty top-level package is, which takes no time."""
    command.program = """if True:
        import sys
        from modelgates_client.cli import main
        main()
        print("rich.console" in sys.modules, file=sys.stderr)
    """
    result = command("get", "gen-1")

    assert result.stdout
    assert result.stderr == "False\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_each_shell(command, shell):
    """It calls the command, and the shell accepts it."""
    result = command("completion", shell)

    assert f"_MODELGATES_COMPLETE={shell}_complete" in result.stdout
    assert (result.returncode, result.stderr) == (0, "")
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=result.stdout.encode()).returncode == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("modelgates ", "get"),
        ("modelgates get --key", "--key-file"),
        ("modelgates completion ", "zsh"),
    ],
)
def test_words_are_completed(command, line, expected):
    """The script requests completions as bash does."""
    command.environment |= {
        "_MODELGATES_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
        "MODELGATES_API_KEY": None,
    }

    assert f"plain,{expected}" in command().stdout.splitlines()


def test_help_does_not_depend_on_docstrings():
    """There are none under `python -OO`."""
    for name in app.list_commands(None):
        command = app.get_command(None, name)
        assert len(command.help.split()) > 5
        assert command.help != inspect.getdoc(command.callback)
    assert app.help != inspect.getdoc(app.callback)
