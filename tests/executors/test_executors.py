"""One contract for every executor: each test here runs on processes of this machine and on a real cluster."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import toy_work
from clusters import TestCluster, cluster, environ
from toy_work import task, toil

from bot.errors import ExecutorError
from bot.executors import Done, Executor, Task
from bot.executors.cluster import Cluster
from bot.executors.local import Local

pytestmark = pytest.mark.thorough
WORKERS = 2


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), WORKERS) as made:
        yield made


@pytest.fixture(scope="module", params=["local", "cluster"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor
    if request.param == "local":
        made = Local(WORKERS, environ())
    else:
        made = Cluster(request.getfixturevalue("there").address)
    with contextlib.closing(made):
        yield made


def nobody(question: bytes) -> bytes:
    raise ExecutorError("nobody answers", slug="cluster-asked")


def run(executor: Executor, *tasks: Task, shared: bytes = b"", answer: Any = nobody) -> dict[str, Done]:
    """What became of each task; that every one came once is checked here."""
    done = list(executor.results(toil, shared, tasks, answer))
    assert Counter(one.task.key for one in done) == Counter(one.key for one in tasks)
    return {one.task.key: one for one in done}


def said(done: Done) -> dict[str, Any]:
    assert not done.problem, done.problem
    result: dict[str, Any] = json.loads(done.result)
    return result


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits; fails after a time that is no measure of anything."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_no_task_no_result(executor: Executor) -> None:
    assert run(executor) == {}


def test_every_task_is_done_once_several_at_a_time(executor: Executor, tmp_path: Path) -> None:
    assert executor.width == WORKERS
    log = tmp_path / "log"
    here, there = tmp_path / "here", tmp_path / "there"
    pair = (task("0", log=str(log), meet=f"{here} {there}"), task("1", log=str(log), meet=f"{there} {here}"))
    done = run(executor, *pair, *(task(str(n), log=str(log)) for n in range(2, 12)), shared=b"s" * 3_000_000)
    assert {said(one)["shared"] for one in done.values()} == {3_000_000}
    lines = log.read_text().splitlines()
    assert Counter(lines) == Counter([*(f"begin {n}" for n in range(12)), *(f"end {n}" for n in range(12))])
    pids = {said(one)["pid"] for one in done.values()}
    assert len(pids) == WORKERS, "each worker keeps one process, and all are used"
    assert {one.worker for one in done.values()} == {"worker 1", "worker 2"}
    at_once, most = 0, 0
    for line in lines:
        at_once += 1 if line.startswith("begin") else -1
        most = max(most, at_once)
    assert most == WORKERS


def test_new_tasks_are_begun_only_while_somebody_takes_results(executor: Executor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    results = executor.results(toil, b"", [task(str(n), log=str(log)) for n in range(50)], nobody)
    next(results)
    until(lambda: log.read_text().count("end") >= WORKERS)
    time.sleep(0.3)
    assert log.read_text().count("begin") <= 3 * WORKERS
    assert len(list(results)) == 49


def test_questions_are_answered_here_many_at_a_time(executor: Executor) -> None:
    most, now, lock = 0, 0, threading.Lock()

    def answer(question: bytes) -> bytes:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return question[::-1]

    questions = {str(n): [f"q{n}.{m}" for m in range(8)] for n in range(10)}
    done = run(executor, *(task(key, ask=asked) for key, asked in questions.items()), answer=answer)
    for key, asked in questions.items():
        assert said(done[key])["answers"] == [one[::-1] for one in asked]
    assert most > WORKERS


def test_a_large_question_and_answer_and_result_pass(executor: Executor) -> None:
    done = run(
        executor, task("a", ask=["x" * 3_000_000], size=5_000_000), answer=lambda question: question + question
    )
    assert len(done["a"].result) > 11_000_000
    assert not done["a"].problem


def test_a_question_that_cannot_be_answered_is_the_tasks_problem(executor: Executor) -> None:
    def answer(question: bytes) -> bytes:
        if question == b"bad":
            raise RuntimeError("boom\n\x1b[2J")
        return nobody(question)

    done = run(executor, task("a", ask=["bad"]), task("b", ask=["other"]), answer=answer)
    assert "RuntimeError: boom" in done["a"].problem
    assert "\x1b" not in done["a"].problem
    assert "nobody answers" in done["b"].problem


def test_a_task_that_fails_is_tried_once_more(executor: Executor, tmp_path: Path) -> None:
    done = run(executor, task("a", fail_until=str(tmp_path / "there")), task("b"))
    assert said(done["a"])["key"] == "a"
    assert (done["a"].attempts, done["b"].attempts) == (2, 1)


def test_a_task_that_always_fails_is_given_up_with_its_reason(executor: Executor) -> None:
    done = run(executor, task("a", fail="the engine\nis \x1b[1mgone"), *(task(str(n)) for n in range(3)))
    assert done["a"].problem == "the engine is gone"
    assert (done["a"].attempts, done["a"].result) == (2, b"")
    assert all(not one.problem for key, one in done.items() if key != "a")


def test_a_task_whose_process_dies_is_given_up_and_the_rest_goes_on(executor: Executor, tmp_path: Path) -> None:
    once = tmp_path / "once"
    done = run(
        executor,
        task("always", die="me"),
        task("leaves", exit=7),
        task("once", die=f"me {once}"),
        *(task(str(n)) for n in range(6)),
    )
    assert "SIGKILL" in done["always"].problem
    assert "exit code 7" in done["leaves"].problem
    assert said(done["once"])["key"] == "once"
    assert done["once"].attempts == 2
    assert all(not done[str(n)].problem for n in range(6))


def test_what_work_prints_harms_nothing(executor: Executor, capfd: pytest.CaptureFixture[str]) -> None:
    done = run(executor, task("a", print="x" * 300_000))
    assert said(done["a"])["key"] == "a"
    assert "xxx" not in "".join(capfd.readouterr())


def test_leaving_early_ends_what_runs(executor: Executor, tmp_path: Path) -> None:
    noted = tmp_path / "interrupted"
    log = tmp_path / "log"
    tasks = [task("quick"), *(task(str(n), stubborn=str(noted), log=str(log)) for n in range(4))]
    results = executor.results(toil, b"", tasks, nobody)
    assert next(results).task.key == "quick"
    until(log.exists)
    results.close()  # type: ignore[attr-defined]
    until(noted.exists)
    assert len(run(executor, task("later"))) == 1, "it can be used again"


def test_leaving_refuses_questions_that_are_open(executor: Executor, tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(question: bytes) -> bytes:
        asked.set()
        go_on.wait(60)
        return b""

    results = executor.results(toil, b"", [task("quick"), task("asks", ask=["?"])], answer)
    assert next(results).task.key == "quick"
    assert asked.wait(60)
    results.close()  # type: ignore[attr-defined]
    go_on.set()
    assert len(run(executor, task("later"))) == 1


def test_work_that_cannot_be_named_is_refused(executor: Executor) -> None:
    with pytest.raises(ValueError, match="cannot be named"):
        list(executor.results(lambda shared, payload, ask: b"", b"", [task("a")], nobody))


def test_work_that_is_not_there_is_the_tasks_problem(executor: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toy_work.break_engine, "__qualname__", "gone")
    done = list(executor.results(toy_work.break_engine, b"", [task("a")], nobody))  # type: ignore[arg-type]
    assert len(done) == 1
    assert "gone" in done[0].problem
