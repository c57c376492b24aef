"""A trial of pyreqwest (Rust: reqwest, hyper, rustls) in place of the httptools engine.

It is not part of the test suite. `python tests/faults/trial_pyreqwest.py` runs the tests of that
engine over pyreqwest, and counts failures by class; arguments are passed on to pytest.
CONTRIBUTING.md has the result.
"""

import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import ConnectError, DecodeError, PyreqwestError, RequestTimeoutError

from modelgates_client.transport import exchange, httptools_async
from modelgates_client.transport.async_pool import PooledAsyncEngine, running_loop
from modelgates_client.transport.messages import Failure, HTTPResponse

TESTS = Path(__file__).parents[1]
CHOSEN = [
    *[path for path in TESTS.glob("faults/test_*.py") if path.stem != "test_protocol"],
    TESTS / "client",
    *[TESTS / f"bulk/test_{name}.py" for name in ("alike", "descriptors", "get_many", "threads")],
]
OTHERS = {"sync", "async", "httpcore", "httpx"}  # engines, in the ids of tests


class PyreqwestEngine(PooledAsyncEngine):
    """Sends requests over one pyreqwest client, which has a connection pool of its own."""

    _client = None

    def _connection(self):
        raise NotImplementedError

    def _build(self):
        builder = ClientBuilder().no_proxy().follow_redirects(enable=False).referer(enable=False)
        builder = builder.gzip(enable=False).brotli(enable=False).zstd(enable=False)
        builder = builder.deflate(enable=False).max_connections(self._max_connections)
        builder = builder.pool_max_idle_per_host(self._max_idle)
        builder = builder.pool_idle_timeout(timedelta(seconds=exchange.KEEP_ALIVE_S))
        trust = self.options.trust  # of a TLS context, only the certificates can be passed on
        if self.options.server.scheme == "https" and (trust.context or trust.ca_bundle):
            for certificate in trust.tls().get_ca_certs(binary_form=True):
                builder = builder.add_root_certificate_der(certificate)
        return builder.build()

    def _request(self, request, secret, deadline):
        """Return the request; raise ValueError if something else would be sent."""
        head = httptools_async._RequestHeads(self.options.server).build(request)
        if isinstance(head, str):
            raise ValueError(head)  # noqa: TRY004 - it says what is invalid
        self._client = self._client or self._build()
        server = self.options.server
        url = f"{server.scheme}://{server.authority}{request.target}"
        builder = self._client.request(request.method, url).headers(request.headers)
        if request.is_secured:
            builder = builder.header("Authorization", f"Bearer {secret.reveal()}")
        if request.body is not None:
            builder = builder.body_bytes(request.body)
        builder = builder.timeout(timedelta(seconds=deadline.remaining()))
        # By default, the head of a response waits for the first 64 KiB of the body.
        built = builder.streamed_read_buffer_limit(0).build_streamed()
        if str(built.url) != url:  # parsed as browsers do: `..` and line breaks are removed
            raise ValueError("the target is not normal")
        return built

    async def send(self, request, secret, deadline, limit):
        running_loop()
        if not deadline.remaining():
            return exchange.timeout_failure()
        head = failed = None
        body = bytearray()
        try:
            async with self._request(request, secret, deadline) as response:
                limit = exchange.body_limit(response.status, limit)
                head = HTTPResponse(response.status, read_headers(response), b"")
                reader = response.body_reader
                while len(body) <= limit and (chunk := await reader.read_chunk()) is not None:
                    body += chunk
        except (PyreqwestError, ValueError) as error:
            failed = failure(error, secret)
        except BaseException as error:
            exchange.clear_frames(error)
            raise
        return exchange.attempt_result(head, bytes(body), failed, limit, secret)

    async def reset(self):
        self._client = None  # closes idle connections; requests in progress keep it


class InvalidResponseError(ValueError):
    """It is unclear where a response ends."""


def read_headers(response):
    """Return the headers, without those that are not ASCII: pyreqwest raises for their values."""
    pairs = []
    for name in dict.fromkeys(response.headers):
        try:
            pairs += [(name.encode(), value.encode()) for value in response.get_header_all(name)]
        except ValueError:
            continue
    codings = [value.lower() for name, value in pairs if name.lower() == b"transfer-encoding"]
    has_length = any(name.lower() == b"content-length" for name, _ in pairs)
    if response.status == 101 or (codings and (has_length or codings != [b"chunked"])):
        raise InvalidResponseError("its status is 101, or it has other transfer codings")
    return pairs


def failure(error, secret):
    """Convert an exception; its causes are known only as text."""
    causes = [cause["message"] for cause in (getattr(error, "details", {}).get("causes") or [])]
    reason = secret.masked(": ".join([getattr(error, "message", str(error)), *causes]))
    if isinstance(error, RequestTimeoutError):
        return exchange.timeout_failure()
    if "invalid peer certificate" in reason:
        return Failure("untrusted", f"the server's certificate is not trusted: {reason}")
    if isinstance(error, ConnectError) and "client error (Connect)" in causes:
        kind = "scarce" if reason.endswith(("(os error 23)", "(os error 24)")) else "connection"
        return Failure(kind, f"no connection: {reason}", is_sent=False)
    if isinstance(error, InvalidResponseError) or type(error) is DecodeError:
        return Failure("connection", f"the response is not valid HTTP: {reason}")
    if isinstance(error, ValueError):
        return Failure("refused", f"the request cannot be sent: {reason}")
    return Failure("connection", f"the connection broke: {reason}")


class Trial:
    """A pytest plugin that keeps the tests of the engine, and counts failures by class."""

    def pytest_collection_modifyitems(self, items):
        self.kinds, self.outcomes = {}, Counter()
        for item in items:
            parameters = getattr(item, "callspec", None)
            if parameters is None or not set(parameters.id.split("-")) & OTHERS:
                fault = parameters and parameters.params.get("fault")
                self.kinds[item.nodeid] = fault.kind if fault else item.path.stem
        items[:] = [item for item in items if item.nodeid in self.kinds]

    def pytest_runtest_logreport(self, report):
        self.outcomes[self.kinds[report.nodeid], report.when, report.outcome] += 1

    def pytest_terminal_summary(self, terminalreporter):
        for kind in dict.fromkeys(self.kinds.values()):
            failed, passed = (self.outcomes[kind, "call", each] for each in ("failed", "passed"))
            terminalreporter.write_line(f"{kind}: {failed} failed, {passed} passed")


if __name__ == "__main__":
    httptools_async.HttptoolsEngine = PyreqwestEngine
    options = ["-q", "--tb=line", "--timeout=60", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    sys.exit(pytest.main([*options, *(sys.argv[1:] or map(str, CHOSEN))], plugins=[Trial()]))
