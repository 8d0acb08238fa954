"""Classifier-free guidance: two predictions, without and with the signal, mixed into one. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

Ranked = Sequence[tuple[int, float]]
"""(token id, log-probability in nats) of the likeliest next tokens, in any order."""


def mix(unconditional: Ranked, conditional: Ranked, *, gamma: float, clip: float) -> tuple[tuple[int, float], ...]:
    """The guided distribution of the next token over every token that either list holds, likeliest first, ties by
    id; its probabilities sum to 1.

    Servers give the likeliest tokens only. A token that one list lacks is at most as likely there as the list's
    last, and gets that last one's log-probability: left out, what only the signal makes likely could never be
    chosen. Both lists are then normalised over all the tokens, and mixed as `guided` says.

    Raises ValueError for an empty list, a log-probability that is not finite, and a negative `gamma` or `clip`.
    """
    plain, led = _table(unconditional), _table(conditional)
    union = sorted({*plain, *led})
    plain, led = _over(plain, union), _over(led, union)
    mixed = _normalised({token: guided(plain[token], led[token], gamma=gamma, clip=clip) for token in union})
    return tuple(sorted(mixed.items(), key=lambda item: (-item[1], item[0])))


def line_score(
    plain: float,
    conditional: float,
    tokens: int,
    reward: float,
    *,
    gamma: float,
    clip: float,
    weight: float,
    length_power: float = 0.7,
) -> float:
    """The same for whole lines, beside what a line did when it ran: guided log-probability over
    `tokens ** length_power`, plus `weight` times `reward`.

    `plain` and `conditional` are the line's log-probabilities in nats without and with the signal, summed over its
    `tokens`. `clip` is for each token, as in `mix`. Nothing is normalised over other lines: a score orders lines
    and is no log-probability. Raises ValueError for a negative `gamma` or `clip`.
    """
    tokens = max(1, tokens)
    score = guided(plain, conditional, gamma=gamma, clip=clip * tokens)
    return score / math.pow(tokens, length_power) + weight * reward


def guided(plain: float, conditional: float, *, gamma: float, clip: float) -> float:
    """One log-probability out of two. Up to `gamma` 1 it lies between them: 0 is exactly `plain`, 1 exactly
    `conditional`. Beyond, their difference is added again `gamma - 1` times, clipped to `clip` nats either way:
    where one prompt all but excludes what the other allows, the difference says little about how much.
    """
    if gamma < 0 or clip < 0:
        raise ValueError("gamma and clip cannot be negative")
    if gamma <= 1:
        low, high = min(plain, conditional), max(plain, conditional)
        # Rounding can leave the interval by a last place (halves of the smallest float round to 0).
        return max(low, min(high, (1 - gamma) * plain + gamma * conditional))
    return conditional + (gamma - 1) * max(-clip, min(clip, conditional - plain))


def _table(ranked: Ranked) -> dict[int, float]:
    """A list as a table. Raises ValueError."""
    if not ranked or not all(math.isfinite(logprob) for _, logprob in ranked):
        raise ValueError("a distribution needs tokens with finite log-probabilities")
    return dict(ranked)


def _over(table: dict[int, float], union: Sequence[int]) -> dict[int, float]:
    """A distribution over all of `union`, what it lacks at its floor."""
    floor = min(table.values())
    return _normalised({token: table.get(token, floor) for token in union})


def _normalised(table: dict[int, float]) -> dict[int, float]:
    """The same proportions, summing to 1."""
    highest = max(table.values())
    total = highest + math.log(sum(math.exp(value - highest) for value in table.values()))
    return {token: value - total for token, value in table.items()}
