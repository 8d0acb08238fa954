"""The terminal: progress while a review runs, and its report at the end. Foreign text is printed as text only."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TextIO, cast

from rich import box
from rich.console import Console, ConsoleDimensions, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot import wording
from bot.config import Effective
from bot.domain import Conclusion, Finding, Outcome, Review, Reviewed, Severity, Verdict
from bot.progress import Tally, after, pieces, spell
from bot.record import replay_command
from bot.render import (
    MAX_FAILURE,
    MAX_LISTED,
    MAX_ROWS,
    Caps,
    compares,
    costs,
    counted,
    diff,
    found_by,
    headline,
    lines,
    mark,
    matrix,
    one_line,
    plain,
    ranges,
    rank,
    suites,
    surroundings,
    told,
    visible,
)
from bot.sandboxes import Diagnosis

_WIDTH = 110
"""Columns where nobody says how many there are: a file, a pipe, a build log."""
MAX_CODE = 60
"""Lines of a test that are printed; a longer one is named."""
_QUIET_SECONDS = 10.0
"""Without a terminal, a short-lived state is worth a line only this often."""
REFRESHES = 4
"""A second, of what a terminal shows below the lines."""
_NARROW = 58
"""Columns that this fills at most."""
_SEVERITY = {
    Severity.LOW: "cyan",
    Severity.MEDIUM: "yellow",
    Severity.HIGH: "red",
    Severity.CRITICAL: "bold red",
}


def _console(stream: TextIO, *, color: bool) -> Console:
    """A console that takes no text for mark-up, emoji or a value to colour."""
    terminal = stream.isatty()
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        no_color=not color,
        color_system="auto" if color else None,
        width=None if terminal else _WIDTH,
        soft_wrap=not terminal,
    )


class TerminalProgress:
    """Shows how a run goes, on a stream: stages and notes as lines; below them, on a terminal, what is true now.

    A context manager: on leaving it, what was true for a moment only is gone from the screen. Threads may call it.
    Never raises for a stream that is closed.
    """

    def __init__(self, stream: TextIO, *, color: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        # Our own thread writes, too: a reader who went away is no reason to lose a review, nor for a traceback.
        self._console = _console(cast("TextIO", _Forgiving(stream)), color=color)
        self._lock = threading.RLock()
        self._clock = clock
        self._start = self._last = clock()
        self._stage = self._tick = ""
        self._tally = Tally()
        self._told = clock()
        """When the time that is left was told."""
        self._ended = False
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                _Now(self._now),
                console=self._console,
                refresh_per_second=REFRESHES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="crop",
            )

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        if self._live is not None:
            self._live.stop()

    def stage(self, name: str, detail: str = "") -> None:
        """A new part of the work begins."""
        with self._lock:
            self._stage, self._tick = one_line(name, 20), ""
        self._line(self._stage, one_line(detail))
        if self._live is not None and not self._ended:
            self._live.start()

    def note(self, text: str) -> None:
        """Something worth a line."""
        self._line("", one_line(text))

    def tick(self, text: str) -> None:
        """A short-lived state: replaces the last one; without a terminal, a line now and then."""
        with self._lock:
            self._tick = one_line(text, 200)
        self._quiet(self._tick)

    def tally(self, tally: Tally) -> None:
        """How far the work is; without a terminal, a line now and then."""
        with self._lock:
            self._tally = after(self._tally, tally)
            if tally.seconds_left is not None:
                self._told = self._clock()
        self._quiet("")

    def _quiet(self, text: str) -> None:
        """A line in a log to which nothing was added for a while."""
        if self._live is not None or self._clock() - self._last < _QUIET_SECONDS:
            return
        counts = ", ".join(pieces(self._tally))
        self._line("", f"{text} ({counts})" if text and counts else text or counts)

    def _line(self, name: str, detail: str) -> None:
        with self._lock:
            self._last = self._clock()
            text = Text()
            text.append(f"{self._last - self._start:6.1f} s  ", style="dim")
            text.append(f"{name:<8} ", style="bold")
            text.append(detail)
        if self._live is not None:
            self._measure()
        # Not under our lock: the thread that draws holds the terminal's, and waits for ours.
        self._console.print(text)

    def _measure(self) -> None:
        """Asks the terminal for its size; rich would ask the process's own one, which need not be this."""
        with contextlib.suppress(OSError, ValueError):
            columns, lines = os.get_terminal_size(self._stream.fileno())
            if columns and lines:
                self._console.size = ConsoleDimensions(columns, lines)

    def _now(self) -> Group:
        """What the terminal shows below the lines: never wider than it, and never wider than `_NARROW`, so that a
        window that is made smaller breaks none of it."""
        self._measure()
        width = max(1, min(_NARROW, self._console.width - 1))
        with self._lock:
            now, tally, tick, stage = self._clock(), self._tally, self._tick, self._stage
        time_ = spell(now - self._start)
        if tally.seconds_left is not None:
            time_ += f", {spell(tally.seconds_left - (now - self._told))} left"
        rows = [Text(row, no_wrap=True) for row in _packed([time_, *pieces(tally)], width - len(stage) - 2)]
        rows = [
            Text.assemble((stage if not at else " " * len(stage), "bold"), "  ", row)
            for at, row in enumerate(rows)
        ]
        rows.append(Text(tick, style="dim"))
        for row in rows:
            row.truncate(width, overflow="ellipsis")
        return Group(*rows)


