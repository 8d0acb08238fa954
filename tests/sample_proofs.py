"""Findings of the kinds that need no test of the repository: an input, an attack, times. Made by hand."""

from __future__ import annotations

from dataclasses import replace

from sample_reviews import (
    CHANGED,
    CLEAN,
    FINDING,
    FOUND,
    REWRITE,
    VERDICT,
    WITH_REWRITE,
    WITHOUT_REWRITE,
)

from bot.domain import (
    Category,
    Finding,
    Frame,
    FunctionReport,
    Probe,
    Review,
    Reviewed,
    Severity,
    Suspicion,
    Witness,
)
from bot.kinds import Difference, Measured

REGRESSION_CODE = '''\
"""`total` answers an empty list as it did before."""

from shop.cart import total


def test_total_of_nothing():
    assert total([]) == 0
'''
CRASH = replace(
    FINDING,
    rule="behaviour/new-crash",
    title="`total([])` raises IndexError now",
    message="`total([])` raises IndexError at line 13; at base it returns `0`. Tests call `total` with lists.",
    witness=Witness(
        kind="input",
        tests=("tests/test_tryline_1a2b3c4d.py::test_total_of_nothing",),
        command="python -m pytest tests/test_tryline_1a2b3c4d.py::test_total_of_nothing",
        failure="IndexError: list index out of range",
        code=REGRESSION_CODE,
        path="tests/test_tryline_1a2b3c4d.py",
    ),
    probe=Probe("input", REGRESSION_CODE, "test_total_of_nothing", "It raises.", title="`total([])` raises now"),
    anchor="IndexError: for price in prices[1:]:",
)

EXPLOIT_CODE = '''\
"""A name that holds a command must not run it."""

from shop.cart import total


def test_no_command_runs(tmp_path):
    total(f"x; touch {tmp_path}/landed")
    assert not (tmp_path / "landed").exists(), "landed: ..."
'''
ATTACK = replace(
    FINDING,
    rule="security/command-injection",
    category=Category.SECURITY,
    severity=Severity.CRITICAL,
    title="`total` runs commands from its argument `prices`",
    message="What stands in `prices` is run by a shell: whoever chooses it runs commands with the rights of this "
    "program. Not shown: that strangers choose it.",
    witness=Witness(
        kind="attack",
        tests=("tests/test_tryline_5e6f7a8b.py::test_no_command_runs",),
        command="python -m pytest tests/test_tryline_5e6f7a8b.py::test_no_command_runs",
        failure='AssertionError: landed: {"payload": "x; touch landed"}',
        code=EXPLOIT_CODE,
        path="tests/test_tryline_5e6f7a8b.py",
        payload="x'; touch `landed` | cat @admin #",
        sink="subprocess.Popen",
        stack=(Frame("shop/cart.py", 14, "total"), Frame("shop/shell.py", 8, "run")),
    ),
    probe=Probe("attack", EXPLOIT_CODE, "test_no_command_runs", "It runs.", cwe=78, payload="x", title="A shell"),
    cwe=78,
    anchor="command-injection: prices",
)

GROWTH = Measured(
    ratio=9.62,
    low=9.1,
    high=10.3,
    pairs=40,
    seconds_old=0.0021,
    seconds_new=0.0202,
    arguments="[1, 2, 3, …] (1600 elements)",
    scale=16,
    exponent_old=1.02,
    exponent_new=1.97,
    sizes=(100, 200, 400, 800, 1600),
    memory_old_kb=210,
    memory_new_kb=214,
    inputs=12,
)
SLOWER = replace(
    FINDING,
    rule="performance/growth",
    category=Category.PERFORMANCE,
    severity=Severity.MEDIUM,
    title="`total` takes time that grows with the square of its input",
    message="With 16 times as much data `total` takes 235 times as long; at base it was 17 times.",
    witness=Witness(
        kind="measure",
        tests=(),
        command="tryline review --function shop/cart.py::total",
        failure="2.1 ms at base, 20 ms at head",
        measured=GROWTH,
    ),
    anchor="growth",
)
QUICKER = Measured(
    ratio=0.31,
    low=0.28,
    high=0.34,
    pairs=40,
    seconds_old=0.012,
    seconds_new=0.0037,
    arguments="[1, 2, 3, …] (800 elements)",
    scale=8,
    exponent_old=1.97,
    exponent_new=1.01,
    sizes=(100, 200, 400, 800),
    events_old={"sql": 800},
    events_new={"sql": 1},
    inputs=7,
)
FASTER = replace(
    SLOWER,
    rule="performance/faster",
    severity=Severity.LOW,
    title="`total` can be 3.2 times as fast",
    message="Each price is looked up in a list. A set answers alike.",
    witness=replace(SLOWER.witness, failure="", measured=QUICKER),
    anchor="faster",
)


def mended(finding: Finding, **verdict: object) -> Reviewed:
    """The finding with the rewrite of the samples, and a verdict that says more."""
    return replace(
        WITH_REWRITE,
        finding=finding,
        rewrite=replace(REWRITE, verdict=replace(VERDICT, **verdict)),  # type: ignore[arg-type]
    )


CRASH_MENDED = mended(CRASH, mutants=12, noticed=1, symbolic="no difference found symbolically in 4 s")
ATTACK_MENDED = mended(ATTACK, mutants=10, noticed=9)
SLOWER_MENDED = mended(SLOWER, measured=replace(QUICKER, events_old={}, events_new={}))
FASTER_MENDED = mended(FASTER, measured=QUICKER)
UNMENDED = replace(WITHOUT_REWRITE, finding=CRASH)

DIFFERENCES = (
    Difference("[0.1, 0.2]", "returns 0.3", "returns 0.30000000000000004", "value", "recorded"),
    Difference(
        "[-1]", "returns -1", "raises ValueError", "refuses", "derived", "tests/test_cart.py::test_negative"
    ),
    Difference("None", "raises TypeError", "returns 0", "accepts", "generated", source="(None,)"),
)
ALTERED = replace(
    CLEAN,
    functions=(FunctionReport(CHANGED, 4, 9, (13, 14), differences=DIFFERENCES, compared=214),),
)
LEFT_ALONE = replace(
    CLEAN,
    functions=(FunctionReport(CHANGED, 4, 9, (), left_alone="its answers differ from run to run"),),
)


def suspected(rule: str, message: str) -> Suspicion:
    """What an analyser says and nothing has shown."""
    return Suspicion(rule, Category.CORRECTNESS, CHANGED, message, (), {13: 1.0})


KINDS: Review = replace(
    FOUND,
    findings=(CRASH_MENDED, ATTACK_MENDED, SLOWER_MENDED, FASTER_MENDED),
    functions=(*ALTERED.functions, *LEFT_ALONE.functions),
    unproven=(suspected("ruff/B006", "a mutable default"), suspected("ruff/B006", "a mutable default")),
    not_reviewed=(),
)
