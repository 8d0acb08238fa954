"""Data to text: the review as Markdown. Everything that a repository or a container said is escaped here."""

from __future__ import annotations

import difflib
import functools
import html
import itertools
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import guarding, templating, wording
from bot.domain import (
    Category,
    Conclusion,
    Finding,
    Function,
    MatrixRow,
    Outcome,
    Replacement,
    Review,
    Reviewed,
    Rewrite,
    Usage,
    Verdict,
)
from bot.record import replay_command

_BREAK = "\u200b"
"""Zero-width space: put after what a platform would turn into a mention, a reference or a link."""

MAX_MATRIX = 10
"""Tests of the verdict matrix that are named; the rest is counted."""
MAX_LISTED = 20
"""Entries of a list of things not reviewed and the like; the rest is counted."""
MAX_FAILURE = 1500
"""Characters of a failure that are shown."""
MAX_ROWS = 10
"""Of a table of differences, and entries of a list of suspicions; the rest is counted."""
OPEN_ROWS = 5
"""Of a table of differences that is not folded."""


@dataclass(frozen=True)
class Caps:
    """How much a text may show."""

    max_inline: int = 5
    """Findings in full; the rest is folded."""
    suspected: bool = False
    """Whether what analysers and others suspect, and nothing has shown, is listed."""


@dataclass(frozen=True)
class Matrix:
    """A verdict's rows as a reader wants them: the deciding ones, then counts."""

    deciding: tuple[MatrixRow, ...]
    """Rows whose outcome differs between versions, or is bad anywhere."""
    more: int
    """Deciding rows that are not shown."""
    same: int
    """Rows that are good on every version on which they ran."""
    with_base: bool = True
    """Whether any test was run on base."""


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
    text = _unlinked(re.sub(r"([\\`*_~|\[\]!{}])", r"\\\1", text))
    # At the start of a line: headings, quotes, lists, slash commands.
    return re.sub(r"^([-+#>/=]|\d+[.)])", rf"{_BREAK}\1", text)


def _unlinked(text: str) -> str:
    """Text in which a platform finds nobody to mention, nothing to refer to, no address and no formula."""
    text = re.sub(r"@(?=\w)", f"@{_BREAK}", text)
    # `#1`, `owner/repo#1`, `GH-1`, and GitLab's `!1`, `&1`, `%name`, `~name`, `%"a name"`, `[issue:1]`,
    # `*iteration:1`. A backslash before the sign, or an entity for it, is gone when references are looked for.
    text = re.sub(r"(!|&amp;)(?=\d)", rf"\1{_BREAK}", text)
    text = re.sub(r"([#%~])(?=[\w\"'])", rf"\1{_BREAK}", text)
    text = re.sub(r"(\[|\biteration:)(?=\w)", rf"\1{_BREAK}", text)
    # Not only GitLab's `$1`: between two of them GitHub sets a formula, unless no white space is before the first.
    text = re.sub(r"\$", f"{_BREAK}${_BREAK}", text)
    text = re.sub(r"(?i)(GH)-(?=\d)", rf"\1{_BREAK}-", text)
    # No boundary is asked for before a scheme: `_https://x` is a link as well.
    text = re.sub(r"(?i)(https?|ftp|mailto|xmpp):", rf"\1{_BREAK}:", text)
    text = re.sub(r"(?i)(www)\.", rf"\1{_BREAK}.", text)
    # What a commit's id may be; a mere number is none. Six digits in a row are too few for one.
    return re.sub(
        r"(?<![0-9a-zA-Z])(?=[0-9]*[a-f])[0-9a-f]{7,}",
        lambda found: _BREAK.join(found[0][at : at + 6] for at in range(0, len(found[0]), 6)),
        text,
    )


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
    review = told(review, caps)
    template = _environment().get_template("comments/review.md.j2")
    text = template.render(
        review=review,
        shown=ranked[: caps.max_inline],
        folded=ranked[caps.max_inline :],
    )
    return re.sub(r"\n{3,}\Z", "\n", text.strip("\n") + "\n")


def told(review: Review, caps: Caps) -> Review:
    """The review with those of its suspicions that are listed."""
    return replace(review, unproven=wording.suspected(review.unproven, everything=caps.suspected))


_HARM = {Category.SECURITY: 0, Category.CORRECTNESS: 1, Category.PERFORMANCE: 2}


def rank(findings: Sequence[Reviewed]) -> tuple[Reviewed, ...]:
    """Findings, worst proven impact first; those with a rewrite first among equals; then by kind of harm, by how
    much slower something is, and by place."""
    return tuple(
        sorted(
            findings,
            key=lambda item: (
                -item.finding.severity.rank,
                item.rewrite is None,
                _HARM[item.finding.category],
                -wording.factor(item.finding),
                item.finding.function.head.path,
                item.finding.start_line,
                item.finding.id,
            ),
        )
    )


