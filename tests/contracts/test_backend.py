"""What every backend promises, over every one that there is: what repository code finds, and cannot do."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import daemons
import pytest
from engines import RECIPE, bubblewrap_backend, contents, docker_backend, prepared, printed, program, suite, tar

from bot import wire
from bot.domain import Image, InstallStep, Limits, Outcome, SuiteRun
from bot.errors import SandboxError
from bot.progress import Silent
from bot.sandboxes import Backend, Contents, Sandbox
from bot.sandboxes.bubblewrap.launch import Identity

pytestmark = pytest.mark.engine

CANARY = "TRYLINE_TEST_CANARY"
LIMITS = Limits(memory_mb=320, processes=64, workspace_mb=48, tmp_mb=32, file_mb=16)
RUNS_HERE = InstallStep(
    (
        "python",
        "-c",
        """
import sysconfig
hook = "import os; open('/repo/planted-%d-%d' % (os.getuid(), os.getpid()), 'w').close()"
for name in ("planted.pth", "sitecustomize.py"):
    with open(sysconfig.get_path("purelib") + "/" + name, "w") as stream:
        stream.write(hook)
""",
    ),
    "plant",
)
PLANTED = replace(RECIPE, steps=(*RECIPE.steps, RUNS_HERE))
"""A recipe that leaves code on the interpreter's path."""


@contextlib.contextmanager
def docker(environ: Mapping[str, str]) -> Iterator[Backend]:
    yield docker_backend(environ)


@contextlib.contextmanager
def further(daemon: AbstractContextManager[daemons.Daemon], environ: Mapping[str, str]) -> Iterator[Backend]:
    """A backend on an engine that lives as long as its tests, with the images that the machine's engine made."""
    here = docker_backend()
    images = [here.prepare(recipe, lambda: tar({}), Silent()) for recipe in (RECIPE, PLANTED)]
    with daemon as running:
        daemons.bring(running, *images)
        yield docker_backend({**environ, **running.environ})


@contextlib.contextmanager
def without_engine(environ: Mapping[str, str], who: Identity | None = None) -> Iterator[Backend]:
    """Walls of bubblewrap; `who` as an ordinary user has it to whom the machine lends no ids."""
    yield bubblewrap_backend(environ, who=who)


@contextlib.contextmanager
def over_tls(environ: Mapping[str, str]) -> Iterator[Backend]:
    """As in CI jobs with docker-in-docker, on a machine that trusts other authorities for everything else."""
    with pytest.MonkeyPatch.context() as patched, further(daemons.dockerd(tls=True), environ) as backend:
        patched.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
        yield backend


BACKENDS: Mapping[str, Callable[[Mapping[str, str]], AbstractContextManager[Backend]]] = {
    "docker": docker,
    "bubblewrap": without_engine,
    "podman": lambda environ: further(daemons.podman(), environ),
    "docker over TLS": over_tls,
    "docker with mapped users": lambda environ: further(daemons.dockerd(users=True), environ),
    "bubblewrap, one user": lambda environ: without_engine(environ, Identity("one", "no subordinate ids")),
}
FEW, ONE = list(BACKENDS)[:3], list(BACKENDS)[:1]
"""Where a test takes long and the others would only say it again. (From the first on: pytest keeps tests of one
backend together by the place that it has in the list.)"""

NOT_HELD = {
    "bubblewrap, one user": {
        "test_no_file_of_the_tree_can_be_changed_by_tests": "the files of the tree belong to the only user",
        "test_put_replaces_a_file_and_get_reads_it": "the files of the tree belong to the only user",
        "test_it_cannot[bubblewrap, one user-kill]": "process 1 is the same user's, and does not mind",
        "test_it_cannot[bubblewrap, one user-term]": "process 1 is the same user's, and does not mind",
        "test_what_a_finished_job_left_behind_is_killed[bubblewrap, one user]": "process 1 is the same user's",
    }
}
"""Promises that a backend does not keep: backend -> test -> why."""

