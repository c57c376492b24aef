"""What starting costs: import, client and first request, in CPU, against bare httpx.

Each line is the least of several processes, as a ratio; all of them take turns, so that what else
the machine does meets all alike. The server is on loopback, in this process.
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from bench_asked import path_of_records

RECORD: Final = Path(__file__).parents[2] / "tests/records/2026-02-cancelled-stream.json"
BODY: Final = RECORD.read_bytes()
ID: Final = json.loads(BODY)["data"]["id"]

PROGRAMS: Final = {
    "python -c pass": "pass",
    "import modelgates_client": "import modelgates_client",
    "ModelGates and a request": """
from modelgates_client import ModelGates
with ModelGates(api_key="sk-mg-startup", base_url={url!r}) as client:
    client.generations.get({id!r})
""",
    "AsyncModelGates and a request": """
import asyncio
from modelgates_client import AsyncModelGates
async def main():
    async with AsyncModelGates(api_key="sk-mg-startup", base_url={url!r}) as client:
        await client.generations.get({id!r})
asyncio.run(main())
""",
    "httpx.Client and a request": """
import httpx
headers = {{"Authorization": "Bearer sk-mg-startup"}}
with httpx.Client(base_url={url!r}, headers=headers) as client:
    client.get({path!r}, params={{"id": {id!r}}}).json()
""",
    "httpx.AsyncClient and a request": """
import asyncio, httpx
headers = {{"Authorization": "Bearer sk-mg-startup"}}
async def main():
    async with httpx.AsyncClient(base_url={url!r}, headers=headers) as client:
        (await client.get({path!r}, params={{"id": {id!r}}})).json()
asyncio.run(main())
""",
}

#: What is compared with what, and the most that it may cost.
RATIOS: Final = (
    ("import modelgates_client", "python -c pass", 1.2),
    ("ModelGates and a request", "httpx.Client and a request", 1.15),
    ("AsyncModelGates and a request", "httpx.AsyncClient and a request", 1.15),
)


class Handler(BaseHTTPRequestHandler):
    """Answers every request with the recorded response."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
        """Say nothing."""


def cpu_s(program: str) -> float:
    """Return the seconds of CPU that a program takes, in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="processes of each kind")
    rounds: int = parser.parse_args().rounds
    path = path_of_records()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/v1"
        least = dict.fromkeys(PROGRAMS, float("inf"))
        for _ in range(rounds):
            for name, program in PROGRAMS.items():
                filled = program.format(url=url, path=path, id=ID)
                least[name] = min(least[name], cpu_s(filled))
        server.shutdown()
    for name, seconds in least.items():
        print(f"{name:32} {seconds / least['python -c pass']:6.2f} x python -c pass")
    for name, base, limit in RATIOS:
        ratio = least[name] / least[base]
        verdict = "kept" if ratio <= limit else "MISSED"
        print(f"{name:32} {ratio:6.2f} x {base} (limit {limit}: {verdict})")


if __name__ == "__main__":
    main()
