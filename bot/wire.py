"""Jobs for the agent inside and what it answers, as values; trusts nothing that comes back.

Everything that crosses is JSON. Text from inside is clipped and cleaned of what could steer a terminal; unknown
keys are ignored; a shape that is not as it should be is a Problem, never a pass.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.domain import Call, Coverage, Frame, Outcome, Problem, SuiteRun, TestResult, Unit
from bot.sandboxes import Job, Reply

# C0 but for tab and line feed, DEL, C1, the marks that reorder or hide text, and halves of surrogate pairs, which
# no encoding takes.
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{4,}")
MAX_TESTS = 200_000
MAX_PICKLED = 40_000
MAX_SOURCE = 4000
MAX_NEEDS = 16
MADE = '''\
def made(kind, /, **state):
    """An instance with these attributes, made without its constructor."""
    value = kind.__new__(kind)
    vars(value).update(state)
    return value'''
"""The one statement of `needs` that is no import: `made(shop.Cart, prices=[1, 2])` needs it."""


def clean(value: object, size: int = 2000) -> str:
    """Text from inside, made harmless for a terminal and clipped to `size` characters; empty for what is neither
    text nor a number."""
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1 << 64):
        value = str(value)
    text = UNSEEN.sub("", value) if isinstance(value, str) else ""
    return text if len(text) <= size else text[: size // 2] + " [...] " + text[-(size // 2 - 7) :]


def said(value: object, size: int = 2000) -> str:
    """What a test or a value says of itself, without memory addresses: equal failures are to read equal."""
    return ADDRESS.sub("at 0x...", clean(value, size))


def number(value: object) -> float:
    """A finite, non-negative number; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e15 else 0.0


def digest(text: str) -> str:
    """Twelve hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def expression(value: object) -> str:
    """Source from inside: one whole expression of bounded size that hides nothing; empty for anything else."""
    if not isinstance(value, str) or len(value) > MAX_SOURCE or clean(value, MAX_SOURCE) != value:
        return ""
    try:
        ast.parse(value, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return value


def needed(value: object) -> tuple[str, ...] | None:
    """Import statements from inside, and MADE; None where there is anything else among them."""
    if not isinstance(value, list) or len(value) > MAX_NEEDS:
        return None
    for line in value:
        if line != MADE and not (isinstance(line, str) and imports_only(line)):
            return None
    return tuple(dict.fromkeys(value))


def imports_only(line: str) -> bool:
    """Whether a text is one import statement."""
    if len(line) > 500 or clean(line, 500) != line:
        return False
    try:
        body = ast.parse(line).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(body) == 1 and isinstance(body[0], ast.Import | ast.ImportFrom)


def sourced(row: Mapping[str, Any], *names: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the named sources, what they need) of a row; all empty where one of the needs is not in order."""
    needs = needed(row.get("needs", []))
    if needs is None:
        return tuple("" for _ in names), ()
    return tuple(expression(row.get(name, "")) for name in names), needs


def strings(value: object, most: int = MAX_TESTS) -> tuple[str, ...]:
    """A tuple of the strings in a list; empty for anything else."""
    if not isinstance(value, list):
        return ()
    return tuple(clean(item, 1000) for item in value[:most] if isinstance(item, str))


# -------------------------------------------------------------------------------------------------- jobs


@dataclass(frozen=True)
class Watch:
    """A function to watch in an observing run."""

    id: str
    """Function id, `FILE::QUALNAME`."""
    path: str
    line: int
    """First line, decorators included."""
    name: str
    """The bare name."""


@dataclass(frozen=True)
class SuiteJob:
    """One run of pytest inside."""

    args: tuple[str, ...]
    seconds: float
    select: tuple[str, ...] | None = None
    ordered: bool = False
    watch: tuple[Watch, ...] = ()
    lines: bool = True
    calls: bool = True
    replace: Mapping[str, str] = field(default_factory=dict)
    """Path -> text that this run's importers see instead of what is on disk."""
    test_seconds: float = 0.0
    """CPU seconds that one test may use; 0 for no limit."""
    test_limits: Mapping[str, float] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    output_kb: int = 256
    file_mb: int = 64


WATCHED_TOGETHER = 40
"""Watched functions from which on each has a share of the calls that are recorded."""
CALLS_EACH = 10


def shares(watched: int) -> dict[str, int]:
    """How many calls are recorded where many functions are watched: as many of each, not all of the first."""
    if watched <= WATCHED_TOGETHER:
        return {}
    return {"total": CALLS_EACH * watched, "per_function": CALLS_EACH, "per_test": 4}


