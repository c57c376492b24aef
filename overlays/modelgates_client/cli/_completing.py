"""What a shell completes that click does not know by itself."""

import zoneinfo

import click


def dimensions(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names to group by that a list, with commas between, may go on with."""
    from modelgates_client.ledger.labels import PREFIX  # noqa: PLC0415 - completion must be quick
    from modelgates_client.reports.picking import DIMENSIONS  # noqa: PLC0415 - likewise

    before, comma, begun = incomplete.rpartition(",")
    chosen = before.split(",")
    return [
        f"{before}{comma}{name}"
        for name in (*DIMENSIONS, PREFIX)
        if name.startswith(begun) and name not in chosen
    ]


def zones(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of zones that begin like that."""
    names = ("local", *sorted(zoneinfo.available_timezones() - {"localtime"}))
    return [name for name in names if name.startswith(incomplete)]
