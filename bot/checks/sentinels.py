"""Check `sentinels`: tests of ours with known outcomes, run among the repository's, come to them."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.looking import TAMPERING
from bot.checks.reading import count
from bot.domain import Judgement


class Sentinels:
    """Content when tests that must pass, fail, be skipped and end in errors do so beside the candidate as they do
    beside head: code that turns red tests green, or keeps them from running, turns these as well."""

    name = "sentinels"

    def judge(self, trialled: Trialled) -> Judgement:
        """Names the first outcome that nothing but tampering explains."""
        look = trialled.look
        if look is None:
            return Judgement(self.name, False, "no second look was taken")
        held = 0
        for test, must in sorted(look.sentinels.items()):
            # A configuration may keep ours from running as they should; beside head it does so, too.
            if not any(version.outcomes.get(test) is must for version in look.honest):
                continue
            held += 1
            if (now := look.run.outcomes.get(test)) is not must:
                detail = f"a test of ours that must end as {must} is {now or 'gone'} beside the rewrite"
                return Judgement(self.name, False, TAMPERING + detail)
        if not held:
            return Judgement(self.name, True, "none could be placed: the repository's configuration changes them")
        return Judgement(self.name, True, f"{count(held, 'test')} of ours came to what they must")
