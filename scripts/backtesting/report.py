"""The result of a backtest, as text for a terminal, as JSON and as Markdown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.effects import Effect
from common.tool_errors import one_line

from backtesting import records
from backtesting.observations import Backtest

_LINES = 10  # of one kind that are worth showing to people
#: The kinds of faults: the attribute and JSON key, and the singular that people read.
_KINDS = {"crashes": "crash", "wrong_values": "wrong value", "losses": "loss"}


@dataclass(frozen=True)
class BacktestReport:
    """What a backtest found.

    Attributes:
        seed: What decided the random combinations.
        results: What the client of one version made of what another allows, pair by pair.
        records: What each client made of each real record, by version and file name.
    """

    seed: int
    results: Mapping[tuple[str, str], Backtest]
    records: Mapping[str, Mapping[str, Backtest]]

    @property
    def everything(self) -> list[Backtest]:
        """All results, those of records last."""
        real = [result for by_record in self.records.values() for result in by_record.values()]
        return [*self.results.values(), *real]

    @property
    def is_clean(self) -> bool:
        """Whether there are no crashes, wrong values or losses."""
        return all(result.is_clean for result in self.everything)

    def total(self, kind: str) -> int:
        """Return how many crashes, wrong values or losses there are."""
        return sum(len(getattr(result, kind)) for result in self.everything)

    def uncovered(self) -> list[str]:
        """Return the places that bodies do not cover, each with the versions that it is in."""
        versions: dict[str, list[str]] = {}
        for result in self.results.values():
            for line in result.uncovered:
                names = versions.setdefault(line, [])
                if result.new not in names:
                    names.append(result.new)
        return [f"{line} ({', '.join(names)})" for line, names in versions.items()]


def text(report: BacktestReport, max_columns: int = 80) -> str:
    """Return the report as text for a terminal of a given width."""
    table = _table(_matrix(report))
    if max(map(len, table)) > max_columns:
        table = _table(_list(report))
    lines = [*table, ""]
    if len(report.results) > 1:
        lines += [_KEY, ""]
    else:
        lines += [*_places(report), ""]
    for result in report.everything:
        lines += _faults(result)
    lines += [f"not covered: {line}" for line in report.uncovered()]
    lines += [f"real records: {line}" for line in _real(report)]
    return "\n".join([*lines, _totals(report)]) + "\n"


def markdown(report: BacktestReport) -> str:
    """Return the report for a pull request."""
    header, *rows = _matrix(report)
    lines = ["## Backtest", "", _totals(report), ""]
    lines += [
        _row(header),
        _row(["---", *["---:"] * (len(header) - 1)]),
        *map(_row, rows),
        "",
        _KEY,
    ]
    for title, items in (
        ("Crashes, wrong values, losses", [line for r in report.everything for line in _faults(r)]),
        ("Places", _places(report) if len(report.results) == 1 else []),
        ("Not covered", report.uncovered()),
        ("Real records", _real(report)),
    ):
        if items:
            lines += ["", f"### {title}", "", *(f"- {_code(line)}" for line in items)]
    return "\n".join(lines) + "\n"


def as_json(report: BacktestReport) -> str:
    """Return the report for programs."""
    content = {
        "seed": report.seed,
        "clean": report.is_clean,
        "results": [_as_dict(result) for result in report.results.values()],
        "records": [
            _as_dict(result)
            for by_record in report.records.values()
            for result in by_record.values()
        ],
        "contradicted": {
            name: records.contradicted(by_record) for name, by_record in report.records.items()
        },
    }
    return json.dumps(content, indent=2) + "\n"


_KEY = (
    "rows: client version; columns: server version; cells: crashes/wrong values/losses, "
    "then the places reported as drift (s) and broken (b); empty where the pair was not tested"
)


def _matrix(report: BacktestReport) -> list[list[str]]:
    servers = sorted({new for _, new in report.results})
    clients = dict.fromkeys(old for old, _ in report.results)
    rows = [[old, *(_cell(report.results.get((old, new))) for new in servers)] for old in clients]
    sent = {new: result.bodies for (_, new), result in report.results.items()}
    return [["client \\ server", *servers], *rows, ["bodies", *(str(sent[new]) for new in servers)]]


def _list(report: BacktestReport) -> list[list[str]]:
    """Return a line for each pair, for reports that are too wide as a matrix."""
    rows = [[*pair, _cell(result), str(result.bodies)] for pair, result in report.results.items()]
    return [["client of", "server of", "", "bodies"], *rows]


def _cell(result: Backtest | None) -> str:
    if result is None:
        return ""
    faults = "/".join(str(len(getattr(result, kind))) for kind in _KINDS)
    counts = [(result.count(Effect.SURFACED), "s"), (result.count(Effect.BROKEN), "b")]
    return " ".join([faults, *(f"{count}{letter}" for count, letter in counts if count)])


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _places(report: BacktestReport) -> list[str]:
    lines: list[str] = []
    for result in report.results.values():
        for (operation, status, place), effect in sorted(result.places.items()):
            lines.append(f"{effect}: {operation} {status} {place or '(the whole body)'}")
            deviations = [
                f"  expected {deviation.expected}, found {deviation.found}: {count} times"
                for deviation, count in result.drift.items()
                if deviation[:3] == (operation, status, place)
            ]
            lines += [*deviations[:_LINES], *_more(len(deviations))]
    return [one_line(line) for line in lines]


def _faults(result: Backtest) -> list[str]:
    lines: list[str] = []
    for kind, name in _KINDS.items():
        faults = getattr(result, kind)
        lines += [f"{name}: client {result.old}, server {result.new}: {x}" for x in faults[:_LINES]]
        lines += _more(len(faults))
    return [one_line(line) for line in lines]


def _more(count: int) -> list[str]:
    return [f"  … and {count - _LINES} more"] if count > _LINES else []


def _real(report: BacktestReport) -> list[str]:
    lines: list[str] = []
    for version, by_record in report.records.items():
        lines += [
            f"{name} by the client of {version}: {result.drift.total()} deviation(s)"
            for name, result in by_record.items()
        ]
        lines += [
            f"the spec is wrong, or the record is older: {line}"
            for line in records.contradicted(by_record)
        ]
    return [one_line(line) for line in lines]


def _totals(report: BacktestReport) -> str:
    pairs, sent = len(report.results), sum(result.bodies for result in report.results.values())
    counts = ", ".join(f"{report.total(kind)} {kind.replace('_', ' ')}" for kind in _KINDS)
    return f"{counts} in {sent} bodies of {pairs} pair(s), seed {report.seed}"


def _as_dict(result: Backtest) -> dict[str, Any]:
    return {
        "client": result.old,
        "server": result.new,
        "bodies": result.bodies,
        **{kind: getattr(result, kind) for kind in _KINDS},
        "places": [
            {"operation": operation, "status": status, "place": place, "effect": str(effect)}
            for (operation, status, place), effect in sorted(result.places.items())
        ],
        "drift": [
            {**deviation._asdict(), "count": count}
            for deviation, count in sorted(result.drift.items())
        ],
        "uncovered": result.uncovered,
    }


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(line: str) -> str:
    fence = "``" if "`" in line else "`"
    return f"{fence} {line.strip().replace('``', '` `')} {fence}"
