"""Data to text: the review as Markdown. Everything that a repository or a container said is escaped here."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import guarding, templating
from bot.domain import Conclusion, Finding, Function, MatrixRow, Outcome, Review, Reviewed, Rewrite, Usage, Verdict
from bot.record import replay_command

_BREAK = "\u200b"
"""Zero-width space: put after what a platform would turn into a mention, a reference or a link."""

MAX_MATRIX = 10
"""Tests of the verdict matrix that are named; the rest is counted."""
MAX_LISTED = 20
"""Entries of a list of things not reviewed and the like; the rest is counted."""
MAX_FAILURE = 1500
"""Characters of a failure that are shown."""


@dataclass(frozen=True)
class Caps:
    """How much a text may show."""

    max_inline: int = 5
    """Findings in full; the rest is folded."""


@dataclass(frozen=True)
class Matrix:
    """A verdict's rows as a reader wants them: the deciding ones, then counts."""

    deciding: tuple[MatrixRow, ...]
    """Rows whose outcome differs between versions, or is bad anywhere."""
    more: int
    """Deciding rows that are not shown."""
    same: int
    """Rows that are good on every version on which they ran."""


# ------------------------------------------------------------------------------------------------- plain text


def plain(text: object, limit: int = 20_000) -> str:
    """Text without terminal escapes, control characters and invisible ones; tabs and line feeds stay."""
    return clip(guarding.clean(str(text)), limit)


def visible(text: object) -> str:
    """Like `plain`, but what is taken out of code is shown as an escape, so that nothing hides in a diff."""
    return guarding.CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", _newlines(str(text)))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with a note of what was cut."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit} more characters)"


def one_line(text: object, limit: int = 300) -> str:
    """Cleaned text on one line."""
    return clip(" ".join(plain(text).split()), limit)


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# -------------------------------------------------------------------------------------------------- Markdown


def prose(text: object, limit: int = 2000) -> str:
    """Foreign text as one harmless Markdown line; pairs of single backticks stay code.

    No HTML, mention, reference, link, image or other mark-up comes out of it.
    """
    pieces = re.split(r"`([^`\n]+)`", one_line(text, limit))
    return "".join(code(piece) if index % 2 else _escape(piece) for index, piece in enumerate(pieces))


def _escape(text: str) -> str:
    text = html.escape(text, quote=False)
    text = re.sub(r"([\\`*_~|\[\]!{}])", r"\\\1", text)
    text = re.sub(r"@(?=\w)", f"@{_BREAK}", text)
    # `#1`, `owner/repo#1`, `GH-1`, and GitLab's `!1`, `$1`, `%name`, `&1` (already an entity).
    text = re.sub(r"([#$%])(?=\w)", rf"\1{_BREAK}", text)
    text = re.sub(r"\\!(?=\d)", rf"\\!{_BREAK}", text)
    text = re.sub(r"(?i)\b(GH)-(?=\d)", rf"\1{_BREAK}-", text)
    text = re.sub(r"(?i)\b(https?|ftp|mailto|xmpp):", rf"\1{_BREAK}:", text)
    text = re.sub(r"(?i)\bwww\.", f"www{_BREAK}.", text)
    # At the start of a line: headings, quotes, lists, slash commands.
    return re.sub(r"^([-+#>/=]|\d+[.)])", rf"{_BREAK}\1", text)


def code(text: object, limit: int = 300) -> str:
    """Foreign text as a code span whose delimiter outgrows the backticks inside."""
    content = one_line(text, limit)
    if not content:
        return "` `"
    runs = [len(run) for run in re.findall(r"`+", content)]
    ticks = "`" * (next(n for n in range(1, len(runs) + 2) if n not in runs))
    pad = " " if content[0] == "`" or content[-1] == "`" else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def cell(text: object, limit: int = 200) -> str:
    """A code span for a table, where a bar would end the cell even inside code."""
    return code(text, limit).replace("|", "\\|")


def fence(text: object, language: str = "", limit: int = 20_000) -> str:
    """Foreign text as a fenced block whose fence outgrows its content; cleaned and clipped."""
    return _fenced(plain(text, limit), language)


