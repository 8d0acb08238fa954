"""Two versions of a project timed in turns on a workload: the test module that does it, and what it says."""

from __future__ import annotations

import contextlib
import json
import random
import re
import statistics
from dataclasses import dataclass

OLD, NEW = "versions/old", "versions/new"
"""Where the two versions lie, relative to the folder in which the module runs."""
TEST = "kept_apart/test_workload.py"
WORKLOAD = "kept_apart/workload.py"
PAIRS = 15
RESAMPLES = 4000
MARK = "TIMES "

MODULE = f'''\
"""Times two versions of one module in turns: fails always, its message is what was measured."""
import gc
import importlib
import importlib.util
import json
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAIRS = {PAIRS}
SECONDS = 20.0


def version(folder, name):
    """The module out of one version, with the rest of its package beside it."""
    top = name.partition(".")[0]
    for loaded in [n for n in sys.modules if n == top or n.startswith(top + ".")]:
        del sys.modules[loaded]
    sys.path.insert(0, str(ROOT / folder))
    try:
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        assert str(ROOT / folder) in module.__file__, module.__file__
        return module
    finally:
        sys.path.pop(0)


def once(run, module):
    """CPU seconds of one run, and what it answered."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        answer = run(module)
        return time.process_time() - began, answer
    finally:
        gc.enable()


def test_workload():
    spec = importlib.util.spec_from_file_location("kept_apart_workload", str(ROOT / "{WORKLOAD}"))
    workload = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(workload)
    old = version("{OLD}", workload.MODULE)
    new = version("{NEW}", workload.MODULE)
    times, same, began = [], True, time.monotonic()
    for _ in range(PAIRS):
        first, a = once(workload.run, old)
        second, b = once(workload.run, new)
        times.append((round(first, 6), round(second, 6)))
        same = same and a == b
        if time.monotonic() - began > SECONDS and len(times) >= 3:
            break
    raise AssertionError("{MARK}" + json.dumps({{"same": same, "times": times}}))
'''


@dataclass(frozen=True)
class Ratio:
    """Time of the new version over the old one's."""

    value: float
    low: float
    high: float
    """Bootstrap interval of 95% around the median over pairs."""
    pairs: int
    same: bool
    """Whether both gave equal answers."""


def workload_of(text: str, module: str) -> str:
    """The workload's file: what the case has, and the name of its module."""
    return f"{text}\n\nMODULE = {module!r}\n"


def read(message: str) -> Ratio | None:
    """What the test's failure says; None where it is another failure."""
    value = None
    for found in re.finditer(re.escape(MARK) + r"(?=\{)", message):
        with contextlib.suppress(json.JSONDecodeError):
            value, _ = json.JSONDecoder().raw_decode(message, found.end())
            break
    if value is None:
        return None
    ratios = [new / max(old, 1e-6) for old, new in value["times"]]
    rng = random.Random(0)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]
    return Ratio(round(statistics.median(ratios), 3), round(low, 3), round(high, 3), len(ratios), value["same"])
