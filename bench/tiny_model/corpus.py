"""Writes what the tiny model is trained on: the product's own prompts of generated tasks, and the right answers.

    python -m bench.tiny_model.corpus OUT [--seed N] [--row N] [--short N] [--full N]

Prompts are made by the product's functions (`prompts.task`, `prompts.evidence`, `prompts.retry`, `signal.render`).
What the product learns from containers (messages, traces, calls) is made here by running our own functions in this
process, in the same words; tests/bench/test_tiny_model.py compares both, byte for byte, on real containers.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from bench.tiny_model import tasks
from bench.tiny_model.tasks import Task
from bot import prompts, signal
from bot.domain import (
    Brief,
    Call,
    Category,
    ChangedFunction,
    Finding,
    Function,
    Severity,
    Shown,
    Surroundings,
    Witness,
)
from bot.guarding import data

BEFORE, AFTER = "<|begin|><|user|>\n", "<|end|>\n<|assistant|>\n"
"""The chat template around a single message (tests/live/weights.py)."""
TEST = "test_visible.py::test_one"
SIGNAL_TOKENS = 1500
MOST_SHOWN = 4
FORMS = {"row": 14_000, "short": 5_000, "full": 2_500}
"""What an example holds beside the answer, and how many there are: the function and the last rows of a trace; the
function and the whole signal; all that the product sends. A model learns to read a row in minutes where it stands
alone, and behind a thousand tokens of prompt in hours; it keeps what it learned when the rest is added."""

Trace = tuple[tuple[int, tuple[tuple[str, str, str], ...]], ...]


@dataclass(frozen=True)
class Ran:
    """What one version of a task's function did on its visible test, in the product's words."""

    value: str
    """`repr` of what it returned; '' where it raised."""
    exception: str
    message: str
    """As a test says it: `KeyError: 'size'`, or what pytest says of an assertion; '' where the test passes."""
    trace: Trace

    @property
    def passed(self) -> bool:
        """Whether the test is content."""
        return not self.message


def ran(task: Task, source: str) -> Ran:
    """Runs our own text, traced as bot/inside traces: before each statement, what changed."""
    space: dict[str, Any] = {}
    code = compile(source, "solution.py", "exec")
    exec(code, space)  # generated here, never a model's
    function = space["solve"]
    headers = {n for n, line in enumerate(source.split("\n"), 1) if line.lstrip().startswith("for ")}
    entries: list[tuple[int, tuple[tuple[str, str, str], ...]]] = []
    seen: dict[str, str] = {}

    def watch(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not function.__code__:
            return None
        if event == "line" and not (frame.f_lineno in headers and any(e[0] == frame.f_lineno for e in entries)):
            changed = []
            for name, value in frame.f_locals.items():
                if seen.get(name) != repr(value):
                    seen[name] = repr(value)
                    changed.append((name, type(value).__name__, repr(value)))
            entries.append((frame.f_lineno, tuple(changed)))
        return watch

    name = function.__code__.co_varnames[0]
    entries.append((0, (("call", "", f"{name}={task.argument!r}"),)))
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        value = function(task.argument)
    except Exception as error:
        sys.settrace(before)
        kind = type(error).__name__
        entries.append((0, (("raise", kind, str(error)),)))
        return Ran("", kind, f"{kind}: {error}", tuple(entries))
    finally:
        sys.settrace(before)
    entries.append((0, (("return", type(value).__name__, repr(value)),)))
    return Ran(repr(value), "", said(task, value), tuple(entries))


def said(task: Task, value: object) -> str:
    """What pytest says of a wrong value; '' of the right one."""
    good = tasks.compiled(task.good)(task.argument)
    if value == good:
        return ""
    if task.family != "plain":
        raise ValueError("a wrong line of this family must raise")
    return f"AssertionError: assert {value} == {good}\n +  where {value} = solve({task.argument})"


# ------------------------------------------------------------------------------------------------- the brief


def brief_of(task: Task) -> Brief:
    """What `bot.brief.brief_of` makes of a task after its visible test ran."""
    head = ran(task, task.bad)
    source = task.bad
    function = Function("solution.py", "solve", 1, source.count("\n"), 1, 2, source)
    lines = [line for line, _ in head.trace if line]
    parameter = source[len("def solve(") : source.index(")")]
    call = f"{parameter}={task.argument!r}"
    came = f"raises {head.exception}" if head.exception else f"returns {head.value}"
    first = head.message.split("\n")[0]
    test = task.visible[task.visible.index("def test_one") :]
    number = next(n for n, line in enumerate(task.visible.split("\n"), 1) if line.startswith("    assert "))
    where = [f"at test_visible.py:{number}: {test.rstrip().split(chr(10))[-1].strip()}"]
    if head.exception:
        where.append(f"at solution.py:{lines[-1]}: {source.split(chr(10))[lines[-1] - 1].strip()}")
    finding = Finding(
        rule="tests/failing",
        category=Category.CORRECTNESS,
        severity=Severity.HIGH,
        function=ChangedFunction(function, None, tuple(range(1, function.end_line + 1)), "added"),
        start_line=1,
        end_line=function.end_line,
        title="`solve` fails a test",
        message=f"`{TEST}` fails, each time they ran. The failure: `{first}`. There `solve({call})` {came}.",
        witness=Witness("test", (TEST,), f"python -m pytest {TEST}", head.message),
        suspicious_lines=dict.fromkeys(lines, 1.0),
    )
    return Brief(
        function=function,
        surroundings=Surroundings(),
        finding=finding,
        tests=((TEST, f"from solution import solve\n\n{test}"),),
        calls=(Call(TEST, call, head.value, head.exception, "", "", ""),),
        failures=((TEST, "\n".join([head.message, *where])),),
    )


# ---------------------------------------------------------------------------------------------- the evidence


def evidence_of(task: Task, versions: Sequence[tuple[str, str]]) -> str:
    """The signal of some versions, each (its new lines, its whole text). No version is known to be right, so there
    is no reference to compare with."""
    shown = [as_shown(task, lines, text) for lines, text in versions]
    # Characters stand in for tokens: no block of these tasks comes near the budget by either.
    return signal.render(shown, None, budget=SIGNAL_TOKENS, count=lambda text: len(text) // 4).text


def as_shown(task: Task, lines: str, text: str) -> Shown:
    """One candidate in the words of bot/steps/propose/lines.py."""
    result, head = ran(task, text), ran(task, task.bad)
    at = max((line for line, _ in result.trace), default=0) if result.exception else 0
    if result.passed:
        outcome = "passes all guide tests"
    elif result.message == head.message:
        outcome = "fails as the original does"
    elif result.exception:
        outcome = f"raises {result.exception} at line {at}"
    else:
        outcome = "raises AssertionError"
    if text == task.bad:  # the search knows what it does and does not run it again
        return Shown(lines, outcome, trace=result.trace, source=text)
    tests = {TEST: "passed" if result.passed else "failed"}
    return Shown(lines, outcome, result.message, result.trace, tests, text)


# ---------------------------------------------------------------------------------------------- the examples


def examples(seed: int, count: int, form: str) -> Iterator[dict[str, Any]]:
    """Examples as `train.py` reads them, of one of the FORMS."""
    rng = random.Random(seed)
    families = ("key", "shape", "key", "plain", "key")
    kinds = {"row": ("none", "signal", "signal", "signal"), "short": ("none", "signal", "signal")}
    for task in tasks.tasks(seed, count, families):
        kind = rng.choice(kinds.get(form, ("none", "signal", "signal", "signal", "retry")))
        yield example(task, kind, rng, form)


def example(task: Task, kind: str, rng: random.Random, form: str) -> dict[str, Any]:
    """One prompt, with no signal, with that of some wrong lines, or after an attempt; and the right function."""
    good, bad = (text.split("\n")[task.line - 1] for text in (task.good, task.bad))
    wrong = [line for line in task.others if line not in (good, bad)]
    brief = brief_of(task)
    head = prompts.task(brief) if form == "full" else data(task.bad, "function")
    more = ""
    if kind == "signal":
        most = MOST_SHOWN if form != "row" else 1
        lines = rng.sample([*wrong, bad], min(len(wrong), rng.randrange(1, most + 1)))
        lines.sort(key=lambda line: line == bad)  # a search shows what did something new first
        block = evidence_of(task, [(line, task.bad.replace(bad, line)) for line in lines])
        more = prompts.evidence(block)
        if form == "row":
            rows = block.split("\n")[-4:-1]
            name = "record" if task.family == "key" else "data"
            alone = [f"  4| {name}={task.held[0]!r}"] if task.held else rows
            more = "\n" + "\n".join(rng.choice((rows, alone)))
    elif kind == "retry":
        attempt = task.bad.replace(bad, rng.choice(wrong))
        block = evidence_of(task, [(attempt.rstrip("\n"), attempt)])
        more = prompts.retry(brief, attempt, [(TEST, ran(task, attempt).message)], block)
    parts = [(BEFORE + head, "prompt"), (more, "prompt"), (AFTER + prompts.opening(brief), "prompt")]
    # Where nothing tells which line is right, its tokens must not count for more than others.
    decided = "hot" if more or task.family == "plain" else "answer"
    for number, line in enumerate(task.good.splitlines(keepends=True), 1):
        parts.append((line, decided if number == task.line else "answer"))
    parts.append((prompts.closing(brief) + "<|end|>", "answer"))
    return {"parts": [part for part in parts if part[0]]}


def main() -> None:
    """Writes the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1_000)
    for form, count in FORMS.items():
        parser.add_argument(f"--{form}", type=int, default=count)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    texts: list[str] = []
    for number, form in enumerate(FORMS, 1):
        with (args.out / f"stage{number}.jsonl").open("w", encoding="utf-8") as file:
            for row in examples(args.seed + number, getattr(args, form), form):
                file.write(json.dumps(row) + "\n")
                if form == "full" and len(texts) < 400:
                    texts.append("".join(text for text, _ in row["parts"]))
    (args.out / "tokenizer.txt").write_text("\0".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main()
