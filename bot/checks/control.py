"""Check `control`: tests notice a function that raises at once; otherwise their passing proves nothing."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import collection_errors, count, is_under, listing, standing_for
from bot.domain import Judgement, SuiteRun

NOTICED_BY_COLLECTION = "collection"
"""The one problem of a control run that is an answer: a function called while modules load breaks loading."""


class Control:
    """Content when the poisoned function turned at least one test red that executes it, among them every test
    of the witness that executes it. An attack's test is none that must notice: no payload lands in a function that
    raises at once, and green is what it is then. Times are no test, and other tests have to notice."""

    name = "control"

    def judge(self, trialled: Trialled) -> Judgement:
        """Says how many tests noticed."""
        control, executing = trialled.control, trialled.executing
        if not executing:
            return Judgement(self.name, False, "no test executes the function")
        if control.problem is not None:
            if control.problem.slug != NOTICED_BY_COLLECTION:
                return Judgement(self.name, False, f"the control did not finish: {control.problem.message}")
            if not control.tests:
                return Judgement(self.name, True, "with the function raising at once no test can be collected")
        blind = [test for test in executing if not _noticed(control, test)]
        if len(blind) == len(executing):
            detail = "the tests that execute the function pass even when it raises at once: they prove nothing"
            return Judgement(self.name, False, detail)
        finding = trialled.finding
        if finding is not None and finding.witness.call is None and finding.witness.kind != "attack":
            wanted = [test for test in blind if any(_same(test, name) for name in finding.witness.tests)]
            if wanted:
                detail = f"the witness passes even when the function raises at once: {listing(wanted)}"
                return Judgement(self.name, False, detail)
        notice = len(executing) - len(blind)
        of_them = f"{notice} of {count(len(executing), 'test')} that execute the function"
        return Judgement(self.name, True, f"{of_them} turn red when it raises at once")


def _same(test: str, name: str) -> bool:
    return test == name or is_under(test, name)


def _noticed(control: SuiteRun, test: str) -> bool:
    if results := standing_for(control, test):
        return any(result.outcome.bad for result in results)
    return any(is_under(test, error) for error in collection_errors(control))
