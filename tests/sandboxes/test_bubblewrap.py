"""Sandboxes without an engine, seen from outside: whose they are, what limits them, and what is left of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uv
from engines import RECIPE, bubblewrap_backend, contents, prepared, printed, program, tar

from bot.domain import Image, InstallStep, Limits
from bot.errors import SandboxError
from bot.progress import Silent
from bot.sandboxes.bubblewrap import cgroups, doctor, launch
from bot.sandboxes.bubblewrap.backend import Bubblewrap
from bot.sandboxes.bubblewrap.launch import Identity, Launcher
from bot.sandboxes.bubblewrap.roots import ABOUT, Roots, place

ROOT = Path(__file__).parents[2]
LIMITS = Limits(memory_mb=300, cpus=1.5, processes=70, workspace_mb=40, tmp_mb=20)
NAMESPACES = ("user", "pid", "net", "ipc", "uts", "mnt", "cgroup")
PRIVATE = "TRYLINE_TEST_CANARY"


def until(what: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return what()


def status(pid: int | str) -> dict[str, list[str]]:
    """What the kernel says of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}


# ----------------------------------------------------------------------------------------- what is decided


def test_without_bubblewrap_or_with_an_old_one_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        launch.program(str(tmp_path))
    assert caught.value.slug == "bubblewrap-missing" and "apt-get install bubblewrap" in caught.value.hint
    old = tmp_path / "bwrap"
    old.write_text("#!/bin/sh\necho '  --userns-block-fd FD  --info-fd FD --clearenv --perms OCTAL --as-pid-1'\n")
    old.chmod(0o755)
    with pytest.raises(SandboxError) as caught:
        launch.program(str(tmp_path))
    assert caught.value.slug == "bubblewrap-missing" and "--size" in caught.value.message


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"user/max_user_namespaces": "0"}, "user.max_user_namespaces"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "AppArmor restricts"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "0"}, ""),
        ({}, ""),
    ],
)
def test_a_refusal_names_the_setting_that_forbids_it(settings: dict[str, str], said: str) -> None:
    found = launch.refusal(settings.get)
    assert said in found and (found != "") == (said != "" or Path("/.dockerenv").exists())


def test_subordinate_ids_are_found_where_they_are_enough(tmp_path: Path) -> None:
    table = tmp_path / "subuid"
    table.write_text("other:100000:65536\nfew:200000:1000\n\ngarbled\nme:300000:65536\n")
    assert launch.subordinate(str(table), "me") == 300000
    assert launch.subordinate(str(table), "few") is None
    assert launch.subordinate(str(table), "nobody else") is None
    assert launch.subordinate(str(tmp_path / "none"), "me") is None


def tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_groups_of_version_2_are_made_where_controllers_are_lent(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/user.slice/me.scope\n")
    mount = tmp_path / "cgroup"
    lent = {"cgroup.controllers": "cpu memory pids", "cgroup.subtree_control": "cpu memory pids"}
    tree(
        mount, {**lent, "user.slice/me.scope/cgroup.subtree_control": "", "user.slice/cgroup.subtree_control": ""}
    )
    place = cgroups.find(mount, own)
    assert place is not None and place.version == 2 and set(place.parents.values()) == {mount}
    group = cgroups.Group(place, LIMITS)
    (folder,) = set(group.folders.values())
    wanted = {
        "memory.max": str(300 << 20),
        "memory.swap.max": "0",
        "pids.max": "70",
        "cpu.max": "150000 100000",
    }
    assert {name: (folder / name).read_text() for name in wanted} == wanted
    group.add(4711)
    assert (folder / "cgroup.procs").read_text() == "4711"
    assert not group.out_of_memory
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    assert group.out_of_memory
    (mount / "cgroup.subtree_control").write_text("cpu")
    assert cgroups.find(mount, own) is None, "a group without memory is none"


def test_groups_of_version_1_lie_below_our_own_or_at_the_top(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("9:memory:/mine\n8:pids:/elsewhere\n2:cpu,cpuacct:/\n0::/\n")
    mount = tmp_path / "cgroup"
    for name in ("memory/mine", "pids", "cpu,cpuacct"):
        (mount / name).mkdir(parents=True)
    place = cgroups.find(mount, own)
    assert place is not None and place.version == 1
    assert place.parents == {"memory": mount / "memory/mine", "pids": mount / "pids", "cpu": mount / "cpu,cpuacct"}
    assert place.enforced == "memory, processes, processors"
    shutil.rmtree(mount / "memory")
    assert cgroups.find(mount, own) is None


def test_what_is_weaker_is_said_in_words() -> None:
    best = doctor.isolation(Identity("range"), cgroups.Place(2, dict.fromkeys(cgroups.WANTED, Path("/"))))
    assert best.startswith("bubblewrap, weaker than a container") and "a user id for each candidate" in best
    assert "machine's network" in best and "limited" not in best
    worst = doctor.isolation(Identity("one", "no ids"), None, doctor.Told("no seccomp here", "no ids"))
    for words in (
        "one user id for all",
        "not filtered",
        "memory limited for each process",
        "processors not limited",
    ):
        assert words in worst
    told = doctor.Told.of({"fence": "on", "ids": 7})
    assert told == doctor.Told("on", "")


def test_roots_own_cache_is_passed_over_where_nobody_else_can_reach_it(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    found = place({"XDG_CACHE_HOME": str(closed)})
    expected = Path("/var/cache/tryline") if os.geteuid() == 0 else closed / "tryline"
    assert found == expected / "bubblewrap"


# ------------------------------------------------------------------------------------------- one that runs


@pytest.fixture(scope="module")
def backend() -> Iterator[Bubblewrap]:
    made = bubblewrap_backend(spares=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(backend: Bubblewrap) -> Image:
    return prepared(backend)


@pytest.mark.engine
def test_it_is_nobody_outside_limited_and_gone_at_its_end(backend: Bubblewrap, image: Image) -> None:
    box = backend.start(image, LIMITS)
    pid = box.enclosed.first
    group = box.enclosed.group
    try:
        found = status(pid)
        if os.geteuid() == 0:
            assert all(launch.FIRST_ID <= int(uid) < launch.LAST_ID for uid in found["Uid"] + found["Gid"])
        assert found["NoNewPrivs"] == ["1"] and found["Seccomp"] == ["2"]
        for name in ("CapPrm", "CapEff", "CapBnd"):
            assert int(found[name][0], 16) & ~0xE0 == 0, "the agent's own three at most"
        assert found["CapInh"] == found["CapAmb"] == ["0000000000000000"]
        for name in NAMESPACES:
            theirs, ours = (Path(f"/proc/{who}/ns/{name}").readlink() for who in (pid, "self"))
            assert theirs != ours, name
        assert group is not None, "these tests run where control groups can be made"
        for folder in group.folders.values():
            assert str(pid) in (folder / "cgroup.procs").read_text().split()
        memory = [group.folders["memory"] / name for name in ("memory.max", "memory.limit_in_bytes")]
        assert [int(path.read_text()) for path in memory if path.exists()] == [300 << 20]
        assert int((group.folders["pids"] / "pids.max").read_text()) == 70
        mounts = [line.split() for line in Path(f"/proc/{pid}/mounts").read_text().splitlines()]
        writable = {mount[1] for mount in mounts if "rw" in mount[3].split(",")}
        assert writable == {"/repo", "/tmp", "/run/tryline", "/dev/shm", "/dev/pts", "/proc"} | {
            f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")
        }
        assert all({"nosuid"} <= set(mount[3].split(",")) for mount in mounts)
        assert "noexec" in next(mount[3] for mount in mounts if mount[1] == "/run/tryline")
        text = "import os; print(*(os.statvfs(p).f_files for p in ('/tmp', '/dev/shm', '/repo')))"
        assert printed(box, text) == "20000 20000 200000"
    finally:
        box.kill()
    assert until(lambda: not Path(f"/proc/{pid}").exists())
    assert not any(folder.exists() for folder in group.folders.values())
    box.kill()
    with pytest.raises(SandboxError):
        box.ask({"kind": "hello"}, seconds=5)


@pytest.mark.engine
def test_it_outlives_the_thread_that_started_it(backend: Bubblewrap, image: Image) -> None:
    boxes: list[object] = []
    thread = threading.Thread(target=lambda: boxes.append(backend.start(image, LIMITS)))
    thread.start()
    thread.join()
    (box,) = boxes
    try:
        time.sleep(0.3)
        assert printed(box, "print('here')") == "here"  # type: ignore[arg-type]
    finally:
        box.kill()  # type: ignore[attr-defined]


@pytest.mark.engine
def test_too_little_memory_is_named_as_the_reason(backend: Bubblewrap, image: Image) -> None:
    box = backend.start(image, LIMITS)
    try:
        bad = "held = []\nwhile True:\n    held.append(bytearray(1 << 24))"
        assert box.ask(program(bad), seconds=60)["code"] != 0
        assert box.enclosed.group is not None and box.enclosed.group.out_of_memory
        assert "memory_mb" in box._end()
    finally:
        box.kill()


ABANDONED = """
import sys, time
sys.path.insert(0, {tests!r})
from engines import bubblewrap_backend, prepared
from bot.domain import Limits
backend = bubblewrap_backend(spares=0)
box = backend.start(prepared(backend), Limits(memory_mb=300))
group = box.enclosed.group
print(box.enclosed.first, *(set(group.folders.values()) if group else ()), flush=True)
time.sleep(600)
"""


@pytest.mark.engine
def test_of_a_run_that_was_killed_nothing_is_left(backend: Bubblewrap, image: Image) -> None:
    assert image.problem is None
    text = ABANDONED.format(tests=str(ROOT / "tests"))
    with subprocess.Popen([sys.executable, "-c", text], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            pid, *folders = run.stdout.readline().split()
            assert Path(f"/proc/{pid}").exists() and folders
            assert backend.clean() == 0, "it lives"
            assert Path(f"/proc/{pid}").exists() and all(Path(folder).exists() for folder in folders)
        finally:
            run.send_signal(signal.SIGKILL)
    assert until(lambda: not Path(f"/proc/{pid}").exists())
    assert backend.clean() == 1
    assert not any(Path(folder).exists() for folder in folders)


# --------------------------------------------------------------------------------------------- the cache

LOOK = f"""
import json, os
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def writes(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
found = {{
    "uid": os.getuid(), "caps": status["CapEff"] + status["CapBnd"], "new": status["NoNewPrivs"],
    "secret": [value for value in os.environ if value == {PRIVATE!r}],
    "home": [path for path in {[str(Path.home()), str(ROOT)]!r} if os.path.exists(path + "/pyproject.toml")],
    "wrote": [p for p in ("/x", "/etc/x", "/usr/x", "/run/tryline/x") if writes(p)],
    "processes": sum(name.isdigit() for name in os.listdir("/proc")) < 8,
    "tree": open("/repo/setup.py").read(),
}}
open("/venv/found.json", "w").write(json.dumps(found))
open("/venv/tool", "w").close()
os.chmod("/venv/tool", 0o6777)
open("/repo/generated.py", "w").write("x = 1")
"""


@pytest.fixture(scope="module")
def cache() -> Iterator[Path]:
    """A cache of its own, where also nobody can reach what is in it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="tryline-cache-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.mark.engine
@pytest.mark.thorough
def test_dependencies_are_installed_behind_walls_once_and_removed_when_long_unused(cache: Path) -> None:
    environ = {**os.environ, "XDG_CACHE_HOME": str(cache), PRIVATE: PRIVATE}
    fails = InstallStep(("python", "-c", "print('error: no gold'); raise SystemExit(3)"), "the gold")
    look = InstallStep(("python", "-c", LOOK), "a look around")
    recipe = replace(RECIPE, steps=(*RECIPE.steps, look, fails))
    notes: list[str] = []

    class Noted(Silent):
        def note(self, text: str) -> None:
            notes.append(text)

    images: list[Image] = []

    def prepare() -> None:
        images.append(bubblewrap_backend(environ).prepare(recipe, lambda: tar({"setup.py": "x"}), Noted()))

    threads = [threading.Thread(target=prepare) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({image.reference for image in images}) == 1 and sorted(image.cached for image in images) == [
        False,
        True,
    ]
    assert sum(note.startswith("Installing") for note in notes) == 1
    image = images[0]
    assert image.problem is not None and "the gold: failed with exit code 3" in image.problem
    assert "no gold" in image.log

    folder = cache / "tryline" / "bubblewrap"
    made = folder / "deps" / image.reference
    found = json.loads((made / "venv" / "found.json").read_text())
    nothing: dict[str, list[str]] = {"secret": [], "home": [], "wrote": []}
    assert found == {**nothing, "uid": 10001, "caps": "0" * 32, "new": "1", "processes": True, "tree": "x"}
    about = (made / "venv" / "tool").stat()
    assert (about.st_uid, stat.S_IMODE(about.st_mode)) == (os.geteuid(), 0o755)
    assert list((folder / "making").iterdir()) == []

    backend = bubblewrap_backend(environ, spares=0)
    with backend.open(image, contents({}), LIMITS) as box:
        assert printed(box, "import generated, pytest; print(generated.x)") == "1"

    launcher = Launcher(Identity("range"), "root")
    roots = Roots(folder, launcher, None, uv_binary=Path(uv.find_uv_bin()), environ=environ, cache_limit=2)
    for number in range(3):
        other = folder / "deps" / f"other{number}"
        other.mkdir()
        (other / ABOUT).write_text(json.dumps({"root": json.loads((made / ABOUT).read_text())["root"]}))
        os.utime(other / ABOUT, (1000 + number, 1000 + number))
    with roots.used(replace(image, reference="other0")):
        os.utime(folder / "deps" / "other0" / ABOUT, (1000, 1000))
        assert roots.prepare(recipe, lambda: b"", Silent()).cached
        left = {each.name for each in (folder / "deps").iterdir()}
        assert left == {"other0", "other2", image.reference}, "the least recently used go, but none that is used"
    with pytest.raises(SandboxError) as caught, roots.used(replace(image, reference="other1")):
        pass
    assert caught.value.slug == "image-gone"

    stage = folder / "making" / "abandoned"
    stage.mkdir()
    (stage / "lock").touch()
    assert roots.clean() == 1 and not stage.exists()


@pytest.mark.engine
def test_a_named_image_needs_an_engine(backend: Bubblewrap) -> None:
    with pytest.raises(SandboxError) as caught:
        backend.prepare(replace(RECIPE, image="python:3.12"), lambda: tar({}), Silent())
    assert caught.value.slug == "bubblewrap-image"


# ------------------------------------------------------------------------------------- as an ordinary user

ORDINARY = """
import json, os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from engines import bubblewrap_backend, contents, prepared, printed, suite
from bot import wire
from bot.domain import Limits
from bot.sandboxes.bubblewrap.roots import place

cache = place(os.environ)
image = prepared(bubblewrap_backend())
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
environ = {{"XDG_CACHE_HOME": str(cache.parent.parent), "PATH": "/usr/bin:/bin", "HOME": "/nowhere"}}
backend = bubblewrap_backend(environ, spares=0)
rows = {{row.name: (row.ok, row.detail) for row in backend.diagnose()}}
files = {{"shop.py": "X = 1", "test_shop.py": "import shop\\n\\ndef test_x(tmp_path):\\n    assert shop.X == 1"}}
box = backend.start(image, Limits(memory_mb=400))
from engines import tar
box.fill(tar(files))
job = suite()
ran = wire.read_run(box.ask(wire.run_job(job), seconds=90))[0]
uid = [line.split() for line in open("/proc/%d/status" % box.enclosed.first) if line.startswith("Uid")][0][1]
looks = printed(box, '''
import os, signal, socket
def tries(action):
    try:
        action()
    except OSError:
        return False
    return True
print(os.getuid(), *[
    tries(lambda: open("/repo/shop.py", "a")),
    tries(lambda: open("/run/tryline/tryline_inside/agent.py", "a")),
    tries(lambda: open("/x", "w")),
    tries(lambda: open("/proc/1/mem")),
    tries(lambda: socket.create_connection(("1.1.1.1", 53), 3)),
])
try:
    os.kill(1, signal.SIGTERM)
    os.kill(1, signal.SIGKILL)
except OSError:
    pass
''')
after = printed(box, "print('next')")
said = backend.describe()["isolation"]
box.kill()
print(json.dumps([rows, ran.exit_code, [test.outcome for test in ran.tests], uid, looks, after, said]))
"""
PREPARE = 'mount --bind $1 /etc/subuid && mount --bind $1 /etc/subgid && shift && exec "$@"'


@pytest.mark.engine
@pytest.mark.thorough
@pytest.mark.parametrize("ids", [False, True], ids=["one id", "subordinate ids"])
def test_an_ordinary_user_can_have_them(tmp_path: Path, ids: bool) -> None:
    assert os.geteuid() == 0, "becomes an ordinary user, and lends it ids"
    table = tmp_path / "ids"
    table.write_text("nobody:100000:65536\n" if ids else "")
    command = [sys.executable, "-c", ORDINARY.format(tests=str(ROOT / "tests"))]
    # In a mount namespace of its own: what this machine lends to whom stays as it is.
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", PREPARE, "sh", str(table), *command],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    rows, code, outcomes, uid, looks, after, said = json.loads(ran.stdout.splitlines()[-1])
    assert rows["namespaces"][0] and "no cgroup" in rows["limits"][1]
    assert (code, outcomes, uid, after) == (0, ["passed"], "65534", "next")
    inside, edits, *others = looks.split()
    assert others == ["False"] * 4
    assert inside == "65534"
    assert (edits == "False") == ids, "with one id for all, the files of the tree are its own"
    assert ("a user id for each candidate" in said) == ids and ("one user id for all" in said) != ids
    assert "memory limited for each process alone" in said


SHUT = """
import json, sys
sys.path.insert(0, {tests!r})
from engines import bubblewrap_backend
print(json.dumps([[row.name, row.ok, row.detail, row.remedy] for row in bubblewrap_backend().diagnose()]))
"""


@pytest.mark.engine
@pytest.mark.parametrize("allowed", ["0", "1000"])
def test_root_of_a_container_has_one_user_or_is_told_why_it_has_nothing(allowed: str) -> None:
    assert os.geteuid() == 0, "so that it may make the container"
    # The number is of that namespace: what this machine allows stays as it is.
    inner = f'echo {allowed} > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = [sys.executable, "-c", SHUT.format(tests=str(ROOT / "tests"))]
    ran = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", inner, "sh", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    rows = {name: rest for name, *rest in json.loads(ran.stdout)}
    if allowed == "0":
        ok, detail, remedy = rows["namespaces"]
        assert not ok and "bubblewrap" in detail and "user.max_user_namespaces" in remedy
    else:
        assert rows["namespaces"][0] and "no ids to give away" in rows["users"][1]
