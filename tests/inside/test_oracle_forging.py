"""Candidates that forge: whatever the function's process says, only right values turn a red test green."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Json, Server, project, serving

pytestmark = pytest.mark.thorough

SAMPLES = Path(__file__).parents[1] / "samples" / "forgeries"
ORIGINAL = "def total(prices, more=()):\n    return sum(prices) + 1\n"
HONEST = ORIGINAL.replace(" + 1", "")
CLASSES = '''

import enum


class Equal:
    """The repository's own, and careless."""
    def __init__(self, ready=False):
        self.ready = ready
    def __eq__(self, other):
        return self.ready
    __hash__ = None


class Last:
    """What it does when it is thrown away must not be done in the tests' process."""
    def __del__(self):
        import os
        os._exit(0)


class Rude(ValueError):
    """What it does when it is made must not be done in the tests' process."""
    def __init__(self, *arguments):
        import os
        os._exit(0)


class Loud(Exception):
    def __str__(self):
        raise SystemExit(0)
'''
TESTS = """\
import enum, collections, unittest
import pytest
from unittest import mock
from unittest.mock import _patch
from shop import total
import shop


class Always:
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    __hash__ = None


class Kind(enum.Enum):
    ANY = 1
    def __eq__(self, other):
        return True
    __hash__ = None


class Row(collections.namedtuple("Row", "x")):
    def __eq__(self, other):
        return True
    __hash__ = None


class Expecting(mock._ANY.__class__ if False else Always):
    pass


ANY = Always()


def test_total():
    found = total([10, 20, 30])
    assert found == 60
    assert found is not None

def test_none():
    assert total([]) == 0

def test_kept():
    prices = [1, 2]
    assert total(prices, []) == 3
    assert prices == [1, 2]

def test_unseen():
    assert total([1]) == 1 and total([2, 3]) == 5 and total([100, -5]) == 95 and total([60]) == 60

class TestOld(unittest.TestCase):
    def test_one(self):
        self.assertEqual(total([4]), 4)
"""
HEAD = '''\
def total(prices, more=()):
    import json, os, signal, socket, struct, sys, time
    where = sys._getframe()
    while where.f_code.co_name != "answer":
        where = where.f_back
    channel, mark = where.f_locals["self"].channel, where.f_locals["mark"]
    def raw(data):
        channel.sendall(data)
    def frame(data):
        raw(struct.pack(">I", len(data)) + data)
    def say(content, word="returned", steps=1, line=0, changes=(), mark=mark, always=True):
        """Answers this question and, where told, all that follow, with the same."""
        frame(json.dumps([mark, word, steps, line, content, list(changes)]).encode())
        while always:
            size = struct.unpack(">I", channel.recv(4, socket.MSG_WAITALL))[0]
            mark = json.loads(channel.recv(size, socket.MSG_WAITALL))[0]
            frame(json.dumps([mark, word, steps, line, content, list(changes)]).encode())
    def landmark(name):
        """The number of a value that stood in a module before."""
        values = where.f_locals["self"].landmarks.values
        return [getattr(v, "__name__", "an instance of " + type(v).__name__) for v in values].index(name)
    def others():
        """Ids of all processes but those above this one."""
        mine, pid = set(), os.getpid()
        while pid:
            mine.add(pid)
            with open("/proc/%d/stat" % pid) as stream:
                pid = int(stream.read().rsplit(")", 1)[1].split()[1])
        def parent(pid):
            with open("/proc/%d/stat" % pid) as stream:
                return int(stream.read().rsplit(")", 1)[1].split()[1])
        alive = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [pid for pid in alive if pid not in mine and parent(pid) == os.getppid()]