FILES = {
    "conftest.py": "import os\n\nRAN_BY = os.getpid()\n",
    "sitecustomize.py": "import os\nopen('/repo/site-%d-%d' % (os.getuid(), os.getpid()), 'w').close()\n",
    "shop.py": "def price(n):\n    return n * 2\n",
    "run.sh": "#!/bin/sh\necho ran\n",
    "pkg/deep/data.txt": "data\n",
    "test_fine.py": "import shop\n\ndef test_fine():\n    assert shop.price(2) == 4\n",
}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with BACKENDS[request.param]({**os.environ, CANARY: "s3cret"}) as made:
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _promised(request: pytest.FixtureRequest) -> None:
    """What a backend does not promise is not run: it may leave a sandbox that is of no use to the next test."""
    which = next((name for name in NOT_HELD if f"[{name}" in request.node.name), "")
    for test, why in NOT_HELD.get(which, {}).items():
        if request.node.name.startswith(test):
            request.node.add_marker(pytest.mark.xfail(reason=why, run=False))


@pytest.fixture(scope="module")
def image(backend: Backend) -> Image:
    return prepared(backend)


@pytest.fixture(scope="module")
def box(backend: Backend, image: Image) -> Iterator[Sandbox]:
    """One sandbox for probes that leave it as it is."""
    with backend.open(image, contents(FILES, {"link": "shop.py"}, {"run.sh": 0o755}), LIMITS) as opened:
        yield opened


def run(box: Sandbox, *args: str, **more: Any) -> SuiteRun:
    job = suite(*args, **more)
    return wire.read_run(box.ask(wire.run_job(job), seconds=job.seconds + 30))[0]


# ---------------------------------------------------------------------------------------------- the backend


def test_an_image_is_found_again(backend: Backend, image: Image) -> None:
    def never() -> bytes:
        raise AssertionError("the tree is not needed")

    again = backend.prepare(RECIPE, never, Silent())
    assert again.cached and again.reference == image.reference
    assert again.python[0] == 3 and again.problem is None


def test_it_describes_itself(backend: Backend) -> None:
    about = backend.describe()
    assert about["engine"] and about["isolation"]
    assert all(row.ok or row.remedy for row in backend.diagnose())
    assert backend.clean() >= 0


def test_opening_is_counted(backend: Backend, image: Image) -> None:
    before = backend.containers
    with backend.open(image, contents({}), LIMITS):
        assert backend.containers == before + 1


def test_a_tree_that_does_not_fit_is_said(backend: Backend, image: Image) -> None:
    files = contents({"big": "x" * (60 << 20)})
    with pytest.raises(SandboxError) as caught, backend.open(image, files, LIMITS):
        pass
    assert caught.value.slug == "workspace-full"
    assert "workspace_mb" in caught.value.hint


def test_what_is_no_archive_is_said(backend: Backend, image: Image) -> None:
    with pytest.raises(SandboxError), backend.open(image, Contents(b"x" * 2000), LIMITS):
        pass


def test_members_that_would_leave_the_repository_do_not(backend: Backend, image: Image) -> None:
    names = ["../outside", "/tmp/absolute", "a/../../up", "/run/tryline/tryline_inside/planted.py"]
    files = contents({**dict.fromkeys(names, "x"), "kept": "x"}, {"etc": "/etc"})
    with backend.open(image, files, LIMITS) as box:
        found = printed(box, "import os; print(sorted(os.listdir('/repo')), os.path.islink('/repo/etc'))")
        assert found == "['etc', 'kept'] True"
        assert printed(box, "import os; print(os.path.exists('/tmp/absolute'))") == "False"
        assert "planted.py" not in printed(box, "import os; print(os.listdir('/run/tryline/tryline_inside'))")


def test_a_link_does_not_lead_members_out(backend: Backend, image: Image) -> None:
    files = contents({"way/planted.py": "x"}, {"way": "/run/tryline"})
    with pytest.raises(SandboxError), backend.open(image, files, LIMITS):
        pass


# ------------------------------------------------------------------------------------------------- the tree


def test_tests_run_on_the_files_of_the_tree(box: Sandbox) -> None:
    ran = run(box)
    assert ran.problem is None and ran.exit_code == 0
    assert [(test.id, test.outcome) for test in ran.tests] == [("test_fine.py::test_fine", Outcome.PASSED)]


def test_modes_and_links_are_kept(box: Sandbox) -> None:
    text = "import os, subprocess; os.chdir('/repo'); print(subprocess.check_output('./run.sh').decode().strip(), "
    text += "os.readlink('link'), os.access('shop.py', os.X_OK))"
    assert printed(box, text) == "ran shop.py False"


