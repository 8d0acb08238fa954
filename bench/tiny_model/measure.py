"""What the tiny model does with and without evidence, before any search: one answer each, judged as text.

    python -m bench.tiny_model.measure URL [--model NAME] [--tasks N] [--scored N] [--seed N]

The key is read from TRYLINE_ENDPOINT_KEY. Nothing that the model wrote is run: a task has one right line, and an
answer is right when it is the right function but for layout. Tasks are new ones, of another seed than the corpus.

Whole functions, greedy: the prompt alone; with the traces of three wrong lines; with the same lines and no word of
what they did; with the traces of another task. Then one line: all lines that could stand there, scored under both
prompts and mixed by line-level CFG at several strengths, with no reward for what a line did.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
from collections import defaultdict
from collections.abc import Sequence

from bench.tiny_model import corpus, tasks
from bench.tiny_model.tasks import Task
from bot import signal
from bot.domain import Shown
from bot.endpoints import Endpoint, Request
from bot.endpoints.openai import OpenAI
from bot.languages.python.language import Python
from bot.problems import statistics
from bot.steps.propose.mixing import line_score
from bot.steps.propose.writing import Guidance, Writer

GAMMAS = (0.0, 0.5, 1.0, 1.5, 3.0)
WRONG = 3
"""Wrong lines that the evidence shows: what a search has seen before it finds the right one."""
CLIP = 4.0


def wrong_lines(task: Task, rng: random.Random) -> list[str]:
    """Lines that a search may have tried."""
    good, bad = (text.split("\n")[task.line - 1] for text in (task.good, task.bad))
    return rng.sample([line for line in task.others if line not in (good, bad)], WRONG)


def versions(task: Task, lines: Sequence[str]) -> list[tuple[str, str]]:
    """Each line with the function that holds it."""
    bad = task.bad.split("\n")[task.line - 1]
    return [(line, task.bad.replace(bad, line)) for line in lines]


def shown_only(lines: Sequence[str]) -> str:
    """The lines without what they did, as the arm `shown` has them."""
    rows = [Shown(lines=line, outcome="") for line in lines]
    return signal.render(rows, None, budget=corpus.SIGNAL_TOKENS, count=lambda text: len(text) // 4).text


def same(one: str, other: str) -> bool:
    """Whether two texts are the same code."""
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def written(writer: Writer, block: str) -> str:
    """The greedy answer to the product's own prompt."""
    prompt = writer.prompt(writer.head(), block, "")
    answer = writer.send(Request("complete", prompts=(prompt,), max_tokens=160, stop=(writer.stop,)))
    return answer.choices[0].text


def measure(endpoint: Endpoint, count: int, lines_of: int, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Family -> way -> task -> 1 where it was right. Lines are scored for the first `lines_of` tasks alone: vLLM
    reads no prefix cache for that, so it costs a hundred times as much."""
    rng = random.Random(seed)
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    made = tasks.tasks(seed, count)
    for number, task in enumerate(made):
        other = next(t for t in (*made[number + 1 :], *made) if t.family == task.family and t.good != task.good)
        lines = wrong_lines(task, rng)
        traces = corpus.evidence_of(task, versions(task, lines))
        placebo = corpus.evidence_of(other, versions(other, wrong_lines(other, rng)))
        writer = Writer(endpoint, corpus.brief_of(task), Guidance(), Python(), lambda text: len(text) // 4)
        blocks = {"no evidence": "", "traces": traces, "lines shown": shown_only(lines), "placebo": placebo}
        rows = found[task.family]
        for name, block in blocks.items():
            rows[f"greedy, {name}"][task.id] = float(same(written(writer, block), task.good))
        if number >= lines_of:
            continue
        good = task.good.split("\n")
        accepted = "\n".join(good[: task.line - 1]) + "\n"
        options = [f"{line}\n" for line in task.others]
        for name in ("traces", "placebo"):
            scored = writer.scores(accepted, blocks[name], options)
            for gamma in GAMMAS:
                best = max(
                    range(len(options)),
                    key=lambda at: line_score(
                        scored[at].plain,
                        scored[at].conditional,
                        scored[at].tokens,
                        0.0,
                        gamma=gamma,
                        clip=CLIP,
                        weight=0.0,
                    ),
                )
                right = options[best].rstrip("\n") == good[task.line - 1]
                rows[f"line, {name}, gamma {gamma:g}"][task.id] = float(right)
    return found


def table(found: dict[str, dict[str, dict[str, float]]], seed: int) -> str:
    """Share of tasks that came out right, 95% intervals."""
    families = list(found)
    lines = ["| way | " + " | ".join(families) + " |", "|---|" + "---|" * len(families)]
    for way in next(iter(found.values())):
        cells = []
        for family in families:
            row = statistics.rate(found[family][way], seed=seed)
            cells.append(f"{100 * row.value:.0f}% ({100 * row.low:.0f} to {100 * row.high:.0f})")
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Prints the table, and the paired difference that matters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--model")
    parser.add_argument("--tasks", type=int, default=150)
    parser.add_argument("--scored", type=int, default=45)
    parser.add_argument("--seed", type=int, default=77)
    args = parser.parse_args()
    endpoint = OpenAI(args.url, args.model, os.environ.get("TRYLINE_ENDPOINT_KEY"))
    found = measure(endpoint, args.tasks, args.scored, args.seed)
    print(table(found, args.seed))
    for family, rows in found.items():
        for rival in ("no evidence", "lines shown", "placebo"):
            gain = statistics.difference(rows["greedy, traces"], rows[f"greedy, {rival}"], seed=args.seed)
            print(
                f"{family}: traces against {rival}: {100 * gain.interval.value:+.0f} points "
                f"({100 * gain.interval.low:+.0f} to {100 * gain.interval.high:+.0f}), p = {gain.p:.2g}"
            )


if __name__ == "__main__":
    main()
