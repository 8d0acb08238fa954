"""Toy language models whose every next-token probability is known beforehand."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from servers.tokens import END, Tokenizer

FLOOR = -30.0
"""Tokens that a toy does not name have about this log-probability; thousandths below it keep them in order."""

Distribution = Mapping[str, float]
"""Token -> probability; keys are single tokens (tests/servers/tokens.py), the empty text ends the answer."""


@dataclass(frozen=True)
class Toy:
    """A model given by its distribution of the next token after any text (prompt and answer so far in one).

    The probabilities must sum to 1; every token that is not named has about e-30. `next` sees special markers as
    text, and single bytes of characters as lone surrogates.
    """

    next: Callable[[str], Distribution]


def Scripted(
    rules: Sequence[tuple[str, Sequence[str]]],
    otherwise: Callable[[str], Distribution] | None = None,
    fade: float = 0.9,
) -> Toy:
    """A model that knows whole answers: for the first rule whose regular expression is found in the text, one of
    its answers, token by token, then the end.

    An answer is continued from wherever the text's end already holds its beginning, in whole tokens. The first
    answer is the likeliest; each further one is `fade` times as likely as the one before, so sampling gives all of
    them and temperature 0 always the first. Texts that no rule knows are left to `otherwise` (by default: the end
    at once).
    """
    compiled = [
        (re.compile(pattern, re.DOTALL), [_pieces(answer) for answer in answers]) for pattern, answers in rules
    ]

    def following(text: str) -> Distribution:
        for pattern, answers in compiled:
            if pattern.search(text):
                return _mixture(text, answers, fade)
        return otherwise(text) if otherwise is not None else {"": 1.0}

    return Toy(following)


Pieces = tuple[list[bytes], list[int]]
"""The tokens of an answer, and where each begins (and the last ends)."""


def _pieces(answer: str) -> Pieces:
    tokenizer = Tokenizer()
    pieces = [tokenizer.bytes([value]) for value in tokenizer.encode(answer)]
    return pieces, [0, *accumulate(len(piece) for piece in pieces)]


def _mixture(text: str, answers: Sequence[Pieces], fade: float) -> Distribution:
    """What comes next if the text's end is the beginning of one of the answers, as much of it as possible."""
    content = text.encode("utf-8", "surrogateescape")
    held = [_held(content, pieces, starts) for pieces, starts in answers]
    most = max(held, default=0)
    shares: dict[str, float] = {}
    for index, ((pieces, _), reached) in enumerate(zip(answers, held, strict=True)):
        if reached == most:
            following = pieces[reached].decode("utf-8", "surrogateescape") if reached < len(pieces) else ""
            shares[following] = shares.get(following, 0.0) + fade**index
    total = sum(shares.values())
    return {token: share / total for token, share in shares.items()} if total else {"": 1.0}


def _held(content: bytes, pieces: Sequence[bytes], starts: Sequence[int]) -> int:
    """How many whole tokens of the answer's beginning the text ends with."""
    answer = b"".join(pieces)
    for index in range(len(pieces), 0, -1):
        if content.endswith(pieces[index - 1]) and content.endswith(answer[: starts[index]]):
            return index
    return 0


class Reader:
    """A toy read through a tokenizer: distributions over ids, remembered per text."""

    def __init__(self, toy: Toy, tokenizer: Tokenizer) -> None:
        self.toy = toy
        self.tokenizer = tokenizer
        self._memory: dict[str, dict[int, float]] = {}
        self._last: tuple[list[int], bytes] = ([], b"")

    def _text(self, ids: list[int]) -> str:
        """The exact text of some ids, which mostly are the last ones with a few more behind them."""
        known, content = self._last
        if len(known) > len(ids) or ids[: len(known)] != known:
            known, content = [], b""
        content += self.tokenizer.bytes(ids[len(known) :])
        self._last = (ids, content)
        return content.decode("utf-8", "surrogateescape")

    def logprobs(self, ids: Sequence[int]) -> dict[int, float]:
        """Log-probability of each named token after the ids, likeliest first, ties by id."""
        text = self._text(list(ids))
        if text not in self._memory:
            given = self.toy.next(text)
            total = sum(given.values())
            if not math.isclose(total, 1.0, abs_tol=1e-9):
                raise ValueError(f"probabilities sum to {total}, not 1")
            found = {
                self.tokenizer.single(token) if token else END: math.log(share)
                for token, share in given.items()
                if share > 0
            }
            self._memory[text] = dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
        return self._memory[text]

    def logprob(self, ids: Sequence[int], token: int) -> float:
        """Log-probability of one token after the ids."""
        named = self.logprobs(ids)
        if token in named:
            return named[token]
        return FLOOR - (token % 1000 + 1) / 1000

    def top(self, ids: Sequence[int], count: int) -> list[tuple[int, float]]:
        """The `count` likeliest tokens; single characters fill up what the toy does not name."""
        named = self.logprobs(ids)
        fill = ((value, self.logprob(ids, value)) for value in range(32, 256) if value not in named)
        ranked = [*named.items(), *islice(fill, max(0, count - len(named)))]
        return ranked[:count]

    def rank(self, ids: Sequence[int], token: int) -> int:
        """The place of a token among all, from 1."""
        named = list(self.logprobs(ids))
        return named.index(token) + 1 if token in named else len(named) + token % 1000 + 1

    def draw(self, ids: Sequence[int], temperature: float, top_p: float, chance: random.Random) -> int:
        """The next token: the likeliest at temperature 0, else drawn from the named ones."""
        named = self.logprobs(ids)
        if temperature == 0:
            return next(iter(named))
        highest = next(iter(named.values()))
        weights = [math.exp((value - highest) / temperature) for value in named.values()]
        total = sum(weights)
        kept, mass = 0, 0.0
        while kept < len(weights) and mass < top_p * total:
            mass += weights[kept]
            kept += 1
        return chance.choices(list(named)[:kept], weights[:kept])[0]
