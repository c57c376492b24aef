"""Measures the maintainer's tools by the number of operations of a spec."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from common.project import Project

from benchmarks.contenders import Contender, Setting, Work, expect

_ROOT = Path(__file__).resolve().parents[2]
_NO_OVERLAY = "overlay: 1.0.0\ninfo: {title: none, version: 1.0.0}\nactions: []\n"
_REFERENCE = re.compile('"#/components/schemas/[^"]+')


def repeated(spec: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a spec with `count` copies of the operations of the first path, and of all schemas."""
    path, operations = next(iter(spec["paths"].items()))
    result = {**spec, "paths": {}, "components": {**spec["components"], "schemas": {}}}
    for number in range(count):
        parts = json.dumps([operations, spec["components"]["schemas"]])
        copy, schemas = json.loads(_REFERENCE.sub(rf"\g<0>{number}", parts))
        for operation in copy.values():
            operation["operationId"] += f"-{number}"
        result["paths"][f"{path}/{number}"] = copy
        for name, schema in schemas.items():
            result["components"]["schemas"][f"{name}{number}"] = schema
    return result


def project(folder: Path, count: int) -> Project:
    """Return a project with `count` operations, without corrections of the spec."""
    from common import documents  # noqa: PLC0415 - needs what only the maintainer's tools have

    result, real = Project(folder), Project(_ROOT)
    for source in (*real.inputs(), real.lock, real.client / "_version.py"):
        target = folder / source.relative_to(_ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    result.overlay.write_text(_NO_OVERLAY, encoding="utf-8")
    result.spec.write_text(json.dumps(repeated(documents.load(real.spec), count)))
    return result


def regeneration(count: int) -> Contender:
    """Generate the package."""

    def contender(setting: Setting) -> Work:
        from codegen import generator  # noqa: PLC0415 - as above

        target = project(Path(setting.folder, f"generated-{count}"), count)

        def work(times: int) -> None:
            for _ in range(times):
                with generator.generated(target) as package:
                    expect(len([*package.rglob("get_generation_*.py")]), count)

        return work

    return contender


def drift(count: int) -> Contender:
    """Compare the spec with one in which one field of every operation has another type."""

    def contender(setting: Setting) -> Work:
        from common.versions import Version  # noqa: PLC0415 - as above
        from specdiff import assessment  # noqa: PLC0415

        target = project(Path(setting.folder, f"compared-{count}"), count)
        old = target.spec.read_bytes()
        changed = json.loads(old)
        for schema in changed["components"]["schemas"].values():
            if cost := schema.get("properties", {}).get("total_cost"):
                cost["type"] = "string"
        new = json.dumps(changed).encode()

        def work(times: int) -> None:
            for _ in range(times):
                report = assessment.assess(
                    target,
                    Version("old", old),
                    Version("new", new),
                    excuses=[],
                    fail_on="never",
                    changelog=None,
                    backtest=False,
                    progress=lambda _: None,
                )
                expect(len(report.changes) >= count, expected=True)

        return work

    return contender
