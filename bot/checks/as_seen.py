"""Check `as-seen`: the cold run ends as the warm one did; code that behaves otherwise when judged pretends."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import count
from bot.domain import Judgement


class AsSeen:
    """Content when each test that the warm search saw ends the same way in the cold container, flaky ones
    excepted. A candidate that never ran warm (a revert) has nothing to compare."""

    name = "as-seen"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first difference."""
        if not trialled.expected:
            return Judgement(self.name, True, "no warm run to compare with")
        cold = trialled.run.by_id()
        compared = 0
        for test, warm in sorted(trialled.expected.items()):
            if test in trialled.flaky:
                continue
            compared += 1
            if test not in cold:
                return Judgement(
                    self.name, False, f"tampering suspected: {test} was {warm}, and is gone when cold"
                )
            if (now := cold[test].outcome) is not warm:
                return Judgement(
                    self.name, False, f"tampering suspected: {test} was {warm}, and is {now} when cold"
                )
        return Judgement(self.name, True, f"{count(compared, 'test')} ended as in the warm run")
