"""A stub of the API on loopback, for tests and demonstrations; needs the extra `testing`.

In tests with pytest, the fixture `modelgates_stub` is a `StubAPI` for one test, strict about what
it is asked, and `modelgates_environment` lets clients find it by the environment variables.
By hand, `modelgates stub` serves one.

>>> with StubAPI() as stub:  # doctest: +SKIP
...     stub.add("gen-1", total_cost=0.25)
...     stub.not_ready("gen-1", times=2)
...     client = ModelGates(api_key=stub.api_key, base_url=stub.base_url)

The modules, one subject each; they load when they are first used, since pytest loads `plugin`
wherever the package is installed:

| module           | subject                                                |
|------------------|--------------------------------------------------------|
| `plugin`         | the fixtures                                           |
| `_stub`          | `StubAPI`: records, requests, violations               |
| `_behaviours`    | what it can do but answer: a method each               |
| `_chat`          | `StubChat`: chat completions, streamed and not         |
| `_responses`     | what can become of an answer; pure                     |
| `_stub_response` | an answer; pure                                        |
| `_routes`        | which operation of the spec a request is for; pure     |
| `_request_check` | which requests the API would not accept, and why; pure |
| `_records`       | records and errors made from the spec; pure            |
| `_drift`         | records that are not as the spec says; pure            |
| `_server`        | HTTP, by pytest-httpserver                             |
"""

TYPE_CHECKING = False  # type checkers know the name; importing it from `typing` would cost
if TYPE_CHECKING:
    from modelgates_client.testing._chat import StubChat
    from modelgates_client.testing._drift import drifted
    from modelgates_client.testing._records import make_error, make_record
    from modelgates_client.testing._request_check import STUB_KEY, StubRequest
    from modelgates_client.testing._stub import StubAPI

#: Where each name is defined.
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


if not TYPE_CHECKING:  # it would let any name pass

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers do not see it
        """Load a public name when it is first used (PEP 562)."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - not before it is needed

        value = globals()[name] = getattr(import_module(home), name)
        return value

    def __dir__():  # noqa: ANN202 - type checkers do not see it
        """List the public names, loaded or not."""
        return sorted(__all__)
