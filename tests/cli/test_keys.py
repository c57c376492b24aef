"""The key: where the command reads it from, and that no output shows it."""

import os

import pytest

from .command_runs import KEY, record


@pytest.fixture
def scripted_command(scripted_command, scripted_server):
    """The command without a key in its environment, and a record to request."""
    scripted_command.environment["MODELGATES_API_KEY"] = None
    scripted_server.set_records(record("gen-1"))
    return scripted_command


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\nmore\n")
    file.chmod(0o600)
    return file


def test_a_missing_key_is_an_error_that_lists_its_sources(scripted_command):
    """There are three ways to provide one."""
    result = scripted_command("get", "gen-1")

    assert result.returncode == 2
    for source in ("MODELGATES_API_KEY", "--key-file", "--key-stdin"):
        assert source in result.stderr


def test_the_key_is_read_from_a_file(scripted_command, scripted_server, key_file):
    """From its first line; it takes precedence over the environment."""
    scripted_command.environment["MODELGATES_API_KEY"] = "sk-mg-other"

    result = scripted_command("get", "gen-1", "--key-file", key_file)

    assert (result.returncode, result.stderr) == (0, "")
    assert scripted_server.keys == {f"Bearer {KEY}"}


def test_the_key_is_read_from_stdin(scripted_command, scripted_server):
    """It is the first line of stdin."""
    result = scripted_command("get", "gen-1", "--key-stdin", stdin=f"{KEY}\nmore\n")

    assert result.returncode == 0
    assert scripted_server.keys == {f"Bearer {KEY}"}


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_can_read_causes_a_warning(scripted_command, key_file, mode):
    """The key is used nevertheless."""
    key_file.chmod(mode)

    result = scripted_command("get", "gen-1", "--key-file", key_file)

    assert result.returncode == 0
    assert result.stderr.startswith("warning: the key file ")
    assert f"mode 0{mode:o}" in result.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"sk-mg-\xff\n", f"{KEY} {KEY}".encode()])
def test_a_file_without_a_usable_key_is_refused(scripted_command, key_file, content):
    """An empty file, a binary one, or one with more than a key in its first line."""
    key_file.write_bytes(content)

    result = scripted_command("get", "gen-1", "--key-file", key_file)

    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key-file", "there/is/none"),
        ("--key-file", os.curdir),
        ("--key-stdin", "-"),
        ("--key-stdin", "--file", "-"),
        ("--key-stdin", "--key-file", "key"),
        ("--key-stdin",),
    ],
)
def test_an_unreadable_key_is_wrong_usage(scripted_command, arguments):
    """No file, a folder, stdin for two things, two sources, an empty stdin."""
    result = scripted_command("get", "gen-1", *arguments)

    assert result.returncode == 2
    assert result.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", KEY, "gen-1"),
        ("get", f"Bearer {KEY}", "gen-1"),
        ("get", "--api-key", KEY, "gen-1"),
        ("get", f"--api-key={KEY}", "gen-1"),
        ("get", f"-k{KEY}", "gen-1"),
        ("get", "--timeout", KEY, "gen-1"),
        ("get", "--file", KEY),
        ("get", "--key-file", KEY, "gen-1"),
        ("get", "--base-url", KEY, "gen-1"),
        ("get", "--base-url", f"https://{KEY}@example.invalid", "gen-1"),
        ("get", "--proxy", f"socks5://{KEY}", "gen-1"),
        ("get", "--ca-bundle", KEY, "gen-1"),
        ("completion", KEY),
        (KEY,),
    ],
)
def test_a_key_in_the_arguments_is_refused_and_not_shown(
    scripted_command, scripted_server, arguments
):
    """In any argument; `Command` searches the output for it. It is not sent either."""
    scripted_command.environment["MODELGATES_API_KEY"] = "sk-mg-other"

    result = scripted_command(*arguments)

    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert set(scripted_server.requested_ids) <= {"gen-1"}


def test_the_configured_key_is_not_accepted_as_an_id(scripted_command, scripted_server):
    """It may be the key of another gateway, in another format."""
    scripted_command.environment["MODELGATES_API_KEY"] = "vck_CANARY"

    result = scripted_command("get", "gen-vck_CANARY", "gen-1")

    assert result.returncode == 2
    assert scripted_server.requested_ids == ["gen-1"]


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("form", ["error", "page", "record"])
def test_a_key_that_the_server_echoes_is_not_printed(
    scripted_command, scripted_server, key_file, status, form
):
    """In an error, a page or a record."""
    bodies = {
        "error": {"error": {"code": 401, "message": f"no such key: {KEY}"}},
        "page": f"<html>{KEY}".encode(),
        "record": {"data": record("gen-1", user_agent=KEY, tier=KEY, api_type=KEY)},
    }
    scripted_server.responses["gen-1"] = (status, bodies[form])

    result = scripted_command("get", "gen-1", "-v", "--timeout", "5", "--key-file", key_file)

    assert result.stdout + result.stderr
    assert (result.returncode == 0) is (status == 200 and form == "record")
