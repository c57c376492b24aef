"""A stub of the API on loopback, for tests and demonstrations; needs the extra `testing`.

In tests with pytest, the fixture `modelgates_stub` is a `StubAPI` for one test, which fails if the
API would not accept a request. `modelgates_environment` also sets the environment variables that
clients read. On the command line, `modelgates stub` serves the same.

>>> with StubAPI() as stub:  # doctest: +SKIP
...     stub.add("gen-1", total_cost=0.25)
...     stub.not_ready("gen-1", times=2)
...     client = ModelGates(api_key=stub.api_key, base_url=stub.base_url)

The modules load when they are first used, because pytest loads `plugin` wherever the package is
installed:

| module           | subject                                                                  |
|------------------|--------------------------------------------------------------------------|
| `plugin`         | the pytest fixtures                                                      |
| `_stub`          | `StubAPI`: records, requests, violations                                 |
| `_behaviours`    | failures, delays and drift: a method each                                |
| `_chat`          | `StubChat`: chat completions, streamed and not                           |
| `_request_check` | the operation of a request, and why the API would not accept it; pure    |
| `_responses`     | the responses that the stub sends; pure                                  |
| `_records`       | records and errors made from the spec; pure                              |
| `_drift`         | records that deviate from the spec; pure                                 |
| `_server`        | the HTTP server, based on pytest-httpserver                              |
"""

TYPE_CHECKING = False  # known to type checkers; importing `typing` would be slow
if TYPE_CHECKING:
    from modelgates_client.testing._chat import StubChat
    from modelgates_client.testing._drift import drifted
    from modelgates_client.testing._records import make_error, make_record
    from modelgates_client.testing._request_check import STUB_KEY, StubRequest
    from modelgates_client.testing._stub import StubAPI

#: The module of each public name.
_HOMES = {
    "drifted": "modelgates_client.testing._drift",
    "StubChat": "modelgates_client.testing._chat",
    "make_error": "modelgates_client.testing._records",
    "make_record": "modelgates_client.testing._records",
    "STUB_KEY": "modelgates_client.testing._request_check",
    "StubRequest": "modelgates_client.testing._request_check",
    "StubAPI": "modelgates_client.testing._stub",
}

__all__ = ["STUB_KEY", "StubAPI", "StubChat", "StubRequest", "drifted", "make_error", "make_record"]


if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name):  # noqa: ANN001, ANN202 - hidden from type checkers
        """Load a public name on first use (PEP 562)."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - only when needed

        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():  # noqa: ANN202 - hidden from type checkers
        """List the public names, whether they are loaded or not."""
        return sorted(__all__)
