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


def observe(
    project: Project, old: Version, new: Version, *, seed: int = 0, combinations: int = 20
) -> Backtest:
    """Return how the client of `old` decodes everything that `new` allows a server to send.

    Args:
        project: Whose overlays and configuration the client is generated under.
        old: The version that the client is generated from.
        new: The version that the bodies are generated from.
        seed: The seed of the random combinations.
        combinations: The number of random combinations per status.

    Raises:
        ToolError: The client cannot be generated.
    """
    found = run(project, [old], [new], BacktestOptions(seed, combinations))
    return found.results[old.name, new.name]


def matrix(
    project: Project, versions: Iterable[Version], *, seed: int = 0, combinations: int = 20
) -> dict[tuple[str, str], Backtest]:
    """Return what `observe` does for every ordered pair of versions, themselves included.

    Raises:
        ToolError: A client cannot be generated.
    """
    versions = list(versions)
    found = run(project, versions, versions, BacktestOptions(seed, combinations))
    return dict(found.results)


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
    sent = {new.name: bodies.of(new.document, options.seed, options.combinations) for new in news}
    own = {o.name: [n.name for n in news if n.content == o.content] for o in olds}
    options.progress(f"generating {len(olds)} client(s)")
    results: dict[tuple[str, str], Backtest] = {}
    decoded_records: dict[str, dict[str, Backtest]] = {}
    with (
        clients.generated(project, olds) as made,
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
    ):
        done = pool.map(
            lambda client: decoded(
                client, _for(client, sent, options.pairs), own=own[client.version]
            ),
            made.values(),
        )
        for number, found in enumerate(done, start=1):
            options.progress(f"{number} of {len(olds)} client(s) have decoded everything")
            results |= {(result.old, result.new): result for result in found.values()}
        if options.real:
            found_real = pool.map(partial(records.decoded, records=options.real), made.values())
            decoded_records = dict(zip(made, found_real, strict=True))
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
    found = decoded(client, {name: bodies.of(normal)}, own=[name])[name]
    return [*found.crashes, *found.wrong_values, *found.losses]


def neighbours(names: Sequence[str], vendored: str) -> set[tuple[str, str]]:
    """Return the pairs of versions that are tested by default, at most five per version.

    Each is paired with itself, the previous, the next and the vendored version: the combinations
    that users are likely to meet.

    Args:
        names: The versions, in their order.
        vendored: The one that is vendored now.
    """
    pairs = {(name, name) for name in names}
    for one, other in (*itertools.pairwise(names), *((name, vendored) for name in names)):
        pairs |= {(one, other), (other, one)}
    return pairs


def _for(
    client: GeneratedClient,
    sent: Mapping[str, ResponseBodies],
    pairs: Collection[tuple[str, str]] | None,
) -> dict[str, ResponseBodies]:
    """Return the bodies that a client is tested with."""
    return {
        name: made
        for name, made in sent.items()
        if pairs is None or (client.version, name) in pairs
    }


def show(
    project: Project, old: Version, new: Version, number: int, options: BacktestOptions
) -> str:
    """Return how the client of `old` decodes one body of `new`, followed by the body.

    Raises:
        ToolError: There is no body of this number, or the client cannot be generated.
    """
    made = bodies.of(new.document, options.seed, options.combinations).bodies
    if not 0 < number <= len(made):
        raise ToolError(f"there is no body {number}; {new.name} has bodies 1 to {len(made)}")
    body = made[number - 1]
    with clients.generated(project, [old]) as found:
        (answer,) = workers.decode(found[old.name], [body])
    shown = {"operation": body.operation.name, "code": body.code, **answer}
    return f"{json.dumps(shown, indent=2)}\n{body.content}"


def decoded(
    client: GeneratedClient,
    sent: Mapping[str, ResponseBodies],
    *,
    own: Iterable[str] = (),
    patience_s: float = workers.PATIENCE_S,
) -> dict[str, Backtest]:
    """Decode the bodies of several versions with a client; return the results by version name.

    Args:
        client: A generated client.
        sent: The bodies of each version.
        own: The versions whose document is the one that the client is generated from.
        patience_s: Timeout per body, in seconds.
    """
    everything: Sequence[tuple[str, ResponseBody]] = [
        (name, body) for name, made in sent.items() for body in made.bodies
    ]
    found = {
        name: Backtest(client.version, name, uncovered=list(made.uncovered))
        for name, made in sent.items()
    }
    answers = workers.decode(client, [body for _, body in everything], patience_s)
    for (name, body), answer in zip(everything, answers, strict=True):
        found[name].add(body, answer)
    for name in own:
        if name in found:
            found[name].check_own()
    return found
