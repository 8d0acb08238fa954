"""Check `tests-pass`: nothing that was green at head, and nothing of the witness, is red."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import count, is_under, listing
from bot.domain import Judgement, Outcome
from bot.identity import is_witness


class TestsPass:
    """Content when the only red tests were red at head in the same way and are no part of the witness.

    A flaky test is never held against a candidate, unless the witness names it.
    """

    __test__ = False  # pytest must not take it for a test class
    name = "tests-pass"

    def judge(self, trialled: Trialled) -> Judgement:
        """Counts what passed, and names what did not."""
        before = trialled.head.by_id()
        witness = trialled.finding.witness.tests if trialled.finding else ()
        broken, still, shaky = [], [], []
        for result in trialled.run.tests:
            if not result.outcome.bad:
                continue
            was = before.get(result.id)
            if any(result.id == test or is_under(result.id, test) for test in witness):
                broken.append(result.id)
            elif result.id in trialled.flaky:
                shaky.append(result.id)
            elif was is not None and (
                # The witness of another finding may fail here and be stopped by the clock there.
                was.outcome is result.outcome or (was.outcome.bad and is_witness(result.id))
            ):
                still.append(result.id)
            else:
                broken.append(result.id)
        if broken:
            return Judgement(self.name, False, f"{count(len(broken), 'test')} red: {listing(broken)}")
        passed = [result.id for result in trialled.run.tests if result.outcome is Outcome.PASSED]
        if not passed:
            return Judgement(self.name, False, "no test passed")
        executing = len(set(passed) & set(trialled.executing))
        verb = "executes" if executing == 1 else "execute"
        detail = f"{count(len(passed), 'test')} passed, {executing} of them {verb} the function"
        if still:
            detail += f"; {len(still)} red as at head: {listing(still)}"
        if shaky:
            detail += f"; {len(shaky)} flaky and red this time: {listing(shaky)}"
        return Judgement(self.name, True, detail)