CHANGES = """
import os, json
done = []
def attempt(name, action):
    try:
        action()
    except OSError:
        return
    done.append(name)
os.chdir("/repo")
attempt("edit", lambda: open("shop.py", "a").write("x"))
attempt("truncate", lambda: os.truncate("conftest.py", 0))
attempt("unlink", lambda: os.unlink("test_fine.py"))
attempt("rename", lambda: os.rename("shop.py", "other.py"))
attempt("replace", lambda: (open("/repo/new", "w").close(), os.replace("new", "shop.py")))
attempt("rename folder", lambda: os.rename("pkg", "gone"))
attempt("rename inner folder", lambda: os.rename("pkg/deep", "pkg/gone"))
attempt("chmod", lambda: os.chmod("shop.py", 0o666))
attempt("chown", lambda: os.chown("shop.py", 65534, 65534))
attempt("link", lambda: os.unlink("link"))
attempt("agent", lambda: open("/run/tryline/tryline_inside/runner.py", "a"))
attempt("agent folder", lambda: open("/run/tryline/x.py", "w"))
attempt("interpreter", lambda: open("/venv/x", "w"))
attempt("root", lambda: open("/x", "w"))
attempt("run", lambda: open("/run/x", "w"))
attempt("temporary files that stay", lambda: open("/var/tmp/x", "w"))
attempt("etc", lambda: open("/etc/x", "w"))
attempt("generated", lambda: open("/opt/tryline/x", "w"))
attempt("private places", lambda: os.rename("/tmp/w", "/tmp/other"))
attempt("temporary folder", lambda: os.listdir("/tmp"))
print(json.dumps([done, open("shop.py").read() == FILES["shop.py"]]))
"""


def test_no_file_of_the_tree_can_be_changed_by_tests(box: Sandbox) -> None:
    assert json.loads(printed(box, f"FILES = {FILES!r}\n{CHANGES}")) == [[], True]


def test_new_files_can_be_made_beside_it(box: Sandbox) -> None:
    text = "import os; os.chdir('/repo'); os.makedirs('pkg/deep/more'); open('pkg/deep/more/x', 'w').write('1')\n"
    text += "open('/tmp/x', 'w'); open(os.path.expanduser('~/x'), 'w'); os.remove('pkg/deep/more/x')\n"
    text += "os.rmdir('pkg/deep/more'); print('made')"
    assert printed(box, text) == "made"


def test_put_replaces_a_file_and_get_reads_it(box: Sandbox) -> None:
    text = "eCA9IDEK"
    assert box.ask({"kind": "put", "files": {"pkg/new.py": text}}, seconds=9).get("ok") is True
    assert box.ask({"kind": "get", "path": "pkg/new.py"}, seconds=9)["content"] == text
    assert printed(box, "print(open('/repo/pkg/new.py').read())") == "x = 1"
    changed = box.ask(program("open('/repo/pkg/new.py', 'a')"), seconds=30)
    assert changed["code"] == 1 and "Permission" in str(changed["output"])
    assert box.ask({"kind": "get", "path": "pkg/new.py", "limit": 3}, seconds=9)["error"] == "file too large"


def test_put_and_get_stay_in_the_repository(box: Sandbox) -> None:
    lures = """
import os, time
os.chdir("/repo")
os.symlink("/run/tryline", "away")
os.symlink("/etc/passwd", "secret")
os.mkfifo("pipe")
while not os.path.exists("enough"):
    time.sleep(0.02)
"""
    with ThreadPoolExecutor(1) as pool:  # what a job made is gone when it has ended
        alive = pool.submit(printed, box, lures, 60)
        while "pipe" not in printed(box, "import os; print(os.listdir('/repo'))"):
            assert not alive.done()
        _put_and_get_stay_inside(box)
        box.ask({"kind": "put", "files": {"enough": ""}}, seconds=9)
    assert "x.py" not in printed(box, "import os; print(os.listdir('/run/tryline'))")


def _put_and_get_stay_inside(box: Sandbox) -> None:
    for path in ("../x.py", "/etc/x", "away/x.py", "secret"):
        assert "error" in box.ask({"kind": "put", "files": {path: "eA=="}}, seconds=9), path
    for path in ("../etc/passwd", "/etc/passwd", "secret", "away/tryline_inside/agent.py", "pkg", "pipe", "none"):
        assert "error" in box.ask({"kind": "get", "path": path}, seconds=9), path


