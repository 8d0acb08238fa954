"""What guidance costs: wall time and tokens of line-level CFG against a plain rewrite of the same function.

    python -m bench.overhead PROBLEMS.jsonl URL [--model NAME] [--limit N] [--repeats N] [--gamma G]
                             [--instant]

The key is read from TRYLINE_ENDPOINT_KEY. Every problem is observed once; then both ways run in turns, each in a
warm container of its own, on the same server and so with the same prefix cache. `plain` is one greedy rewrite, and
running it; `guided` is the walk line by line, with every candidate that it runs and every trace, until
something passes. Answers of the server are not kept: equal requests are sent again.

`--instant` asks what is left where the server is no bottleneck at all: every search is made twice, and the second
time, which is measured, all its answers are at hand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot import trial, wiring
from bot.config import load as load_config
from bot.domain import Limits, Usage
from bot.endpoints import Endpoint
from bot.endpoints.cached import Cached
from bot.endpoints.openai import OpenAI
from bot.languages.python.language import Python
from bot.problems import sets
from bot.problems.arms import Arm
from bot.problems.trying import Ground, Model, NotMeasurable, Workshop, observed, searched
from bot.progress import Silent
from bot.signal import Counter
from bot.steps import propose
from bot.steps.propose.writing import Guidance


@dataclass(frozen=True)
class Run:
    """One search."""

    seconds: float
    """Of its rungs: requests and executions, not the start of a container."""
    usage: Usage
    executions: int
    found: bool


def run(shop: Workshop, ground: Ground, guidance: Guidance, seed: int) -> Run:
    """One way, in a container of its own."""
    arm = Arm("overhead", "", guidance, restarts=False)
    search, usage = searched(shop, ground, arm, seed, (), Silent())
    return Run(sum(rung.seconds for rung in search.rungs), usage, search.executions, bool(search.candidates))


def figures(name: str, runs: Sequence[Run]) -> str:
    """One row: medians over runs."""

    def middle(values: Sequence[float]) -> float:
        return statistics.median(values)

    cells = [
        f"{sum(row.found for row in runs)} of {len(runs)}",
        f"{middle([row.seconds for row in runs]):.2f}",
        f"{middle([row.usage.seconds for row in runs]):.2f}",
        f"{middle([row.usage.requests + row.usage.from_cache for row in runs]):.0f}",
        f"{middle([row.usage.tokens_in for row in runs]):.0f}",
        f"{middle([row.usage.tokens_cached for row in runs]):.0f}",
        f"{middle([row.usage.tokens_out for row in runs]):.0f}",
        f"{middle([row.executions for row in runs]):.0f}",
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def ratios(pairs: Sequence[tuple[Run, Run]]) -> Mapping[str, Sequence[float]]:
    """Guided over plain, pair by pair."""
    found: dict[str, list[float]] = defaultdict(list)
    for plain, guided in pairs:
        found["wall time"].append(guided.seconds / plain.seconds)
        if not plain.usage.seconds:
            continue  # the answers were at hand: nothing was waited for or read
        found["waiting for the server"].append(guided.usage.seconds / plain.usage.seconds)
        found["tokens in"].append(guided.usage.tokens_in / plain.usage.tokens_in)
        fresh = [run.usage.tokens_in - run.usage.tokens_cached for run in (guided, plain)]
        found["tokens in that no cache held"].append(fresh[0] / max(1, fresh[1]))
        found["tokens out"].append(guided.usage.tokens_out / max(1, plain.usage.tokens_out))
    return found


def main() -> None:
    """Prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("problems", type=Path)
    parser.add_argument("url")
    parser.add_argument("--model")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--gamma", type=float, default=1.5)
    parser.add_argument("--instant", action="store_true")
    args = parser.parse_args()
    parts = wiring.assemble(load_config(None, environ={}), os.environ)
    folder = tempfile.TemporaryDirectory(prefix="tryline-overhead-")
    endpoint: Endpoint = OpenAI(args.url, args.model, os.environ.get("TRYLINE_ENDPOINT_KEY"))
    if args.instant:
        endpoint = Cached(endpoint, Path(folder.name))
    count = Counter(endpoint)
    shop = Workshop(
        trial.Lab(parts.backend, Limits()),
        Python(),
        parts.detectors,
        (),
        Model(lambda: endpoint, count),
        propose.Settings(candidates=100, seconds=120.0),
    )
    plain = Guidance(rungs=("plain",), evidence="none")
    guided = Guidance(rungs=("line-guided",), gamma=args.gamma)
    pairs: list[tuple[Run, Run]] = []
    sent = 0
    for problem in sets.load(args.problems).part(only="", limit=args.limit).problems:
        try:
            ground = observed(shop, problem, Silent())
        except NotMeasurable as error:
            print(f"{problem.id}: {error}")
            continue
        for turn in range(args.repeats):
            # A pause would let the server's cache grow cold for the second; so they change places.
            order = (plain, guided) if turn % 2 == 0 else (guided, plain)
            done = {}
            for way in order:
                for _ in range(1 + args.instant):
                    done[way] = run(shop, ground, replace(way, seed=turn), turn)
            sent += sum(row.usage.requests for row in done.values())
            pairs.append((done[plain], done[guided]))
    folder.cleanup()
    if args.instant and sent:
        print(f"{sent} requests were not at hand: seconds hold waiting for the server")
    print(
        "| way | found | seconds | of which waiting | requests | tokens in | of which cached | tokens out | runs |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print(figures("plain", [row for row, _ in pairs]))
    print(figures("guided", [row for _, row in pairs]))
    for name, values in ratios(pairs).items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name}: guided takes {middle:.1f} times as much as plain (quartiles {low:.1f} and {high:.1f})")


if __name__ == "__main__":
    main()
