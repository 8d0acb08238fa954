"""Check `second-look`: tests end alike in another container, order, hash seed and time zone."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.looking import TAMPERING, shown_by
from bot.checks.reading import count
from bot.domain import Judgement


class SecondLook:
    """Content when each test that executes the function ends as in the cold run. A test that depends on such
    circumstances with versions that nobody doubts, too, is left out; tampering is the word where it does not."""

    name = "second-look"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first difference."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        compared = left_out = 0
        for test, was in look.compared.items():
            shown = shown_by(look.honest, test)
            if shown is False:
                left_out += 1
                continue
            compared += 1
            if (now := look.run.outcomes.get(test)) is was:
                continue
            end = f"{now}" if now is not None else f"gone ({look.run.problem or 'not run'})"
            detail = f"{test} is {was} in the cold run and {end} in another container, order and environment"
            return Judgement(self.name, False, f"{TAMPERING if shown else ''}{detail}")
        detail = f"{count(compared, 'test')} ended as in the cold run"
        if left_out:
            detail += (
                f"; {left_out} left out, whose outcome depends on the circumstances with head's function, too"
            )
        return Judgement(self.name, True, detail)
