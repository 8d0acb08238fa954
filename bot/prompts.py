"""What a model is told: one function for each document under `templates/prompts`, all of them pure.

`task` is the beginning of every prompt of one function, the same byte for byte on every rung and in both branches
of classifier-free guidance, so that servers keep it in their prefix caches. `evidence`, `continued` and `retry`
are put behind it, in that order; each begins with the blank line that parts it from what stands before.

Foreign text (of the repository, a run or a model) stands in blocks of `guarding.data` and nowhere else; around
them are only our own words and numbers. What a model answers must go through `guarding.restore` before it is
compared with the source.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import guarding, templating
from bot.domain import Brief, Call, Category, Finding, Function

MAX_SOURCE = 64 * 1024
"""Characters of a function: as long as one that may be rewritten at all, for what is left out cannot be written
again. Whether it fits is for budgets and the server's context to say."""
MAX_FILE = 4_000
"""Characters of what stands around the function in its file."""
MAX_TEST = 1_600
"""Characters of the first guide test."""
MAX_FURTHER_TEST = 800
"""Characters of each other one."""
MAX_LINE = 300
"""Characters of one line of a test or of what stands around the function."""
MAX_CALLS = 6
MAX_FAILURES = 3
MAX_MESSAGE = 600
"""Characters of one failure's message, and of a finding's."""
MAX_CALL = 200
"""Characters of a call's arguments, and of its result."""
MAX_ERROR = 1_500
MAX_SUSPICIOUS = 3
MAX_EVIDENCE = 500_000
"""Characters of execution traces: their size is bounded in tokens where they are made."""
MAX_NAME = 200
_MARGIN = 10_000
"""Characters beyond a limit that are still searched for secrets: longer than any key."""

_GOALS: Mapping[Category, str] = {
    Category.CORRECTNESS: "it gives wrong results, or fails where it should not",
    Category.SECURITY: "it lets its input do what it must not be able to do",
    Category.PERFORMANCE: "it takes far more time or memory than it needs; what it returns must stay the same",
}


# -------------------------------------------------------------------------------------------------- documents


def task(brief: Brief) -> str:
    """What is to be done, and all that is known of the function; equal for equal briefs. No line feed ends it."""
    return _render("task", about=_about(brief))


def opening(brief: Brief) -> str:
    """How the answer begins where we can say so: a fence longer than any run of backticks in the function."""
    return f"{_fence(brief)}python\n"


def closing(brief: Brief) -> str:
    """The fence that ends the answer: a stop string."""
    return _fence(brief)


def evidence(block: str) -> str:
    """The execution signal, and how to read it; '' for ''. The end of a prompt: `task + evidence` and `task`
    differ in nothing else."""
    return _render("evidence", block=_cleaned(block, MAX_EVIDENCE)) if block.strip() else ""


def continued(brief: Brief, accepted: str) -> str:
    """For servers that cannot continue an answer's beginning: the first lines are decided, write the whole."""
    return _render("continued", accepted=_cleaned(accepted, MAX_SOURCE), fence=_fence(brief))


def retry(brief: Brief, attempt: str, failures: Sequence[tuple[str, str]], block: str) -> str:
    """The next round of self-debug: the attempt, what its tests said as (test id, message), and its trace (''
    where there is none)."""
    return _render(
        "retry",
        attempt=_cleaned(attempt, MAX_SOURCE),
        failures=_failures(failures),
        block=_cleaned(block, MAX_EVIDENCE).strip("\n"),
        fence=_fence(brief),
    )


def review(brief: Brief, most: int) -> str:
    """Asks for at most `most` problems of the function, each with a witness that can be run; the answer is JSON
    of the form `REVIEW_SCHEMA`. Stands alone."""
    return _render("review", about=_about(brief), most=most)


def repair(error: str) -> str:
    """The turn after an answer that does not fit `REVIEW_SCHEMA`, with the validator's words."""
    return _render("repair", error=_cleaned(error, MAX_ERROR))


