"""What an audit costs per function, over sizes: a made-up repository is audited, twice.

    python -m bench.audit [--sizes 50,100,200,400] [--wrong 0]

Each size is a repository of its own: modules of 20 small functions, one test each, of which `--wrong` are broken.
Printed are CPU seconds of our processes (what runs in containers is not among them), executions, containers, and
the state's size; then the same for a second audit, which has nothing to do. Linear means: the column `x`, the
ratio to the size before, stays at 2 where sizes double.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

IN_FILE = 20
BODY = """\
def step{n}(items, limit={n}):
    total = 0
    for item in items:
        if item > limit:
            total += item
        else:
            total -= {sign}1
    return total
"""
TEST = """\
def test_step{n}():
    assert step{n}([{n} + 2, 0]) == {n} + 1
"""


@dataclass(frozen=True)
class Cost:
    """What one audit used."""

    cpu: float
    wall: float
    executions: int
    containers: int
    findings: int


def repository(folder: Path, size: int, wrong: int) -> None:
    """A repository of `size` functions."""
    (folder / "steps").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "steps/__init__.py").write_text("")
    for start in range(0, size, IN_FILE):
        numbers = range(start, min(start + IN_FILE, size))
        name = f"part{start // IN_FILE}"
        bodies = (BODY.format(n=n, sign="-" if n < wrong else "") for n in numbers)
        (folder / f"steps/{name}.py").write_text("\n\n".join(bodies))
        imports = "".join(f"from steps.{name} import step{n}\n" for n in numbers)
        (folder / f"tests/test_{name}.py").write_text(
            imports + "\n\n" + "\n\n".join(TEST.format(n=n) for n in numbers)
        )
    for argv in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
        subprocess.run(["git", *who, *argv], cwd=folder, check=True)


def audited(folder: Path, state: Path) -> Cost:
    """One audit, as a command of its own."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "bot", "audit", "--repo", str(folder), "--state", str(state), "-q"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode("utf-8", "replace"))
    value = json.loads(done.stdout)
    costs = value["review"]["costs"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, costs["executions"], costs["containers"], len(value["findings"]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="50,100,200,400", help="functions, comma separated")
    parser.add_argument("--wrong", type=int, default=0, help="how many of them are broken")
    args = parser.parse_args()
    print(f"{os.cpu_count()} processors")
    print(
        "| functions | CPU s | x | ms each | executions | containers | findings | again: CPU s | x | state KiB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    last: tuple[Cost, Cost] | None = None
    for size in (int(text) for text in args.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="tryline-bench-") as scratch:
            folder, state = Path(scratch) / "project", Path(scratch) / "audit.sqlite"
            repository(folder, size, args.wrong)
            first, second = audited(folder, state), audited(folder, state)
            kib = state.stat().st_size // 1024
        ratios = [f"{now.cpu / then.cpu:.2f}" for now, then in zip((first, second), last or (), strict=False)]
        one, two = ratios or ["", ""]
        print(
            f"| {size} | {first.cpu:.1f} | {one} | {1000 * first.cpu / size:.0f} | {first.executions} | "
            f"{first.containers} | {first.findings} | {second.cpu:.1f} | {two} | {kib} |",
            flush=True,
        )
        last = first, second


if __name__ == "__main__":
    main()