def headline(review: Review) -> str:
    """The result in one plain line."""
    functions = counted(len(review.functions), "changed function" if compares(review) else "function")
    if review.conclusion is Conclusion.CLEAN:
        where = " on base and head" if compares(review) else ""
        return f"Tryline ran {_tests(review)}{where} and found nothing in {functions}."
    if review.conclusion is Conclusion.NOTHING:
        return "Nothing to review: the change touches no function that Tryline reviews."
    proven = sum(1 for item in review.findings if item.rewrite is not None)
    found = counted(len(review.findings), "finding")
    if review.conclusion is Conclusion.NEUTRAL:
        also = f" Before that: {found}." if review.findings else ""
        return f"Could not review this change, or not all of it; this is not a pass.{also}"
    rewrites = f"{proven} with a rewrite that passed the tests" if proven else "none with a rewrite"
    return f"{found} in {functions}, {rewrites}."


def compares(review: Review) -> bool:
    """Whether a change was reviewed, and no tree as it stands."""
    return review.change.base != review.change.head


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
    with_base = any(row.base is not None for row in verdict.matrix)
    return Matrix(shown, len(deciding) - len(shown), len(verdict.matrix) - len(deciding), with_base)


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
        added = _split(hunk.replacement)
        parts.append(
            f"@@ line {hunk.start_line} @@ {'(also changed)' if hunk.path == function.path else hunk.path}"
        )
        parts += [f"+{line}" for line in added]
    return "\n".join(parts) + "\n"


def _header(path: str) -> tuple[str, str]:
    return f"--- a/{path}", f"+++ b/{path}"


def _split(text: str) -> list[str]:
    """Lines without their ends; not `splitlines`: a form feed or a Unicode separator ends no line of a diff."""
    return _newlines(text).removesuffix("\n").split("\n") if text else []


def _hunks(function: Function, source: str) -> list[str]:
    """Hunks between the function at head and its rewrite, shifted to where the function stands."""
    old, new = _split(function.source), _split(source)
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


def patch(
    path: str, changes: Sequence[Replacement], head: Mapping[int, str], around: Collection[int]
) -> str | None:
    """The change as a unified diff that git applies, byte for byte; None where head's text is not known, or where
    the changes overlap.

    `head` holds what is known of the head file: line -> text with its end. Up to three lines of context are shown
    from the lines `around`, which must be known.
    """
    out = [f"--- a/{one_line(path)}\n", f"+++ b/{one_line(path)}\n"]
    shift = shown = ended = 0
    ordered = sorted(changes, key=lambda change: change.start_line)
    limits = [*(change.start_line for change in ordered[1:]), math.inf]
    for change, limit in zip(ordered, limits, strict=True):
        numbers = range(change.start_line, change.end_line + 1)
        if change.start_line <= ended or not all(number in head for number in numbers):
            return None
        # Without a gap, and hunks may touch but never tell of a line twice.
        before = _unbroken(change.start_line - 1, -1, [n for n in around if n > shown])
        after = _unbroken(change.end_line + 1, 1, [n for n in around if n < limit])
        shown = after[-1] if after else change.end_line
        ended = change.end_line
        old = [head[n] for n in (*before, *numbers, *after)]
        new = [*(head[n] for n in before), *with_ends(change.replacement), *(head[n] for n in after)]
        start = before[0] if before else change.start_line
        out.append(f"@@ -{start},{len(old)} +{start + shift},{len(new)} @@\n")
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        for tag, a1, a2, b1, b2 in matcher.get_opcodes():
            if tag == "equal":
                out += [_diffed(" ", line) for line in old[a1:a2]]
            else:
                out += [_diffed("-", line) for line in old[a1:a2]] + [_diffed("+", line) for line in new[b1:b2]]
        shift += len(new) - len(old)
    return "".join(out)


def _unbroken(start: int, step: int, lines: Collection[int]) -> list[int]:
    """Up to three lines of context from `start` on, in the file's order."""
    found = list(itertools.takewhile(lambda n: n in lines, range(start, start + 3 * step, step)))
    return sorted(found)


def _diffed(sign: str, line: str) -> str:
    return f"{sign}{line}" if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def with_ends(text: str) -> list[str]:
    """The lines of a text with their ends; the last one may have none. Only a line feed ends a line."""
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


# -------------------------------------------------------------------------------------------------- comments

MAX_BODY = 65_000
"""Characters of a comment; GitHub refuses more than 65,536."""
_LONGEST = 20_000
"""Characters of one foreign text that are looked at where it is clipped: far more than is shown of any."""


@dataclass(frozen=True)
class Part:
    """A passage of a comment, and shorter ones that may stand in its place: whole texts, nothing is cut."""

    variants: tuple[str, ...]
    """The longest first; an empty one at the end lets the passage go."""
    weight: int = 0
    """What weighs more is shortened only when nothing lighter is left."""


def fitted(parts: Sequence[Part], room: int, note: str) -> str:
    """The passages with an empty line between them, at most `room` characters; the longest are shortened first.

    `note` is put last where something was shortened. What cannot be shortened must fit.
    """
    chosen = [0] * len(parts)

    def text_of(index: int) -> str:
        return parts[index].variants[chosen[index]]

    def joined(*more: str) -> str:
        return "\n\n".join(filter(None, (*map(text_of, range(len(parts))), *more)))

    text = joined()
    while len(text) > room:
        spare = [i for i, part in enumerate(parts) if chosen[i] + 1 < len(part.variants)]
        if not spare:
            break
        at = min(spare, key=lambda i: (parts[i].weight, -len(text_of(i))))
        chosen[at] += 1
        text = joined(note)
    return text


