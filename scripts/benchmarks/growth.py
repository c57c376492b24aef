"""Measures the maintainer's tools by the number of operations of a spec."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from common.project import Project

from benchmarks.contenders import Contender, Setting, Work

_ROOT = Path(__file__).resolve().parents[2]
_NO_OVERLAY = "overlay: 1.0.0\ninfo: {title: none, version: 1.0.0}\nactions: []\n"


def repeated(spec: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a spec with the first operation of another, and all that it needs, so many times."""
    result = {**spec, "paths": {}, "components": {**spec["components"], "schemas": {}}}
    path, item = next(iter(spec["paths"].items()))
    schemas = spec["components"]["schemas"]
    for number in range(count):
        item_copy = _renamed(copy.deepcopy(item), number)
        for operation in item_copy.values():
            operation["operationId"] += f"-{number}"
        result["paths"][f"{path}/{number}"] = item_copy
        for name, schema in schemas.items():
            result["components"]["schemas"][f"{name}{number}"] = _renamed(schema, number)
    return result


def _renamed(node: Any, number: int) -> Any:
    if isinstance(node, list):
        return [_renamed(part, number) for part in node]
    if not isinstance(node, dict):
        return node
    result = {key: _renamed(part, number) for key, part in node.items()}
    if str(result.get("$ref")).startswith("#/components/schemas/"):
        result["$ref"] += str(number)
    return result


def project(folder: Path, count: int) -> Project:
    """Lay out a project of so many operations, without an overlay over the spec."""
    from common import documents  # noqa: PLC0415 - needs what only the maintainer's tools have

    target_project, real = Project(folder), Project(_ROOT)
    if not folder.exists():
        for source in (*real.inputs(), real.lock, real.client / "_version.py"):
            target = folder / source.relative_to(_ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        target_project.overlay.write_text(_NO_OVERLAY, encoding="utf-8")
        target_project.spec.write_text(json.dumps(repeated(documents.load(real.spec), count)))
    return target_project


def regeneration(count: int) -> Contender:
    """Generate the package."""

    def contender(setting: Setting) -> Work:
        from codegen import generator  # noqa: PLC0415 - as above

        target_project = project(Path(setting.folder, f"spec-of-{count}"), count)

        def work(times: int) -> None:
            for _ in range(times):
                with generator.generated(target_project) as package:
                    if len([*package.rglob("get_generation_*.py")]) != count:
                        raise ValueError(f"not {count} operations")

        return work

    return contender


def drift(count: int) -> Contender:
    """Compare the spec with one in which every operation has another type in one place."""

    def contender(setting: Setting) -> Work:
        from common.versions import Version  # noqa: PLC0415 - as above
        from specdiff import assessment  # noqa: PLC0415

        target_project = project(Path(setting.folder, f"spec-of-{count}"), count)
        old = target_project.spec.read_bytes()
        new = old.replace(b'"total_cost": {"type": "number"', b'"total_cost": {"type": "string"')
        versions = Version("old", old), Version("new", new)

        def work(times: int) -> None:
            for _ in range(times):
                report = assessment.assess(
                    target_project,
                    *versions,
                    excuses=[],
                    fail_on="never",
                    changelog=None,
                    backtest=False,
                    progress=lambda _: None,
                )
                if len(report.changes) < count:
                    raise ValueError(f"{len(report.changes)} changes of {count} operations")

        return work

    return contender