def verbatim(text: str, language: str) -> str:
    """Code as a fenced block, untouched: what is inside must be byte for byte what was verified."""
    return _fenced(text, language)


def _fenced(content: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    ticks = "`" * max(3, longest + 1)
    end = "" if content.endswith("\n") or not content else "\n"
    return f"{ticks}{language}\n{content}{end}{ticks}"


# -------------------------------------------------------------------------------------------- what a text says


def markdown(review: Review, caps: Caps | None = None) -> str:
    """The whole review as one Markdown document, ending in a newline."""
    caps = caps or Caps()
    ranked = rank(review.findings)
    template = _environment().get_template("comments/review.md.j2")
    text = template.render(
        review=review,
        shown=ranked[: caps.max_inline],
        folded=ranked[caps.max_inline :],
        max_listed=MAX_LISTED,
        max_failure=MAX_FAILURE,
    )
    return re.sub(r"\n{3,}\Z", "\n", text.strip("\n") + "\n")


def rank(findings: Sequence[Reviewed]) -> tuple[Reviewed, ...]:
    """Findings, worst proven impact first; those with a rewrite first among equals; then by place."""
    return tuple(
        sorted(
            findings,
            key=lambda item: (
                -item.finding.severity.rank,
                item.rewrite is None,
                item.finding.function.head.path,
                item.finding.start_line,
                item.finding.id,
            ),
        )
    )


def headline(review: Review) -> str:
    """The result in one plain line."""
    functions = counted(len(review.functions), "changed function")
    if review.conclusion is Conclusion.CLEAN:
        return f"Tryline ran {_tests(review)} on base and head and found nothing in {functions}."
    if review.conclusion is Conclusion.NOTHING:
        return "Nothing to review: the change touches no function that Tryline reviews."
    proven = sum(1 for item in review.findings if item.rewrite is not None)
    found = counted(len(review.findings), "finding")
    if review.conclusion is Conclusion.NEUTRAL:
        also = f" Before that: {found}." if review.findings else ""
        return f"Could not review this change, or not all of it; this is not a pass.{also}"
    rewrites = f"{proven} with a rewrite that passed the tests" if proven else "none with a rewrite"
    return f"{found} in {functions}, {rewrites}."


def _tests(review: Review) -> str:
    return counted(sum(review.suite.get("head", {}).values()), "test")


def suites(review: Review) -> str:
    """Outcomes of both suites: `base 24 passed; head 22 passed, 2 failed`."""
    sides = []
    for side in ("base", "head"):
        counts = review.suite.get(side)
        if counts:
            sides.append(f"{side} " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n))
    return one_line("; ".join(sides))


def costs(review: Review) -> str:
    """What the review used, in one plain line."""
    used = review.costs
    parts = [
        f"{used.seconds:.0f} s ({used.prepare_seconds:.0f} s of it preparing)",
        counted(used.executions, "execution"),
        counted(used.containers, "container"),
        f"{counted(used.candidates, 'candidate')} tried, {used.verified} verified",
    ]
    if used.usage.requests or used.usage.from_cache:
        parts.append(spent(used.usage))
    return ", ".join(parts)


def spent(usage: Usage) -> str:
    """What a model cost, in one plain line: `12 requests to the model: 8100 tokens in (7000 cached), 420 out`."""
    text = f"{counted(usage.requests, 'request')} to the model"
    if usage.from_cache:
        text += f" and {usage.from_cache} answered from disk"
    if usage.requests:
        held = f" ({usage.tokens_cached} cached)" if usage.tokens_cached else ""
        text += f": {usage.tokens_in} tokens in{held}, {usage.tokens_out} out, {usage.seconds:.0f} s of waiting"
    if usage.money:
        text += f", cost {usage.money:.4f}"
    if usage.estimated:
        text += f" (usage of {usage.estimated} estimated: the server told none)"
    return text


def surroundings(review: Review) -> str:
    """What it ran on, in one plain line; values come from engine and image and are cleaned."""
    return one_line("; ".join(f"{key} {value}" for key, value in review.environment.items()), 400)


