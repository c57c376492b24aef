"""The documented fetch with Dask, on a cluster of two workers."""

import json
import subprocess
import sys

from ..documents import ROOT, Page
from ..fast_server import KEY, Gateway, error, record

RECIPE = Page(ROOT / "docs" / "many-machines.md").file("cluster.py")


def test_two_workers_share_the_ids_and_the_rate_limit(tmp_path, monkeypatch):
    """Ids are requested about once each, missing ones are stated, and `report` reads all parts."""
    (tmp_path / "recipe.py").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "ids.txt").write_text("".join(f"gen-{n}\n" for n in range(600)), encoding="utf-8")

    def respond(generation_id, _):
        return error(404) if generation_id == "gen-13" else record(generation_id)

    with Gateway(respond, per_second=150) as gateway:
        monkeypatch.setenv("MODELGATES_API_KEY", KEY)
        monkeypatch.setenv("MODELGATES_BASE_URL", gateway.base_url)
        subprocess.run([sys.executable, "recipe.py"], cwd=tmp_path, check=True)
        assert len(gateway.requests) == 600
        assert sum(gateway.statuses.values()) <= 1.1 * 600
    result = subprocess.run(
        [sys.executable, "-m", "modelgates_client", "report", "parts/*.parquet"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    report = json.loads(result.stdout)
    assert report["total"]["records"] == 599
    assert report["unresolved"]["pending"] == 1
    assert KEY not in result.stdout
