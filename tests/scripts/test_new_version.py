"""A new version of the spec, from the vendoring to code that users have written.

In a scratch checkout, as the maintainer does it: vendor, drift, regenerate, contract tests. Then
the public names, and the examples of the README and the pages.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from ..documents import PAGES
from ..typed import mypy
from .conftest import FROZEN, KEPT, PINNED, RECORD, ROOT, run_script

AS_JSON = ("--format", "json")

#: Loads all that is public; prints from where.
IMPORTS = """
import modelgates_api, modelgates_client
for name in modelgates_client.__all__:
    getattr(modelgates_client, name)
print(modelgates_api.__file__)
"""
#: Runs the pages' examples against a stub, in a fresh interpreter.
EXAMPLES = """
import os, sys
from modelgates_client.testing import StubAPI
import json
record = json.load(open(sys.argv[1]))["data"]
with StubAPI([record]) as stub:
    for name in ("MODELGATES", "OPENAI"):  # whose calls are captured
        os.environ[f"{name}_API_KEY"] = stub.api_key
        os.environ[f"{name}_BASE_URL"] = stub.base_url
    for path in sys.argv[2:]:
        folder = path.rpartition("_")[0]  # of the page: it has ledgers of its own
        os.makedirs(folder, exist_ok=True)
        os.chdir(folder)
        exec(compile(open(path).read(), path, "exec"), {})
"""


class Checkout:
    """A scratch checkout at `PINNED`, with an environment that imports its packages.

    What is compiled already comes with it, so that not each compiles the packages anew.
    """

    def __init__(self, root, ours):
        self.root = root
        ignore = shutil.ignore_patterns(".*cache*")
        for name in ("codegen-config.yaml", "pyproject.toml", "CHANGELOG.md"):
            shutil.copy(ROOT / name, root / name)
        for name in ("overlays", "scripts"):
            shutil.copytree(ROOT / name, root / name, ignore=ignore)
        (root / "tests").mkdir()
        shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
        for name in ("contract", "records", "specs"):
            shutil.copytree(ROOT / "tests" / name, root / "tests" / name, ignore=ignore)
        shutil.copytree(ours.root / "generated", root / "generated")
        for name in ("openapi.yaml", "openapi.lock.json", "overlays/spec.overlay.yaml"):
            shutil.copy(ours.root / name, root / name)

        self.path = os.pathsep.join(str(root / n) for n in ("overlays", "generated", "scripts"))

    def run(self, *arguments):
        """Run Python in the checkout; return what it printed."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": self.path, "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def type_check(self, *arguments):
        """Run mypy in the checkout, which must find nothing."""
        done = mypy(*arguments, cwd=self.root, PYTHONPATH=self.path)
        assert done.returncode == 0, done.stdout + done.stderr

    def tool(self, name, *arguments, status=(None, 0)):
        """Run a script over the checkout; return what it printed."""
        ended = run_script(self.root, f"{name}.py", *arguments)
        assert ended.status in status, ended
        return ended.output

    def adopt(self, spec, *report):
        """Vendor a new spec, compare it and regenerate, as the maintainer does.

        Returns:
            The outputs of drift and regenerate.
        """
        before = self.root / "before.yaml"
        shutil.copy(self.root / "openapi.yaml", before)
        output = self.tool(
            "vendor", spec, "--date", "9999-12-31"
        )  # a date without a stored version
        assert "openapi.yaml" in output
        assert (self.root / "openapi.yaml").read_bytes() == spec.read_bytes()
        drift = self.tool("drift", "--against", before, *report, status=(None, 0, 1))
        regenerated = self.tool("regenerate")
        self.tool("regenerate", "--check")
        return drift, regenerated

    def check(self):
        """Run the contract tests, and the examples of the documentation."""
        assert self.run("-c", IMPORTS).startswith(str(self.root))
        tests = [f"tests/contract/test_{name}.py" for name in ("both_clients", "get_generation")]
        self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests)
        self._examples()

    def _examples(self):
        (self.root / "examples").mkdir()
        for page in PAGES:
            for number, (block, _) in enumerate(page.examples()):
                name = f"{page.path.stem.lower().replace('-', '_')}_{number}.py"
                (self.root / "examples" / name).write_text(block.text, encoding="utf-8")
        examples = sorted((self.root / "examples").glob("*.py"))
        assert len(examples) >= 6
        self.run("-c", EXAMPLES, RECORD, *examples)

    def check_types(self):
        """Run mypy over the same code, and over the hand-written package."""
        examples = sorted((self.root / "examples").glob("*.py"))
        ours = [path for path in examples if _imports(path) <= {"httpx", "modelgates_client"}]
        assert len(ours) >= 6
        modules = [part for path in ours for part in ("-m", f"examples.{path.stem}")]
        self.type_check("--exclude=/frozen/", "-p", "modelgates_client", *modules)


