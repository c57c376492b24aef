"""Changes modules in one place at a time, and counts the changes that their tests notice.

cosmic-ray makes the changes, in a copy of the checkout. The tests run in a process forked from this
one, which has imported the libraries already. They must pass before the first change and after the
last, or every change would seem to be noticed.
"""

import importlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

from common.tool_errors import Arguments, ToolError, progress, run

ROOT = Path(__file__).resolve().parent.parent
CLIENT = "overlays/modelgates_client"
#: The modules, and the tests that have to notice a change of each.
MODULES = {
    f"{CLIENT}/transport/deadline.py": ("tests/transport/test_deadline.py",),
    f"{CLIENT}/transport/credentials.py": (
        "tests/transport/test_credentials.py",
        "tests/client/test_auth.py",
        "tests/client/test_secrecy.py",
    ),
    f"{CLIENT}/calls/retry.py": ("tests/calls/test_retry.py", "tests/calls/test_crowds.py"),
    f"{CLIENT}/calls/responses.py": ("tests/calls/test_responses.py", "-m=not slow"),
    f"{CLIENT}/ledger/writing.py": (
        "tests/ledger/test_records.py",
        "tests/ledger/test_forgetting.py",
        "tests/ledger/test_model.py",
    ),
    "overlays/modelgates_runtime/decoders.py": ("tests/runtime",),
    "scripts/specdiff/comparison.py": (
        "tests/scripts/test_specdiff.py",
        "tests/scripts/test_same_in_other_words.py",
        "-k=not sees_the_predicted_effects",  # they generate a client each, and take minutes
    ),
}
#: Changes that show nothing: of `|` between types, and of `is` to `==` for None and the like.
#: A `*` between parameters is none, either.
POINTLESS = ("core/ReplaceBinaryOperator_BitOr_", "Is_Eq", "IsNot_NotEq")
#: Lines with a change that nobody can notice, and why. They are not counted.
EQUIVALENT = {
    'if validation >= "strict" and (drift := tuple(find_drift(parsed, ""))):': "or it is lenient",
    r"""may_have_error = b'"error"' in body or (b"\\" in body or b"\\u" in body)""": "slower only",
    "self.budget.refund(1 << (turn is not None and turn.queue is self.budget))": "1 or 2, too",
    "max_wait_s = min(_MAX_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(attempt - 1, 29))": "3 s, too",
    'if word != "type-specialized" or kind(old) <= ANY:': "`any` is the first of the names",
}
LIBRARIES = ("hypothesis", "pytest_httpserver", "httpx", "xdist")
HANGS_S = 600
_IGNORED = shutil.ignore_patterns(".git", ".nox", ".*_cache", ".hypothesis", "__pycache__", "site")


def main() -> None:
    """Change modules; fail if less than the wanted share of the changes is noticed."""
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=[*MODULES], help="; ".join(MODULES))
    parser.add_argument("--killed", type=float, default=0.9, help="the wanted share (%(default)s)")
    parser.add_argument("--sample", type=int, help="the number of changes of a module; else all")
    options = parser.parse_args()
    if unknown := {*options.modules} - MODULES.keys():
        raise ToolError(f"not in the list of modules: {', '.join(sorted(unknown))}")
    for name in LIBRARIES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="modelgates-mutants-") as folder:
        copy = shutil.copytree(ROOT, Path(folder, "copy"), ignore=_IGNORED)
        os.chdir(copy)
        packages = [str(copy / name) for name in ("overlays", "generated", "scripts")]
        sys.path[:0] = packages
        os.environ["PYTHONPATH"] = os.pathsep.join(packages)
        shares = {
            name: noticed(Path(name), MODULES[name], options.sample) for name in options.modules
        }
        os.chdir(ROOT)
    if missed := [name for name, share in shares.items() if share < options.killed]:
        raise ToolError(f"less than {options.killed:.0%} are noticed in {', '.join(missed)}")


def noticed(module: Path, tests: tuple[str, ...], sample: int | None) -> float:
    """Run the tests with each change, print those that pass; return the share of the others.

    Raises:
        ToolError: The tests fail without a change, or nothing was changed.
    """
    mutating = importlib.import_module("cosmic_ray.mutating")
    sys.dont_write_bytecode = False
    check_unchanged(module, tests)
    sys.dont_write_bytecode = True  # of a changed module; that of the others is kept
    for compiled in module.parent.glob(f"__pycache__/{module.stem}.*"):
        compiled.unlink()
    changes = [*all_changes(module)]
    if sample and sample < len(changes):
        changes = random.Random(0).sample(changes, sample)  # noqa: S311 - not for secrets
    if not changes:
        raise ToolError(f"{module}: there is nothing to change")
    unnoticed = equivalent = 0
    for number, (operator, occurrence) in enumerate(changes):
        progress(f"{module}: change {number + 1} of {len(changes)}")
        with mutating.use_mutation(module, operator, occurrence) as (before, after):
            if after in (before, None):
                raise ToolError(f"{module}: a change was not made: {operator}, {occurrence}")
            diff = [*unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][2:]
            if any(line[1:].strip() in EQUIVALENT for line in diff):
                equivalent += 1
            elif passes(tests):
                unnoticed += 1
                print(*diff, sep="\n", end="\n\n", flush=True)
    check_unchanged(module, tests)
    share = 1 - unnoticed / max(1, len(changes) - equivalent)
    counts = f"{len(changes)} changes, {equivalent} equivalent, {unnoticed} unnoticed"
    print(f"{module}: {counts}, {share:.0%} noticed", flush=True)
    return share


def all_changes(module: Path) -> Iterator[tuple[Any, int]]:
    """Yield each change of a module that can show something: the operator, and which place."""
    plugins, ast = map(importlib.import_module, ("cosmic_ray.plugins", "cosmic_ray.ast"))
    nodes = [*ast.ast_nodes(ast.get_ast_from_path(module))]
    for name in plugins.operator_names():
        operator_class = plugins.get_operator(name)
        if operator_class.arguments() or any(part in name for part in POINTLESS):
            continue
        operator = operator_class()
        places = [node for node in nodes for _ in operator.mutation_positions(node)]
        for occurrence, node in enumerate(places):
            if not (node.parent and node.parent.type == "parameters"):
                yield operator, occurrence


def check_unchanged(module: Path, tests: tuple[str, ...]) -> None:
    """Raise `ToolError` if the tests fail without a change."""
    if not passes(tests):
        raise ToolError(f"{module}: its tests fail, or cannot be run, without a change")


def passes(tests: tuple[str, ...]) -> bool:
    """Whether the tests pass, in a process of their own, before they seem to hang."""
    process = multiprocessing.get_context("fork").Process(target=_test, args=tests)
    process.start()
    process.join(HANGS_S)
    process.kill()
    process.join()
    return process.exitcode == 0


def _test(*tests: str) -> None:
    """Run tests until the first fails, without output; exit with the status of pytest."""
    pytest, hypothesis = map(importlib.import_module, ("pytest", "hypothesis"))
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # nobody reads what is shrunk
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        deadline=None,
        phases=phases,
        suppress_health_check=[*hypothesis.HealthCheck],
    )
    with Path(os.devnull).open("w") as nowhere:
        for output in (1, 2):
            os.dup2(nowhere.fileno(), output)
    imported = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    # The test that noticed the last change runs first: it often notices the next one, too.
    options = ("-x", "--failed-first", "-W", imported, "--hypothesis-profile=mutants")
    sys.exit(pytest.main([*options, *tests]))


if __name__ == "__main__":
    run(main)