@functools.lru_cache(maxsize=512)
def secretless(text: str) -> str:
    """Foreign text cleaned, without what looks like a secret. The same texts stand in several comments."""
    return guarding.redact(guarding.clean(text))


_COMMAND = re.compile(r"(?im)^([ \t>]*)/(?=tryline\b|[a-z_]+(?:[ \t\r]|$))")
"""What is read as a command to us or to another bot, here or quoted in a reply. To GitLab `/merge` at the start of
a line is an order to merge, from the account that writes it, and it finds some in blocks of code."""


def gives_command(text: str) -> bool:
    """Whether a line of the text would be read as a command."""
    return _COMMAND.search(text) is not None


def commandless(text: str) -> str:
    """Text of several lines of which none is read as a command, or as a marker of ours."""
    text = re.sub(r"(?i)<!(?=--\s*tryline)", f"<{_BREAK}!", text)
    return _COMMAND.sub(rf"\1{_BREAK}/", text)


def label(text: object, limit: int = 160) -> str:
    """Foreign text on one line inside of HTML, where Markdown's escapes and code spans are not read."""
    return _unlinked(html.escape(one_line(text, limit).replace("`", ""), quote=False))


def prose_cell(text: object, limit: int = 200) -> str:
    """Like `prose`, for a table: a bar in a code span would end the cell."""
    pieces = re.split(r"`([^`\n]+)`", one_line(text, limit))
    return "".join(cell(piece) if index % 2 else _escape(piece) for index, piece in enumerate(pieces))


def holds_secret(text: str) -> bool:
    """Whether something in the text looks like a secret, also between characters that cannot be seen."""
    cleaned = guarding.clean(text)
    return guarding.redact(text) != text or guarding.redact(cleaned) != cleaned


def _guarded(shown: Callable[..., str]) -> Callable[..., str]:
    """A filter that takes secrets out first: what is cut afterwards cannot leave half of one."""

    def guarded(text: object, *limits: object) -> str:
        return shown(secretless(str(text)[:_LONGEST]), *limits)

    return guarded


def _log(text: object, language: str = "text", limit: int = MAX_FAILURE) -> str:
    """What a run or a tool printed, as a fenced block."""
    return _fenced(commandless(plain(text, limit)), language)


def _source(text: str, language: str = "python") -> str:
    """Source code as a fenced block, whole; what cannot be seen is shown as an escape."""
    return _fenced(commandless(secretless(text) if holds_secret(text) else visible(text)), language)


def passage(template: str, macro: str, *arguments: object) -> str:
    """A passage of a comment: what a macro of `templates/comments/TEMPLATE.md.j2` makes of its arguments, or of
    `templates/TEMPLATE.md.j2` where the name has a slash.

    Every filter there makes foreign text harmless and takes secrets out.
    """
    path = template if "/" in template else f"comments/{template}"
    made: Callable[..., str] = getattr(_commenting().get_template(f"{path}.md.j2").module, macro)
    return made(*arguments).strip("\n")


@functools.cache
def _commenting() -> templating.Environment:
    filters: dict[str, Callable[..., str]] = {
        "prose": _guarded(prose),
        "prose_cell": _guarded(prose_cell),
        "code": _guarded(code),
        "cell": _guarded(cell),
        "label": _guarded(label),
        "fence": _guarded(fence),
        "visible": visible,
        "log": _guarded(_log),
        "source": _source,
        "verbatim": verbatim,
        "mark": mark,
        "ranges": _few_ranges,
    }
    return templating.environment(filters, _names())


def _few_ranges(numbers: Sequence[int]) -> str:
    """Line numbers as `ranges` says them, as many as fit on one line."""
    return one_line(ranges(sorted(set(numbers))[:500]), 200) + (", …" if len(numbers) > 500 else "")


# ------------------------------------------------------------------------------------------------- templates


def _environment() -> templating.Environment:
    """The templates; every filter here makes foreign text harmless."""
    filters: dict[str, Callable[..., str]] = {
        "prose": prose,
        "code": code,
        "cell": cell,
        "prose_cell": prose_cell,
        "label": label,
        "fence": fence,
        "verbatim": verbatim,
        "visible": visible,
        "mark": mark,
        "ranges": ranges,
    }
    return templating.environment(filters, _names())


def _names() -> dict[str, object]:
    """What templates may call."""
    return {
        "headline": headline,
        "suites": suites,
        "costs": costs,
        "surroundings": surroundings,
        "counted": counted,
        "compares": compares,
        "lines": lines,
        "matrix": matrix,
        "diff": diff,
        "found_by": found_by,
        "replay": replay_command,
        "words": wording,
        "neutral": Conclusion.NEUTRAL,
        "max_listed": MAX_LISTED,
        "max_rows": MAX_ROWS,
        "open_rows": OPEN_ROWS,
        "max_failure": MAX_FAILURE,
    }