def _imports(path):
    """Return the imports of an example outside the standard library."""
    matching = re.findall(r"^(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {*matching} - sys.stdlib_module_names


@pytest.fixture
def checkout(tmp_path, ours):
    """A scratch checkout."""
    return Checkout(tmp_path, ours)


@pytest.mark.slow("it generates, and runs the contract tests and all examples, in a checkout")
@pytest.mark.parametrize("name", KEPT)
def test_a_kept_version_becomes_the_vendored_one(checkout, name, tmp_path):
    """Each that was published: nothing breaks, nothing disagrees; users' code works, by two."""
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(FROZEN[name].content)
    report = json.loads(checkout.adopt(spec, *AS_JSON)[0])
    assert report["counts"]["breaking"] == 0
    assert report["refusal"] is None
    assert report["proof"]["faults"] == report["proof"]["disagreements"] == []
    assert not any(shift["breaks"] for shift in report["regenerated"])
    assert report["release"]["bump"] in {"minor", "patch"}
    if name in {"2026-05-30", KEPT[-1]}:
        checkout.check()


def made_up(text):
    """Add an operation with a path parameter and a request body, rename the tag, double a slash."""
    operation = """\
  //generation/{generation_id}/feedback:
    post:
      operationId: submit-feedback
      tags:
        - Usage & records
      parameters:
        - name: generation_id
          in: path
          required: true
          schema:
            type: string
        - name: Authorization
          in: header
          required: true
          schema:
            type: string
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                rating:
                  type: integer
                comment:
                  type:
                    - string
                    - 'null'
              required:
                - rating
      responses:
        '200':
          description: Taken
          content:
            application/json:
              schema:
                type: object
                properties:
                  accepted:
                    type: boolean
                required:
                  - accepted
"""
    for old, new in (
        ("subpackage_generations", "Usage & records"),
        ("  /generation:\n", "  //generation:\n"),
        ("servers:\n", f"{operation}servers:\n"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def test_a_made_up_version_becomes_the_vendored_one(checkout, tmp_path):
    """What is suspicious is said; the names stand, the client asks where it always did."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(made_up(FROZEN[PINNED].content.decode()), newline="\n")
    report = json.loads(checkout.adopt(spec, *AS_JSON)[0])
    rules = {change["rule"] for change in report["changes"]}
    assert {"endpoint-added", "path-slashes-changed", "api-tag-added", "api-tag-removed"} <= rules
    matching = {suspicion["id"] for suspicion in report["suspicions"]}
    assert matching == {"slash-doubled", "tag-renamed"}
    assert report["proof"]["faults"] == report["proof"]["disagreements"] == []
    assert not any(shift["breaks"] for shift in report["regenerated"])
    assert checkout.run("-c", CALL).split() == ["POST", "/generation/a%2Fb/feedback"]
    checkout.check()
    checkout.check_types()


CALL = """
import importlib, pkgutil
import modelgates_api.api as api
found = [m.name for m in pkgutil.walk_packages(api.__path__, "modelgates_api.api.")]
(name,) = [n for n in found if n.endswith("submit_feedback")]
module = importlib.import_module(name)
from modelgates_api import models
body = getattr(models, [n for n in models.__all__ if "Feedback" in n and "Body" in n][0])
call = module.submit_feedback(generation_id="a/b", body=body(rating=5))
print(call.operation.method, call.target)
"""
