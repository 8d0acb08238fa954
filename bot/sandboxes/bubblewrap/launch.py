"""One process in namespaces of its own: its arguments, whose it is outside, and the pipes to it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.errors import SandboxError
from bot.sandboxes.bubblewrap.cgroups import Group
from bot.sandboxes.stream import STALL

NOBODY = 65534
IDS = 65536
FIRST_ID, LAST_ID = 0x00080000, 0x6FFF0000
"""Where systemd, too, takes the ids of containers from: no account of a machine lies there."""
NEEDED = ("--userns-block-fd", "--info-fd", "--clearenv", "--perms", "--size", "--as-pid-1", "--remount-ro")
PATIENCE = 60.0
"""Seconds for a process to come up."""
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_INSTALL = "Install bubblewrap 0.7 or newer: `apt-get install bubblewrap`, `dnf install bubblewrap`."


@dataclass(frozen=True)
class Identity:
    """How users inside are told apart, and who they are outside."""

    kind: str
    """`range`: as many as there are, ids of nobody; `one`: all of the sandbox is one user."""
    why: str = ""
    """Why it is not `range`; empty when it is."""


@dataclass(frozen=True)
class Walls:
    """What a process finds around it."""

    arguments: tuple[str, ...]
    """bubblewrap's, for the file system."""
    network: bool = False
    """Whether it has the host's network."""
    capabilities: tuple[str, ...] = ()
    """What it starts with, over its own namespaces."""
    only_id: int | None = None
    """The one user there is inside; None: as the identity says."""


def program(path: str = SEARCH_PATH) -> str:
    """Where bubblewrap is. Raises SandboxError when it is missing, or too old."""
    found = shutil.which("bwrap", path=path)
    if found is None:
        raise SandboxError("bubblewrap (`bwrap`) is not installed.", hint=_INSTALL, slug="bubblewrap-missing")
    lacking = [option for option in NEEDED if option not in _options(found)]
    if lacking:
        raise SandboxError(
            f"bubblewrap is too old: it has no {lacking[0]}.", hint=_INSTALL, slug="bubblewrap-missing"
        )
    return found


@lru_cache(maxsize=4)
def _options(binary: str) -> frozenset[str]:
    said = subprocess.run([binary, "--help"], capture_output=True, timeout=20, check=False, env={})
    return frozenset((said.stdout + said.stderr).decode(errors="replace").split())


def identity(name: str, names: str = "/etc/subuid", groups: str = "/etc/subgid") -> Identity:
    """How users can be told apart for this process; `name` is what the ordinary user is called."""
    if os.geteuid() == 0:
        if _owned_ids("uid") < LAST_ID or _owned_ids("gid") < LAST_ID:
            return Identity("one", "root here is root of a container, which has no ids to give away")
        return Identity("range")
    if shutil.which("newuidmap", path=SEARCH_PATH) is None or shutil.which("newgidmap", path=SEARCH_PATH) is None:
        return Identity("one", "newuidmap is not installed (package uidmap)")
    if subordinate(names, name) is None or subordinate(groups, name) is None:
        return Identity("one", f"{name} has no {IDS} ids in {names} and {groups} (`usermod --add-subuids`)")
    return Identity("range")


def subordinate(path: str, name: str) -> int | None:
    """The first of the ids that a user may give away, where they are enough; None otherwise."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        owner, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if owner in (name, str(os.geteuid())) and first.isdigit() and count.isdigit() and int(count) >= IDS - 1:
            return int(first)
    return None


def _owned_ids(which: str) -> int:
    """The highest id that this process's own namespace knows."""
    try:
        rows = [line.split() for line in Path(f"/proc/self/{which}_map").read_text().splitlines()]
        return max(int(first) + int(count) - 1 for first, _, count in rows)
    except (OSError, ValueError):
        return 0


