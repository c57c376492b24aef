"""Runs the command: in a separate process against a stub of the API, or in the test's process."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner
from werkzeug import Response

from modelgates_client.cli.app import app

from . import preforked

RECORD = json.loads(
    (Path(__file__).parent.parent / "records" / "2026-02-cancelled-stream.json").read_bytes()
)["data"]
KEY = "sk-mg-CANARY-0123456789"


def record(generation_id="gen-1", **changes):
    """Return the recorded response's record with another id and other changes."""
    return {**RECORD, "id": generation_id, **changes}


def invoke(*arguments, stdin=None):
    """Run the command in this process; return its exit status, stdout and stderr."""
    result = CliRunner().invoke(app, [*map(str, arguments)], input=stdin, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, result.stdout, result.stderr


class Command:
    """Runs the command in a process; every run checks that the output does not contain the key.

    Attributes:
        key: The key that the server accepts.
        environment: What the process gets in addition to the inherited variables.
        base_url: The server, as an environment variable names it.
    """

    key = KEY
    program = None  # Python to run instead of the command, as of `python -c`

    def __init__(self, base_url):
        self.environment = {
            "MODELGATES_API_KEY": KEY,
            "MODELGATES_BASE_URL": base_url,
            "PYTHONWARNINGS": "default",
        }

    @property
    def env(self):
        """The environment of the process, without variables that change the output's appearance."""
        display_variables = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "MODELGATES_", "PYTHON")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(display_variables)
        }
        merged = {**inherited, "TERM": "xterm-256color", **self.environment}
        return {name: value for name, value in merged.items() if value is not None}

    def command_line(self, *arguments):
        """Return the command command_line."""
        options = ["-m", "modelgates_client"] if self.program is None else ["-c", self.program]
        return [sys.executable, *options, *map(str, arguments)]

    @property
    def is_forkable(self):
        """Whether Python starts with its defaults, so that a preforked process does the same."""
        python_variables = {name for name in self.environment if name.startswith("PYTHON")}
        return hasattr(os, "fork") and python_variables == {"PYTHONWARNINGS"}

    @contextmanager
    def started(self, *arguments, **streams):
        """Start the process; kill it after 60 seconds, so that a regression fails."""
        running = subprocess.Popen(self.command_line(*arguments), env=self.env, **streams)
        watchdog = threading.Timer(60, running.kill)
        watchdog.start()
        try:
            with running:  # waits for its end
                yield running
        finally:
            watchdog.cancel()

    def __call__(self, *arguments, stdin="", stdin_file=subprocess.PIPE):
        """Run the process to its end, with pipes."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if self.is_forkable:
            result = preforked.run(
                arguments, self.env, program=self.program, stdin=stdin_file, data=data
            )
        else:
            input_options = (
                {"input": data} if stdin_file == subprocess.PIPE else {"stdin": stdin_file}
            )
            command_line = self.command_line(*arguments)
            result = subprocess.run(
                command_line, env=self.env, capture_output=True, timeout=60, **input_options
            )
        result.stdout, result.stderr = result.stdout.decode(), result.stderr.decode()
        assert KEY not in result.stdout + result.stderr
        assert "CANARY" not in result.stdout + result.stderr
        return result


class ScriptedServer:
    """A server that responds to each id with the status and body that a test sets.

    Attributes:
        responses: By id; a body that is not bytes is sent as JSON.
        requested_ids: The ids that were requested, in order.
        keys: The `Authorization` headers that were received.
    """

    def __init__(self, server):
        self.responses = {}
        self.requested_ids = []
        self.keys = set()
        server.expect_request("/api/v1/generation").respond_with_handler(self._respond)
        self.base_url = server.url_for("/api/v1")

    def set_records(self, *records):
        """Respond with these records."""
        self.responses.update({item["id"]: (200, {"data": item}) for item in records})

    def _respond(self, request):
        generation_id = request.args["id"]
        self.requested_ids.append(generation_id)
        self.keys.add(request.headers["Authorization"])
        response = self.responses[generation_id]
        status, body = response.pop(0) if isinstance(response, list) else response
        content = body if isinstance(body, bytes) else json.dumps(body)
        headers = {"X-Should-Retry": "false", "Content-Type": "application/json"}
        return Response(content, status, headers)


class Screen:
    """The output of the command on a terminal.

    Attributes:
        text: All output, with escape sequences; lines end with LF.
        piped: The output of the stream that was a pipe.
        status: The exit status.
    """

    def __init__(self, command, *arguments, piped=None, columns=200, stdin=b"", on=None):
        """Run the command on a terminal of some width.

        Args:
            command: The `Command`.
            arguments: Its arguments.
            piped: The stream that is a pipe instead: `stdout` or `stderr`.
            columns: The width of the terminal.
            stdin: The data of a pipe, or None: stdin is the terminal.
            on: The output to wait for, and what to type then; \x03 is Ctrl-C.
        """
        import fcntl  # noqa: PLC0415 - not available on Windows
        import pty  # noqa: PLC0415
        import termios  # noqa: PLC0415

        controller, terminal_fd = pty.openpty()
        fcntl.ioctl(terminal_fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        streams = {
            "stdout": terminal_fd,
            "stderr": terminal_fd,
            "stdin": terminal_fd if stdin is None else subprocess.PIPE,
        }
        if piped is not None:
            streams[piped] = subprocess.PIPE
        with command.started(*arguments, start_new_session=True, **streams) as running:
            os.close(terminal_fd)
            if stdin is not None:
                running.stdin.write(stdin)
                running.stdin.close()
            output = b""
            while chunk := _read(controller):
                output += chunk
                if on is not None and on[0] in output:
                    _type(controller, running, on[1])
                    on = None
            self.piped = getattr(running, piped).read().decode() if piped else ""
            self.status = running.wait()
        os.close(controller)
        self.text = output.decode().replace("\r\n", "\n")
        assert "CANARY" not in self.text + self.piped


def _type(terminal, running, typed):
    if typed == b"\x03":  # the terminal does not control the process, so it cannot send it
        running.send_signal(signal.SIGINT)
    else:
        os.write(terminal, typed)


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux signals with this error that the other end is closed
        return b""