def spec_of(job: SuiteJob) -> dict[str, Any]:
    """What `inside/runner.py` is told."""
    targets: dict[str, list[dict[str, Any]]] = {}
    for watch in job.watch:
        targets.setdefault(watch.path, []).append({"line": watch.line, "name": watch.name, "id": watch.id})
    return {
        "root": "/repo",
        "args": list(job.args),
        "select": None if job.select is None else list(job.select),
        "ordered": job.ordered,
        "targets": targets,
        "watch": {"lines": job.lines, "calls": job.calls, **shares(len(job.watch))},
        "replace": dict(job.replace),
        "test_seconds": job.test_seconds,
        "test_limits": dict(job.test_limits),
    }


def run_job(job: SuiteJob) -> Job:
    """The agent's job for a suite run."""
    longest = max([job.test_seconds, *job.test_limits.values()], default=0.0)
    return {
        "kind": "run",
        "spec": spec_of(job),
        "env": dict(job.env),
        "seconds": job.seconds,
        # A test that sleeps or hangs in C code burns no CPU: silence is its second clock.
        "quiet": max(30.0, 3 * longest) if longest else job.seconds,
        "output_kb": job.output_kb,
        "file_mb": job.file_mb,
    }


def command_job(argv: Sequence[str], seconds: float) -> Job:
    """The agent's job for another program (a formatter), with the same limits."""
    return {"kind": "run", "argv": list(argv), "seconds": seconds, "output_kb": 64}


def warm_job(job: SuiteJob, width: int) -> Job:
    """The agent's job that starts the fork server on the selected tests."""
    return {"kind": "warm", "spec": {**spec_of(job), "width": width}, "env": dict(job.env), "file_mb": job.file_mb}


def arm_message(unit: Unit) -> dict[str, Any]:
    """Tells the fork server which function is to be replaced."""
    return {
        "kind": "arm",
        "unit": {
            "file": unit.path,
            "line": unit.line,
            "name": unit.name,
            "classes": list(unit.classes),
            "source": unit.source,
            "target_path": [list(step) for step in unit.target_path],
        },
    }


def trial_job(message: Mapping[str, Any]) -> Job:
    """Wraps a message for the fork server."""
    return {"kind": "trial", "message": dict(message)}


# ----------------------------------------------------------------------------------------------- answers


def outcome(value: object) -> Outcome:
    """An outcome word; anything unknown is a crash."""
    try:
        return Outcome(value) if isinstance(value, str) else Outcome.CRASHED
    except ValueError:
        return Outcome.CRASHED


