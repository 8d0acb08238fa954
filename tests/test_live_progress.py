"""What a terminal shows while a run works, seen through an emulator: counts, sizes, hostile names, the end."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pyte
import pytest

from bot.console import TerminalProgress
from bot.progress import Tally, after, pieces, spell

HOSTILE = "\x1b[2J\x1b[31mx\x1b]0;owned\x07\u202eevil\r\nsecond line\u2028third\x9b5A\t[bold]b[/bold]"


class Terminal:
    """A pseudo-terminal and what its screen shows."""

    def __init__(self, columns: int, lines: int = 24) -> None:
        self.reader, writer = pty.openpty()
        self.stream: TextIO = os.fdopen(writer, "w", encoding="utf-8")
        self.screen = pyte.Screen(columns, lines)
        self.raw = b""
        self._feed = pyte.ByteStream(self.screen)
        self._seen = threading.Condition()
        self._marks = itertools.count(1)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.resize(columns, lines)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.reader, 65536)
            except OSError:
                return
            with self._seen:
                self.raw += data
                self._feed.feed(data)
                self._seen.notify_all()

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.reader, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def read(self) -> None:
        """Waits until the screen shows all that was written before."""
        mark = f"mark {next(self._marks)}"
        os.write(self.stream.fileno(), f"\x1b]2;{mark}\x07".encode())
        with self._seen:
            assert self._seen.wait_for(lambda: self.screen.title == mark, timeout=60)

    def rows(self) -> list[str]:
        """The rows with something in them."""
        self.read()
        with self._seen:
            return [row.rstrip() for row in self.screen.display if row.strip()]

    def close(self) -> None:
        self.stream.close()
        self._thread.join(timeout=60)
        os.close(self.reader)


@contextmanager
def terminal(columns: int, lines: int = 24) -> Iterator[Terminal]:
    it = Terminal(columns, lines)
    try:
        yield it
    finally:
        it.close()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _a_plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


FULL = Tally(functions=3, of=10, candidates=1412, executions=11288, findings=2, seconds_left=517)


def test_below_the_lines_stands_what_is_true_now() -> None:
    clock = Clock()
    with terminal(60) as tty, TerminalProgress(tty.stream, clock=clock) as progress:
        progress.stage("propose", "rewriting total line by line")
        progress.tally(FULL)
        clock.now += 83
        progress.tick("4 versions pass after 80 trials")
        progress.note("total: refused: it is slower")
        assert tty.rows() == [
            "   0.0 s  propose  rewriting total line by line",
            "  83.0 s           total: refused: it is slower",
            "propose  1:23, 7:14 left  3 of 10 functions  2 findings",
            "         1,412 candidates  11,288 executions",
            "4 versions pass after 80 trials",
        ]


def test_a_finished_run_leaves_its_lines_and_a_cursor() -> None:
    with terminal(80) as tty:
        with TerminalProgress(tty.stream, clock=Clock()) as progress:
            progress.stage("prepare", "image")
            progress.tally(FULL)
            progress.tick("a very short-lived state")
            progress.stage("observe")
        progress.stage("deliver", "after the end")
        assert tty.rows() == [
            "   0.0 s  prepare  image",
            "   0.0 s  observe",
            "   0.0 s  deliver  after the end",
        ]
        assert not tty.screen.cursor.hidden
        assert tty.screen.cursor.y == 3
        assert tty.raw.count(b"\x1b[?25l") == tty.raw.count(b"\x1b[?25h") == 1


@pytest.mark.parametrize("columns", [200, 60, 45])
def test_it_fits_and_follows_the_size_of_the_window(columns: int) -> None:
    with terminal(120) as tty, TerminalProgress(tty.stream, clock=Clock()) as progress:
        progress.stage("find")
        progress.tally(FULL)
        progress.tick("x" * 300)
        progress.note("before")
        tty.read()
        tty.resize(columns, 30)
        progress.note("after")
        rows = tty.rows()
        assert [row.split()[-1] for row in rows[:3]] == ["find", "before", "after"]
        assert all(len(row) <= min(columns - 1, 58) for row in rows[3:])
        assert rows[-1].endswith("x…")
        assert len([row for row in rows if "left" in row]) == 1
        assert " ".join(" ".join(rows[3:-1]).split()) == (
            "find 0:00, 8:37 left 3 of 10 functions 2 findings 1,412 candidates 11,288 executions"
        )


def test_a_window_that_is_too_low_shows_what_fits() -> None:
    with terminal(80, 3) as tty, TerminalProgress(tty.stream, clock=Clock()) as progress:
        progress.stage("find")
        progress.tally(FULL)
        for number in range(20):
            progress.note(f"line {number}")
        assert len([row for row in tty.rows() if "left" in row]) == 1


def test_hostile_names_do_nothing() -> None:
    with terminal(100) as tty:
        with TerminalProgress(tty.stream, clock=Clock()) as progress:
            progress.stage(HOSTILE, HOSTILE)
            progress.tick(HOSTILE)
            progress.note(HOSTILE)
            rows = tty.rows()
        tty.read()
        ours = rb"\x1b\[(\?25[lh]|[0-9;]*m|2K|[0-9]*A)|\x1b\]2;mark \d+\x07|\r"
        rest = re.sub(ours, b"", tty.raw).decode()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", rest)
        assert b"\x1b[31m" not in tty.raw
        assert len(rows) == 4, "two lines, the state and its last row"
        assert all("[bold]b[/bold]" in row for row in (rows[1], rows[3]))


@pytest.mark.parametrize("color", [True, False])
def test_colours_and_styles_can_be_had_and_be_left_out(color: bool) -> None:
    with terminal(80) as tty:
        with TerminalProgress(tty.stream, color=color, clock=Clock()) as progress:
            progress.stage("find", "2 functions")
        tty.read()
        assert bool(re.search(rb"\x1b\[[0-9;]+m", tty.raw)) is color


def test_a_terminal_that_can_do_nothing_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with terminal(80) as tty:
        with TerminalProgress(tty.stream, clock=Clock()) as progress:
            progress.stage("find", "2 functions")
            progress.tick("nothing yet")
        tty.read()
        assert tty.raw.split(b"\x1b]2;")[0] == b"   0.0 s  find     2 functions\r\n"


def test_it_outlives_a_terminal_that_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal(80) as tty, TerminalProgress(tty.stream, clock=Clock()) as progress:
        progress.stage("find")
        tty.stream.close()
        progress.note("nobody reads this")
        progress.tally(FULL)
        progress.stage("observe")
    assert capsys.readouterr().err == ""


def test_threads_may_tell_it_at_once() -> None:
    with terminal(80, 200) as tty, TerminalProgress(tty.stream, clock=Clock()) as progress:
        progress.stage("find")

        def tell(who: int) -> None:
            for number in range(20):
                progress.tally(Tally(executions=number))
                progress.tick(f"{who} {number}")
                progress.note(f"from {who}: {number}")

        threads = [threading.Thread(target=tell, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        notes = [row for row in tty.rows() if "from" in row]
        assert len(set(notes)) == len(notes) == 80


def test_without_a_terminal_counts_are_told_now_and_then() -> None:
    reader, writer = os.pipe()
    clock = Clock()
    with os.fdopen(reader) as told, os.fdopen(writer, "w") as stream:
        with TerminalProgress(stream, clock=clock) as progress:
            progress.stage("audit")
            progress.tally(replace_functions(1))
            clock.now += 11
            progress.tally(replace_functions(2))
            progress.tally(replace_functions(3))
            clock.now += 11
            progress.tick("racing")
        stream.close()
        assert told.read().splitlines() == [
            "   0.0 s  audit    ",
            "  11.0 s           2 of 9 functions",
            "  22.0 s           racing (3 of 9 functions)",
        ]


def replace_functions(done: int) -> Tally:
    return Tally(functions=done, of=9)


def test_what_is_known_is_put_into_words() -> None:
    assert pieces(Tally()) == []
    assert pieces(Tally(functions=1, findings=1, candidates=1, executions=1)) == [
        "1 function",
        "1 finding",
        "1 candidate",
        "1 execution",
    ]
    assert pieces(Tally(functions=0, of=1)) == ["0 of 1 function"]
    assert pieces(Tally(of=2000)) == ["0 of 2,000 functions"]
    assert after(Tally(functions=1, findings=3), Tally(functions=2, of=5)) == Tally(functions=2, of=5, findings=3)
    assert [spell(seconds) for seconds in (-5, 7.9, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]
