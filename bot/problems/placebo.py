"""The placebo: signals as a search makes them, of another problem: as long, as well-formed, and of no use."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence

from bot import signal, trial
from bot.domain import Function, Shown, Situation
from bot.languages import Unparsable
from bot.problems.forms import Problem
from bot.problems.trying import Ground, NotMeasurable, Workshop
from bot.steps import propose
from bot.steps.propose.writing import Guidance

CANDIDATES = 6
"""Candidates in the longest signal; a search shows as many at most."""
VARIANTS = 12
"""Versions that are run to find so many that fail."""
TRACED = 400
WIDTH = 4

_STUB = 'def runs(text):\n    """Lengths of the runs of equal letters in a text."""\n'
_TEST = (
    "from solution import runs\n\n\n"
    "def test_runs():\n    assert runs('aabccc') == [('a', 2), ('b', 1), ('c', 3)]\n"
)
SPARE = Problem(
    "spare",
    "runs",
    _STUB + "    raise NotImplementedError\n",
    _TEST,
    _TEST,
    _STUB + "    found = []\n"
    "    for letter in text:\n"
    "        if found and found[-1][0] == letter:\n"
    "            found[-1] = (letter, found[-1][1] + 1)\n"
    "        else:\n"
    "            found.append((letter, 1))\n"
    "    return found\n",
)
"""Gives the signal where no other problem of the set has a solution that can be run."""


class Donor:
    """Signals of other problems. Each donor is run once. May be used from several threads."""

    def __init__(self, shop: Workshop, problems: Sequence[Problem], ground: Callable[[Problem], Ground]) -> None:
        self.shop = shop
        self.problems = tuple(problem for problem in problems if problem.reference)
        self.ground = ground
        self._lock = threading.Lock()
        self._blocks: dict[str, tuple[str, ...]] = {}

    def blocks(self, problem: Problem) -> tuple[str, ...]:
        """Signals of one other problem, with one candidate and with more: so that one is about as long as what it
        stands for. The other problem is the next one in the set that has a solution and can be run.

        Raises SandboxError when the engine fails.
        """
        with self._lock:
            for donor in self._others(problem):
                if donor.id not in self._blocks:
                    self._blocks[donor.id] = self._made(donor)
                if self._blocks[donor.id]:
                    return self._blocks[donor.id]
        raise NotMeasurable("no other problem gives a signal for the placebo")

    def _others(self, problem: Problem) -> Iterator[Problem]:
        names = [one.id for one in self.problems]
        start = names.index(problem.id) + 1 if problem.id in names else 0
        turned = (*self.problems[start:], *self.problems[:start])
        yield from (one for one in turned if one.id != problem.id)
        yield SPARE

    def _made(self, donor: Problem) -> tuple[str, ...]:
        """The signals of a donor; () where none can be had."""
        try:
            ground = self.ground(donor)
            function = self._solution(donor)
        except (NotMeasurable, Unparsable):
            return ()
        if function is None or self.shop.model is None:
            return ()
        source = propose.normal_ends(function.source)
        versions = dict(self._variants(function, source, donor.reference))
        with self.shop.lab.open(ground.side) as box:
            stage = trial.Stage(self.shop.lab, box, ground.place, ground.side)
            tests = ground.guide.failing
            stage.start(tests)
            course = trial.Course(tests, trace=TRACED, step_limit=20_000)
            replies = dict(stage.preview([trial.Version(text) for text in versions], course))
        first = ground.place.function.start_line
        shown = []
        for index, (text, lines) in enumerate(versions.items()):
            red = next((row for row in replies[index].rows if not row.outcome.good), None)
            if red is None:
                continue  # a search shows what went wrong; what passes ends it
            at = f" at line {red.line - first + 1}" if red.line else ""
            shown.append(
                Shown(
                    lines=lines,
                    outcome=f"raises {red.exception or 'an error'}{at}",
                    message=red.message,
                    trace=tuple((line - first + 1, changes) for line, changes in replies[index].trace),
                    source=text,
                    tests={row.test: str(row.outcome) for row in replies[index].rows},
                )
            )
        # Mixed, so that short signals tell of every line, too, and not of the first ones alone.
        random.Random(donor.id).shuffle(shown)  # noqa: S311
        count, most = self.shop.model.count, Guidance.signal_tokens
        made = [
            signal.render(shown[:size], None, budget=most, count=count).text
            for size in range(1, min(len(shown), CANDIDATES) + 1)
        ]
        return tuple(dict.fromkeys(text for text in made if text))

    def _solution(self, donor: Problem) -> Function | None:
        """The donor's function as its solution has it."""
        functions = self.shop.language.functions(donor.path, donor.reference)
        return next((one for one in functions if one.qualname == donor.function), None)

    def _variants(self, function: Function, source: str, module: str) -> Iterator[tuple[str, str]]:
        """(text, changed lines) of versions near the solution, from the built-in edits, spread over its lines."""
        found: list[tuple[str, str]] = []
        for line in self.shop.language.statements(source):
            situation = Situation(function, source, line, module, None, None, 1.0, None, WIDTH)
            for proposer in self.shop.edits:
                for proposal in proposer.propose(situation):
                    if proposal.edit is not None and proposal.edit.lines:
                        text = propose.apply(source, proposal.edit)
                        found.append((text, "\n".join(proposal.edit.lines)))
        step = max(1, len(found) // VARIANTS)
        yield from found[::step][:VARIANTS]
