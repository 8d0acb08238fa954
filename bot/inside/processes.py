"""Processes of repository code: another user, limits, clocks, and nothing left behind."""

import json
import os
import resource
import select
import signal
import subprocess
import threading
import time

from tryline_inside import children, identity, janitor

REPO = "/repo"
HERE = "/run/tryline"
PYTHON = "/venv/bin/python"


class Tenant:
    """Who a process of repository code is, and where its private place is."""

    def __init__(self, uid, place, own):
        self.uid = uid
        """Its id; None where it keeps the agent's."""
        self.place = place
        self.own = own
        """Whether no other process has that id while it lives: then it ends with all that has it."""
        self.suspect = False


class House:
    """Gives ids and private places to processes, and clears up behind them. One for the agent's life."""

    def __init__(self):
        """Made while there is one thread, and no repository code."""
        self.why = identity.lacking()
        self.lock = threading.Lock()
        self.tenants = []
        self.processes = identity.allowed()
        self.blocks = identity.blocks()
        os.makedirs(identity.ROOM, exist_ok=True)
        for path in identity.SHARED[:3]:
            try:
                os.chmod(path, 0o1733)  # files may be made there, and nobody sees those of others
            except OSError:
                pass  # not ours: the system's, on a machine without an engine
        self.janitor = None
        if not self.why:
            self.lists = {path: descriptor(path) for path in identity.SHARED if os.path.isdir(path)}
            self.block = identity.Block(*identity.RUNS)
            self.janitor = janitor.Janitor(self.block.guard, self.lists)
            self.marks = identity.Marks([path for path in identity.SHARED if path != identity.ROOM])

    def admit(self, own=False, name=""):
        """The tenant for a process. A suite runs as the user with a name, when nobody else does: what it finds out
        about itself is then what it finds on any machine; `own` asks for an id that nobody had. Raises OSError."""
        with self.lock:
            taken = {tenant.place for tenant in self.tenants}
            # Letters: a fork server numbers its candidates' places, and may look for a free one at the same time.
            names = [name] if name else [letters(number) for number in range(len(taken) + 100)]
            paths = [identity.ROOM + "/" + one for one in names]
            place = next((path for path in paths if path not in taken and not os.path.lexists(path)), "")
            if not place:
                raise OSError("no private place is free")
            uid = identity.NOBODY if os.getuid() == 0 else None
            if not self.why and (own or any(tenant.uid == uid for tenant in self.tenants)):
                uid = self.block.next()
            tenant = Tenant(uid, place, not self.why)
            self.tenants.append(tenant)
            return tenant

    def kill(self, tenant, leader):
        """Ends all processes of a tenant at once."""
        if tenant.own:
            self.janitor.ask(tenant.uid, kill=True)
        else:
            kill_all(leader)

    def part(self, tenant, leader):
        """Clears up behind a tenant whose process has ended. Raises OSError when that cannot be done."""
        try:
            if not tenant.own:
                sweep(leader)
                identity.leave(tenant.place)
                return
            self.kill(tenant, leader)
            self.bury(tenant.uid)
            with self.lock:
                moved = self.marks.moved()
            self.janitor.ask(tenant.uid, places=[tenant.place], sweep=moved or tenant.suspect)
            if moved:
                with self.lock:
                    self.marks.take()
                    for other in self.tenants:
                        other.suspect = True
        finally:
            with self.lock:
                self.tenants.remove(tenant)

    def bury(self, uid):
        """Waits until a user has no process, taking note of those that come to process 1. Raises OSError."""
        until = time.monotonic() + 20
        while True:
            with _guard:
                for pid in children.children():
                    if pid not in _alive and pid != self.janitor.pid:
                        try:
                            os.waitpid(pid, os.WNOHANG)
                        except OSError:
                            pass
            if not any(children.user(pid) == uid for pid in children.processes()):
                return
            if time.monotonic() > until:
                raise OSError("processes of user %d do not end" % uid)
            time.sleep(0.001)

    def clear_block(self, lowest, highest):
        """Ends what a fork server's candidates left, which it could not clear up behind itself any more."""
        users = {children.user(pid) for pid in children.processes()}
        for entry in os.listdir(identity.ROOM):
            try:
                users.add(os.lstat(identity.ROOM + "/" + entry).st_uid)
            except OSError:
                continue
        for uid in users:
            if uid is not None and lowest <= uid <= highest:
                places = ["%s/of-%d" % (identity.ROOM, uid)]
                self.janitor.ask(uid, kill=True)
                self.bury(uid)
                self.janitor.ask(uid, places=places, sweep=True)