def counted(number: int, noun: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_WAYS = {
    "plain": "the model's plain rewrite",
    "best-of-n": "the best of several rewrites by the model",
    "self-debug": "the model's self-debugging",
    "line-guided": "the model's line-by-line rewriting",
    "token-cfg": "token-level classifier-free guidance",
}


def found_by(item: Reviewed) -> str:
    """What found the rewrite, in few words, like `the model's plain rewrite (tier A)`; empty without one.

    Without scores from the server, leading a model line by line is no classifier-free guidance, and not called so.
    """
    if item.rewrite is None:
        return ""
    candidate = item.rewrite.candidate
    if candidate.proposer == "edits":
        return "built-in edits"
    tier = item.search.tier if item.search is not None else ""
    way = _WAYS.get(candidate.rung, "the model")
    if candidate.rung == "line-guided" and tier in ("C", "D"):
        way = "execution-conditioned sampling"
    return f"{way} (tier {one_line(tier, 10)})" if tier else way


def lines(start: int, end: int) -> str:
    """`line 3`, `lines 3-5`."""
    return f"line {start}" if start == end else f"lines {start}-{end}"


def ranges(numbers: Sequence[int]) -> str:
    """`3`, `3-5, 9` of line numbers."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def matrix(verdict: Verdict, witness: Sequence[str] = ()) -> Matrix:
    """The rows that decide, the witness's tests first, and counts of the rest."""
    deciding = [row for row in verdict.matrix if row.test in witness or not _settled(row)]
    deciding.sort(key=lambda row: row.test not in witness)
    shown = tuple(deciding[:MAX_MATRIX])
    return Matrix(shown, len(deciding) - len(shown), len(verdict.matrix) - len(deciding))


def _settled(row: MatrixRow) -> bool:
    outcomes = {outcome for outcome in (row.base, row.head, row.candidate) if outcome is not None}
    return len(outcomes) <= 1 and not any(outcome.bad for outcome in outcomes)


def mark(outcome: Outcome | None) -> str:
    """An outcome in a table."""
    return "not run" if outcome is None else outcome.value


def diff(finding: Finding, rewrite: Rewrite) -> str:
    """The rewrite as a unified diff of the head file, line numbers those of the file."""
    function = finding.function.head
    parts = [*(_header(function.path)), *_hunks(function, rewrite.candidate.source)]
    for hunk in rewrite.also:
        added = _newlines(hunk.replacement).splitlines()
        parts.append(
            f"@@ line {hunk.start_line} @@ {'(also changed)' if hunk.path == function.path else hunk.path}"
        )
        parts += [f"+{line}" for line in added]
    return "\n".join(parts) + "\n"


def _header(path: str) -> tuple[str, str]:
    return f"--- a/{path}", f"+++ b/{path}"


def _hunks(function: Function, source: str) -> list[str]:
    """Hunks between the function at head and its rewrite, shifted to where the function stands."""
    old = _newlines(function.source).splitlines()
    new = _newlines(source).splitlines()
    shift = function.start_line - 1
    out = []
    for line in list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]:
        header = re.fullmatch(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@", line)
        if header:
            line = (
                f"@@ -{int(header[1]) + shift}{header[2] or ''} +{int(header[3]) + shift}{header[4] or ''} @@ "
                f"{function.qualname}"
            )
        out.append(line)
    return out


# ------------------------------------------------------------------------------------------------- templates


def _environment() -> templating.Environment:
    """The templates; every filter here makes foreign text harmless."""
    filters: dict[str, Callable[..., str]] = {
        "prose": prose,
        "code": code,
        "cell": cell,
        "fence": fence,
        "verbatim": verbatim,
        "visible": visible,
        "mark": mark,
        "ranges": ranges,
    }
    names = {
        "headline": headline,
        "suites": suites,
        "costs": costs,
        "surroundings": surroundings,
        "counted": counted,
        "lines": lines,
        "matrix": matrix,
        "diff": diff,
        "found_by": found_by,
        "replay": replay_command,
        "neutral": Conclusion.NEUTRAL,
    }
    return templating.environment(filters, names)
