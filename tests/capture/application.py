"""A sample application: the OpenAI SDK, captured and resolved, in a process of its own.

    python application.py LEDGER FIRST LAST

It asks for completions with the numbers from FIRST to LAST, by four threads. On stdout it tells of
each that is over, and of each record that the resolver hands on.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import openai
from openai import OpenAI

from modelgates_client.capture import Resolver, capture, labels

THREADS = 4


def ask(client, number):
    """Ask for one completion; half of them are streamed."""
    asked = {"model": "m", "messages": [{"role": "user", "content": str(number)}]}
    with labels(feature="search" if number % 2 else "chat", number=str(number)):
        try:
            if number % 2:
                for _ in client.chat.completions.create(**asked, stream=True):
                    pass
            else:
                client.chat.completions.create(**asked)
        except openai.APIError:  # what a user would be told of
            return


def tell(line):
    """Print a line, whichever thread it comes from."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main():
    """Run the application."""
    path, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    def on_record(record):
        tell(f"record {record.id}")

    with (
        capture(OpenAI(max_retries=0), to=path) as client,
        Resolver(path, on_record=on_record) as resolver,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        for _ in threads.map(lambda number: ask(client, number), range(first, last)):
            tell("asked")
        resolver.drain(120)


if __name__ == "__main__":
    main()
