"""A sample application: the OpenAI SDK, captured and resolved, in a separate process.

    python application.py LEDGER FIRST LAST

It requests completions with the numbers from FIRST to LAST, in four threads. On stdout it prints a
line for each finished completion and for each record that the resolver passes to the callback.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import openai
from openai import OpenAI

from modelgates_client.capture import Resolver, capture, labels

THREADS = 4


def request_completion(client, number):
    """Request one completion; half of them are streamed."""
    arguments = {"model": "m", "messages": [{"role": "user", "content": str(number)}]}
    with labels(feature="search" if number % 2 else "chat", number=str(number)):
        try:
            if number % 2:
                for _ in client.chat.completions.create(**arguments, stream=True):
                    pass
            else:
                client.chat.completions.create(**arguments)
        except openai.APIError:  # a real application would report it
            return


def print_line(line):
    """Print a line from any thread."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main():
    """Run the application."""
    path, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

    def on_record(record):
        print_line(f"record {record.id}")

    with (
        capture(OpenAI(max_retries=0), to=path) as client,
        Resolver(path, on_record=on_record) as resolver,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        for _ in threads.map(lambda number: request_completion(client, number), range(first, last)):
            print_line("finished")
        resolver.drain(120)


if __name__ == "__main__":
    main()
