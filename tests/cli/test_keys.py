"""The key: where the command takes it from, and that nothing shows it."""

import os

import pytest

from .commands import KEY, record


@pytest.fixture
def asking(asking, odd):
    """The command without a key in its environment, and a record to ask for."""
    asking.environment["MODELGATES_API_KEY"] = None
    odd.knows(record("gen-1"))
    return asking


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\nmore\n")
    file.chmod(0o600)
    return file


def test_without_a_key_it_says_what_to_do(asking):
    """The three ways to give one."""
    done = asking("get", "gen-1")

    assert done.returncode == 2
    for way in ("MODELGATES_API_KEY", "--key-file", "--key-stdin"):
        assert way in done.stderr


def test_the_key_is_read_from_a_file(asking, odd, key_file):
    """Its first line; it comes before the environment."""
    asking.environment["MODELGATES_API_KEY"] = "sk-mg-other"

    done = asking("get", "gen-1", "--key-file", key_file)

    assert (done.returncode, done.stderr) == (0, "")
    assert odd.keys == {f"Bearer {KEY}"}


def test_the_key_is_read_from_stdin(asking, odd):
    """Its first line."""
    done = asking("get", "gen-1", "--key-stdin", stdin=f"{KEY}\nmore\n")

    assert done.returncode == 0
    assert odd.keys == {f"Bearer {KEY}"}


@pytest.mark.skipif(os.name != "posix", reason="permissions are others there")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_that_others_can_read_is_warned_of(asking, key_file, mode):
    """It works nevertheless."""
    key_file.chmod(mode)

    done = asking("get", "gen-1", "--key-file", key_file)

    assert done.returncode == 0
    assert done.stderr.startswith("warning: the key file ")
    assert f"mode 0{mode:o}" in done.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"sk-mg-\xff\n", f"{KEY} {KEY}".encode()])
def test_a_file_without_a_usable_key_is_refused(asking, key_file, content):
    """An empty one, a binary one, one with more than a key in its first line."""
    key_file.write_bytes(content)

    done = asking("get", "gen-1", "--key-file", key_file)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


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
def test_keys_that_cannot_be_read_are_wrong_usage(asking, arguments):
    """No file, a folder, stdin for two things, two sources, an empty stdin."""
    done = asking("get", "gen-1", *arguments)

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


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
def test_a_key_in_the_arguments_is_refused_and_not_shown(asking, odd, arguments):
    """Wherever it is put; `Command` looks for it in what comes out. It is not sent either."""
    asking.environment["MODELGATES_API_KEY"] = "sk-mg-other"

    done = asking(*arguments)

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert set(odd.asked) <= {"gen-1"}


def test_the_key_of_another_gateway_is_no_id_either(asking, odd):
    """What is used as the key is known as one, whatever it looks like."""
    asking.environment["MODELGATES_API_KEY"] = "vck_CANARY"

    done = asking("get", "gen-vck_CANARY", "gen-1")

    assert done.returncode == 2
    assert odd.asked == ["gen-1"]


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("form", ["error", "page", "record"])
def test_a_server_that_repeats_the_key_does_not_show_it(asking, odd, key_file, status, form):
    """In an error, a page or a record."""
    bodies = {
        "error": {"error": {"code": 401, "message": f"no such key: {KEY}"}},
        "page": f"<html>{KEY}".encode(),
        "record": {"data": record("gen-1", user_agent=KEY, tier=KEY, api_type=KEY)},
    }
    odd.answers["gen-1"] = (status, bodies[form])

    done = asking("get", "gen-1", "-v", "--timeout", "5", "--key-file", key_file)

    assert done.stdout + done.stderr
    assert (done.returncode == 0) is (status == 200 and form == "record")