class Launcher:
    """Starts processes in namespaces of their own. Safe for threads."""

    def __init__(self, who: Identity, name: str) -> None:
        self._who = who
        self._name = name
        # A process dies with the thread that started it (`--die-with-parent`), so one thread starts all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="tryline-bubblewrap")

    @property
    def identity(self) -> Identity:
        """How users are told apart."""
        return self._who

    def start(
        self,
        walls: Walls,
        command: Sequence[str],
        group: Group | None,
        before: Callable[[int], None] | None = None,
    ) -> Enclosed:
        """Starts a command as PID 1 behind walls. Raises SandboxError; nothing is left then.

        It runs only once its users and its limits stand. What it says on its standard error, and what
        bubblewrap says, come on one pipe. `before` is told the id outside, where we are root.
        """
        binary = program()
        inner = walls.only_id if walls.only_id is not None else (0 if self._who.kind == "range" else NOBODY)
        info_read, info_write = os.pipe()
        block_read, block_write = os.pipe()
        argv = [binary, "--unshare-all", "--unshare-user", "--userns-block-fd", str(block_read)]
        argv += ["--info-fd", str(info_write), "--uid", str(inner), "--gid", str(inner), "--hostname", "sandbox"]
        argv += ["--clearenv", "--setenv", "PATH", SEARCH_PATH]
        argv += ["--new-session", "--die-with-parent", "--as-pid-1", "--cap-drop", "ALL"]
        argv += [word for name in walls.capabilities for word in ("--cap-add", name)]
        argv += ["--share-net"] if walls.network else []
        argv += [*walls.arguments, "--chdir", "/", "--", *command]
        base = _fresh_ids()
        if before is not None:
            before(base)
        try:
            try:
                process = self._starter.submit(_spawn, argv, (info_write, block_read), base).result()
            except (OSError, ValueError, subprocess.SubprocessError) as problem:
                raise SandboxError(
                    f"bubblewrap cannot be started: {problem}",
                    hint=f"{refusal() or 'See what `tryline doctor` says'}.",
                    slug="bubblewrap-userns",
                ) from problem
            finally:
                os.close(info_write)
                os.close(block_read)
            enclosed = Enclosed(process, group, base)
            try:
                self._settle(enclosed, inner, info_read)
                os.write(block_write, b"1")
            except (OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
                said = enclosed.complaint()
                enclosed.kill()
                raise SandboxError(
                    f"bubblewrap does not start a process: {said} ({problem})",
                    hint=f"{refusal() or 'See what `tryline doctor` says'}.",
                    slug="bubblewrap-userns",
                ) from problem
            except BaseException:
                enclosed.kill()
                raise
        finally:
            os.close(info_read)
            os.close(block_write)
        return enclosed

    def _settle(self, enclosed: Enclosed, inner: int, info: int) -> None:
        """Gives a process that waits its users and its limits."""
        enclosed.first = pid = _child(info)
        self._map(pid, inner, enclosed.base)
        if enclosed.group is not None:
            enclosed.group.add(pid)

    def _map(self, pid: int, inner: int, base: int) -> None:
        """Says which ids inside are which outside: none is anybody's, or, without rights, all are the user."""
        mine = os.geteuid()
        if inner == 0 and mine != 0:
            for tool, own, path in (
                ("newuidmap", mine, "/etc/subuid"),
                ("newgidmap", os.getegid(), "/etc/subgid"),
            ):
                first = str(subordinate(path, self._name) or 0)
                found = shutil.which(tool, path=SEARCH_PATH) or tool
                words = [found, str(pid), "0", str(own), "1", "1", first, str(IDS - 1)]
                subprocess.run(words, check=True, capture_output=True, timeout=20)
            return
        ids = {"uid": base if mine == 0 else mine, "gid": base if mine == 0 else os.getegid()}
        count = IDS if inner == 0 else 1
        if mine != 0:
            Path(f"/proc/{pid}/setgroups").write_text("deny")
        for which, outer in ids.items():
            Path(f"/proc/{pid}/{which}_map").write_text(f"{inner} {outer} {count}\n")


def _spawn(argv: Sequence[str], fds: Sequence[int], base: int) -> subprocess.Popen[bytes]:
    """bubblewrap itself, as nobody's user where we are root."""
    user = base if os.geteuid() == 0 and base else None
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        pass_fds=fds,
        env={},
        cwd="/",
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def _child(info: int) -> int:
    """The process id of PID 1, as bubblewrap reports it. Raises OSError when it ends before it does."""
    said = b""
    while not said.rstrip().endswith(b"}"):
        data = os.read(info, 4096) if ready([info], PATIENCE) else b""
        if not data:
            raise ProcessLookupError("it has ended")
        said += data
    return int(json.loads(said)["child-pid"])


def _fresh_ids() -> int:
    """The first of a range of ids that nobody has, or, in a container without such, nobody's own, or root's."""
    if min(_owned_ids("uid"), _owned_ids("gid")) < LAST_ID:
        return NOBODY if min(_owned_ids("uid"), _owned_ids("gid")) >= NOBODY else 0
    return FIRST_ID + secrets.randbelow((LAST_ID - FIRST_ID) // IDS) * IDS


def ready(fds: Iterable[int], seconds: float | None, event: int = select.POLLIN) -> list[int]:
    """Which of these can be read from (or written to), waiting at most so long. `select` knows no high numbers."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, event)
    return [fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)]


def refusal(read: Callable[[str], str | None] | None = None) -> str:
    """Why this machine does not let user namespaces be made, with the remedy; empty where nothing is known."""
    known = read or _setting
    if known("user/max_user_namespaces") == "0":
        return "user namespaces are switched off: `sysctl user.max_user_namespaces=15000`"
    if os.geteuid() != 0 and known("kernel/unprivileged_userns_clone") == "0":
        return "only root may make user namespaces here: `sysctl kernel.unprivileged_userns_clone=1`"
    if known("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "AppArmor restricts user namespaces here (Ubuntu 23.10 and newer): give `bwrap` a profile that has "
            "`userns`, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "this is a container, whose own profile refuses namespaces: let the job use the engine instead, or "
            "run it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`"
        )
    return ""


def _setting(name: str) -> str | None:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return None


class Enclosed:
    """A process behind walls, and the pipes to it; implements Transport."""

    def __init__(self, process: subprocess.Popen[bytes], group: Group | None, base: int) -> None:
        self.group = group
        self.base = base
        """Who it is outside, where we are root."""
        self.first = 0
        """Process 1 inside, as it is numbered outside."""
        self._process = process
        self._closed = False
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("a process without pipes")
        self._in, self._out, self._err = process.stdin, process.stdout, process.stderr
        woken, wake = os.pipe()
        self._woken, self._wake = os.fdopen(woken, "rb", 0), os.fdopen(wake, "wb", 0)
        os.set_blocking(self._in.fileno(), False)
        self._sources = [self._woken.fileno(), self._out.fileno(), self._err.fileno()]

    @property
    def alive(self) -> bool:
        """Whether it runs, and takes jobs."""
        return not self._closed and self._process.poll() is None

    def write(self, data: bytes) -> None:
        """Sends all of it. Raises OSError when nobody takes it."""
        view = memoryview(data)
        while view:
            with self._writing:
                if self._closed:
                    raise BrokenPipeError("closed")
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(self._in.fileno(), view) :]
                    continue
                blocked = self._in.fileno()
            if not ready([blocked], STALL, select.POLLOUT):
                raise TimeoutError("nothing was taken")

    def read(self) -> tuple[bool, bytes]:
        """The next piece of what it says: whether on its standard error, and the bytes."""
        with self._reading:
            while self._sources:
                for fd in ready(self._sources, None):
                    data = os.read(fd, 1 << 18)
                    if fd == self._woken.fileno() or (not data and fd == self._out.fileno()):
                        raise EOFError
                    if data:
                        return fd == self._err.fileno(), data
                    self._sources.remove(fd)
            raise EOFError

    def end(self) -> None:
        """Ends its input alone: what it says is still read."""
        with self._writing:
            self._in.close()

    def close(self) -> None:
        """Ends its input, upon which it ends by itself."""
        with self._writing:
            if self._closed:
                return
            self._closed = True
            self._in.close()
            self._wake.write(b"1")

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None when it does not end in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def complaint(self) -> str:
        """What stands on its standard error now, for a process that nobody reads from yet."""
        self.wait(2)
        data = os.read(self._err.fileno(), 4096) if ready([self._err.fileno()], 0) else b""
        return data.decode(errors="replace").strip()[-600:] or "it says nothing"

    def _drain(self) -> None:
        """Waits until process 1 is gone, too: nobody else holds the pipe that it answers on."""
        end = time.monotonic() + PATIENCE
        with contextlib.suppress(OSError):
            while ready([self._out.fileno()], max(0.0, end - time.monotonic())):
                if not os.read(self._out.fileno(), 1 << 18):
                    return

    def kill(self) -> None:
        """Ends it with all that it started, and waits for that. May be called twice."""
        self.close()
        self._process.kill()  # PID 1 goes with it, and with PID 1 everybody inside
        self.wait(PATIENCE)
        with self._reading:
            if self._sources:
                self._drain()
            self._sources.clear()
            for end in (self._out, self._err, self._woken, self._wake):
                end.close()
        if self.group is not None:
            self.group.remove()
