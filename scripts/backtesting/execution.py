"""Runs a backtest: generates clients and bodies, and decodes the bodies with the clients."""

import itertools
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common.project import PACKAGE, Project
from common.tool_errors import ToolError
from common.versions import Version
from normalizing.normal import NormalForm

from backtesting import bodies, clients, records, workers
from backtesting.bodies import ResponseBodies, ResponseBody
from backtesting.clients import GeneratedClient
from backtesting.observations import Backtest
from backtesting.report import BacktestReport


@dataclass(frozen=True)
class BacktestOptions:
    """The options of a backtest.

    Attributes:
        seed: The seed of the random combinations.
        combinations: The number of random combinations per status.
        real: Files of real records, decoded by every client.
        pairs: The clients and servers that are tried with each other, by name; None for all.
        progress: Called with a short text before each step.
    """

    seed: int = 0
    combinations: int = 20
    real: Sequence[Path] = ()
    pairs: Collection[tuple[str, str]] | None = None
    progress: Callable[[str], None] = lambda _: None


def run(
    project: Project,
    olds: Sequence[Version],
    news: Sequence[Version],
    options: BacktestOptions,
) -> BacktestReport:
    """Decode what each of the `news` allows, and real records, by the client of each of the `olds`.

    Args:
        project: Whose overlays and configuration the clients are generated under.
        olds: The versions that clients are generated from, with distinct names.
        news: The versions that bodies are generated from, with distinct names.
        options: The rest.

    Raises:
        ToolError: A client cannot be generated, or a record cannot be read.
    """
    options.progress(f"generating the response bodies of {len(news)} version(s)")
    bodies_by_version = {
        new.name: bodies.generate(new.document, options.seed, options.combinations) for new in news
    }
    own = {o.name: [n.name for n in news if n.content == o.content] for o in olds}
    options.progress(f"generating {len(olds)} client(s)")
    results: dict[tuple[str, str], Backtest] = {}
    decoded_records: dict[str, dict[str, Backtest]] = {}
    with (
        clients.generated(project, olds) as generated,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
    ):
        done = pool.map(
            lambda client: decoded(
                client, _for(client, bodies_by_version, options.pairs), own=own[client.version]
            ),
            generated.values(),
        )
        for number, result_by_version in enumerate(done, start=1):
            options.progress(f"{number} of {len(olds)} client(s) have decoded everything")
            results |= {(result.old, result.new): result for result in result_by_version.values()}
        if options.real:
            record_results = pool.map(
                partial(records.decoded, records=options.real), generated.values()
            )
            decoded_records = dict(zip(generated, record_results, strict=True))
    return BacktestReport(options.seed, results, decoded_records)


def own(project: Project, directory: Path, normal: NormalForm) -> list[str]:
    """Return the faults of a client with bodies that its own document allows.

    Args:
        project: Whose runtime it stands on.
        directory: Holds the generated package.
        normal: The document in its normal form, which the package was generated from.

    Returns:
        A line for each crash, wrong value, loss and deviation; none if all is well.
    """
    modules = clients.modules_of(directory / PACKAGE, normal)
    name = project.spec.name
    client = GeneratedClient(name, directory, project.runtime.parent, modules)
    result = decoded(client, {name: bodies.generate(normal)}, own=[name])[name]
    return [*result.crashes, *result.wrong_values, *result.losses]


def neighbours(names: Sequence[str], vendored: str) -> set[tuple[str, str]]:
    """Return the pairs of versions that are tested by default, at most five per version.

    Each is paired with itself, the previous, the next and the vendored version: the combinations
    that users are likely to meet.

    Args:
        names: The versions, in their order.
        vendored: The one that is vendored now.
    """
    pairs = {(name, name) for name in names}
    for first, second in (*itertools.pairwise(names), *((name, vendored) for name in names)):
        pairs |= {(first, second), (second, first)}
    return pairs


def _for(
    client: GeneratedClient,
    bodies_by_version: Mapping[str, ResponseBodies],
    pairs: Collection[tuple[str, str]] | None,
) -> dict[str, ResponseBodies]:
    """Return the bodies that a client is tested with."""
    return {
        name: version_bodies
        for name, version_bodies in bodies_by_version.items()
        if pairs is None or (client.version, name) in pairs
    }


def show(
    project: Project, old: Version, new: Version, number: int, options: BacktestOptions
) -> str:
    """Return how the client of `old` decodes one body of `new`, followed by the body.

    Raises:
        ToolError: There is no body of this number, or the client cannot be generated.
    """
    version_bodies = bodies.generate(new.document, options.seed, options.combinations).bodies
    if not 0 < number <= len(version_bodies):
        raise ToolError(
            f"there is no body {number}; {new.name} has bodies 1 to {len(version_bodies)}"
        )
    body = version_bodies[number - 1]
    with clients.generated(project, [old]) as generated:
        (decoding_result,) = workers.decode(generated[old.name], [body])
    result = {"operation": body.operation, "code": body.code, **decoding_result}
    return f"{json.dumps(result, indent=2)}\n{body.content}"


def decoded(
    client: GeneratedClient,
    bodies_by_version: Mapping[str, ResponseBodies],
    *,
    own: Iterable[str] = (),
    patience_s: float = workers.PATIENCE_S,
) -> dict[str, Backtest]:
    """Decode the bodies of several versions with a client; return the results by version name.

    Args:
        client: A generated client.
        bodies_by_version: The bodies of each version.
        own: The versions whose document is the one that the client is generated from.
        patience_s: Timeout per body, in seconds.
    """
    everything: Sequence[tuple[str, ResponseBody]] = [
        (name, body)
        for name, version_bodies in bodies_by_version.items()
        for body in version_bodies.bodies
    ]
    results = {
        name: Backtest(client.version, name, uncovered=list(version_bodies.uncovered))
        for name, version_bodies in bodies_by_version.items()
    }
    decoding_results = workers.decode(client, [body for _, body in everything], patience_s)
    for (name, body), decoding_result in zip(everything, decoding_results, strict=True):
        results[name].add(body, decoding_result)
    for name in own:
        if name in results:
            results[name].check_own()
    return results
