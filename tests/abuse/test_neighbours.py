"""Candidates and runs that share a sandbox: none reads what another holds, or finds what one left. Archives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cases import PROGRAMS
from engines import RECIPE, contents, docker_backend, prepared, printed, program, tar
from fake_engine import Tree

from bot import trial
from bot.domain import InstallStep, Limits, Outcome, SuitePlan
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Backend, Sandbox

pytestmark = pytest.mark.engine

NEIGHBOUR = (PROGRAMS / "_neighbour.py").read_text(encoding="utf-8")
MARK = "secret-of-"


def hides(mark: str, seconds: float) -> str:
    """A program that leaves a secret wherever it can, and stays for a while."""
    return f"import os, time\n{NEIGHBOUR}\nheld = hide({mark!r} + os.urandom(6).hex())\ntime.sleep({seconds})\n"


def seeks(mark: str, seconds: float = 0) -> str:
    """A program that prints where it finds one."""
    return f"import json, time\n{NEIGHBOUR}\ntime.sleep({seconds})\nprint(json.dumps(seek({mark!r})))\n"


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    made = docker_backend(spares=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def box(backend: Backend) -> Iterator[Sandbox]:
    with backend.open(prepared(backend), contents({}), Limits()) as opened:
        yield opened


def test_the_search_finds_what_is_its_own_to_find(box: Sandbox) -> None:
    """The control: with the secret under the same user, in one process, it is seen."""
    text = f"{NEIGHBOUR}\nimport json\nheld = hide('control-' + 'ab' * 6)\nprint(json.dumps(seek('control-')))"
    found = json.loads(printed(box, text))
    assert any(path.startswith("/repo/hidden") for path in found) and "shared memory" in found


def test_a_run_reads_nothing_of_another_that_runs_beside_it(box: Sandbox) -> None:
    jobs = [program(hides(MARK, 4), 30), program(seeks(MARK, 1.5), 30)]
    replies = dict(box.ask_many(jobs, seconds=90))
    shared = json.loads(str(replies[1]["output"]).strip().splitlines()[-1])
    # What a run makes for everybody, everybody sees; what it keeps to itself, nobody does.
    assert [place for place in shared if not place.startswith(("/tmp/hidden", "/dev/shm/", "/repo/"))] in (
        [],
        ["shared memory"],
    )
    assert "memory of" not in str(shared)


def test_the_next_run_finds_nothing_of_the_last(box: Sandbox) -> None:
    box.ask(program(hides("passed-", 0), 30), seconds=60)
    found = json.loads(printed(box, seeks("passed-")))
    assert [place for place in found if place != "shared memory"] == []


SHOP = "def look(mark):\n    return [mark]\n"
TESTS = "import spy\nfrom shop import look\n\ndef test_look():\n    assert look('of-another-') == []\n"
HIDING = """\
def look(mark):
    import os, time, spy
    held = spy.hide(mark + os.urandom(6).hex())
    time.sleep(2)
    return []
"""
SEEKING = """\
def look(mark):
    import time, spy
    time.sleep(0.7)
    return [place for place in spy.seek(mark) if place != "shared memory" and "/hidden" not in place]
"""
AFTER = "def look(mark):\n    import spy\n    return spy.seek(mark)\n"


def test_a_candidate_reads_nothing_of_another(backend: Backend) -> None:
    """In the fork server, side by side and one after the other; only what is put where all may read is seen."""
    files = {"shop.py": SHOP, "test_shop.py": TESTS, "spy.py": NEIGHBOUR}
    language = Python()
    (function,) = language.functions("shop.py", SHOP)
    place = trial.Place(language, SHOP, function, language.unit(SHOP, function))
    tree = Tree({path: text.encode() for path, text in files.items()})
    plan = SuitePlan(("--rootdir=/repo", "-p", "no:cacheprovider"), (), "pytest")
    side = trial.Side(tree, contents(files), prepared(backend), plan)
    lab = trial.Lab(backend, replace(Limits(), cpus=2))
    course = trial.Course(("test_shop.py::test_look",), seconds=15)
    with lab.open(side) as box:
        stage = trial.Stage(lab, box, place, side)
        stage.start(course.tests)
        assert stage.warm, stage.why_cold
        versions = [trial.Version(text) for text in (HIDING, SEEKING)]
        beside = dict(stage.preview(versions, course))
        assert [beside[n].rows[0].outcome for n in (0, 1)] == [Outcome.PASSED] * 2, beside
        ((_, after),) = stage.preview([trial.Version(AFTER)], course)
        message = after.rows[0].message
        assert after.rows[0].outcome is Outcome.PASSED or message.endswith("['shared memory'] == []"), message


PLANT = """
import os, socket
os.chdir("/repo")
os.makedirs("made/deep")
open("made/a-kept.txt", "w").write("kept")
os.symlink("/etc/passwd", "made/link")
os.symlink("/", "made/folder")
os.mkfifo("made/pipe")
socket.socket(socket.AF_UNIX).bind("made/socket")
with open("made/huge", "wb") as stream:
    stream.truncate(3 << 30)
for name in ("a\\nb.txt", "-rf", "\\x1b[2J.txt", "caf\\udce9.txt"):
    open("made/" + name, "w").close()
for n in range(300):
    open("made/%d" % n, "w").close()
try:
    os.link("/etc/shadow", "made/shadow")
except OSError:
    pass
"""


def test_what_an_installation_makes_crosses_as_plain_files_alone(backend: Backend) -> None:
    planted = InstallStep(("python", "-c", PLANT), "plant links, pipes and a huge file")
    image = backend.prepare(replace(RECIPE, steps=(*RECIPE.steps, planted)), lambda: tar({"a.py": ""}), Silent())
    assert image.problem is None
    with backend.open(image, contents({"a.py": ""}), Limits()) as box:
        text = """
import json, os, stat
kinds = {}
for folder, folders, names in os.walk("/repo"):
    for name in folders + names:
        state = os.lstat(os.path.join(folder, name))
        kinds.setdefault(stat.S_IFMT(state.st_mode), []).append(os.path.join(folder, name))
        assert state.st_uid == 0 and not state.st_mode & 0o6000
there = [os.path.exists("/repo/made/" + name) for name in ("a-kept.txt", "shadow")]
print(json.dumps([sorted(map(oct, kinds)), *there]))
"""
        kinds, kept, shadow = json.loads(printed(box, text))
        assert set(kinds) == {oct(0o040000), oct(0o100000)}, "folders and files, no link, pipe or socket"
        assert kept and not shadow


HIDDEN_SPARSE = "import os; os.chdir('/repo'); os.truncate(os.open('sparse', os.O_CREAT | os.O_WRONLY), 60 << 20)"


def test_what_is_fetched_is_a_plain_file_of_bounded_size(box: Sandbox) -> None:
    printed(box, f"{HIDDEN_SPARSE}; os.link('sparse', 'second'); os.symlink('sparse', 'third')")
    for path in ("sparse", "second", "third", "../etc/passwd", "/proc/self/environ", "a\0b", "x" * 5000):
        reply = box.ask({"kind": "get", "path": path}, seconds=30)
        assert "error" in reply and "content" not in reply, path
    assert printed(box, "print('next')") == "next"
