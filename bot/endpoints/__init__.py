"""The seam to whatever proposes lines: a model endpoint, or the built-in edits that need none."""

from __future__ import annotations

from typing import Protocol

from bot.domain import Proposal, Situation


class Proposer(Protocol):
    """Proposes candidates for one line of a function. Deterministic for equal situations and seed."""

    name: str
    tier: str
    """What guidance it allows, `A` to `E` (docs/architecture.md)."""

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        """At most `situation.width` proposals, likeliest first, the line's own text (`keep`) among them.

        Every proposal's edit applies to `situation.source`; the result parses and differs from it, apart from
        `keep`. Log-probabilities are normalised over the line's whole list, before `skip` and `width` cut it.
        """
