"""Normal messages, from which faults are built."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from modelgates_client.testing import make_record

#: Distinctive, and with a character that some JSON encoders escape.
KEY = "sk-mg-f4ultQ7zX/s3cretW9vK2p"

ID = "gen-1771967973-asked-for"
NEXT_ID = "gen-1771967974-asked-for-next"
OTHER_ID = "gen-1771967975-of-another"

COST = 0.00003452
WRONG_COST = 666.0

_RECORDED = Path(__file__).parents[1] / "records" / "2026-02-cancelled-stream.json"
_SENT = json.loads(_RECORDED.read_bytes())["data"]


def record(generation_id: str = ID, **changes: Any) -> dict[str, Any]:
    """Return a record that conforms to the vendored spec, with changes."""
    return {**_made(), **_SENT, "id": generation_id, "total_cost": COST, **changes}


@cache
def _made() -> dict[str, Any]:
    return make_record(ID)


def body(generation_id: str = ID, **changes: Any) -> bytes:
    """Return the body that contains a record."""
    return json.dumps({"data": record(generation_id, **changes)}).encode()


def error_body(message: str = "it says no", code: Any = 500, **changes: Any) -> bytes:
    """Return an error in the API's format."""
    return json.dumps({"error": {"code": code, "message": message, **changes}}).encode()


def head(status: str = "200 OK", *lines: str | bytes, kind: str = "application/json") -> bytes:
    """Return a head: status line, content type, further lines, and the empty line."""
    first = [f"HTTP/1.1 {status}", f"Content-Type: {kind}"]
    encoded = [x.encode("latin-1") if isinstance(x, str) else x for x in (*first, *lines)]
    return b"\r\n".join(encoded) + b"\r\n\r\n"


def response(
    content: bytes, status: str = "200 OK", *lines: str | bytes, kind: str = "application/json"
) -> bytes:
    """Return a response with the right `Content-Length`."""
    return head(status, f"Content-Length: {len(content)}", *lines, kind=kind) + content


def page(text: str = "an edge says no", status: str = "502 Bad Gateway", *lines: str) -> bytes:
    """Return a response with an HTML page, as an edge proxy sends it."""
    html = f"<!DOCTYPE html><html><title>{text}</title><body>{text}</body></html>"
    return response(html.encode(), status, *lines, kind="text/html; charset=utf-8")


def chunked(content: bytes, size: int = 64) -> bytes:
    """Return content in chunks, the last one included."""
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


CHUNKED = "Transfer-Encoding: chunked"
CLOSE = "Connection: close"
GOOD = response(body())
