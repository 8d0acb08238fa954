"""Who a candidate is: an id and a place of its own, and nothing of it is left for the next, whatever it did."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from engines import ARGS, contents, docker_backend, prepared, printed, program, suite
from processes import Json
from rewriting import Files

import bot
from bot import trial, wire
from bot.domain import Image, Limits, SuitePlan
from bot.languages.python.language import Python
from bot.sandboxes import Backend, Sandbox
from bot.steps.propose.judging import Guide, Judge, Settings

LIMITS = Limits(memory_mb=512, processes=96, workspace_mb=48, tmp_mb=32, file_mb=16)
SOURCE = "def price(n):\n    return n * 2\n"
TESTS = """
import os, pathlib, tempfile
import pytest
import shop

def test_price():
    assert shop.price(2) == 4

def test_places(tmp_path, tmp_path_factory):
    assert shop.price(2) == 4
    (tmp_path / "x").write_text("x")
    assert os.stat(tempfile.gettempdir()).st_mode & 0o777 == 0o700
    assert str(tmp_path).startswith(tempfile.gettempdir())
    assert pathlib.Path.home().owner() == "nobody" and os.path.expanduser("~nobody")
    (pathlib.Path.home() / "x").write_text("x")
    with tempfile.NamedTemporaryFile(dir=os.getcwd()):
        pass
"""
HELD = """
import shop
LOG = open("log.txt", "w")
LOG.close()

def test_held():
    with open("log.txt", "a") as stream:
        stream.write("x")
    assert shop.price(2) == 4, "wrong"
"""
SERVER = """
import os
BECAME = []
for uid in (0, 65534, os.getuid() + 1, os.getuid() - 1, 19999, 60000):
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(uid)
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1] == 0:
        BECAME.append(uid)
for change in (lambda: os.setgroups([0]), lambda: os.setgid(0), lambda: os.kill(1, 15)):
    try:
        change()
        BECAME.append("more")
    except OSError:
        pass
"""
"""What the repository's own code tries at collection, in the process that may become its candidates."""
FILES = {"conftest.py": SERVER, "shop.py": SOURCE, "test_shop.py": TESTS, "test_held.py": HELD}
PRICE = "test_shop.py::test_price"
UNIT = {"file": "shop.py", "line": 1, "name": "price", "classes": [], "source": SOURCE, "target_path": []}

INSIDE = Path(bot.__file__).parent / "inside"

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    made = docker_backend()
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(backend: Backend) -> Image:
    return prepared(backend)


@pytest.fixture(scope="module")
def box(backend: Backend, image: Image) -> Iterator[Sandbox]:
    with backend.open(image, contents(FILES), LIMITS) as opened:
        said = opened.ask(wire.warm_job(suite("test_shop.py", seconds=60), 2), seconds=90)
        assert said["own"] is True, said
        assert opened.ask(wire.trial_job({"kind": "arm", "unit": UNIT}), seconds=30)["functions"] == 1
        yield opened


def job(text: str, *, tests: tuple[str, ...] = (PRICE,), seconds: float = 10) -> Json:
    """A candidate whose body is this text; `said` ends it with a value that comes back in the test's message."""
    source = "def price(n):\n" + "".join(f"    {line}\n" for line in text.strip().splitlines())
    return dict(wire.trial_job({"kind": "trial", "source": source, "tests": list(tests), "seconds": seconds}))


def said(box: Sandbox, text: str) -> Any:
    """What the expression at the end of a candidate's body comes to."""
    *body, last = text.strip().splitlines()
    reply = box.ask(job("\n".join([*body, f"raise KeyError({last})"])), seconds=60)
    assert reply["own"] is True, reply
    return ast.literal_eval(reply["rows"][0][2].partition(": ")[2])


WHO = """
import os
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
caps = [int(status['Cap' + name], 16) for name in ('Inh', 'Prm', 'Eff', 'Amb')]
(os.getresuid(), os.getresgid(), os.getgroups(), caps, os.environ['TMPDIR'], len(os.listdir('/proc/self/fd')))
"""


def test_each_candidate_has_an_id_of_its_own_and_no_capability(box: Sandbox) -> None:
    seen = [said(box, WHO) for _ in range(4)]
    users = [users for users, *_ in seen]
    assert len(set(users)) == 4
    assert all(len(set(each)) == 1 and 20000 < each[0] < 60000 for each in users)
    for _, groups, more, caps, place, _ in seen:
        assert set(groups) == {65534} and more == [] and caps == [0, 0, 0, 0]
        assert place.startswith("/tmp/w/") and place[len("/tmp/w/") :].isdigit()
    # The agent and its fork server look for free places at the same time: never for the same ones.
    assert printed(box, "import os; print(os.environ['TMPDIR'])")[len("/tmp/w/") :].isalpha()


def test_it_becomes_nobody_else(box: Sandbox) -> None:
    attempts = """
import os
done = []
for uid in (0, 10001, 20000, os.getuid() + 1, os.getuid() - 1, 65534):
    thrice = lambda uid: os.setresuid(uid, uid, uid)
    for call in (os.setuid, os.seteuid, thrice, lambda uid: os.setresuid(-1, -1, uid)):
        try:
            call(uid)
            done.append(uid)
        except OSError:
            pass
for call in (lambda: os.setgroups([0]), lambda: os.setgid(0), lambda: os.setgid(os.getuid())):
    try:
        call()
        done.append('group')
    except OSError:
        pass
done
"""
    assert said(box, attempts) == []