def whole(value: object) -> int | None:
    """A process's exit code or signal number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < 1 << 16 else None


def frames(value: object) -> tuple[Frame, ...]:
    """Traceback entries."""
    if not isinstance(value, list):
        return ()
    found = []
    for row in value[:60]:
        if isinstance(row, list) and len(row) == 3:
            found.append(Frame(clean(row[0], 500), int(number(row[1])), clean(row[2], 200)))
    return tuple(found)


def line_table(value: object) -> dict[str, tuple[int, ...]]:
    """{path: lines}."""
    if not isinstance(value, dict):
        return {}
    return {
        clean(path, 500): tuple(int(number(line)) for line in lines[:100_000])
        for path, lines in value.items()
        if isinstance(lines, list)
    }


def calls(test: str, value: object) -> list[tuple[str, Call]]:
    """(function id, call) pairs of one test."""
    found: list[tuple[str, Call]] = []
    if not isinstance(value, list):
        return found
    for row in value[:500]:
        if not isinstance(row, dict):
            continue
        (source, answer), needs = sourced(row, "source", "answer")
        call = Call(
            test=test,
            arguments=said(row.get("arguments"), 400),
            result=said(row.get("result"), 200),
            raised=clean(row.get("raised"), 100),
            digest=clean(row.get("digest"), 16),
            pickled=text if isinstance(text := row.get("pickled"), str) and len(text) <= MAX_PICKLED else "",
            outcome=clean(row.get("outcome"), 16),
            source=source,
            answer=answer,
            needs=needs,
        )
        found.append((clean(row.get("function"), 500), call))
    return found


@dataclass
class Reading:
    """What the events of one process say; mutable while it is read."""

    collected: tuple[str, ...] | None = None
    tests: list[TestResult] = field(default_factory=list)
    covered: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    started: str = ""
    """The test that began and did not end."""
    finished: bool = False
    code: int | None = None


def read_events(events: Sequence[Mapping[str, Any]]) -> Reading:
    """Folds the events of a run."""
    reading = Reading()
    for event in events:
        kind = event.get("event")
        if kind == "collected":
            reading.collected = strings(event.get("ids"))
        elif kind == "start":
            reading.started = clean(event.get("id"), 1000)
        elif kind == "end":
            test = clean(event.get("id"), 1000)
            reading.started = ""
            reading.tests.append(
                TestResult(
                    test,
                    outcome(event.get("outcome")),
                    number(event.get("seconds")),
                    said(event.get("message"), 600),
                    clean(event.get("exception"), 100),
                    frames(event.get("frames")),
                )
            )
            reading.covered[test] = line_table(event.get("lines"))
            for function, call in calls(test, event.get("calls")):
                reading.calls.setdefault(function, []).append(call)
        elif kind == "collect-error":
            reading.tests.append(
                TestResult(
                    clean(event.get("id"), 1000),
                    Outcome.ERROR,
                    0.0,
                    said(event.get("message"), 1500),
                    clean(event.get("exception"), 100),
                    frames(event.get("frames")),
                )
            )
        elif kind in ("finish", "exit"):
            reading.finished = reading.finished or kind == "finish"
            reading.code = whole(event.get("code"))
    return reading


PROBLEMS = {
    "timeout": "the suite did not end within {seconds:.0f} s and was stopped; raise `test.seconds` or narrow it "
    "by `test.paths`",
    "quiet": "a test neither ended nor used its time and was stopped",
    "output-flood": "the tests printed more than 64 MB and were stopped",
    "forged": "tampering suspected: something else than the test runner wrote to its report",
    "report-flood": "the tests reported more than 64 MB and were stopped",
}


def problem_of(reply: Reply, reading: Reading) -> Problem | None:
    """Why a run cannot be taken as a whole run, or None."""
    log = clean(reply.get("output"), 4000)
    stop = reply.get("stop")
    if reply.get("forged"):
        return Problem("forged", PROBLEMS["forged"], log)
    code = whole(reply.get("code"))
    if stop:
        slug = stop if isinstance(stop, str) and stop in PROBLEMS else "stopped"
        text = PROBLEMS.get(slug, "the run was stopped").format(seconds=number(reply.get("seconds")))
        return Problem(slug, text, log)
    if code is None:
        return Problem("no-report", "nothing is known of how the test runner ended", log)
    if code < 0:
        word = "it was killed (out of memory?)" if code == -9 else f"it died of signal {-code}"
        return Problem("killed", f"the test run did not end by itself: {word}", log)
    if not reading.finished and code == 4:
        return Problem(
            "runner", "pytest refused its options or a conftest.py of the repository (exit code 4)", log
        )
    if not reading.finished:
        return Problem("no-report", f"the test runner ended (exit code {code}) without reporting its end", log)
    if reading.collected is None or not (reading.collected or reading.tests):
        if code == 5 or reading.collected is not None:
            return Problem("no-tests", "pytest collected no tests; say where they are in `test.paths`", log)
        return Problem("collection", f"pytest could not collect the tests (exit code {code})", log)
    if code not in (0, 1, 2, 5):
        return Problem("runner", f"pytest ended with exit code {code}: a usage or internal error", log)
    if reading.code != code:
        return Problem("disagreement", f"the report says exit code {reading.code}, the process {code}", log)
    left = set(reading.collected or ()) - {test.id for test in reading.tests}
    if code == 0 and left:
        text = f"the run ended as if all were well, but {len(left)} of the collected tests never ended"
        return Problem("incomplete", text, log)
    return None


def read_run(reply: Reply) -> tuple[SuiteRun, str]:
    """(the run, id of a test that began and did not end or '') of an agent's answer to `run_job`."""
    raw = reply.get("events")
    events = parse_lines(raw if isinstance(raw, list) else [])
    reading = read_events(events)
    if "error" in reply:
        problem: Problem | None = Problem(
            "sandbox", clean(reply["error"]) or "the container reported an error", clean(reply.get("output"), 4000)
        )
    else:
        problem = problem_of(reply, reading)
    run = SuiteRun(
        collected=reading.collected or (),
        tests=tuple(reading.tests),
        exit_code=whole(reply.get("code")),
        seconds=number(reply.get("seconds")),
        covered=reading.covered,
        calls={function: tuple(rows) for function, rows in reading.calls.items()},
        problem=problem,
        output=clean(reply.get("output"), 8000),
    )
    return run, reading.started


def parse_lines(lines: Sequence[object]) -> list[dict[str, Any]]:
    """The JSON objects among text lines; others are ignored."""
    found = []
    for line in lines:
        if not isinstance(line, str) or len(line) > 8 << 20:
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