'''
ATTACKS = {
    "equal of the tests": 'say(["o", "test_shop", "Always"])',
    "equal below the tests": 'say(["o", "test_shop", "Expecting"])',
    "equal of mock": 'say(["o", "unittest.mock", "_ANY"])',
    "equal member": 'say(["e", "test_shop", "Kind", "ANY"])',
    "equal row": 'say(["T", "test_shop", "Row", 1])',
    "equal object": "return type('Same', (), {'__eq__': lambda s, o: True})()",
    "number that lies": "return type('Lie', (int,), {'__eq__': lambda s, o: True})(5)",
    "text that lies": "return type('Lie', (str,), {'__eq__': lambda s, o: True})('5')",
    "class that lies": "return type('Lie', (), {'__class__': int, '__eq__': lambda s, o: True})()",
    "class itself": 'say(["g", "test_shop", "Always"])',
    "function itself": 'say(["g", "os", "getpid"])',
    "module": 'say(["g", "os", "path"])',
    "object of C": 'say(["o", "threading", "Thread"])',
    "object of no class": 'say(["o", "os", "getpid"])',
    "object of type": 'say(["o", "builtins", "type"])',
    "abstract": 'say(["o", "collections.abc", "Sized"])',
    "slots of others": 'say(["o", "fractions", "Fraction", "x", 60])',
    "landmark of the tests": "say(['k', landmark('an instance of Always')])",
    "class of the tests": "say(['k', landmark('Always')])",
    "library of the tests": "say(['k', landmark('_patch')])",
    "no landmark": "say(['k', -1])",
    "landmark without end": "say(['k', 10**9])",
    "unknown tag": 'say(["?", 1])',
    "no node": 'say({"a": 60})',
    "foreign number": 'say(["r", 7])',
    "foreign argument": 'say(["i", -1])',
    "itself": 'say(["t", ["r", 0]])',
    "unhashable": 'say(["s", ["l"]])',
    "odd": 'say(["d", 1])',
    "deep": 'say(json.loads("[\\"l\\"," * 400 + "1" + "]" * 400))',
    "deep slices": 'say(json.loads("[\\"S\\"," * 300 + "1" + ",1,1]" * 300))',
    "very deep": 'frame(b"[" * 500000)',
    "many": 'frame(b"[" + b"[]," * 1300000 + b"[]]")',
    "huge": 'return "x" * (5 << 20)',
    "huge number": 'say(["n", "f" * 3000000])',
    "huge frame": 'raw(struct.pack(">I", 1 << 31)); raw(bytes(1 << 20)); time.sleep(60)',
    "endless frame": 'raw(struct.pack(">I", 1 << 20)); [(raw(b"x"), time.sleep(0.2)) for _ in range(1000)]',
    "half a frame": 'raw(b"\\0\\0"); os._exit(0)',
    "no JSON": 'frame(b"\\xff\\xfe{")',
    "not ASCII": 'frame(json.dumps([mark, "returned", 1, 0, "\\xe9", []], ensure_ascii=False).encode())',
    "skip": 'say(["_pytest.outcomes", "Skipped", ["t", "x"], []], "raised")',
    "skip by unittest": 'say(["unittest.case", "SkipTest", ["t", "x"], []], "raised")',
    "xfail": 'say(["_pytest.outcomes", "XFailed", ["t", "x"], []], "raised")',
    "exit of pytest": 'say(["_pytest.outcomes", "Exit", ["t", "x"], []], "raised")',
    "expected failure": 'say(["unittest.case", "_UnexpectedSuccess", ["t"], []], "raised")',
    "interrupt": 'say(["builtins", "KeyboardInterrupt", ["t"], []], "raised")',
    "end of a generator": 'say(["builtins", "GeneratorExit", ["t"], []], "raised")',
    "system exit": 'say(["builtins", "SystemExit", ["t", 0], []], "raised")',
    "severed": 'say(["tryline_inside.oracle", "Severed", ["t", 0], []], "raised")',
    "test's own time": 'say(["tryline_inside.recorder", "StepLimit", ["t"], []], "raised")',
    "rude": 'say(["shop", "Rude", ["t", 1], []], "raised")',
    "loud": 'say(["shop", "Loud", ["t", 1], []], "raised")',
    "no exception": 'say(["shop", "Equal", ["t"], []], "raised")',
    "class attribute": 'say(["shop", "Loud", ["t"], ["__class__", 1, "__eq__", 2]], "raised")',
    "bad arguments": 'say(["builtins", "UnicodeDecodeError", ["t", 1], []], "raised")',
    "answered twice": "say(60, always=False); say(0, always=False); return -1",
    "answered ahead": "[say(n, always=False) for n in (60, 0, 3, 4)]; time.sleep(60)",
    "carelessly equal": 'say(["o", "shop", "Equal", "ready", True])',
    "carelessly equal, returned": "import shop; return shop.Equal(True)",
    "thrown away": 'say(["o", "shop", "Last"])',
    "of the standard library": 'say(["o", "string", "Formatter"])',
    "another's number": 'say(60, mark="0" * 16)',
    "number as list": "say(60, mark=[mark])",
    "negative steps": "say(60, steps=-10**9)",
    "steps in words": 'say(60, steps="1")',
    "steps without end": "say(60, steps=10**400)",
    "line in words": 'say(60, line="1")',
    "unknown word": 'say(60, word="passed")',
    "unasked word": 'say("all is well", word="not-plain")',
    "change of nothing": "say(60, changes=[[99, 1]])",
    "change of the arguments": 'say(60, changes=[[0, ["l"]]])',
    "change without form": 'say(60, changes=[["x"], 7])',
    "dies well": "os._exit(0)",
    "dies badly": "os.kill(os.getpid(), signal.SIGSEGV)",
    "leaves by exit": "raise SystemExit(0)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)",
    "sleeps": "time.sleep(1000)",
    "spins in C": "sum(range(10**12))",
    "spins": "while True: pass",
    "swallows": "\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "child answers": "\nif os.fork():\n    os._exit(0)\nreturn sum(prices) + 2",
    "kills the tests": "[os.kill(pid, signal.SIGKILL) for pid in others()]; time.sleep(60)",
    "stops the tests": "[os.kill(pid, signal.SIGSTOP) for pid in others()]; time.sleep(60)",
    "memory of the tests": "[open('/proc/%d/mem' % pid, 'r+b').close() for pid in others()]; os._exit(0)",
    "writes everywhere": '[os.write(fd, b\'{"status": "ran", "rows": []}\\n\') for fd in range(64) '
    "if os.path.exists('/proc/self/fd/%d' % fd) and fd != channel.fileno()]; return -1",
    "closes everything": "os.closerange(0, 256)",
    "patches the library": "import _pytest.runner as r; r.check_interactive_exception = None; "
    "r.CallInfo.from_call = classmethod(lambda *a, **k: None); return -1",
}


HARMFUL = {"huge", "dies", "stops", "swallows", "child", "kills", "memory", "closes", "patches"}


def written(name: str) -> str:
    body = ATTACKS[name]
    return HEAD + textwrap.indent(body.strip("\n"), "    ") + "\n"


def samples() -> dict[str, tuple[str, list[str]]]:
    """Forged candidates of this function from the corpus, and the imports of their modules."""
    found = {}
    for path in sorted(SAMPLES.glob("*.py")):
        module, _, candidate = path.read_text("utf-8").partition("# --- candidate\n")
        imports = [line for line in module.splitlines() if line.startswith(("import ", "from "))]
        if candidate.startswith("def total(prices):"):
            candidate = candidate.replace("def total(prices):", "def total(prices, more=()):", 1)
            found[path.stem] = (candidate, imports)
    return found


VALUES = {"chance", "wrong_answers_in_test_files", "wrong_answers_by_turn", "wrong_later_by_date"}
"""What gives right values to these tests, whichever way it came by them: no process can tell."""
UNIT: Json = {"file": "shop.py", "line": 1, "name": "total", "classes": [], "source": ORIGINAL, "target_path": []}
NAMES = ["test_total", "test_none", "test_kept", "TestOld::test_one"]


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = project(
        tmp_path_factory.mktemp("forged") / "repo", {"shop.py": ORIGINAL + CLASSES, "test_shop.py": TESTS}
    )
    with serving(home, root) as found:
        found.ask({"kind": "arm", "unit": UNIT})
        yield found


def message(source: str, names: list[str] = NAMES) -> Json:
    tests = [f"test_shop.py::{name}" for name in names]
    return {"kind": "trial", "source": source, "tests": tests, "seconds": 1, "step_limit": 20_000, "apart": True}


def green(answer: Json) -> list[str]:
    """The tests that are not red (a skip is none either), where the answer counts at all."""
    if answer.get("status") != "ran" or answer["signal"] or answer["exit"] or answer["killed"]:
        return []
    return [row[0] for row in answer["rows"] if row[1] not in ("failed", "error", "timeout", "crashed")]


def test_the_original_fails_and_an_honest_one_passes(server: Server) -> None:
    assert green(server.ask(message(ORIGINAL))) == []
    assert len(green(server.ask(message(HONEST)))) == len(NAMES)


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_turns_a_test_green(server: Server, name: str) -> None:
    answer = server.ask(message(written(name)), seconds=60)
    assert answer["apart"] is True
    assert len(green(answer)) < len(NAMES), answer
    if name.split()[0] in HARMFUL:
        assert len(green(server.ask(message(HONEST), seconds=60))) == len(NAMES), "the next one is harmed"


@pytest.mark.parametrize("name", samples())
def test_a_sample_that_passes_gives_right_values(server: Server, name: str) -> None:
    source, imports = samples()[name]
    passed = green(server.ask({**message(source, [*NAMES, "test_unseen"]), "imports": imports}, seconds=60))
    fooled = {f"test_shop.py::{test}" for test in NAMES} <= set(passed)
    assert not fooled or "test_shop.py::test_unseen" in passed or name in VALUES, passed
