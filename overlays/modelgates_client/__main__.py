"""`python -m modelgates_client ID …`: print what generations really were.

The key is read from `MODELGATES_API_KEY`, the server from `MODELGATES_BASE_URL`.
"""

import argparse
import io
import sys

from modelgates_api.errors import ModelGatesError
from modelgates_client._client import ModelGates
from modelgates_client._summary import summarize


def main() -> None:
    """Fetch and print; a failure is one line on stderr, and exit status 1."""
    parser = argparse.ArgumentParser(
        prog="python -m modelgates_client", description="Print what generations really were."
    )
    parser.add_argument("ids", nargs="+", metavar="ID", help="a generation's id, gen-…")
    ids: list[str] = parser.parse_args().ids
    for stream in (sys.stdout, sys.stderr):  # what the terminal cannot show is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        with ModelGates() as client:
            for generation_id in ids:
                print(summarize(client.generations.get(generation_id)))
    except ModelGatesError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
