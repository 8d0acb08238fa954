"""The arms of the experiment: what each may know and do, at the same budget as all the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.endpoints import Capabilities
from bot.errors import UsageError
from bot.steps.propose.writing import Guidance


@dataclass(frozen=True)
class Arm:
    """One way to write a function."""

    name: str
    about: str
    """What it is, for the report."""
    guidance: Guidance | None
    """None: the built-in edits alone, no model."""
    tiers: str = "ABCD"
    """Tiers of endpoint (`Capabilities.tier`) at which it is what its name says."""
    restarts: bool = True
    """Whether it begins anew, with fresh samples, as long as nothing passes and the budget lasts: so that what one
    arm may spend on more lines another spends on more answers."""

    @property
    def takes_placebo(self) -> bool:
        """Whether its prompts hold the signal of another problem."""
        return self.guidance is not None and self.guidance.evidence == "placebo"

    def seeded(self, seed: int, turn: int, placebo: tuple[str, ...]) -> Guidance | None:
        """Its guidance for one cell's turn, 0 for the first. Later turns begin with a sampled answer, not a greedy
        one: that would be the same again."""
        if self.guidance is None:
            return None
        made = replace(self.guidance, seed=seed * MOST_TURNS + turn, placebo=placebo if self.takes_placebo else ())
        if turn and "plain" in made.rungs:
            rungs = tuple("best-of-n" if rung == "plain" else rung for rung in made.rungs)
            made = replace(made, rungs=rungs, best_of=1)
        return made


MOST_TURNS = 1000
"""Turns of one cell; seeds of cells lie so far apart."""
LINES = ("line-guided",)

ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("single", "one greedy rewrite", Guidance(rungs=("plain",), evidence="none"), restarts=False),
        Arm(
            "best-of-n",
            "sampled rewrites, four at a time, until one passes or the budget ends",
            Guidance(rungs=("best-of-n",), evidence="none"),
        ),
        Arm(
            "self-debug",
            "a rewrite, then two rounds with what its tests said; then anew",
            Guidance(rungs=("plain", "self-debug"), evidence="none"),
        ),
        Arm(
            "shown",
            "line by line, the candidates in the prompt without what they did",
            Guidance(rungs=LINES, gamma=1.0, evidence="candidates"),
        ),
        Arm(
            "traces",
            "line by line, traces in the prompt, no extrapolation",
            Guidance(rungs=LINES, gamma=1.0),
        ),
        Arm("cfg-1.5", "line by line, line-level CFG with gamma 1.5", Guidance(rungs=LINES, gamma=1.5), "A"),
        Arm("cfg-3", "line by line, line-level CFG with gamma 3", Guidance(rungs=LINES, gamma=3.0), "A"),
        Arm(
            "placebo",
            "as cfg-1.5, with traces of another problem, about as long",
            Guidance(rungs=LINES, gamma=1.5, evidence="placebo"),
            "A",
        ),
        Arm(
            "token-cfg",
            "token-level CFG with gamma 1.5",
            Guidance(rungs=("token-cfg",), gamma=1.5),
            "A",
        ),
        Arm("edits", "the built-in edits, no model", None, "ABCDE", restarts=False),
    )
}
OPT_IN = ("token-cfg",)
"""Arms that must be asked for by name."""
PRIMARY = ("cfg-1.5", "cfg-3", "token-cfg")
"""The arms that are guidance, in order: the first of them that ran is the one that the claim is about."""
RIVALS = ("best-of-n", "self-debug", "placebo")
"""What guidance must beat, each of them, before it may be said to help."""
DEFAULT = tuple(name for name in ARMS if name not in OPT_IN)


@dataclass(frozen=True)
class Chosen:
    """The arms that run, and those that cannot, with the reason."""

    arms: tuple[Arm, ...]
    left_out: Mapping[str, str]


def choose(names: Sequence[str], can: Capabilities | None) -> Chosen:
    """The arms of these names (all but opt-in ones where none is given) that the endpoint allows.

    `can` is None without an endpoint. Raises UsageError (`usage`) for an unknown name, for one that was asked for
    and cannot run, and where nothing is left.
    """
    tier = can.tier if can is not None else "E"
    for name in names:
        if name not in ARMS:
            raise UsageError(f"there is no arm `{name}`", hint=f"Arms: {', '.join(ARMS)}.", slug="usage")
    wanted = tuple(dict.fromkeys(names or DEFAULT))
    left_out = {name: _why(ARMS[name], tier) for name in wanted if tier not in ARMS[name].tiers}
    if names and left_out:
        name, why = next(iter(left_out.items()))
        raise UsageError(
            f"the arm `{name}` cannot run: {why}", hint="`tryline doctor` shows the tier.", slug="usage"
        )
    arms = tuple(ARMS[name] for name in wanted if name not in left_out)
    if "placebo" in wanted and not left_out.get("placebo") and not any(arm.name in PRIMARY for arm in arms):
        raise UsageError("the arm `placebo` says nothing without `cfg-1.5`", slug="usage")
    return Chosen(arms, left_out)


def _why(arm: Arm, tier: str) -> str:
    if tier == "E":
        return "it needs a model endpoint, and none is configured"
    return f"it needs an endpoint of tier {' or '.join(arm.tiers)}, and this one is of tier {tier}"
