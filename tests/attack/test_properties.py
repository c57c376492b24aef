"""Each property test again with mutated input, guided by coverage where atheris is installed.

Every parser of outside text has such tests: ids in logs, recordings, `Retry-After`, dates, options,
ledgers. They are found, not listed; those that take fixtures are left out.
"""

import importlib
import inspect
import os
import random
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: The modules whose property tests decode bodies.
OF_DECODER = {"tests.calls.test_responses", "tests.contract.test_bodies_from_spec"}
GUIDED = """
import importlib, sys
import atheris
name, test, seconds, folder = sys.argv[1:]
with atheris.instrument_imports(include=["modelgates_client", "modelgates_runtime"]):
    module = importlib.import_module(name)
fuzz = getattr(module, test).hypothesis.fuzz_one_input
options = [f"-max_total_time={seconds}", "-max_len=4096", "-len_control=0"]
atheris.Setup([test, *options, f"-artifact_prefix={folder}/failed-", folder], fuzz)
atheris.Fuzz()
"""


def properties():
    """Yield the module and the name of each property test that takes no fixture."""
    for file in sorted(ROOT.glob("tests/**/test_*.py")):
        if b"@given" not in file.read_bytes() or file.parent == Path(__file__).parent:
            continue
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for test, function in vars(importlib.import_module(name)).items():
            if hasattr(function, "hypothesis") and not inspect.signature(function).parameters:
                yield name, test


def guided(name, test, seconds):
    """Feed a test for some seconds by atheris; return what it printed if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(20):
            Path(folder, str(seed)).write_bytes(random.Random(seed).randbytes(4096))
        done = subprocess.run(
            [sys.executable, "-c", GUIDED, name, test, str(max(1, int(seconds))), folder],
            env={"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "scripts")])},
            capture_output=True,
            text=True,
        )
    return f"{name}.{test}: {done.stdout}{done.stderr}"[-4000:] if done.returncode else ""


def unguided(name, test, seconds):
    """Feed a test for some seconds, at least once, by random and mutated input."""
    fuzz = getattr(sys.modules[name], test).hypothesis.fuzz_one_input
    rng, valid, end = random.Random(test), [b""], time.monotonic() + seconds
    while True:
        start = rng.choice(valid)[: rng.randint(0, 4096)]
        content = start + rng.randbytes(rng.randint(0, 1024))
        try:
            valid = [*valid[-99:], fuzz(content) or b""]
        except Exception as error:  # noqa: BLE001 - reported below
            return f"{name}.{test}: {error!r} for {content!r}"
        if time.monotonic() >= end:
            return ""


@pytest.mark.timeout(0)
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_no_input_breaks_a_property(size, monkeypatch):
    """None of those that are found; without time for it, only a few are tried."""
    monkeypatch.syspath_prepend(ROOT)
    seconds = size("fuzz-seconds")
    found = [*properties()] if seconds else [*islice(properties(), 3)]
    run = guided if seconds and find_spec("atheris") else unguided
    of_decoder = [each for each in found if each[0] in OF_DECODER]
    times = dict.fromkeys(found, seconds)
    times.update(dict.fromkeys(of_decoder, size("decoder-seconds") / max(1, len(of_decoder))))
    failures = [failure for each in found if (failure := run(*each, times[each]))]
    assert len(found) > (50 if seconds else 2)
    assert not seconds or len(of_decoder) >= len(OF_DECODER)
    assert not failures, "\n".join(failures)
