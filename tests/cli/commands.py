"""The command as people run it: a process of its own, against a stub of the API; or in this one."""

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
    """Run the command in this process; return its status, what it printed and what it said."""
    done = CliRunner().invoke(app, [*map(str, arguments)], input=stdin, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


class Command:
    """Runs the command; no run may ever show the key.

    Attributes:
        key: The key that the server takes.
        environment: What the process gets, beside what it needs.
        base_url: The server, as an environment variable tells it.
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
        """The environment of the process, without what could change its looks."""
        odd = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "MODELGATES_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(odd)}
        chosen = {**kept, "TERM": "xterm-256color", **self.environment}
        return {name: value for name, value in chosen.items() if value is not None}

    def line(self, *arguments):
        """Return the command line."""
        what = ["-m", "modelgates_client"] if self.program is None else ["-c", self.program]
        return [sys.executable, *what, *map(str, arguments)]

    @property
    def is_usual(self):
        """Whether Python is started as ever, so that a fork of one does the same."""
        of_python = {name for name in self.environment if name.startswith("PYTHON")}
        return hasattr(os, "fork") and of_python == {"PYTHONWARNINGS"}

    @contextmanager
    def started(self, *arguments, **streams):
        """Start it, and see to it that it ends: a regression must fail, not hang."""
        running = subprocess.Popen(self.line(*arguments), env=self.env, **streams)
        watchdog = threading.Timer(60, running.kill)
        watchdog.start()
        try:
            with running:  # waits for its end
                yield running
        finally:
            watchdog.cancel()

    def __call__(self, *arguments, stdin="", stdin_file=subprocess.PIPE):
        """Run it to its end, piped."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        if self.is_usual:
            done = preforked.run(
                arguments, self.env, program=self.program, stdin=stdin_file, data=data
            )
        else:
            given = {"input": data} if stdin_file == subprocess.PIPE else {"stdin": stdin_file}
            line = self.line(*arguments)
            done = subprocess.run(line, env=self.env, capture_output=True, timeout=60, **given)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert KEY not in done.stdout + done.stderr
        assert "CANARY" not in done.stdout + done.stderr
        return done


class OddServer:
    """Answers an id by what a test says of it: a status and a body.

    Attributes:
        answers: By id; a body that is no bytes is sent as JSON.
        asked: The ids that were asked for, in order.
        keys: The `Authorization` headers that came.
    """

    def __init__(self, server):
        self.answers = {}
        self.asked = []
        self.keys = set()
        server.expect_request("/api/v1/generation").respond_with_handler(self._respond)
        self.base_url = server.url_for("/api/v1")

    def knows(self, *records):
        """Answer with these records."""
        self.answers.update({item["id"]: (200, {"data": item}) for item in records})

    def _respond(self, request):
        generation_id = request.args["id"]
        self.asked.append(generation_id)
        self.keys.add(request.headers["Authorization"])
        answer = self.answers[generation_id]
        status, body = answer.pop(0) if isinstance(answer, list) else answer
        content = body if isinstance(body, bytes) else json.dumps(body)
        headers = {"X-Should-Retry": "false", "Content-Type": "application/json"}
        return Response(content, status, headers)


class Screen:
    """What came out on a terminal.

    Attributes:
        text: All of it, escape sequences included, lines ended by LF.
        piped: What came on a stream that was no terminal.
        status: The exit status.
    """

    def __init__(self, command, *arguments, piped=None, columns=200, stdin=b"", on=None):
        """Run the command on a terminal of some width.

        Args:
            command: The `Command`.
            arguments: Its arguments.
            piped: `stdout` or `stderr`, where that is to be a pipe.
            columns: The width of the terminal.
            stdin: What is piped in, or None: stdin is the terminal.
            on: What to wait for on the screen, and what to type then; \x03 is Ctrl-C.
        """
        import fcntl  # noqa: PLC0415 - there is none on Windows
        import pty  # noqa: PLC0415
        import termios  # noqa: PLC0415

        mine, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        streams = {"stdout": its, "stderr": its, "stdin": its if stdin is None else subprocess.PIPE}
        if piped is not None:
            streams[piped] = subprocess.PIPE
        with command.started(*arguments, start_new_session=True, **streams) as running:
            os.close(its)
            if stdin is not None:
                running.stdin.write(stdin)
                running.stdin.close()
            shown = b""
            while chunk := _read(mine):
                shown += chunk
                if on is not None and on[0] in shown:
                    _type(mine, running, on[1])
                    on = None
            self.piped = getattr(running, piped).read().decode() if piped else ""
            self.status = running.wait()
        os.close(mine)
        self.text = shown.decode().replace("\r\n", "\n")
        assert "CANARY" not in self.text + self.piped


def _type(terminal, running, typed):
    if typed == b"\x03":  # the terminal does not control the process, so it cannot send it
        running.send_signal(signal.SIGINT)
    else:
        os.write(terminal, typed)


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other end is closed
        return b""