class _Now:
    """Something that is made anew each time it is shown."""

    def __init__(self, make: Callable[[], Group]) -> None:
        self._make = make

    def __rich__(self) -> Group:
        return self._make()


def _packed(words: Sequence[str], width: int) -> list[str]:
    """Pieces of text in as few lines as hold them, none cut in two."""
    rows: list[str] = []
    for word in words:
        if rows and len(rows[-1]) + 2 + len(word) <= width:
            rows[-1] += f"  {word}"
        else:
            rows.append(word)
    return rows


class _Forgiving:
    """A stream whose reader may go away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Writes, or does not."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes, or does not."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        with contextlib.suppress(OSError, ValueError):
            return self._stream.isatty()
        return False


# ------------------------------------------------------------------------------------------------- the report


def print_review(review: Review, stream: TextIO, *, color: bool = True, caps: Caps | None = None) -> None:
    """The whole review for a terminal. Raises OSError when the stream cannot be written."""
    caps = caps or Caps()
    review = told(review, caps)
    out = _console(stream, color=color)
    ranked = rank(review.findings)
    out.print(Text(headline(review), style=_tone(review)))
    for problem in review.problems:
        out.print(Text(f"  {one_line(problem.message, 2000)} [{one_line(problem.slug)}]"))
        if problem.log.strip() and review.conclusion is Conclusion.NEUTRAL:
            out.print(
                Padding(Text(plain(problem.log, MAX_FAILURE).strip("\n"), style="dim"), (0, 0, 0, 4), expand=False)
            )
    for item in ranked[: caps.max_inline]:
        out.print()
        _print_finding(item, out)
    if len(ranked) > caps.max_inline:
        rest = ranked[caps.max_inline :]
        _print_list(out, f"{counted(len(rest), 'more finding')}", [_brief(item) for item in rest], len(rest))
    _print_rest(review, out)
    asked = review.costs.usage.requests or review.costs.usage.from_cache
    if review.findings or asked or review.conclusion is Conclusion.NEUTRAL:
        out.print()
        for line in (suites(review), costs(review), surroundings(review), f"review {one_line(review.id)}"):
            if line:
                out.print(Text(line, style="dim"))


def _tone(review: Review) -> str:
    if review.conclusion is Conclusion.FINDINGS:
        return "bold red"
    return "bold yellow" if review.conclusion is Conclusion.NEUTRAL else "bold green"


def _print_rest(review: Review, out: Console) -> None:
    """What is not a finding: other answers, weakened tests, what was left out or only suspected, flaky tests."""
    _print_altered(review, out)
    weakened = [
        f"{change.path} {change.name}: {change.how}" + (f": {change.detail}" if change.detail else "")
        for change in review.test_changes
        if change.how in ("weakened", "deleted")
    ]
    _print_list(out, "Tests that this change weakens", weakened)
    _print_list(
        out,
        "Not reviewed",
        [
            " ".join(filter(None, (item.path, item.symbol, f"({ranges(item.lines)})" if item.lines else "")))
            + f": {item.reason}"
            for item in review.not_reviewed
        ],
    )
    _print_list(
        out,
        "Not compared, or not timed",
        [f"{reason}: {', '.join(functions)}" for reason, functions in wording.left_alone(review)],
    )
    _print_list(
        out,
        "Suspected, not proven",
        [f"{s.function.id}: {s.message} [{s.rule}]" for s in review.unproven],
        MAX_ROWS,
    )
    _print_list(
        out,
        "Changed lines that no test executes" if compares(review) else "Lines that no test executes",
        [f"{r.function.id}: {ranges(r.unexecuted_lines)}" for r in review.functions if r.unexecuted_lines],
    )
    _print_list(out, "Flaky, so no evidence", list(review.flaky))
    _print_list(out, "How it ran", list(review.notes))


def _print_altered(review: Review, out: Console) -> None:
    """Inputs on which functions answer otherwise than at base."""
    found = wording.alterations(review, MAX_ROWS)
    if not found.count:
        return
    out.print()
    out.print(Text(found.heading, style="bold"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("function", "input", "base", "head", "change", "demanded by"):
        table.add_column(name, overflow="fold")
    for row in found.rows:
        one = row.difference
        cells = (row.report.function.head.qualname, one.arguments, one.base, one.head)
        demanded = one_line(one.intended, 120) or "no test"
        table.add_row(*(Text(one_line(cell, 120)) for cell in cells), Text(row.what), Text(demanded))
    if found.more:
        table.add_row(Text(f"and {found.more} more"))
    out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _print_list(out: Console, title: str, entries: Sequence[str], limit: int = MAX_LISTED) -> None:
    if not entries:
        return
    out.print()
    out.print(Text(title, style="bold"))
    for entry in entries[:limit]:
        out.print(Text(f"  {one_line(entry)}"))
    if len(entries) > limit:
        out.print(Text(f"  and {len(entries) - limit} more"))


def _brief(item: Reviewed) -> str:
    finding = item.finding
    return (
        f"{finding.title}: {finding.function.head.path}, {lines(finding.start_line, finding.end_line)}, "
        f"{finding.severity}, {'with a rewrite' if item.rewrite else 'no rewrite'}; {replay_command(finding.id)}"
    )


def _print_finding(item: Reviewed, out: Console) -> None:
    finding, rewrite = item.finding, item.rewrite
    head = finding.function.head
    title = Text(finding.severity.upper(), style=_SEVERITY[finding.severity])
    title.append(f"  {one_line(finding.title)}", style="bold")
    out.print(title)
    place = f"{head.path}:{finding.start_line}  {head.qualname}  [{finding.rule}]"
    if finding.cwe:
        place += f"  {wording.weakness(finding.cwe)}"
    out.print(Text(f"  {one_line(place)}", style="dim"))
    out.print(Text(f"  {one_line(finding.message, 2000)}"))
    out.print()
    _print_proof(finding, out)
    if finding.witness.command.strip():
        out.print(Text(f"  $ {one_line(finding.witness.command, 1000)}"))
    if finding.witness.code:
        _print_code(finding, out)
    # What an attack prints, and times in a sentence, are told above, in better words.
    if finding.witness.failure.strip() and finding.witness.kind not in ("attack", "measure"):
        failure = plain(finding.witness.failure, MAX_FAILURE).strip("\n")
        out.print(Padding(Text(failure, style="dim"), (0, 0, 0, 4), expand=False))
    if rewrite is None:
        why = item.why_no_rewrite or "none was found within the budget"
        out.print(Text(f"  No rewrite: {one_line(why, 1000)}"))
        if item.rejected:
            out.print(Text(f"  Refused in the cold run: {one_line(item.rejected[0].reason, 500)}"))
    else:
        what = "Restoring base" if rewrite.label == "revert" else "Rewrite"
        verdict = rewrite.verdict
        out.print()
        _print_diff(diff(finding, rewrite), out)
        out.print()
        out.print(
            Text(
                f"  {what}: {wording.verified(verdict)}passed {counted(verdict.tests_run, 'test')} "
                f"({one_line(verdict.selection)}) in a fresh container; "
                f"{verdict.tests_executing} execute the function",
                style="green",
            )
        )
        if more := wording.besides(verdict):
            out.print(Text(f"  {more}", style="yellow" if wording.weakly(verdict) else "green"))
        out.print(Text(f"  Found by {found_by(item)}", style="dim"))
        _print_matrix(verdict, finding.witness.tests, out)
    if item.rewrite is not None:
        out.print(Text(f"  Replay: {replay_command(finding.id)}"))


def _print_code(finding: Finding, out: Console) -> None:
    """The test that was written for the review; of a long one, where it is."""
    path, code = one_line(finding.witness.path), visible(finding.witness.code).strip("\n")
    if code.count("\n") < MAX_CODE:
        out.print(Text(f"  with this test, which was written for this review, as {path}:"))
        out.print(Padding(Text(code, style="dim"), (0, 0, 1, 4), expand=False))
        return
    count = code.count("\n") + 1
    out.print(Text(f"  with the test of {count} lines that was written for this review, as {path};", style="dim"))
    out.print(Text("  it is in the saved result, and in what --output FILE.md writes", style="dim"))


def _print_proof(finding: Finding, out: Console) -> None:
    """The way of an attack, and what was measured."""
    witness = finding.witness
    if witness.kind == "attack":
        out.print(Text(f"  payload  {one_line(wording.exact(witness.payload), 400)}"))
        out.print(Text(f"  reaches  {one_line(witness.sink)}"))
        for frame in witness.stack[-6:]:
            out.print(Text(f"           {one_line(f'{frame.path}:{frame.line} {frame.function}')}", style="dim"))
    if witness.measured is not None:
        for line in (*wording.numbers(finding), f"input: {witness.measured.arguments}"):
            out.print(Text(f"  {one_line(line)}"))


def _print_diff(text: str, out: Console) -> None:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in visible(text).split("\n")[:-1]:
        style = "bold" if line.startswith(("--- ", "+++ ")) else styles.get(line[:1], "")
        out.print(Text(f"  {line}", style=style), soft_wrap=True)


def _print_matrix(verdict: Verdict, witness: Sequence[str], out: Console) -> None:
    rows = matrix(verdict, witness)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("test", overflow="fold")
    sides = ("base", "head", "rewrite") if rows.with_base else ("head", "rewrite")
    for side in sides:
        table.add_column(side, no_wrap=True)
    for row in rows.deciding:
        cells = (row.base, row.head, row.candidate)[-len(sides) :]
        table.add_row(Text(one_line(row.test)), *(_cell(cell) for cell in cells))
    if rows.more:
        table.add_row(Text(f"{rows.more} more that differ"))
    if rows.same:
        table.add_row(Text(counted(rows.same, "other test")), *("same" for _ in sides))
    if table.row_count:
        out.print(Padding(table, (0, 0, 0, 2), expand=False))


def _cell(outcome: Outcome | None) -> Text:
    style = "dim" if outcome is None else "red" if outcome.bad else "green" if outcome.good else ""
    return Text(mark(outcome), style=style)


def print_verdict(verdict: Verdict, stream: TextIO, *, color: bool = True) -> None:
    """What a replay showed: each check, then the matrix. Raises OSError when the stream cannot be written."""
    out = _console(stream, color=color)
    word = "accepted" if verdict.accepted else "refused"
    out.print(Text(f"Verdict: {word}", style="bold green" if verdict.accepted else "bold red"))
    for judgement in verdict.judgements:
        text = Text("  ok   " if judgement.ok else "  no   ", style="green" if judgement.ok else "red")
        text.append(f"{one_line(judgement.check)}: {one_line(judgement.detail, 1000)}", style="default")
        out.print(text)
    out.print(
        Text(
            f"  {counted(verdict.tests_run, 'test')} ({one_line(verdict.selection)}) in {verdict.seconds:.1f} s, "
            f"{verdict.tests_executing} execute the function"
        )
    )
    _print_matrix(verdict, (), out)


def print_diagnosis(rows: Sequence[Diagnosis], stream: TextIO, *, color: bool = True) -> None:
    """What works here and what is missing. Raises OSError when the stream cannot be written."""
    out = _console(stream, color=color)
    for row in rows:
        text = Text("ok      " if row.ok else "missing ", style="green" if row.ok else "red")
        text.append(f"{one_line(row.name)}: {one_line(row.detail, 1000)}", style="default")
        out.print(text)
        if row.remedy and not row.ok:
            out.print(Text(f"        {one_line(row.remedy, 1000)}"))


def print_settings(rows: Sequence[Effective], stream: TextIO, *, color: bool = True) -> None:
    """Every setting with where its value came from. Raises OSError when the stream cannot be written."""
    out = _console(stream, color=color)
    names = max(len(row.name) for row in rows)
    values = [one_line(written(row.value), 60) for row in rows]
    widest = min(max(len(value) for value in values), 40)
    for row, value in zip(rows, values, strict=True):
        text = Text(f"{row.name:<{names}}  {value:<{widest}}  ")
        text.append(one_line(row.origin), style="dim" if row.origin == "default" else "cyan")
        out.print(text)


def written(value: object) -> str:
    """A setting's value as `.tryline.yml` would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {item}" for key, item in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)