def test_nor_does_the_repository_in_the_fork_server(box: Sandbox) -> None:
    assert said(box, "import conftest\nconftest.BECAME") == []


def test_what_needs_a_place_and_a_name_works(box: Sandbox) -> None:
    reply = box.ask(job("return n * 2", tests=(PRICE, "test_shop.py::test_places")), seconds=60)
    assert [row[1] for row in reply["rows"]] == ["passed", "passed"], reply


LEAVE = """
import ctypes, os, time
for path in ('/repo/left', '/tmp/left', '/dev/shm/left', '/tmp/w/left'):
    os.mkdir(path)
    deep = os.open(path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir('a' * 40, dir_fd=deep)
        deep, above = os.open('a' * 40, os.O_RDONLY, dir_fd=deep), deep
        os.close(above)
    os.close(os.open('x', os.O_CREAT | os.O_WRONLY, dir_fd=deep))
    os.chmod(path, 0)
os.symlink('/repo/shop.py', '/repo/link')
os.mkfifo('/tmp/pipe')
libc = ctypes.CDLL(None)
assert libc.shmget(77, 4096, 0o1666) >= 0 and libc.semget(77, 1, 0o1666) >= 0 and libc.msgget(77, 0o1666) >= 0
if not os.fork():
    os.setsid()
    if not os.fork():
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
        while True:
            try:
                os.open('/repo/again', os.O_CREAT | os.O_WRONLY)
            except OSError:
                pass
    os._exit(0)
time.sleep(0.3)
return n * 2
"""
FIND = """
import ctypes, os
libc = ctypes.CDLL(None)
me = os.getuid()
pids = [pid for pid in os.listdir('/proc') if pid.isdigit()]
users = [open('/proc/%s/status' % pid).read().split('Uid:')[1].split()[0] for pid in pids]
paths = ['/repo/left', '/repo/again', '/repo/link', '/tmp/left', '/tmp/pipe', '/dev/shm/left', '/tmp/w/left']
found = [path for path in paths if os.path.lexists(path)]
found += [name for name in ('shmget', 'semget', 'msgget') if getattr(libc, name)(77, 1, 0) >= 0]
found + [user for user in users if 20000 < int(user) < 60000 and int(user) != me]
"""


def test_nothing_of_it_is_left_for_the_next(box: Sandbox) -> None:
    reply = box.ask(job(LEAVE), seconds=90)
    assert [row[1] for row in reply["rows"]] == ["passed"], reply
    assert said(box, FIND) == []


BEHAVE = {
    "fork bomb": """
import os
while True:
    try:
        os.fork()
        os.setsid()
    except OSError:
        pass
""",
    "deaf": """
import signal, time
for number in set(range(1, 32)) - {9, 19}:
    signal.signal(number, signal.SIG_IGN)
time.sleep(99)
""",
    "killer": """
import os
if os.fork():
    os._exit(0)
while True:
    try:
        os.kill(-1, 9)
    except OSError:
        pass
""",
    "inodes": """
try:
    for number in range(10**6):
        open('/tmp/%d' % number, 'w').close()
except OSError:
    pass
return 0
""",
    "disk": """
with open('/tmp/large', 'wb') as stream:
    while True:
        stream.write(b'x' * (1 << 20))
""",
    "threads": """
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(99,)).start()
""",
}


@pytest.mark.parametrize("how", BEHAVE)
def test_the_next_one_runs_after_any(box: Sandbox, how: str) -> None:
    reply = box.ask(job(BEHAVE[how], seconds=3), seconds=120)
    assert "passed" not in [row[1] for row in reply.get("rows", [])], reply
    reply = box.ask(job("return n * 2", tests=(PRICE, "test_shop.py::test_places")), seconds=60)
    assert [row[1] for row in reply["rows"]] == ["passed", "passed"], reply


def test_two_at_once_see_nothing_of_each_other(box: Sandbox) -> None:
    hide = "import os, tempfile, time\nopen(os.path.join(tempfile.gettempdir(), 'secret'), 'w').write('x')\n"
    hide += "time.sleep(2)\nreturn n * 2"
    seek = """
import os, time
time.sleep(0.7)
found = []
mine = os.environ['TMPDIR']
for number in range(5):
    place = '/tmp/w/%d' % number
    if os.path.lexists(place) and place != mine:
        for path in (place, place + '/secret', place + '/home'):
            try:
                found.append(os.listdir(path) if os.path.isdir(path) else open(path).read())
            except OSError:
                pass
for pid in os.listdir('/proc'):
    if pid.isdigit() and int(pid) != os.getpid():
        for name in ('mem', 'environ', 'maps'):
            try:
                found.append(open('/proc/%s/%s' % (pid, name), 'rb').read(10))
            except OSError:
                pass
        try:
            os.kill(int(pid), 0)
            found.append(pid)
        except OSError:
            pass
for folder in ('/tmp', '/tmp/w', '/dev/shm'):
    try:
        found.append(os.listdir(folder))
    except OSError:
        pass
raise KeyError(found)
"""
    replies = dict(box.ask_many([job(hide), job(seek)], seconds=60))
    assert replies[0]["rows"][0][1] == "passed"
    assert replies[1]["rows"][0][2] == "KeyError: []"