# ---------------------------------------------------------------------------------------------- the jobs


def test_answers_come_as_they_are_ready_each_with_its_question(box: Sandbox) -> None:
    waits = (1.5, 0.0, 0.2, 0.0, 0.1)
    jobs = [program(f"import time; time.sleep({wait}); print({n})") for n, wait in enumerate(waits)]
    answers = list(box.ask_many(jobs, seconds=30))
    assert sorted((n, str(reply["output"]).strip()) for n, reply in answers) == [(n, str(n)) for n in range(5)]
    assert answers[0][0] != 0, "a slow one keeps nobody else waiting"


def test_questions_are_not_sent_after_the_caller_is_content(backend: Backend, image: Image) -> None:
    asked = []

    def jobs() -> Iterator[dict[str, Any]]:
        for n in range(40):
            asked.append(n)
            yield program(f"print({n})")

    with backend.open(image, contents({}), LIMITS) as box:
        answers = box.ask_many(jobs(), seconds=30)
        assert next(answers)[0] < 10
        answers.close()
        assert len(asked) < 10
        assert printed(box, "print('next')") == "next"


def test_two_jobs_at_once_leave_each_others_processes_alone(box: Sandbox) -> None:
    keeps = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(0.8)
        open("/tmp/survived", "w").close()
    os._exit(0)
os.wait()
time.sleep(1.2)
print(os.path.exists("/tmp/survived"))
"""
    replies = dict(box.ask_many([program(keeps), program("")], seconds=30))
    assert [str(replies[number]["output"]).strip() for number in (0, 1)] == ["True", ""]


def test_a_container_that_does_not_answer_in_time_is_given_up(backend: Backend, image: Image) -> None:
    with backend.open(image, contents({}), LIMITS) as box:
        began = time.monotonic()
        with pytest.raises(SandboxError) as caught:
            box.ask(program("import time; time.sleep(60)", 60), seconds=1)
        assert caught.value.slug == "sandbox-deadline"
        with pytest.raises(SandboxError):
            box.ask(program("print(1)"), seconds=20)
        assert time.monotonic() - began < 8


def test_an_unknown_job_is_an_error_not_an_end(box: Sandbox) -> None:
    assert "error" in box.ask({"kind": "dance"}, seconds=9)
    assert "error" in box.ask({"kind": "trial", "message": {}}, seconds=9)
    assert "error" in box.ask({"kind": "put"}, seconds=9)
    assert printed(box, "print('next')") == "next"


# ----------------------------------------------------------------------------------- what repository code is

PROBE = """
import ctypes, glob, json, os, re, resource, socket, signal
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
found = {"uid": os.getresuid(), "gid": os.getresgid(), "groups": os.getgroups(), "env": dict(os.environ)}
found["caps"] = [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
found["new"] = status["NoNewPrivs"]
found["seccomp"] = status["Seccomp"]
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)
found["file"] = resource.getrlimit(resource.RLIMIT_FSIZE)

def attempt(action):
    try:
        return "did: %r" % (action(),)
    except OSError as problem:
        return type(problem).__name__

def connect(family, address):
    with socket.socket(family) as made:
        made.settimeout(3)
        made.connect(address)

