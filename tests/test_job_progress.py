"""Progress in a build server's log: stages fold, what is delivered does not, foreign text commands nothing."""

from __future__ import annotations

import io
import re

import pytest

from bot.ci import JobProgress
from bot.forges.github.outputs import Job
from bot.progress import Tally


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def told(script: object, *, active: bool = True) -> list[str]:
    """What the log holds after a run that `script` tells of."""
    stream, clock = io.StringIO(), Clock()
    job = Job({"GITHUB_ACTIONS": "true"} if active else {}, stream, word=lambda: "word")
    with JobProgress(job, clock) as progress:
        script(progress, clock)  # type: ignore[operator]
    job.say("afterwards")
    return stream.getvalue().splitlines()


def a_run(progress: JobProgress, clock: Clock) -> None:
    progress.stage("find", "2 functions")
    clock.now += 2
    progress.note("changed functions: 2")
    progress.tick("too soon")
    progress.stage("observe")
    progress.tally(Tally(executions=1, functions=0, of=2))
    clock.now += 16
    progress.tick("running the tests")
    clock.now += 16
    progress.tally(Tally(executions=40, findings=1))
    progress.stage("deliver", "what was found")
    progress.note("saved it")


def test_each_stage_folds_and_what_is_delivered_does_not() -> None:
    assert told(a_run) == [
        "::group::0 s find 2 functions",
        "    2 s           changed functions: 2",
        "::endgroup::",
        "::group::2 s observe",
        "   18 s           running the tests (0 of 2 functions, 1 execution)",
        "   34 s           0 of 2 functions, 1 finding, 40 executions",
        "::endgroup::",
        "   34 s  deliver  what was found",
        "   34 s           saved it",
        "afterwards",
    ]


def test_a_log_that_cannot_fold_has_the_same_lines() -> None:
    folded = [line.removeprefix("::group::") for line in told(a_run) if line != "::endgroup::"]
    assert [line.split() for line in told(a_run, active=False)] == [line.split() for line in folded]


def test_a_fold_ends_with_the_run_however_it_ends() -> None:
    stream = io.StringIO()
    with pytest.raises(KeyError), JobProgress(Job({"GITHUB_ACTIONS": "true"}, stream)) as progress:
        progress.stage("find")
        raise KeyError
    assert stream.getvalue().splitlines()[-1] == "::endgroup::"


HOSTILE = "\n::endgroup::\r\n::error::owned\x1b[31m%0A::group::x"


def test_foreign_text_opens_and_ends_no_fold() -> None:
    def script(progress: JobProgress, clock: Clock) -> None:
        progress.stage("find", HOSTILE)
        progress.note(HOSTILE)
        clock.now += 99
        progress.tick(HOSTILE)

    commands = [line for line in told(script) if re.match(r"\s*::", line)]
    groups = [line[:9] for line in commands if not line.startswith(("::stop-commands::", "::word::"))]
    assert groups == ["::group::", "::endgroup"[:9]]
    assert not [line for line in told(script) if "\x1b" in line]
