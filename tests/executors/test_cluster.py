"""A real cluster in which things go wrong: workers and schedulers that are killed, strangers, secrets, silence."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import TestCluster, cluster, environ
from toy_work import task, toil

from bot import wiring
from bot.errors import ExecutorError
from bot.executors import Done
from bot.executors.cluster import Cluster

pytestmark = pytest.mark.thorough


def until(holds: Any, seconds: float = 60) -> None:
    """Waits; fails after a time that is no measure of anything."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def echo(question: bytes) -> bytes:
    return question


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_a_worker_that_is_killed_in_the_middle_costs_no_result_and_doubles_none(tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go"
    tasks = [task(str(n), log=str(log), wait_for=str(go_on), ask=[f"q{n}"]) for n in range(9)]
    with cluster(tmp_path, 3) as there, contextlib.closing(Cluster(there.address)) as executor:
        assert executor.width == 3
        found: list[Done] = []
        taking = threading.Thread(target=lambda: found.extend(executor.results(toil, b"shared", tasks, echo)))
        taking.start()
        until(lambda: len(lines(log)) == 3)
        there.workers[1].send_signal(signal.SIGKILL)
        there.workers[1].wait()
        go_on.touch()
        taking.join(60)
    assert Counter(done.task.key for done in found) == Counter(str(n) for n in range(9))
    assert [done.problem for done in found if done.problem] == []
    for done in found:
        assert json.loads(done.result)["answers"] == [f"q{done.task.key}"]
    again = [done for done in found if done.attempts == 2]
    assert len(again) == 1, "only what the dead worker did is done again"
    assert Counter(lines(log))[f"begin {again[0].task.key}"] == 2
    assert sum(line.startswith("begin") for line in lines(log)) == 10


def test_a_task_that_kills_its_workers_is_given_up_and_its_neighbours_are_not(tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go"
    with cluster(tmp_path, 0) as there:
        for _ in range(4):
            there.join(threads=2)
        there.wait_for(4)
        with contextlib.closing(Cluster(there.address)) as executor:
            killer = task("killer", die="worker", log=str(log))
            beside = [task(f"beside{n}", wait_for=str(go_on), log=str(log)) for n in range(7)]

            def release() -> None:
                until(lambda: "begin killer" in lines(log) and len(lines(log)) >= 7)
                go_on.touch()

            threading.Thread(target=release, daemon=True).start()
            found = list(executor.results(toil, b"", [killer, *beside, *(task(str(n)) for n in range(6))], echo))
    by_key = {done.task.key: done for done in found}
    assert len(found) == len(by_key) == 14
    assert by_key.pop("killer").problem == "3 workers were lost while they ran it"
    assert [done.problem for done in by_key.values() if done.problem] == []
    assert sum(process.poll() is not None for process in there.workers) >= 3


def test_a_scheduler_that_is_killed_ends_the_run_and_what_is_done_stays_done(tmp_path: Path) -> None:
    noted = tmp_path / "interrupted"
    log = tmp_path / "log"
    tasks = [task("quick"), task("long", stubborn=str(noted), log=str(log))]
    with cluster(tmp_path, 1) as there, contextlib.closing(Cluster(there.address)) as executor:
        results = executor.results(toil, b"", tasks, echo)
        assert next(results).task.key == "quick"

        def kill() -> None:
            until(lambda: bool(lines(log)))
            assert there.scheduler is not None
            there.scheduler.kill()

        threading.Thread(target=kill, daemon=True).start()
        with pytest.raises(ExecutorError) as caught:
            next(results)
        assert caught.value.slug == "cluster-unreachable"
        assert "is kept" in caught.value.message
        until(noted.exists)
        with pytest.raises(ExecutorError):
            list(executor.results(toil, b"", [task("more")], echo))


def test_the_last_worker_lost_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.executors.cluster.PATIENCE", 1.0)
    with cluster(tmp_path, 1) as there, contextlib.closing(Cluster(there.address)) as executor:
        there.workers[0].kill()
        with pytest.raises(ExecutorError) as caught:
            list(executor.results(toil, b"", [task("a")], echo))
        assert caught.value.slug == "cluster-workers"
        assert "none is connected" in caught.value.message


def test_workers_whose_engine_is_gone_end_the_run_with_the_reason(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as there, contextlib.closing(Cluster(there.address)) as executor:
        with pytest.raises(ExecutorError) as caught:
            list(executor.results(toil, b"", [task(str(n), fail="no engine answers") for n in range(50)], echo))
        assert caught.value.slug == "cluster-workers"
        assert "no engine answers" in caught.value.message


def test_a_worker_that_joins_in_the_middle_gets_tasks(tmp_path: Path) -> None:
    log, go_on = tmp_path / "log", tmp_path / "go"
    with cluster(tmp_path, 1) as there, contextlib.closing(Cluster(there.address)) as executor:
        found: list[Done] = []
        tasks = [task(str(n), log=str(log), wait_for=str(go_on)) for n in range(6)]
        taking = threading.Thread(target=lambda: found.extend(executor.results(toil, b"", tasks, echo)))
        taking.start()
        until(lambda: len(lines(log)) == 1)
        there.join()
        until(lambda: len(lines(log)) == 2)
        go_on.touch()
        taking.join(60)
        assert executor.width == 2
    assert len(found) == 6
    assert {done.worker for done in found} == {"worker 1", "worker 2"}


# ------------------------------------------------------------------------------------------------- strangers


def stranger(folder: Path, code: str) -> str:
    """A folder whose code runs first in a process that has it on its path."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return f"{folder}{os.pathsep}{environ()['PYTHONPATH']}"


def test_a_worker_of_another_version_is_left_out_and_told(tmp_path: Path) -> None:
    path = stranger(tmp_path / "old", "import bot\nbot.__version__ = '0.0.9'\n")
    with cluster(tmp_path, 1) as there:
        there.join(PYTHONPATH=path)
        there.wait_for(2)
        with contextlib.closing(Cluster(there.address)) as executor:
            assert executor.width == 1
            (note,) = executor.notes
            assert "1 worker was left out: it runs Tryline 0.0.9 (here" in note
            done = list(executor.results(toil, b"", [task(str(n)) for n in range(4)], echo))
            assert {(one.worker, one.problem) for one in done} == {("worker 1", "")}


def test_a_cluster_of_strangers_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys\nclass No:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'bot':\n            raise ModuleNotFoundError(name)\nsys.meta_path.insert(0, No())\n"
    )
    with cluster(tmp_path, 0) as there:
        there.join(PYTHONPATH=stranger(tmp_path / "none", code))
        there.wait_for(1)
        with pytest.raises(ExecutorError) as caught:
            Cluster(there.address)
    assert caught.value.slug == "cluster-workers"
    assert "not installed there" in caught.value.message


def test_a_cluster_without_workers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.executors.cluster.CONNECTING", 2.0)
    with cluster(tmp_path, 0) as there:
        there.join()
        there.wait_for(1)
        there.workers[0].kill()
        with pytest.raises(ExecutorError, match="none is connected") as caught:
            Cluster(there.address)
    assert caught.value.slug == "cluster-workers"


def test_where_nobody_answers_is_told_without_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        silent = refused(f"tcp://127.0.0.1:{port}")
    closed = refused(f"tcp://127.0.0.1:{port}")
    for said in (silent, closed):
        assert said.startswith("cluster-unreachable ")
        assert str(port) not in said


@pytest.mark.parametrize("address", ["localhost:8786", "inproc://x", "tcp://", "http://host:1", "tcp://a@b:1", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ExecutorError, match="tcp://HOST:PORT"):
        Cluster(address)


def test_without_the_library_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExecutorError) as caught:
        wiring.executor(1, {}, "tcp://127.0.0.1:1")
    assert (caught.value.slug, caught.value.hint) == ("cluster-missing", "pip install 'tryline[cluster]'")


def test_local_tasks_get_no_secret_of_the_environment() -> None:
    given = {**environ(), "OPENAI_API_KEY": "canary", "GITHUB_TOKEN": "canary", "TRYLINE_ENDPOINT_KEY": "canary"}
    with contextlib.closing(wiring.executor(1, given)) as executor:
        assert "canary" not in repr(vars(executor))


# --------------------------------------------------------------------------------------------------- secrets


class Tap:
    """A relay before a scheduler that keeps every byte of both directions."""

    def __init__(self, port: int) -> None:
        self.heard = bytearray()
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                outer = self._listening.accept()[0]
            except OSError:
                return
            inner = socket.create_connection(("127.0.0.1", self._port))
            for source, target in ((outer, inner), (inner, outer)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def plainly() -> Iterator[None]:
    """Nothing is compressed on the way."""
    import dask

    with dask.config.set({"distributed.comm.compression": None}):
        yield


def test_no_secret_of_the_coordinator_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plainly: None
) -> None:
    secret = "canary-6f1d0b52"
    for name in ("OPENAI_API_KEY", "TRYLINE_ENDPOINT_KEY", "GITHUB_TOKEN", "GITLAB_TOKEN", "SOME_NAME"):
        monkeypatch.setenv(name, secret)
    held = {"key": secret}

    def answer(question: bytes) -> bytes:
        assert held["key"]
        return b"answer-marker"

    with cluster(tmp_path, 1, DASK_DISTRIBUTED__COMM__COMPRESSION="null") as there:
        tap = Tap(there.port)
        with contextlib.closing(tap), contextlib.closing(Cluster(tap.address)) as executor:
            (done,) = executor.results(
                toil, b"shared-marker", [task("a", tell=1, ask=["question-marker"])], answer
            )
    assert not done.problem
    for marker in (b"shared-marker", b"question-marker", b"answer-marker"):
        assert marker in tap.heard, "what does cross is seen, so a secret would be"
    assert secret.encode() not in tap.heard
    told = json.loads(done.result)["environ"]
    assert "PATH" in told
    assert secret not in told.values()
    for log in there.folder.glob("*.log"):
        assert secret not in log.read_text()


def test_what_tasks_ask_is_not_kept_by_the_scheduler(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as there, contextlib.closing(Cluster(there.address)) as executor:
        (done,) = executor.results(toil, b"", [task("a", ask=["question-marker"])], lambda _: b"answer-marker")
        assert json.loads(done.result)["answers"] == ["answer-marker"]
        kept = repr(executor.client.get_events())
        assert "tryline-" in kept
        assert "-marker" not in kept


def certificates(folder: Path) -> None:
    """An authority, and one certificate for everybody, which Dask checks by its authority alone."""
    for words in (
        ("-x509", "-keyout", "cakey.pem", "-out", "ca.pem", "-subj", "/CN=tests"),
        (
            "-x509",
            "-CA",
            "ca.pem",
            "-CAkey",
            "cakey.pem",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
            "-subj",
            "/CN=all",
        ),
    ):
        subprocess.run(
            ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2", *words],
            cwd=folder, check=True, capture_output=True, timeout=60,
        )  # fmt: skip


REFUSED = """
import sys
from bot.errors import ExecutorError
from bot.executors import cluster
cluster.CONNECTING = 5.0
try:
    cluster.Cluster(sys.argv[1])
except ExecutorError as error:
    print(error.slug, error.message)
"""


def refused(address: str) -> str:
    """Slug and message of the error, in a process of its own: Dask's loop is one for a process, and a connection
    that was given up may hold it."""
    words = [sys.executable, "-P", "-c", REFUSED, address]
    done = subprocess.run(words, capture_output=True, env=environ(), text=True, cwd="/", timeout=60, check=True)
    return done.stdout.strip()


def test_a_cluster_with_tls_is_reached_with_certificates_and_not_without(tmp_path: Path) -> None:
    import dask

    certificates(tmp_path)
    names = ("SCHEDULER__CERT", "SCHEDULER__KEY", "WORKER__CERT", "WORKER__KEY")
    files = {"CA_FILE": "ca.pem", **{name: f"{name.rpartition('_')[2].lower()}.pem" for name in names}}
    more = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(tmp_path / file) for name, file in files.items()}
    made = TestCluster(tmp_path, scheme="tls", more=more)
    client = {"ca-file": "ca.pem", "client.cert": "cert.pem", "client.key": "key.pem"}
    try:
        made.begin()
        made.join()
        until(lambda: "Registered to" in made.log())
        for scheme in ("tls", "tcp"):
            assert refused(f"{scheme}://127.0.0.1:{made.port}").startswith("cluster-unreachable ")
        with (
            dask.config.set(
                {f"distributed.comm.tls.{name}": str(tmp_path / file) for name, file in client.items()}
            ),
            contextlib.closing(Cluster(made.address)) as executor,
        ):
            (done,) = executor.results(toil, b"", [task("a", ask=["?"])], echo)
            assert not done.problem
    finally:
        made.end()


# ---------------------------------------------------------------------------- coordinators that are gone, or quiet

COORDINATOR = """
import sys, toy_work
from bot.executors.cluster import Cluster
tasks = [toy_work.task("quick"), toy_work.task("long", **{sys.argv[2]: sys.argv[3]}, log=sys.argv[4])]
executor = Cluster(sys.argv[1])
try:
    for done in executor.results(toy_work.toil, b"", tasks, lambda q: q):
        print(done.task.key, done.problem, flush=True)
except KeyboardInterrupt:
    executor.close()
    print("interrupted", flush=True)
"""


def coordinator(there: TestCluster, deed: str, value: str, log: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-P", "-c", COORDINATOR, there.address, deed, value, str(log)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ(), text=True, cwd="/"
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_coordinator_that_is_gone_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    noted, log = tmp_path / "interrupted", tmp_path / "log"
    with cluster(tmp_path, 2) as there:
        process = coordinator(there, "stubborn", str(noted), log)
        assert process.stdout is not None and process.stdout.readline() == "quick \n"
        until(lambda: bool(lines(log)))
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        until(noted.exists)
        assert out.splitlines() == (["interrupted"] if number == signal.SIGINT else [])
        assert err == ""


def test_nothing_of_dask_is_said_on_the_terminal_when_a_worker_dies(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with cluster(tmp_path, 2) as there:
        process = coordinator(there, "die", f"worker {tmp_path / 'died'}", log)
        out, err = process.communicate(timeout=60)
    assert sorted(out.splitlines()) == ["long ", "quick "]
    assert Counter(lines(log)) == {"begin long": 2, "end long": 1}
    assert err == ""
