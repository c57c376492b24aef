"""Changes a module in one place at a time, and counts the changes that its own tests notice.

cosmic-ray makes the changes, in a copy of the checkout. The tests must pass before, or every change
would seem to be noticed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common.tool_errors import Arguments, ToolError, run

ROOT = Path(__file__).resolve().parent.parent
CLIENT = "overlays/modelgates_client"
#: The modules, and the tests that have to notice a change of each.
MODULES = {
    f"{CLIENT}/transport/deadline.py": ("tests/transport/test_deadline.py",),
    f"{CLIENT}/transport/credentials.py": (
        "tests/client/test_auth.py",
        "tests/client/test_secrecy.py",
    ),
    f"{CLIENT}/calls/retry.py": ("tests/calls/test_retry.py", "tests/calls/test_crowds.py"),
    f"{CLIENT}/calls/responses.py": ("tests/calls/test_responses.py",),
    f"{CLIENT}/ledger/writing.py": ("tests/ledger/test_records.py", "tests/ledger/test_model.py"),
    "overlays/modelgates_runtime/decoders.py": ("tests/runtime", "tests/contract"),
    "scripts/specdiff/comparison.py": ("tests/scripts/test_specdiff.py",),
}
_IGNORED = shutil.ignore_patterns(".git", ".nox", ".*_cache", ".hypothesis", "__pycache__", "site")


def main() -> None:
    """Mutate modules; fail if less than the wanted share of the changes is noticed."""
    parser = Arguments(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=[*MODULES], help="; ".join(MODULES))
    parser.add_argument("--killed", type=float, default=0.9, help="the wanted share (%(default)s)")
    options = parser.parse_args()
    if unknown := {*options.modules} - MODULES.keys():
        raise ToolError(f"not in the list of modules: {', '.join(sorted(unknown))}")
    missed = [name for name in options.modules if mutated(name) < options.killed]
    if missed:
        raise ToolError(f"less than {options.killed:.0%} are noticed in {', '.join(missed)}")


def mutated(module: str) -> float:
    """Run the tests of a module with each change, print those unnoticed; return the noticed share.

    Raises:
        ToolError: The tests fail without a change, or no change was made.
    """
    with tempfile.TemporaryDirectory(prefix="modelgates-mutants-") as folder:
        copy, config, session = Path(folder, "copy"), Path(folder, "c.toml"), Path(folder, "s.db")
        shutil.copytree(ROOT, copy, ignore=_IGNORED)
        tests = " ".join(("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *MODULES[module]))
        config.write_text(
            f"[cosmic-ray]\nmodule-path = {json.dumps(module)}\ntimeout = 120.0\n"
            f"excluded-modules = []\ntest-command = {json.dumps(f'{sys.executable} {tests}')}\n"
            '[cosmic-ray.distributor]\nname = "local"\n',
            encoding="utf-8",
        )
        for command in (["init", config, session], ["baseline", config], ["exec", config, session]):
            if cosmic_ray(copy, *command).returncode:
                raise ToolError(f"{module}: its tests fail, or cannot be run, without a change")
        lines = cosmic_ray(copy, "dump", session).stdout.splitlines()
    return reported(module, [json.loads(line) for line in lines])


def cosmic_ray(copy: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run cosmic-ray in a copy of the checkout, whose packages hide the installed ones."""
    packages = [str(copy / name) for name in ("overlays", "generated", "scripts")]
    path = {"PYTHONPATH": os.pathsep.join(packages), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "cosmic_ray.cli", *map(str, arguments)],
        cwd=copy,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )


def reported(module: str, results: list[tuple[dict[str, Any], dict[str, Any] | None]]) -> float:
    """Print the changes that no test noticed, and return the share of the others.

    Raises:
        ToolError: A change was not tried, or there is none.
    """
    survivors: list[str] = []
    for item, result in results:
        if result is None or result["worker_outcome"] != "normal":
            raise ToolError(f"{module}: a change was not tried: {item['mutations']}")
        if result["test_outcome"] == "survived":
            survivors.append(result["diff"])
    if not results:
        raise ToolError(f"{module}: there is nothing to change")
    for diff in sorted(survivors):
        print(*(line for line in diff.splitlines()[3:] if line[:1] in "-+"), sep="\n", end="\n\n")
    share = 1 - len(survivors) / len(results)
    print(f"{module}: {len(results)} changes, {len(survivors)} unnoticed, {share:.0%} noticed")
    return share


if __name__ == "__main__":
    run(main)