# ----------------------------------------------------------------------------------------------------- schema


def _text(longest: int, about: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "description": about}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with exactly these properties: servers that enforce a schema want every one required."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


REVIEW_SCHEMA: Mapping[str, Any] = _object(
    problems={
        "type": "array",
        "maxItems": 20,
        "items": _object(
            category={"type": "string", "enum": ["correctness", "security", "performance"]},
            severity={"type": "string", "enum": ["low", "medium", "high", "critical"]},
            line={
                "type": "integer",
                "minimum": 1,
                "maximum": 1_000_000,
                "description": "Line of the file, as numbered.",
            },
            title=_text(120, "What is wrong, in a few words."),
            explanation=_text(1000, "Why, with which input, and what it does to the caller."),
            witness=_object(
                kind={"type": "string", "enum": ["call", "test"]},
                call=_text(1000, "Kind call: an expression that calls the function. Kind test: empty."),
                expected=_text(1000, "Kind call: what a right function returns, a Python literal. Else empty."),
                code=_text(6000, "Kind test: a pytest module with one test function. Kind call: empty."),
                raises=_text(100, "Class name of the exception that comes out now; empty where none does."),
            ),
            fixed=_text(12_000, "The whole corrected function."),
        ),
    }
)
"""What a model's review must look like (JSON Schema 2020-12): an empty list of problems is a good answer."""


# ---------------------------------------------------------------------------------------- what a prompt tells


@dataclass(frozen=True)
class _About:
    """A brief as texts: each foreign one is guarded where a template prints it."""

    file: str
    function: str
    numbered: str
    """The function with the file's line numbers before its lines."""
    before: str
    """Base's version, where there is one and it differs."""
    new: bool
    """There is no version at base."""
    goal: str
    finding: str
    failures: str
    tests: tuple[str, ...]
    calls: str
    hidden: bool
    """A secret of the function's text is redacted."""
    fence: str


def _about(brief: Brief) -> _About:
    finding, function, base = brief.finding, brief.function, brief.base
    before = base.source if base is not None and _plain(base.source) != _plain(function.source) else ""
    return _About(
        file=_file(brief),
        function=_cleaned(function.source, MAX_SOURCE),
        numbered=_numbered(function),
        before=_cleaned(before, MAX_SOURCE),
        new=base is None,
        goal=_GOALS[finding.category] if finding is not None else "",
        finding=_finding(finding) if finding is not None else "",
        failures=_failures(brief.failures),
        tests=tuple(
            f"# {_flat(name, MAX_NAME)}\n{_shortened(source, MAX_FURTHER_TEST if at else MAX_TEST)}"
            for at, (name, source) in enumerate(brief.tests)
        ),
        calls="\n".join(_call(function, call) for call in brief.calls[:MAX_CALLS]),
        hidden=bool(guarding.REDACTED.search(_cleaned(function.source, MAX_SOURCE))),
        fence=_fence(brief),
    )


def _plain(source: str) -> str:
    """A function's text without its indentation and line ends' kind: a moved function is no other one."""
    return "\n".join(line.strip() for line in source.strip().splitlines())


def _file(brief: Brief) -> str:
    """What the function's file holds beside it, as the file would say it."""
    around = brief.surroundings
    parts = [
        f"# {_flat(brief.function.path, MAX_NAME)}",
        "\n".join(around.imports),
        "\n".join(around.constants),
        "\n\n".join(helper.text for helper in around.helpers),
        around.header,
    ]
    return _shortened("\n\n".join(part for part in parts if part), MAX_FILE)