def test_a_suite_has_a_name_and_a_candidate_in_a_fresh_process_an_id_of_its_own(box: Sandbox) -> None:
    text = "import os, pwd, tempfile; print(os.getuid(), pwd.getpwuid(65534).pw_name, tempfile.gettempdir())"
    assert printed(box, text).split()[:2] == ["65534", "nobody"]
    own = [box.ask({**program("import os; print(os.getuid())"), "own": True}, seconds=60) for _ in range(2)]
    one, other = (int(reply["output"]) for reply in own)
    assert one != other and 10000 < one < 20000 and 10000 < other < 20000


def test_the_host_can_ask_for_one_id(box: Sandbox) -> None:
    assert box.ask(wire.trial_job({"kind": "share", "on": True}), seconds=30)["own"] is False
    try:
        users = [box.ask(job("import os\nraise KeyError(os.getuid())"), seconds=60) for _ in range(2)]
        assert [reply["own"] for reply in users] == [False, False]
        one, other = (int(reply["rows"][0][2].partition(": ")[2]) for reply in users)
        assert one == other and 10000 < one < 20000
        assert said_of_shared(box) == [0, 0, 0, 0]
    finally:
        assert box.ask(wire.trial_job({"kind": "share", "on": False}), seconds=30)["own"] is True


def said_of_shared(box: Sandbox) -> Any:
    text = WHO.strip().splitlines()[:-1]
    reply = box.ask(job("\n".join([*text, "raise KeyError(caps)"])), seconds=60)
    return ast.literal_eval(reply["rows"][0][2].partition(": ")[2])


@pytest.mark.parametrize(("test", "own"), [("test_held.py::test_held", False), (PRICE, True)])
def test_what_the_original_does_decides_whether_ids_are_shared(
    backend: Backend, image: Image, test: str, own: bool
) -> None:
    wrong = SOURCE.replace("* 2", "* 3")
    files = {**FILES, "shop.py": wrong}
    lab = trial.Lab(backend, LIMITS)
    side = trial.Side(
        Files(files),
        contents(files),
        image,
        SuitePlan(ARGS, (), "pytest"),
    )
    language = Python()
    (function,) = language.functions("shop.py", wrong)
    place = trial.Place(language, wrong, function, language.unit(wrong, function))
    with lab.open(side) as opened:
        stage = trial.Stage(lab, opened, place, side)
        stage.start([test])
        assert stage.warm and stage.own
        judge = Judge(stage, Guide((test,), (), ()), Settings())
        assert judge.calibrate(wrong, SOURCE, language.poison(function)) == ""
        assert stage.warm and stage.own is own
        assert judge.before[test].exception == "AssertionError"
        assert [result.status.name for result in judge.judge([trial.Version(SOURCE)])] == ["PASSED"]


def test_candidates_end_with_their_fork_server(backend: Backend, image: Image) -> None:
    mark = "import os, time\nif os.fork() == 0:\n    os.setsid()\nopen('/repo/alive', 'w').close()\ntime.sleep(60)"
    with backend.open(image, contents(FILES), LIMITS) as box, ThreadPoolExecutor(1) as pool:
        start = wire.warm_job(suite("test_shop.py", seconds=60), 2)
        assert box.ask(start, seconds=90)["own"] is True
        assert box.ask(wire.trial_job({"kind": "arm", "unit": UNIT}), seconds=30)["functions"] == 1
        waiting = pool.submit(box.ask, job(mark, seconds=40), seconds=90)
        while printed(box, "import os; print(os.path.exists('/repo/alive'))") != "True":
            assert not waiting.done()
        assert box.ask(start, seconds=90)["own"] is True
        assert "ended" in str(waiting.result(timeout=30)["error"])
        assert box.ask(wire.trial_job({"kind": "arm", "unit": UNIT}), seconds=30)["functions"] == 1
        assert said(box, FIND.replace("/repo/again", "/repo/alive")) == []


FORGOTTEN = """
set -e
mount -t tmpfs none /tmp
mount -t tmpfs none /dev/shm
ln -s "$1" /tmp/tryline_inside
exec "$2" -I -c 'import sys; sys.path.insert(0, "/tmp")
from tryline_inside import agent
agent.LIFE = 1
agent.main()'
"""
"""Beside folders for all of its own, for an agent changes who may list them."""


def test_an_agent_that_its_host_forgot_ends_by_itself() -> None:
    command = ["unshare", "--mount", "bash", "-c", FORGOTTEN, "bash", INSIDE, sys.executable]
    began = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.wait(timeout=50) == 0
            assert process.stderr is not None and process.stderr.read() == b""
            assert time.monotonic() - began > 0.9, "its input is still open"
        finally:
            process.kill()
