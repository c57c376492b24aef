"""The command itself: how it is called, completed and installed; what it costs who does not."""

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


def test_it_tells_its_version(command):
    """On stdout."""
    assert command("--version").stdout == f"modelgates {__version__}\n"


@pytest.fixture
def not_loaded(monkeypatch):
    """Let the modules of the command be loaded again in a test, and be the same ones after it."""
    for name in cli.COMMANDS:
        import_module(f"modelgates_client.cli.{name}")
    for name in [name for name in sys.modules if name.startswith("modelgates_client.cli.")]:
        monkeypatch.delitem(sys.modules, name)


def test_help_loads_no_command(not_loaded, monkeypatch, capsys):
    """It tells what each does, and people wait for it."""
    monkeypatch.setattr(sys, "argv", ["modelgates", "--help"])

    assert cli.main() == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}  " in shown for name in cli.COMMANDS)
    loaded = {f"modelgates_client.cli.{name}" for name in cli.COMMANDS} & sys.modules.keys()
    assert loaded == set()


def test_every_command_is_in_the_module_of_its_name():
    """Which registers it."""
    for name in app.list_commands(click.Context(app)):
        assert app.get_command(click.Context(app), name).name == name


def test_it_is_installed_as_modelgates():
    """The script of that name runs the same command."""
    (script,) = entry_points(group="console_scripts", name="modelgates")

    assert script.load() is cli.main


def test_help_tells_of_every_way_to_give_the_key(command):
    """And that there is no option for the key itself."""
    text = command("get", "--help").stdout

    for way in ("MODELGATES_API_KEY", "--key-file", "--key-stdin"):
        assert way in text
    assert "--api-key" not in text


def without(package, *arguments):
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
    """Run the command in this process, where a package is not installed; return all it told."""

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
def test_without_the_extra_it_says_what_to_install(run, package, arguments, extras):
    """All that the command needs, in one line, and the exit status of a wrong configuration."""
    message = f"error: the command needs an extra: pip install 'modelgates-client[{extras}]'\n"
    assert run(package, *arguments) == (2, "", message)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_it_tells_its_version_without_any_extra(run, package):
    """Who asks for help is asked for it first."""
    assert run(package, "--version") == (0, f"modelgates {__version__}\n", "")


@pytest.mark.parametrize("package", ["mcp", "pydantic", "duckdb", "adbc_driver_sqlite"])
def test_the_server_for_ai_clients_names_its_extra(run, package):
    """Where the command itself is there."""
    message = "error: the command needs an extra: pip install 'modelgates-client[mcp]'\n"
    assert run(package, "mcp") == (2, "", message)


def test_what_else_is_missing_is_not_blamed_on_the_extra():
    """An installation that is broken otherwise shows how."""
    done = without("modelgates_client.cli.statuses", "get", "gen-1")

    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "extra" not in done.stderr


def test_the_library_does_not_load_what_the_command_needs():
    """Neither importing the package nor making a client loads click or rich."""
    code = """if True:
        import sys
        import modelgates_client
        modelgates_client.ModelGates(api_key="sk-mg-test").generations
        print(sorted({"click", "rich"} & sys.modules.keys()))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n"


def test_piped_records_cost_no_drawing(command):
    """Who reads JSON Lines does not wait for rich to load; its empty top package costs nothing."""
    command.program = """if True:
        import sys
        from modelgates_client.cli import main
        main()
        print("rich.console" in sys.modules, file=sys.stderr)
    """
    done = command("get", "gen-1")

    assert done.stdout
    assert done.stderr == "False\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_each_shell(command, shell):
    """It calls the command back, and the shell takes it for a program of its own."""
    done = command("completion", shell)

    assert f"_MODELGATES_COMPLETE={shell}_complete" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=done.stdout.encode()).returncode == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("modelgates ", "get"),
        ("modelgates get --key", "--key-file"),
        ("modelgates completion ", "zsh"),
    ],
)
def test_words_are_completed(command, words, expected):
    """As bash asks for it through the script."""
    command.environment |= {
        "_MODELGATES_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "MODELGATES_API_KEY": None,
    }

    assert f"plain,{expected}" in command().stdout.splitlines()


def test_there_is_help_without_docstrings():
    """As under `python -OO`: none of it is made of them."""
    for name in app.list_commands(None):
        command = app.get_command(None, name)
        assert len(command.help.split()) > 5
        assert command.help != inspect.getdoc(command.callback)
    assert app.help != inspect.getdoc(app.callback)
