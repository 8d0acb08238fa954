"""Reviews made by hand, for the tests of whatever reads one: rendering, the record, the console, the command."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import (
    Call,
    Candidate,
    Category,
    Change,
    ChangedFunction,
    Conclusion,
    Costs,
    Edit,
    FileDiff,
    FileStatus,
    Finding,
    Function,
    FunctionReport,
    Judgement,
    LineStep,
    MatrixRow,
    NotReviewed,
    Outcome,
    Problem,
    Proposal,
    Rejected,
    Replacement,
    Review,
    Reviewed,
    Revision,
    Rewrite,
    Search,
    Severity,
    Status,
    Suspicion,
    TestChange,
    Trial,
    TrialResult,
    Verdict,
    Witness,
)

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED

HEAD_SOURCE = """\
def total(prices, *, rate=0.0):
    net = 0
    for price in prices[1:]:
        net += price
    return round(net * (1 + rate), 2)
"""
BASE_SOURCE = """\
def total(prices):
    net = 0
    for price in prices:
        net += price
    return net
"""
FIXED_SOURCE = HEAD_SOURCE.replace("prices[1:]", "prices")


def function(source: str = HEAD_SOURCE, start: int = 11) -> Function:
    return Function(
        path="shop/cart.py",
        qualname="total",
        start_line=start,
        end_line=start + source.count("\n") - 1,
        def_line=start,
        body_line=start + 1,
        source=source,
    )


CHANGED = ChangedFunction(head=function(), base=function(BASE_SOURCE), changed_lines=(11, 13, 15), how="modified")

FINDING = Finding(
    rule="tests/regression",
    category=Category.CORRECTNESS,
    severity=Severity.HIGH,
    function=CHANGED,
    start_line=13,
    end_line=13,
    title="`total` leaves out the first price",
    message="`total([3, 4])` returns 4; at base it returns 7.",
    witness=Witness(
        kind="test",
        tests=("tests/test_cart.py::test_total", "tests/test_cart.py::test_two"),
        command="python -m pytest tests/test_cart.py::test_total",
        failure="    def test_total():\n>       assert total([3, 4]) == 7\nE       assert 4 == 7",
        repeats=2,
    ),
    suspicious_lines={13: 1.0, 14: 0.5},
)

CALL_FINDING = replace(
    FINDING,
    rule="calls/changed-result",
    witness=replace(
        FINDING.witness,
        kind="call",
        call=Call("tests/test_cart.py::test_total", "[3, 4]", "4", "", "0f" * 8, "gASVCgAAAA=="),
    ),
)

VERDICT = Verdict(
    judgements=(
        Judgement("tests-pass", True, "24 tests pass, as at base"),
        Judgement("witness-gone", True, "both witnesses pass"),
    ),
    matrix=(
        MatrixRow("tests/test_cart.py::test_empty", PASSED, PASSED, PASSED),
        MatrixRow("tests/test_cart.py::test_total", PASSED, FAILED, PASSED),
        MatrixRow("tests/test_cart.py::test_two", PASSED, FAILED, PASSED),
        MatrixRow("tests/test_cart.py::test_rate", None, PASSED, PASSED),
    ),
    tests_run=24,
    tests_executing=4,
    selection="whole suite",
    seconds=1.5,
)

CANDIDATE = Candidate(
    function=function(),
    source=FIXED_SOURCE,
    imports=(),
    edits=("drop-slice",),
    logprob=-2.25,
    agreement=1.0,
    seconds=0.02,
    is_revert=False,
)

REWRITE = Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", 13, 13, "    for price in prices:\n"))


def trial(status: Status, operator: str, *, score: float, edit: Edit | None = None) -> Trial:
    return Trial(
        proposal=Proposal(edit=edit, logprob=-1.5, operator=operator, source="edits"),
        source=FIXED_SOURCE if edit else HEAD_SOURCE,
        result=TrialResult(
            status=status,
            outcomes={"tests/test_cart.py::test_total": PASSED if status is Status.PASSED else FAILED},
            message="" if status is Status.PASSED else "assert 4 == 7",
            exception="" if status is Status.PASSED else "AssertionError",
            line=0,
            seconds=0.01,
            steps=9,
            signature=operator,
        ),
        score=score,
    )


SEARCH = Search(
    steps=(
        LineStep(
            line=3,
            text="    for price in prices[1:]:",
            suspiciousness=1.0,
            trials=(
                trial(Status.SAME, "keep", score=-1.5),
                trial(Status.PASSED, "drop-slice", score=8.5, edit=Edit(3, 4, ("    for price in prices:",))),
                trial(Status.SYNTAX, "delete", score=float("-inf"), edit=Edit(3, 4, ())),
            ),
            chosen=1,
            depth=0,
        ),
    ),
    candidates=(CANDIDATE,),
    executions=3,
    seconds=0.4,
    stopped="found",
    notes=("one line decided",),
)

REFUSED = Verdict(
    judgements=(Judgement("same-results", False, "answers 2 of 5 recorded calls otherwise than base"),),
    matrix=(),
    tests_run=24,
    tests_executing=4,
    selection="whole suite",
    seconds=1.0,
)

WITH_REWRITE = Reviewed(FINDING, REWRITE, SEARCH)
WITHOUT_REWRITE = Reviewed(
    FINDING,
    None,
    SEARCH,
    rejected=(Rejected(CANDIDATE, REFUSED),),
    why_no_rewrite="no candidate passed every check.",
)

CHANGE = Change(
    base=Revision("main", "a" * 40, "b" * 40),
    head=Revision("feature/vat", "c" * 40, "d" * 40),
    files=(FileDiff("shop/cart.py", "shop/cart.py", FileStatus.MODIFIED),),
)

CLEAN = Review(
    id="0123456789ab",
    change=CHANGE,
    conclusion=Conclusion.CLEAN,
    functions=(FunctionReport(CHANGED, tests=4, calls=9, unexecuted_lines=()),),
    findings=(),
    not_reviewed=(),
    unproven=(),
    test_changes=(),
    problems=(),
    costs=Costs(executions=4, containers=4, seconds=12.4, prepare_seconds=8.1),
    environment={"tryline": "0.1.0", "python": "3.12.4", "engine": "Docker 27.1"},
    suite={"base": {"passed": 24}, "head": {"passed": 24}},
)

FOUND = replace(
    CLEAN,
    conclusion=Conclusion.FINDINGS,
    findings=(WITH_REWRITE,),
    not_reviewed=(
        NotReviewed("shop/table.py", None, (3, 4, 9), "outside-functions", "Only functions are reviewed."),
    ),
    costs=Costs(executions=21, containers=6, seconds=24.6, prepare_seconds=8.1, candidates=3, verified=1),
    suite={"base": {"passed": 24}, "head": {"passed": 22, "failed": 2}},
)

FOUND_WITHOUT = replace(
    FOUND,
    findings=(WITHOUT_REWRITE,),
    unproven=(
        Suspicion(
            "tests/crash", Category.CORRECTNESS, CHANGED, "The failure did not come back.", ("t::a",), {13: 0.4}
        ),
    ),
    test_changes=(
        TestChange("tests/test_cart.py", "test_two", "weakened", "3 assertions became 1"),
        TestChange("tests/test_cart.py", "test_new", "added"),
    ),
    flaky=("tests/test_net.py::test_slow",),
    functions=(FunctionReport(CHANGED, tests=4, calls=9, unexecuted_lines=(13, 14)),),
)

WITNESS_CODE = """\
from shop.cart import total


def test_total():
    got = total([3, 4])
    assert got == 7
"""

PROPOSED = replace(
    FINDING,
    rule="model/correctness",
    title="`total(prices=[3, 4])` now returns `4`",
    message="`total(prices=[3, 4])` returns `4` at head; at base it returns `7`. The same test passes at base. "
    "wise-1 says: \u201cThe first price is lost\u201d.",
    witness=Witness(
        kind="test",
        tests=("tests/test_tryline_0f0f0f0f.py::test_total",),
        command="python -m pytest tests/test_tryline_0f0f0f0f.py::test_total",
        failure="AssertionError: assert 4 == 7",
        code=WITNESS_CODE,
        path="tests/test_tryline_0f0f0f0f.py",
    ),
)

FOUND_BY_MODEL = replace(FOUND, findings=(replace(WITHOUT_REWRITE, finding=PROPOSED),))

NEUTRAL = replace(
    CLEAN,
    conclusion=Conclusion.NEUTRAL,
    functions=(),
    problems=(Problem("no-tests", "No tests were found at base; set `test.paths`.", "collected 0 items"),),
    suite={},
)

NOTHING = replace(CLEAN, conclusion=Conclusion.NOTHING, functions=(), suite={})
