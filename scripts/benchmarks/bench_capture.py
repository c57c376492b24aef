"""What capturing costs: the CPU of calls by the OpenAI SDK and by httpx, with it and without.

The server is a process of its own, on loopback. All kinds of calls take turns, call by call and in
both orders, so that what else the machine does meets all alike; of each the lower quartile is told.
Run it where the package, openai and httpx2 are installed, as in the environment of the tests.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

ID: Final = "gen-1771967973-0hZ8J5kY7qLMOKbPx0u3"
ASKED: Final = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
LIMIT: Final = 0.02  # of a call's CPU
EVENTS: Final = 50

SERVER: Final = f"""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ID = {ID!r}
HEAD = dict(id=ID, created=1, model="m")
MESSAGE = dict(role="assistant", content="word " * 300)
CHOICE = dict(index=0, message=MESSAGE, finish_reason="stop")
BODY = json.dumps(dict(HEAD, object="chat.completion", choices=[CHOICE])).encode()
DELTA = dict(index=0, delta=dict(content="word "), finish_reason=None)
CHUNK = json.dumps(dict(HEAD, object="chat.completion.chunk", choices=[DELTA])).encode()
STREAM = b"data: " + CHUNK + b"\\n\\n"

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body at once: TCP would wait between the two
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        streamed = asked.get("stream")
        self.send_response(200)
        if self.path.startswith("/named"):
            self.send_header("X-Generation-Id", ID)
        body = STREAM * {EVENTS} + b"data: [DONE]\\n\\n" if streamed else BODY
        kind = "text/event-stream" if streamed else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


def calls(url: str, ledger: Path) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Return kinds of calls: without capturing, and with it."""
    openai, httpx = import_module("openai"), import_module("httpx")
    capture = import_module("modelgates_client.capture").capture

    def by_openai(prefix: str, *, captured: bool, stream: bool) -> Callable[[], Any]:
        client = openai.OpenAI(api_key="k", base_url=f"{url}/{prefix}", max_retries=0)
        create = (capture(client, to=ledger) if captured else client).chat.completions.create
        if stream:
            return lambda: list(create(**ASKED, stream=True))
        return lambda: create(**ASKED)

    def by_httpx(prefix: str, *, captured: bool, stream: bool) -> Callable[[], Any]:
        client = httpx.Client()
        if captured:
            capture(client, to=ledger)
        body = json.dumps({**ASKED, "stream": stream})
        return lambda: client.post(f"{url}/{prefix}/chat/completions", content=body).content

    return {
        f"{maker.__name__[3:]}, {'streamed' if stream else 'plain'}, id in the {place}": (
            maker(prefix, captured=False, stream=stream),
            maker(prefix, captured=True, stream=stream),
        )
        for maker in (by_openai, by_httpx)
        for stream in (False, True)
        for place, prefix in (("head", "named"), ("body", "unnamed"))
    }


def cpu_s(call: Callable[[], Any]) -> float:
    """Return the seconds of CPU of this process that a call takes."""
    before = time.process_time()
    call()
    return time.process_time() - before


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400, help="of each kind")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server,
    ):
        if server.stdout is None:
            raise RuntimeError("there is a pipe")
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        kinds = calls(url, Path(folder) / "costs.db")
        taken: dict[str, list[list[float]]] = {name: [] for name in kinds}
        for number in range(arguments.calls):
            for name, pair in kinds.items():
                cpu_s(pair[number % 2])  # for the caches
                order = (0, 1) if number % 2 else (1, 0)
                spent = {place: cpu_s(pair[place]) for place in order}
                taken[name].append([spent[0], spent[1]])
        server.terminate()
    for name, pairs in taken.items():
        bare, captured = (statistics.quantiles(of_kind)[0] for of_kind in zip(*pairs, strict=True))
        share = captured / bare - 1
        print(
            f"{name:36} {bare * 1e6:8.0f} µs, captured {(captured - bare) * 1e6:+6.1f} µs"
            f" = {share:+6.1%} (limit {LIMIT:.0%}: {'kept' if share <= LIMIT else 'MISSED'})"
        )


if __name__ == "__main__":
    main()
