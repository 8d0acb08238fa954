"""Check `same-tests`: the candidate's run is about the very tests of head's run, and its report adds up."""

from __future__ import annotations

from collections import Counter

from bot.checks import Trialled
from bot.checks.reading import collection_errors, count, is_under, listing
from bot.domain import Judgement, Outcome, SuiteRun

PASSED_OVER = (Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED)


class SameTests:
    """Content when the run ended by itself, collected what head collected, skipped and expected to fail what
    head did, gives each test exactly one outcome, and its exit code says what its outcomes say.

    Tests of a file that could not even be collected at head may come on top. Parametrised tests whose names hold
    something that changes from run to run (seen in a real suite: the time of day) are matched by function.
    """

    name = "same-tests"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first thing that does not add up."""
        head, run = trialled.head, trialled.run
        fault = _incomplete(run) or _other_selection(head, run) or _passed_over(head, run, trialled.flaky)
        if fault:
            return Judgement(self.name, False, fault)
        detail = f"the same {count(len(run.collected), 'test')} as at head, each with one outcome"
        return Judgement(self.name, True, detail)


def _incomplete(run: SuiteRun) -> str:
    if run.problem is not None and run.problem.slug == "forged":
        return run.problem.message
    if run.problem is not None:
        return f"the run did not finish: {run.problem.message}"
    if run.exit_code is None:
        return "the run was killed before it ended"
    if not run.collected:
        return "no test was collected"
    seen = Counter(result.id for result in run.tests)
    if twice := [test for test, times in seen.items() if times > 1] or _repeated(run.collected):
        return f"more than one outcome for {listing(twice)}"
    if silent := [test for test in run.collected if test not in seen]:
        return f"no outcome for {listing(silent)}"
    collected = set(run.collected)
    if unasked := [r.id for r in run.tests if r.id not in collected and r.outcome is not Outcome.ERROR]:
        return f"an outcome for {listing(unasked)}, which was not collected"
    bad = [result.id for result in run.tests if result.outcome.bad]
    if bad and run.exit_code == 0:
        return f"the exit code says that all is well, the report has {count(len(bad), 'failure')}"
    if not bad and run.exit_code != 0:
        return f"the report has no failure, the exit code is {run.exit_code}"
    return ""


def _repeated(collected: tuple[str, ...]) -> list[str]:
    return [test for test, times in Counter(collected).items() if times > 1]


def _other_selection(head: SuiteRun, run: SuiteRun) -> str:
    before, now = set(head.collected), set(run.collected)
    gone, new = before - now, now - before
    if all("[" in test for test in gone | new) and _families(gone) == _families(new):
        return ""  # the same tests under names that change from run to run (a time, a random value, an address)
    missing = [test for test in head.collected if test not in now and not any(is_under(new, test) for new in now)]
    if missing:
        return f"{count(len(missing), 'test')} of head not collected: {listing(missing)}"
    errors = collection_errors(head)
    extra = [test for test in run.collected if test not in before and not any(is_under(test, e) for e in errors)]
    return f"{count(len(extra), 'test')} that head does not have: {listing(extra)}" if extra else ""


def _families(tests: set[str]) -> Counter[str]:
    """How many parametrised tests there are of each function."""
    return Counter(test.partition("[")[0] for test in tests)


def _passed_over(head: SuiteRun, run: SuiteRun, flaky: frozenset[str]) -> str:
    before, now = head.by_id(), run.by_id()
    for test in head.collected:
        if test in flaky or test not in before or test not in now:
            continue
        was, is_now = before[test].outcome, now[test].outcome
        if was is not is_now and (was in PASSED_OVER or is_now in PASSED_OVER):
            return f"{test} was {was} at head and is {is_now} now"
    return ""