found["attempts"] = {
    "tcp": attempt(lambda: connect(socket.AF_INET, ("1.1.1.1", 53))),
    "tcp6": attempt(lambda: connect(socket.AF_INET6, ("2606:4700:4700::1111", 53))),
    "gateway": attempt(lambda: connect(socket.AF_INET, ("172.17.0.1", 2375))),
    "metadata": attempt(lambda: connect(socket.AF_INET, ("169.254.169.254", 80))),
    "dns": attempt(lambda: socket.getaddrinfo("example.com", 80)),
    "engine": attempt(lambda: connect(socket.AF_UNIX, "/var/run/docker.sock")),
    "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "memory": attempt(lambda: open("/proc/1/mem", "rb")),
    "environ": attempt(lambda: open("/proc/1/environ", "rb").read()),
    "descriptors": attempt(lambda: os.listdir("/proc/1/fd")),
    "root": attempt(lambda: os.listdir("/proc/1/root")),
    "kill": attempt(lambda: os.kill(1, signal.SIGKILL)),
    "term": attempt(lambda: os.kill(1, signal.SIGTERM)),
    "setuid": attempt(lambda: os.setuid(0)),
    "chroot": attempt(lambda: os.chroot("/tmp")),
    "nice": attempt(lambda: os.nice(-5)),
    "kmsg": attempt(lambda: open("/dev/kmsg", "rb")),
    "trigger": attempt(lambda: open("/proc/sysrq-trigger", "w").write("h")),
    "hostname": attempt(lambda: socket.sethostname("x")),
}
libc = ctypes.CDLL(None, use_errno=True)
found["calls"] = {
    "mount": libc.mount(b"tmpfs", os.environb[b"TMPDIR"], b"tmpfs", 0, None),
    "unshare": libc.unshare(0x10000000),
    "ptrace": libc.ptrace(16, 1, None, None),
}
found["interfaces"] = [line.split(":")[0].strip() for line in list(open("/proc/net/dev"))[2:]]
found["devices"] = sorted(set(os.listdir("/dev")) - {"core", "fd", "stdin", "stdout", "stderr", "console"})
found["setuid"] = [p for p in glob.glob("/usr/bin/*") + glob.glob("/bin/*") if os.stat(p).st_mode & 0o6000]
found["mounts"] = [line.split()[1] for line in open("/proc/mounts")]
found["sockets"] = open("/proc/net/unix").read().count("\\n") - 1
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def inside(box: Sandbox) -> dict[str, Any]:
    """What repository code finds out about itself and its surroundings."""
    found: dict[str, Any] = json.loads(printed(box, PROBE))
    return found


def test_it_runs_as_nobody_without_any_capability(inside: dict[str, Any]) -> None:
    assert inside["uid"] == inside["gid"] == [65534] * 3 and inside["groups"] == []
    inherited, permitted, effective, _, ambient = (int(mask, 16) for mask in inside["caps"])
    assert (inherited, permitted, effective, ambient) == (0, 0, 0, 0)
    assert int(inside["caps"][3], 16) & ~(1 << 5 | 1 << 6 | 1 << 7) == 0, "the agent's own three at most"
    assert inside["new"] == "1" and inside["seccomp"] == "2"


IMPOSSIBLE = """
    tcp tcp6 gateway metadata dns engine raw memory environ descriptors root kill term setuid chroot nice kmsg
    trigger hostname
"""
ENVIRONMENT = """
    PATH HOME USER LOGNAME LANG LC_ALL LC_CTYPE TZ TMPDIR VIRTUAL_ENV PYTHONHASHSEED PYTHONDONTWRITEBYTECODE
    PYTHONUNBUFFERED CI
"""
DEVICES = "full mqueue null ptmx pts random shm tty urandom zero"


@pytest.mark.parametrize("what", IMPOSSIBLE.split())
def test_it_cannot(inside: dict[str, Any], what: str) -> None:
    assert not inside["attempts"][what].startswith("did:")


def test_it_cannot_mount_unshare_or_trace(inside: dict[str, Any]) -> None:
    assert inside["calls"] == {"mount": -1, "unshare": -1, "ptrace": -1}


def test_it_has_no_interface_but_its_own(inside: dict[str, Any]) -> None:
    assert inside["interfaces"] == ["lo"] and inside["sockets"] == 0


def test_it_sees_nothing_of_the_hosts_environment(inside: dict[str, Any]) -> None:
    assert CANARY not in inside["env"] and "s3cret" not in str(inside["env"])
    assert set(inside["env"]) <= set(ENVIRONMENT.split())


def test_it_finds_no_devices_and_no_way_up(inside: dict[str, Any]) -> None:
    assert set(inside["devices"]) <= set(DEVICES.split())
    assert [path for path in inside["mounts"] if path.startswith(("/host", "/var/run", "/home", "/root"))] == []


def test_files_and_cores_are_limited(inside: dict[str, Any]) -> None:
    assert inside["core"] == [0, 0]
    assert inside["file"] == [64 << 20] * 2


