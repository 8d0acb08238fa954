"""What further proofs share: which suspicions a finding tells already, and findings of one cause."""

from __future__ import annotations

from dataclasses import replace

from sample_trials import changed, finding, function

from bot import further
from bot.domain import Category, Finding, Frame, Suspicion, Witness

TOTAL = changed()
CALLER = changed(function("dump", 11, 13), (12,))


def attacked(on: object, line: int, cwe: int = 78) -> Finding:
    """A payload that lands at a line of the file, by way of a function."""
    stack = (Frame(TOTAL.head.path, 12, "dump"), Frame(TOTAL.head.path, line, "total"))
    witness = Witness("attack", ("t",), "pytest", "landed", stack=stack)
    return replace(
        finding(),
        rule="security/x",
        category=Category.SECURITY,
        function=on,
        start_line=line,
        end_line=line,
        cwe=cwe,
        witness=witness,
    )


def suspicion(line: int, category: Category = Category.SECURITY) -> Suspicion:
    return Suspicion("ruff/S602", category, TOTAL, "shell", (), {line: 0.1}, 0.1)


def test_a_suspicion_is_told_by_a_finding_of_its_kind_on_its_line() -> None:
    shown = [attacked(TOTAL, 6)]
    assert further.still_unproven([suspicion(6)], shown) == ()
    for other in (suspicion(7), suspicion(6, Category.CORRECTNESS), replace(suspicion(6), function=CALLER)):
        assert further.still_unproven([other], shown) == (other,)
    assert further.still_unproven([suspicion(6)], []) == (suspicion(6),)


def test_what_is_reached_through_two_functions_is_the_matter_of_the_one_that_holds_the_place() -> None:
    mine, callers = attacked(TOTAL, 6), attacked(CALLER, 6)
    assert further.merged([callers, mine]) == (mine,)
    assert further.merged([mine, callers]) == (mine,)
    assert further.merged([callers]) == (callers,), "the callee is not under review"
    other = attacked(CALLER, 6, cwe=89)
    assert further.merged([mine, other]) == (mine, other)
    red = finding()
    assert further.merged([red, mine]) == (red, mine)
