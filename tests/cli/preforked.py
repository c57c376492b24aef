"""Runs the command in forks of a process that has imported it, because starting Python is slow.

Each run has its own process, environment, folder and streams, and exits as a program does.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from functools import cache

GUARD_S = 60  # a run that takes longer is taken for a hang
#: Modules that most runs import.
LOADED = (
    "encodings.idna",
    "getpass",
    "modelgates_client.cli.commands.check",
    "modelgates_client.cli.app",
    "modelgates_client.cli.commands.fetch",
    "modelgates_client.cli.commands.get",
    "modelgates_client.client.client",
    "modelgates_client.ledger.fetching",
    "modelgates_client.transport.httpcore_sync",
    "rich",
)
_LENGTH = struct.Struct("I")
_STATUS = struct.Struct("i")


def run(arguments, env, *, program=None, stdin=subprocess.PIPE, data=b""):
    """Run the command, or a program as of `python -c`, to its end; return a `CompletedProcess`.

    Args:
        arguments: The arguments of the command.
        env: The environment.
        program: Python code to run instead, if any.
        stdin: A file to read, or a pipe for `data`.
        data: The data of the pipe.
    """
    (reads, writes), (out, its_out), (err, its_err) = (os.pipe() for _ in range(3))
    its_in = reads if stdin == subprocess.PIPE else stdin.fileno()
    request = {"arguments": [*map(str, arguments)], "env": env, "program": program}
    outputs = {}
    threads = [
        threading.Thread(target=_write, args=(writes, data)),
        threading.Thread(target=lambda: outputs.update(out=_read(out))),
        threading.Thread(target=lambda: outputs.update(err=_read(err))),
    ]
    process, channel = _start_forker()
    _send(channel, {**request, "cwd": os.getcwd()}, [its_in, its_out, its_err])  # noqa: PTH109
    for descriptor in (reads, its_out, its_err):
        os.close(descriptor)
    for thread in threads:
        thread.start()
    try:
        (status,) = _STATUS.unpack(channel.recv(_STATUS.size))
    except TimeoutError:
        os.killpg(process.pid, 9)
        _start_forker.cache_clear()
        raise
    finally:
        for thread in threads:
            thread.join()
    return subprocess.CompletedProcess(arguments, status, outputs["out"], outputs["err"])


def run_program(program, *arguments, **variables):
    """Run a program as of `python -W error -c`; return its status, output and error output."""
    env = {**os.environ, **variables}
    text = textwrap.dedent(program)
    if hasattr(os, "fork"):
        strict = "import warnings; warnings.simplefilter('error')\n"
        result = run(arguments, env, program=strict + text)
    else:
        line = [sys.executable, "-W", "error", "-c", text, *arguments]
        result = subprocess.run(line, env=env, capture_output=True, timeout=GUARD_S)
    return result.returncode, result.stdout.decode(), result.stderr.decode()


def _write(descriptor, data):
    with open(descriptor, "wb") as file, contextlib.suppress(BrokenPipeError):  # noqa: PTH123
        file.write(data)


def _read(descriptor):
    with open(descriptor, "rb") as file:  # noqa: PTH123
        return file.read()


@cache
def _start_forker():
    """Start the process that forks; return it, and the channel to it."""
    ours, its = socket.socketpair()
    ours.settimeout(GUARD_S)
    pipe = subprocess.PIPE  # as the streams of each run
    process = subprocess.Popen(
        [sys.executable, __file__, str(its.fileno())],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        pass_fds=[its.fileno()],
        env={**os.environ, "PYTHONWARNINGS": "default"},
        start_new_session=True,
    )
    its.close()
    atexit.register(_end, process, ours)
    return process, ours


def _end(process, channel):
    channel.close()
    process.communicate()


def _send(channel, request, descriptors):
    message = json.dumps(request).encode()
    socket.send_fds(channel, [_LENGTH.pack(len(message))], descriptors)
    channel.sendall(message)


def _serve(channel):
    """Fork for each request; return in the fork, which continues with the program."""
    while True:
        length, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, 3)
        if not length:
            sys.exit()
        message = channel.recv(*_LENGTH.unpack(length), socket.MSG_WAITALL)
        child = os.fork()
        if not child:
            return json.loads(message), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        channel.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))


def _main():
    for name in LOADED:
        importlib.import_module(name)
    gc.freeze()  # keeps loaded objects in shared memory pages
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        request, descriptors = _serve(channel)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv[:] = ["modelgates", *request["arguments"]]
    if request["program"] is None:
        runpy.run_module("modelgates_client", run_name="__main__", alter_sys=True)
    else:
        exec(request["program"], vars(sys.modules["__main__"]))  # which live until the very end


if __name__ == "__main__":
    _main()
