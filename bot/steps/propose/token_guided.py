"""Token by token: a whole function written under token-level classifier-free guidance. Only when asked for by
name.

The method of EG-CFG as published, for servers that take token ids and give the likeliest tokens: at each line
continuations are sampled from the unconditional prompt and run, their traces are put into the conditional prompt,
and the line's tokens are taken from the mix of both. The signal is renewed once a line; both branches are the same
ids but for it. The release of the method says that the technique is patented (README).
"""

from __future__ import annotations

from bot import prompts
from bot.steps.propose.lines import LineGuided
from bot.steps.propose.searching import Searcher
from bot.steps.propose.text import line_count
from bot.steps.propose.token_cfg import Branches, decode_line
from bot.steps.propose.writing import Draft, Writer

MOST_TOP = 20
LONGEST_LINE = 80
"""Tokens of one line."""


class TokenGuided:
    """One function, written from its first statement to its end. `Ladder` is its only user."""

    def __init__(self, searcher: Searcher, writer: Writer) -> None:
        self.searcher = searcher
        self.writer = writer
        self.guidance = writer.guidance
        self.tokens = 0
        self.candidates = self.passed = 0
        """Continuations that were run for the signals, and those of them that pass."""
        self.swayed = 0
        """Tokens at which the signal changed the likeliest one."""
        self.breaks: dict[int, bool] = {}
        """Token id -> whether its text ends a line, as far as the server was asked."""
        self.refreshes = 0
        """Signals that were built: one a line."""

    def unable(self) -> str:
        """Why this server cannot do it; '' when it can. Raises EndpointError."""
        can = self.writer.can
        if can.completions and can.token_ids and can.logprobs and can.tokenize:
            return ""
        return "left out: the server does not take token ids, or gives no log-probabilities by id"

    def write(self) -> tuple[Draft, ...]:
        """The function as an answer, or nothing when it does not end. Raises EndpointError, OutOfBudget."""
        walk = LineGuided(self.searcher, self.writer, "token-cfg")
        walk.reference = walk.traced_reference()
        accepted, _ = walk.beginning()
        start = "\n".join(accepted) + "\n"
        head, _, response = self.writer.id_segments("", start)
        lines = list(accepted)
        fence = prompts.closing(self.writer.brief)
        for _ in range(2 * line_count(self.searcher.original) + 12):
            signal = self.signal_ids(walk, lines)
            if walk.passed and self.searcher.convinced():
                return ()  # a continuation that was sampled on the way is already right
            line = decode_line(
                self.writer,
                Branches(head, signal, response),
                gamma=self.guidance.gamma if signal else 0.0,
                clip=self.guidance.clip,
                top=min(MOST_TOP, self.writer.can.logprobs),
                max_tokens=LONGEST_LINE,
                breaks=self.breaks,
            )
            self.tokens += len(line.ids)
            self.swayed += line.swayed
            response += line.ids
            text = self.writer.read(line.text.rstrip("\n"))
            if text.strip().startswith(fence):
                return (self.draft(lines),)
            lines += text.split("\n")
            if line.ended:
                return (self.draft(lines),)
        return ()

    def signal_ids(self, walk: LineGuided, lines: list[str]) -> tuple[int, ...]:
        """The signal for the next line, as ids."""
        self.refreshes += 1
        start = "\n".join(lines) + "\n"
        drafts = self.writer.continuations(start, "", self.guidance.samples, self.guidance.temperature)
        accepted = tuple(lines)
        options = [option for draft in drafts for option in walk.options(draft, accepted, (), synced=False)]
        runs = walk.run(options, ())
        self.candidates, self.passed = walk.candidates, walk.passed
        block = walk.signal(runs)
        return self.writer.id_segments(block, start)[1]

    def draft(self, lines: list[str]) -> Draft:
        """The lines as an answer."""
        brief = self.writer.brief
        text = prompts.opening(brief) + "\n".join(lines) + "\n" + prompts.closing(brief)
        return Draft(text, True, None, self.tokens)