def letters(number):
    """a, b, ... z, aa, bb, ..."""
    return chr(ord("a") + number % 26) * (number // 26 + 1)


def descriptor(path):
    """A folder opened for those who cannot list it."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


house = None
"""Set by the agent (open_house) before it takes jobs."""


def open_house():
    """Makes the house. Called once, before there are threads."""
    global house
    house = House()


def environment(extra, place):
    """The whole environment of repository code: nothing is inherited."""
    env = {
        "PATH": "/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "HOME": place + "/home",
        "USER": "nobody",
        "LOGNAME": "nobody",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": place,
        "VIRTUAL_ENV": "/venv",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "CI": "true",
    }
    env.update({str(k): str(v) for k, v in (extra or {}).items()})
    return env


def limited(limits, tenant, become=None):
    """What a child does between fork and exec: limits, then another user for good, then its private place."""

    def prepare():
        for name, value in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, limits.get("file", 64 << 20)),
            (resource.RLIMIT_NOFILE, 1024),
        ):
            hard = resource.getrlimit(name)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(name, (value, value))
        if limits.get("cpu"):
            resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu"], limits["cpu"] + 2))
        os.nice(10)  # the agent keeps the upper hand over hundreds of busy processes
        if become is not None:
            become()
        elif tenant.uid is not None:
            os.setgroups([])
            os.setresgid(identity.NOBODY, identity.NOBODY, identity.NOBODY)
            os.setresuid(tenant.uid, tenant.uid, tenant.uid)
        if tenant.own and tenant.uid != identity.NOBODY:  # that one's are counted over all containers of a kernel
            identity.limits(house.processes and max(16, house.processes - 12))
        os.umask(0o022)
        identity.take_place(tenant.place)

    return prepare


_guard = threading.Lock()
"""Held while a process is started and while leftovers are looked for: one just started looks like an orphan."""
_alive = {}
"""Leaders of the jobs that run now, and whether each may have orphans that are still needed."""


def start(argv, env, limits, tenant, pass_fds=(), busy=lambda: True, become=None):
    """Starts a job's process as an unprivileged user, leader of a session of its own."""
    with _guard:
        process = spawn(argv, env, pass_fds, limited(limits, tenant, become))
        _alive[process.pid] = busy
    return process


def forget(leader):
    """A job's process has ended, and what it left is gone."""
    _alive.pop(leader, None)


def spawn(argv, env, pass_fds, prepare):
    return subprocess.Popen(  # noqa: PLW1509 - the agent forks before it has anything that a lock could guard
        argv,
        cwd=REPO,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=prepare,
    )


def leftovers(session):
    """Process ids of a session, and of what left its session for PID 1. For processes without ids of their own.

    An orphan's origin cannot be told, so orphans are left alone while another job may have some of its own.
    """
    busy = any(check() for leader, check in list(_alive.items()) if leader != session)
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == 1 or (int(name) in _alive and int(name) != session):
            continue
        try:
            with open("/proc/%s/stat" % name) as stream:
                fields = stream.read().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        parent, leader = int(fields[1]), int(fields[3])
        if leader == session or (parent == 1 and not busy):
            found.append(int(name))
    return found


def kill_all(session):
    """One round of killing; returns whom it met."""
    with _guard:
        victims = leftovers(session)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    return victims


def sweep(session):
    """Kills what a finished job left behind: its session, and daemons that no living job may need."""
    for attempt in range(200):
        victims = kill_all(session)
        if not victims:
            return
        if attempt == 2:
            # A fork bomb is faster than one kill after the other. This one strikes all processes but this one at
            # once, those of other jobs too: they run beside a bomb, and say that they were killed.
            os.kill(-1, signal.SIGKILL)
        time.sleep(0.005)
        for pid in victims:
            try:
                os.waitpid(pid, os.WNOHANG)
            except OSError:
                pass


class Tail:
    """Keeps the first and the last part of a stream, drains the rest."""

    def __init__(self, limit):
        self.limit = limit
        self.head = b""
        self.tail = b""
        self.total = 0

    def add(self, data):
        self.total += len(data)
        room = self.limit // 4 - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self.tail = (self.tail + data)[-(self.limit * 3 // 4) :]

    def text(self):
        cut = self.total - len(self.head) - len(self.tail)
        middle = b"\n[... %d bytes left out ...]\n" % cut if cut > 0 else b""
        return (self.head + middle + self.tail).decode("utf-8", "replace")


def run(job):
    """Runs one process to its end under three clocks: silence between tests, wall, and output.

    The process reports events as JSON lines on a pipe of its own; what it prints is only kept as a tail.
    """
    began = time.monotonic()
    wall = float(job.get("seconds", 60))
    quiet = float(job.get("quiet", 0)) or wall
    kb = int(job.get("output_kb", 256))
    flood = int(job.get("flood_mb", 64)) << 20
    read_fd, write_fd = os.pipe()
    limits = {"file": int(job.get("file_mb", 64)) << 20}
    tenant = house.admit(own=bool(job.get("own")))
    env = environment(job.get("env"), tenant.place)
    argv = job.get("argv")
    path, mark, fds = "", b"", (write_fd,)
    if job.get("spec") is not None:
        mark_fd, mark_write = os.pipe()
        mark = children.give_mark(mark_write)  # not an argument, which everybody may read
        fds = (write_fd, mark_fd)
        spec = dict(job["spec"], report_fd=write_fd, mark_fd=mark_fd)
        argv = [PYTHON, HERE + "/tryline_inside/runner.py", json.dumps(spec)]
        if len(argv[2]) > 100000:  # an argument may not exceed 128 KiB on Linux
            path = "%s/spec-%d-%d.json" % (HERE, os.getpid(), threading.get_ident())
            with open(path, "w") as stream:
                stream.write(argv[2])
            os.chmod(path, 0o644)
            argv[2] = "@" + path
    try:
        process = start(argv, env, limits, tenant, pass_fds=fds)
    except BaseException:
        os.close(read_fd)
        house.tenants.remove(tenant)
        raise
    finally:
        for fd in fds:
            os.close(fd)
    events, partial, size, out = [], bytearray(), 0, Tail(kb << 10)
    forged = 0
    stop = ""
    last = time.monotonic()
    sources = {process.stdout.fileno(), read_fd}
    while sources:
        now = time.monotonic()
        if now - began > wall:
            stop = "timeout"
        elif now - last > quiet:
            stop = "quiet"
        elif out.total > flood:
            stop = "output-flood"
        elif size > (64 << 20):
            stop = "report-flood"
        if stop:
            break
        if process.poll() is not None and not select.select(list(sources), [], [], 0)[0]:
            break  # ended; a daemon that still holds our pipes is not waited for
        for fd in select.select(list(sources), [], [], 0.05)[0]:
            data = os.read(fd, 1 << 16)
            if not data:
                sources.discard(fd)
            elif fd == read_fd:
                size += len(data) + 100 * data.count(b"\n")  # a line costs more than its bytes
                last = time.monotonic()
                partial += data
                if b"\n" in data:
                    lines = partial.split(b"\n")
                    partial = lines.pop()
                    own = [line[len(mark) :] for line in lines if line.startswith(mark) and line]
                    forged += len([line for line in lines if line]) - len(own)
                    events.extend(own)
            else:
                out.add(data)
    if stop:
        house.kill(tenant, process.pid)
    try:
        code = process.wait(timeout=max(0.1, wall - (time.monotonic() - began)) if not stop else 5)
    except subprocess.TimeoutExpired:
        stop = stop or "timeout"
        house.kill(tenant, process.pid)
        code = process.wait()
    process.stdout.close()
    os.close(read_fd)
    try:
        house.part(tenant, process.pid)
    finally:
        forget(process.pid)
        if path:
            os.unlink(path)
    return {
        "code": code,
        "stop": stop,
        "own": tenant.own,
        "seconds": time.monotonic() - began,
        "output": out.text(),
        "printed": out.total,
        "forged": forged,
        "events": [event.decode("utf-8", "replace") for event in events],
    }
