"""Check `policy`: the rewrite does nothing that a rewrite may not do."""

from __future__ import annotations

from bot.checks import Trialled
from bot.checks.reading import SHOWN
from bot.domain import Judgement


class Policy:
    """Content when the language's policy says nothing against the candidate.

    A revert is content too: it is the repository's own code at base, where a policy for rewrites (same
    signature, no new handlers) has nothing to protect.
    """

    name = "policy"

    def judge(self, trialled: Trialled) -> Judgement:
        """Lists what the policy objects to."""
        objections = trialled.policy
        if trialled.candidate.is_revert:
            return Judgement(self.name, True, "restores the code that stands at base")
        if not objections:
            return Judgement(self.name, True, "uses nothing that a rewrite may not use")
        more = f" (and {len(objections) - SHOWN} more)" if len(objections) > SHOWN else ""
        return Judgement(self.name, False, "; ".join(objections[:SHOWN]) + more)
