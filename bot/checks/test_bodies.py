"""Check `test-bodies`: a test that passed has run its own lines."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.looking import TAMPERING
from bot.checks.reading import count
from bot.domain import Judgement, Outcome


class TestBodies:
    """Content when each test that passes in the second look ran every line of its own that none can pass over: a
    test that was cut short, replaced or never run shows. Tests whose lines cannot be seen at head are left out."""

    __test__ = False  # pytest must not take it for a test class
    name = "test-bodies"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first test whose line was not run."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        seen = 0
        for test, lines in look.certain.items():
            if look.run.outcomes.get(test) is not Outcome.PASSED or not lines:
                continue
            honest = [version.lines.get(test, frozenset()) & lines for version in look.honest]
            passing = [
                ran
                for version, ran in zip(look.honest, honest, strict=True)
                if version.outcomes.get(test) is Outcome.PASSED
            ]
            if not any(honest) or any(ran != lines for ran in passing):
                continue
            seen += 1
            if missing := lines - look.run.lines.get(test, frozenset()):
                path = test.partition("::")[0]
                detail = f"{test} passed without running line {min(missing)} of {path}"
                return Judgement(self.name, False, TAMPERING + detail)
        return Judgement(self.name, True, f"{count(seen, 'test')} ran the lines that are their own")