def _numbered(function: Function) -> str:
    """The function's lines with the file's numbers; a secret of many lines leaves a gap in them."""
    old = guarding.clean(function.source).rstrip("\n").split("\n")
    new = _cleaned(function.source, MAX_SOURCE).rstrip("\n").split("\n")
    gone = len(old) - len(new)
    same = next((at for at, (was, now) in enumerate(zip(old, new, strict=False)) if was != now), len(new))
    width = len(str(function.start_line + len(old)))
    return "\n".join(
        f"{function.start_line + at + (gone if at > same else 0):{width}}| {line}" for at, line in enumerate(new)
    )


def _finding(finding: Finding) -> str:
    """Title, message, and the lines that failing tests execute most, where they are few."""
    function = finding.function.head
    lines = function.source.split("\n")
    worst = max(finding.suspicious_lines.values(), default=0.0)
    suspicious = sorted(line for line, score in finding.suspicious_lines.items() if score == worst > 0)
    texts = [
        _flat(lines[line - function.start_line], MAX_CALL)
        for line in suspicious
        if 0 <= line - function.start_line < len(lines)
    ]
    parts = [_flat(finding.title, MAX_NAME), _flat(finding.message, MAX_MESSAGE)]
    if 0 < len(texts) <= MAX_SUSPICIOUS:
        parts += ["Most suspicious:", *(f"    {text}" for text in texts)]
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _failures(failures: Sequence[tuple[str, str]]) -> str:
    """Test ids, each with its message indented below it."""
    out = []
    for test, message in failures[:MAX_FAILURES]:
        said = guarding.clip(_cleaned(message, MAX_MESSAGE).strip("\n"), MAX_MESSAGE)
        out += [_flat(test, MAX_NAME), *(f"    {line}" for line in said.split("\n"))]
    return "\n".join(out)


def _call(function: Function, call: Call) -> str:
    name = function.qualname.rpartition(".")[2].partition("@")[0]
    outcome = f"raises {_flat(call.raised, MAX_NAME)}" if call.raised else _flat(call.result, MAX_CALL)
    return f"{name}({_flat(call.arguments, MAX_CALL)}) -> {outcome}"


def _flat(text: str, limit: int) -> str:
    """One line of at most `limit` characters."""
    return guarding.clip(" ".join(_cleaned(text, limit).split()), limit)


def _cleaned(text: str, limit: int) -> str:
    """Text fit to be cut: cleaned, its secrets gone, for nothing recognises half of one. What lies far beyond
    `limit` is left out before it is looked at."""
    if len(text) <= limit + _MARGIN:
        return guarding.redact(guarding.clean(text))
    return f"{guarding.redact(guarding.clean(text[: limit + _MARGIN]))[:limit]} ..."


def _shortened(source: str, limit: int) -> str:
    """Code of at most `limit` characters: whole lines, those left out in the middle counted."""
    lines = [guarding.clip(line, MAX_LINE) for line in _cleaned(source, 8 * limit).strip("\n").split("\n")]
    room = limit - 30
    if sum(len(line) + 1 for line in lines) <= limit:
        return "\n".join(lines)
    head = tail = 0
    while head + tail < len(lines):
        # Two lines from the beginning for each from the end.
        at = head if head <= 2 * tail else len(lines) - 1 - tail
        room -= len(lines[at]) + 1
        if room < 0:
            break
        head, tail = (head + 1, tail) if at == head else (head, tail + 1)
    left_out = f"# ... {len(lines) - head - tail} more lines"
    return "\n".join([*lines[:head], left_out, *lines[len(lines) - tail :]])


def _fence(brief: Brief) -> str:
    sources = [brief.function.source, brief.base.source if brief.base is not None else ""]
    longest = max((len(run) for source in sources for run in re.findall(r"`+", source)), default=0)
    return "`" * max(3, longest + 1)


# -------------------------------------------------------------------------------------------------- templates


def _render(name: str, **values: object) -> str:
    return _environment().get_template(f"prompts/{name}.md.j2").render(values).rstrip("\n")


@functools.cache
def _environment() -> templating.Environment:
    """The templates; `data` is the only way in for foreign text."""
    return templating.environment({"data": guarding.data}, {})