def test_what_the_repository_puts_on_the_path_never_runs_as_the_agent(backend: Backend, image: Image) -> None:
    hook = FILES["sitecustomize.py"]
    files = {**FILES, "usercustomize.py": hook, "tarfile.py": hook, "json.py": hook, "x.pth": f"import os; {hook}"}
    del files["json.py"]
    files["conftest.py"] = hook + FILES["conftest.py"]
    files["test_marks.py"] = "import os\n\ndef test_marks():\n    assert not print(*os.listdir('/repo'))\n"
    with backend.open(image, contents(files), LIMITS) as box:
        ran = run(box, "-s")
        assert ran.problem is None
        marks = [name for name in ran.output.split() if "site-" in name]
        assert marks, "conftest.py ran, as repository code"
        assert {mark.split("-")[1] for mark in marks} == {"65534"}
        assert "1" not in {mark.split("-")[2] for mark in marks}


def test_what_an_installation_plants_in_the_interpreter_never_runs_as_the_agent(backend: Backend) -> None:
    image = backend.prepare(PLANTED, lambda: tar({}), Silent())
    assert image.problem is None
    with backend.open(image, contents({}), LIMITS) as box:
        marks = [
            name for name in printed(box, "import os; print(*os.listdir('/repo'))").split() if "planted" in name
        ]
        assert marks, "it runs in the repository's own processes"
        assert {mark.split("-")[1] for mark in marks} == {"65534"}


# ------------------------------------------------------------------------------------------- bad behaviour

BAD = {
    "fork bomb": """
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
    "fork bomb of sessions": """
    while True:
        try:
            os.fork()
            os.setsid()
        except OSError:
            pass
""",
    "memory": """
    held = []
    while True:
        held.append(bytearray(10 << 20))
""",
    "disk": """
    for i in range(10 ** 6):
        open("/repo/%d" % i, "wb").write(b"x" * (1 << 20))
""",
    "one large file": """
    with open("/tmp/large", "wb") as stream:
        while True:
            stream.write(b"x" * (1 << 20))
""",
    "inodes": """
    for i in range(10 ** 6):
        open("/tmp/%d" % i, "w").close()
""",
    "descriptors": """
    while True:
        os.dup(0)
""",
    "loop": """
    while True:
        pass
""",
    "sleep": """
    time.sleep(600)
""",
    "deaf sleep": """
    for number in set(range(1, 32)) - {9, 19}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)
""",
    "stop": """
    os.kill(os.getpid(), signal.SIGSTOP)
""",
    "kill": """
    os.kill(os.getpid(), signal.SIGKILL)
""",
    "exit": """
    os._exit(0)
""",
}
PROBLEMS = {
    "fork bomb": {"timeout"},
    "fork bomb of sessions": {"timeout"},
    "memory": {"killed"},
    "loop": {"timeout"},
    "sleep": {"timeout"},
    "deaf sleep": {"timeout"},
    "stop": {"timeout"},
    "kill": {"killed"},
    "exit": {"no-report"},
}

ENDS_OTHERWISE = {
    # It knows no limit of files: they fill the memory that the sandbox may use, or its time runs out.
    ("podman", "inodes"): {"killed", "timeout"},
}
ENGINES_LIMIT = ("fork bomb", "memory", "disk", "inodes")
"""What the engine holds back; the rest is the agent's business, and the same under all of them."""


@pytest.mark.parametrize("backend", FEW, indirect=True)
@pytest.mark.parametrize("how", ENGINES_LIMIT)
def test_what_the_engine_limits_ends_with_a_reason_and_the_next_job_works(
    request: pytest.FixtureRequest, backend: Backend, image: Image, how: str
) -> None:
    ends = ENDS_OTHERWISE.get((request.node.callspec.params["backend"], how), PROBLEMS.get(how))
    behaves_badly(backend, image, how, ends)


@pytest.mark.parametrize("backend", ONE, indirect=True)
@pytest.mark.parametrize("how", sorted(set(BAD) - set(ENGINES_LIMIT)))
def test_bad_behaviour_ends_with_a_reason_and_the_next_job_works(backend: Backend, image: Image, how: str) -> None:
    behaves_badly(backend, image, how, PROBLEMS.get(how))


