"""Stories: a repository is audited on a cluster that loses a worker; the audit is that of one machine."""

from __future__ import annotations

import io
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from clusters import TestCluster, cluster
from repositories import Repository
from telling import Files, environ

from bot import cli

pytestmark = [pytest.mark.engine, pytest.mark.thorough]

MODULE = """\
LEAST = 10


def right(amount):
    return amount * 2


def wrong(amount):
    if amount > LEAST:
        return amount - 1
    return amount
"""
TESTS = """\
from shop.{name} import right, wrong


def test_right():
    assert right(2) == 4


def test_wrong():
    assert wrong(10) == {expected}


def test_small():
    assert wrong(3) == 3
"""
SHOP: Files = {
    "shop/__init__.py": "",
    **{f"shop/{name}.py": MODULE for name in "abc"},
    **{f"tests/test_{name}.py": TESTS.format(name=name, expected=9 if name == "a" else 10) for name in "abc"},
}


def audited(repo: Repository, state: Path, *more: str) -> Mapping[str, Any]:
    """The JSON of an audit."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["audit", "--repo", str(repo.path), "--state", str(state), "--format", "json", "--no-color", *more]
    cli.run(argv, cli.Terminal(out, err, {**environ(), "OPENAI_API_KEY": ""}))
    assert out.getvalue(), err.getvalue()
    value: Mapping[str, Any] = json.loads(out.getvalue())
    return value


def kill_one(there: TestCluster) -> None:
    """Kills the first worker that is seen to work."""
    until = time.monotonic() + 100
    while time.monotonic() < until:
        for worker in there.workers:
            threads = Path(f"/proc/{worker.pid}/task").iterdir()
            if any((thread / "children").read_text().split() for thread in threads):
                worker.send_signal(signal.SIGKILL)
                return
        time.sleep(0.02)


def told(audit: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader takes from it."""
    return {
        "functions": sorted((row["path"], row["function"], row["attention"]) for row in audit["functions"]),
        "findings": sorted(
            (found["id"], found["title"], (found["suggestion"] or {}).get("replacement"))
            for found in audit["review"]["findings"]
        ),
        "problems": audit["review"]["problems"],
    }


def test_an_audit_on_a_cluster_that_loses_a_worker_is_that_of_one_machine(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "project")
    repo.commit(SHOP)
    alone = audited(repo, tmp_path / "alone.sqlite", "--set", "audit.workers=2")
    folder = tmp_path / "cluster"
    folder.mkdir()
    with cluster(folder, 3) as there:
        killing = threading.Thread(target=kill_one, args=(there,))
        killing.start()
        together = audited(repo, tmp_path / "together.sqlite", "--scheduler", there.address)
        killing.join()
        assert sum(worker.poll() is not None for worker in there.workers) == 1
    assert told(together) == told(alone)
    assert len(told(alone)["findings"]) == 1
    seen = Counter((row["path"], row["function"]) for row in together["functions"])
    assert set(seen.values()) == {1}
    assert len(seen) == 6
