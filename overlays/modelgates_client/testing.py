"""A stub of the API on loopback, for tests and demonstrations; needs the extra `testing`.

Served by hand: `python -m modelgates_client.testing RECORD.json …` prints the settings of a
client for it, and serves until it is interrupted.
"""

import argparse
import json
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Self

try:
    from pytest_httpserver import HTTPServer
    from werkzeug import Request, Response
except ImportError as error:
    message = "the stub needs an extra: pip install 'modelgates-client[testing]'"
    if __name__ == "__main__":
        sys.exit(f"error: {message}")
    raise ImportError(message) from error

#: The key that the stub takes.
STUB_KEY: Final = "sk-mg-stub"


class StubAPI:
    """The API on a free port of loopback, serving the records that it is given.

    It answers as the spec says: a record, 401 for another key, 404 for an unknown id.

    Attributes:
        base_url: What a client takes as its `base_url`.
        api_key: What a client takes as its `api_key`.
    """

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Serve `records`, each the `data` object of a response."""
        self._records = {str(record["id"]): record for record in records}
        self._server = HTTPServer(host="127.0.0.1")
        self._server.expect_request("/api/v1/generation", method="GET").respond_with_handler(
            self._answer
        )
        self._server.start()
        self.base_url = self._server.url_for("/api/v1")
        self.api_key = STUB_KEY

    def close(self) -> None:
        """Stop serving."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _error(401, "User not found.")
        record = self._records.get(request.args.get("id", ""))
        if record is None:
            return _error(404, "Generation not found")
        return _json({"data": record}, 200)


def _error(status: int, message: str) -> Response:
    return _json({"error": {"code": status, "message": message}}, status)


def _json(body: Mapping[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def main() -> None:
    """Serve the records of files until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m modelgates_client.testing",
        description="Serve recorded responses as the API does.",
    )
    parser.add_argument("files", nargs="+", type=Path, help="response bodies, as JSON")
    files: list[Path] = parser.parse_args().files
    try:
        records = [json.loads(path.read_bytes())["data"] for path in files]
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        sys.exit("error: a file holds no response body, which is JSON with the record under `data`")
    with StubAPI(records) as stub:
        print(f"MODELGATES_BASE_URL={stub.base_url}")
        print(f"MODELGATES_API_KEY={stub.api_key}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)


if __name__ == "__main__":
    main()