@dataclass(frozen=True)
class Row:
    """One test's outcome in a trial."""

    test: str
    outcome: Outcome
    message: str
    exception: str
    line: int
    """Line of the target's file at which it was last seen in the traceback; 0 for none."""
    seconds: float
    steps: int
    progress: int
    """Line of the test's own file that it had reached; 0 when it passed."""


@dataclass(frozen=True)
class TrialReply:
    """What a child of the fork server reported."""

    status: str
    """`ran`, `syntax`, `unswappable`, `not-plain`, `crashed`, `killed`, `lost`.

    `not-plain` comes of trials apart alone: an argument, a result or an exception was none that crosses between
    processes, or the function is of a kind that cannot be called so; `message` says which.
    """
    rows: tuple[Row, ...]
    steps: int
    pairs: tuple[tuple[str, str], ...]
    """(digest of arguments, digest of outcome) per recorded call."""
    trace: tuple[tuple[int, tuple[tuple[str, str, str], ...]], ...]
    """(line, ((variable, class name, repr), ...)) before each statement, changed ones only.

    Line 0 tells that the function was entered or left: one triple `("call", "", arguments)`, `("return", class
    name, repr)`, `("raise", class name, message)`, or `("yield", class name, repr)`.
    """
    message: str
    memory_kb: int
    cpu: float
    lines: Coverage = field(default_factory=dict)
    """Lines of watched files by test, where the fork server was started with any to watch."""
    apart: bool = False
    """Whether the function ran in another process than the tests; said by the server, not by a child."""
    swapped: bool = True
    """Whether it ran in the fork server; False where a fresh process had to do."""


def read_trial(reply: Reply) -> TrialReply:
    """An answer to a trial."""
    status = clean(reply.get("status"), 20)
    if "error" in reply:
        status = "lost"
    elif reply.get("killed") or reply.get("signal") in (9, 24):
        status = "killed"
    elif reply.get("signal") or reply.get("exit") or status not in ("ran", "syntax", "unswappable", "not-plain"):
        status = "killed" if reply.get("exit") == 86 else "crashed"
    rows = []
    raw = reply.get("rows")
    for row in raw[:MAX_TESTS] if isinstance(raw, list) else []:
        if isinstance(row, list) and len(row) == 8:
            rows.append(
                Row(
                    clean(row[0], 1000),
                    outcome(row[1]),
                    said(row[2], 300),
                    clean(row[3], 100),
                    int(number(row[4])),
                    number(row[5]),
                    int(number(row[6])),
                    int(number(row[7])),
                )
            )
    pairs = []
    raw = reply.get("pairs")
    for pair in raw[:5000] if isinstance(raw, list) else []:
        if isinstance(pair, list) and len(pair) == 2:
            pairs.append((clean(pair[0], 16), clean(pair[1], 16)))
    return TrialReply(
        status,
        tuple(rows),
        int(number(reply.get("steps"))),
        tuple(pairs),
        read_trace(reply.get("trace")),
        said(reply.get("message") or reply.get("error"), 500),
        int(number(reply.get("memory_kb"))),
        number(reply.get("cpu")),
        lines_by_test(reply.get("lines")),
        reply.get("apart") is True,
    )


def lines_by_test(value: object) -> dict[str, dict[str, tuple[int, ...]]]:
    """{test: {path: lines}}."""
    tests = list(value.items())[:MAX_TESTS] if isinstance(value, dict) else []
    return {clean(test, 1000): line_table(lines) for test, lines in tests}


def read_trace(value: object) -> tuple[tuple[int, tuple[tuple[str, str, str], ...]], ...]:
    """The trace of a watched trial."""
    found = []
    for entry in value[:5000] if isinstance(value, list) else []:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], list)):
            continue
        changes = tuple(
            (clean(c[0], 80), clean(c[1], 80), said(c[2], 200))
            for c in entry[1][:100]
            if isinstance(c, list) and len(c) == 3
        )
        found.append((int(number(entry[0])), changes))
    return tuple(found)


@dataclass(frozen=True)
class Replayed:
    """One replayed call."""

    how: str
    """`returned`, `raised`, `endless`, `left`, `unusable`."""
    digest: str
    shown: str


def read_replay(reply: Reply) -> tuple[Replayed, ...] | None:
    """Outcomes of replayed calls, or None when there are none to speak of."""
    if reply.get("status") != "ran" or reply.get("signal") or reply.get("exit"):
        return None
    raw = reply.get("outcomes")
    rows = []
    for row in raw[:20_000] if isinstance(raw, list) else []:
        if isinstance(row, list) and len(row) == 3:
            rows.append(Replayed(clean(row[0], 20), clean(row[1], 16), clean(row[2], 300)))
    return tuple(rows)
