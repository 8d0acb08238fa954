"""Processes of repository code: another user, limits, three clocks, and nothing left behind."""

import json
import os
import resource
import select
import signal
import subprocess
import threading
import time

REPO = "/repo"
HERE = "/run/tryline"
PYTHON = "/venv/bin/python"
NOBODY = 65534


def environment(extra):
    """The whole environment of repository code: nothing is inherited."""
    env = {
        "PATH": "/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
        "HOME": "/tmp/home",
        "USER": "nobody",
        "LOGNAME": "nobody",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
        "VIRTUAL_ENV": "/venv",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "CI": "true",
    }
    env.update({str(k): str(v) for k, v in (extra or {}).items()})
    return env


def limited(limits):
    """What a child does between fork and exec: limits, then another user for good."""

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
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os.umask(0o022)

    return prepare


_guard = threading.Lock()
"""Held while a process is started and while leftovers are looked for: one just started looks like an orphan."""
_alive = {}
"""Leaders of the jobs that run now, and whether each may have orphans that are still needed."""


def start(argv, env, limits, pass_fds=(), busy=lambda: True):
    """Starts a job's process as an unprivileged user, leader of a session of its own."""
    os.makedirs("/tmp/home", exist_ok=True)
    os.chmod("/tmp/home", 0o1777)
    with _guard:
        process = spawn(argv, env, limits, pass_fds)
        _alive[process.pid] = busy
    return process


def forget(leader):
    """A job's process has ended, and what it left is gone."""
    _alive.pop(leader, None)


def spawn(argv, env, limits, pass_fds):
    return subprocess.Popen(  # noqa: PLW1509 - the agent forks before it has anything that a lock could guard
        argv,
        cwd=REPO,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
        start_new_session=True,
        preexec_fn=limited(limits),
    )


def leftovers(session):
    """Process ids of a session, and of what left its session for PID 1.

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
    env = environment(job.get("env"))
    argv = job.get("argv")
    path = ""
    if job.get("spec") is not None:
        spec = dict(job["spec"], report_fd=write_fd)
        argv = [PYTHON, HERE + "/tryline_inside/runner.py", json.dumps(spec)]
        if len(argv[2]) > 100000:  # an argument may not exceed 128 KiB on Linux
            path = "%s/spec-%d-%d.json" % (HERE, os.getpid(), threading.get_ident())
            with open(path, "w") as stream:
                stream.write(argv[2])
            os.chmod(path, 0o644)
            argv[2] = "@" + path
    try:
        process = start(argv, env, limits, pass_fds=(write_fd,))
    except BaseException:
        os.close(read_fd)
        raise
    finally:
        os.close(write_fd)
    events, partial, size, out = [], bytearray(), 0, Tail(kb << 10)
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
                    events.extend(line for line in lines if line)
            else:
                out.add(data)
    if stop:
        kill_all(process.pid)
    try:
        code = process.wait(timeout=max(0.1, wall - (time.monotonic() - began)) if not stop else 5)
    except subprocess.TimeoutExpired:
        stop = stop or "timeout"
        kill_all(process.pid)
        code = process.wait()
    process.stdout.close()
    os.close(read_fd)
    sweep(process.pid)
    forget(process.pid)
    if path:
        os.unlink(path)
    return {
        "code": code,
        "stop": stop,
        "seconds": time.monotonic() - began,
        "output": out.text(),
        "printed": out.total,
        "events": [event.decode("utf-8", "replace") for event in events],
    }