def behaves_badly(backend: Backend, image: Image, how: str, ends: Collection[str] | None) -> None:
    """A test that does it ends for one of these reasons, None: it fails; the next test is none the worse."""
    bad = f"import os, signal, time\n\ndef test_bad():{BAD[how]}"
    files = {"test_bad.py": bad, "test_fine.py": "def test_fine():\n    pass\n"}
    with backend.open(image, contents(files), LIMITS) as box:
        began = time.monotonic()
        try:
            ran = run(box, "-s", "test_bad.py", seconds=2 if PROBLEMS.get(how) == {"timeout"} else 60)
        except SandboxError as problem:
            assert how in ("fork bomb", "fork bomb of sessions"), problem
            return
        assert time.monotonic() - began < 120
        good = [test for test in ran.tests if test.outcome.good]
        assert good == []
        if ends is not None:
            assert ran.problem is not None and ran.problem.slug in ends, ran
        else:
            assert [test.outcome for test in ran.tests] == [Outcome.FAILED] and ran.problem is None
        try:
            after = run(box, "-s", "test_fine.py", seconds=20)
        except SandboxError:
            assert how in ("fork bomb", "fork bomb of sessions")
            return
        assert after.problem is None and [test.outcome for test in after.tests] == [Outcome.PASSED]


@pytest.mark.parametrize("backend", ONE, indirect=True)
def test_a_flood_is_cut_and_its_ends_are_kept(backend: Backend, image: Image) -> None:
    text = "import os\nos.write(1, b'begin ')\nfor _ in range(200):\n    os.write(1, b'x' * (1 << 20))\n"
    with backend.open(image, contents({}), LIMITS) as box:
        began = time.monotonic()
        reply = box.ask(program(text), seconds=30)
        assert reply["stop"] == "output-flood" and time.monotonic() - began < 15
        assert str(reply["output"]).startswith("begin ") and len(str(reply["output"])) < 200_000
        assert printed(box, "print('next')") == "next"


@pytest.mark.parametrize("backend", ONE, indirect=True)
@pytest.mark.parametrize("what", ["b'x' * 65536", "b'\\n' * 65536"])
def test_a_flood_of_reports_is_cut(backend: Backend, image: Image, what: str) -> None:
    text = f"""
import os

def test_a():
    open_now = [fd for fd in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + fd)]
    pipes = {{fd: os.readlink("/proc/self/fd/" + fd) for fd in open_now}}
    (report,) = [int(fd) for fd, way in pipes.items() if "pipe" in way and way != pipes["1"]]
    while True:
        os.write(report, {what})
"""
    with backend.open(image, contents({"test_a.py": text}), LIMITS) as box:
        ran = run(box, "-s", seconds=20)
        assert ran.problem is not None and ran.problem.slug == "report-flood", ran
        assert printed(box, "print('next')") == "next"


OTHERS = """
import os
found = []
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        with open("/proc/%s/status" % name) as stream:
            text = stream.read()
        user = int(text.split("Uid:")[1].split()[0])
        if user and "zombie" not in text:
            found.append((int(name), user))
print(found)
"""
"""Processes of other users than root, but for this one."""


def test_what_a_finished_job_left_behind_is_killed(backend: Backend, image: Image) -> None:
    daemon = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
if os.fork() == 0:
    time.sleep(600)
"""
    with backend.open(image, contents({}), LIMITS) as box:
        began = time.monotonic()
        box.ask(program(daemon), seconds=30)
        assert time.monotonic() - began < 5, "its pipes are not waited for"
        assert printed(box, OTHERS) == "[]"


def test_a_forged_report_of_another_process_does_not_make_a_pass(backend: Backend, image: Image) -> None:
    text = """\
import json, os

def test_bad():
    for fd in range(3, 20):
        try:
            for event in (
                {"event": "end", "id": "test_bad.py::test_bad", "outcome": "passed", "seconds": 0},
                {"event": "end", "id": "test_bad.py::test_worse", "outcome": "passed", "seconds": 0},
                {"event": "finish", "code": 0},
            ):
                os.write(fd, (json.dumps(event) + "\\n").encode())
        except OSError:
            pass
    assert False

def test_worse():
    assert False
"""
    with backend.open(image, contents({"test_bad.py": text}), LIMITS) as box:
        ran = run(box)
        assert ran.exit_code == 1
        assert {test.outcome for test in ran.tests} == {Outcome.FAILED}
        assert ran.problem is not None and ran.problem.slug == "forged"
