"""PID 1 of a sandbox: takes jobs as frames on stdin, runs them as an unprivileged user, answers on stdout.

A frame is a 4-byte big-endian length and that many bytes of JSON; a job of kind `tree` is followed by one frame
of raw tar bytes. The agent imports nothing of the repository, and repository code never runs as its user. It
ends when stdin ends, and with it, as PID 1, the container: a host that was killed leaves nothing behind.
"""

import base64
import io
import json
import os
import resource
import select
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import time

REPO = "/repo"
GENERATED = "/opt/tryline/generated"
HERE = "/run/tryline"
PYTHON = "/venv/bin/python"
NOBODY = 65534
MAX_FRAME = 512 * 1024 * 1024
MAX_ANSWER = 16 * 1024 * 1024

_out_lock = threading.Lock()


def reply(message):
    """Writes one frame. Only the agent holds the container's stdout."""
    data = json.dumps(message).encode("utf-8", "surrogateescape")
    with _out_lock:
        stream = sys.stdout.buffer
        stream.write(struct.pack(">I", len(data)) + data)
        stream.flush()


def read_frame(stream):
    """One frame's bytes, or None at the end of the stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    size = struct.unpack(">I", head)[0]
    if size > MAX_FRAME:
        raise SystemExit("frame too large")
    data = stream.read(size)
    return data if len(data) == size else None


# ------------------------------------------------------------------------------------------------- files


def extract(data):
    """Unpacks the host's archive into /repo, owned by root: repository code may add files, not change them.

    Directories are world-writable and sticky: a process of another user can create files beside ours, but can
    neither edit, rename nor remove a file of the tree (test files, conftest, sources).
    """
    count = 0
    made = {REPO}
    os.chmod(REPO, 0o1777)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            path = inside(member.name)
            if path is None:
                continue
            make_directory(os.path.dirname(path), made)
            if member.isdir():
                make_directory(path, made)
            elif member.issym():
                replace(path, lambda p, m=member: os.symlink(m.linkname, p))
            elif member.isreg():
                body = archive.extractfile(member).read()
                write(path, body, 0o755 if member.mode & 0o111 else 0o644)
                count += 1
    if os.path.isdir(GENERATED):
        overlay(made)
    return count


def overlay(made):
    """Adds what the installation generated (version files, metadata, extensions) where the tree has nothing."""
    for folder, _, names in os.walk(GENERATED):
        relative = os.path.relpath(folder, GENERATED)
        for name in names:
            source = os.path.join(folder, name)
            target = os.path.normpath(os.path.join(REPO, relative, name))
            if os.path.lexists(target) or os.path.islink(source):
                continue
            make_directory(os.path.dirname(target), made)
            with open(source, "rb") as stream:
                write(target, stream.read(), 0o755 if os.access(source, os.X_OK) else 0o644)


def inside(name):
    """Absolute path below /repo for an archive's or a job's relative path; None if it would leave it."""
    path = os.path.normpath(os.path.join(REPO, name))
    return path if path == REPO or path.startswith(REPO + "/") else None


def straight(path):
    """Whether no folder on the way to a path is a link: repository code may have made some."""
    folder = os.path.dirname(path)
    return os.path.realpath(folder) == folder


def make_directory(path, made):
    """Makes a folder of the tree, and those above it. Raises OSError when one of them is a link."""
    if path in made:
        return
    make_directory(os.path.dirname(path), made)
    if os.path.islink(path):
        raise OSError("%s is a link, not a folder" % path)
    if not os.path.isdir(path):
        os.mkdir(path)
    os.chmod(path, 0o1777)
    made.add(path)


def replace(path, create):
    if os.path.lexists(path) and not os.path.isdir(path):
        os.unlink(path)
    create(path)


def write(path, body, mode):
    def create(target):
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        try:
            view = memoryview(body)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        os.chmod(target, mode)

    replace(path, create)


def put(job):
    """Replaces files of the tree: {path: base64}. Root-owned, so repository code cannot change them after."""
    made = {REPO}
    for name, encoded in job["files"].items():
        path = inside(name)
        if path is None or os.path.islink(path) or not straight(path):
            return {"error": "path outside the repository: %s" % name}
        mode = 0o755 if os.path.exists(path) and os.stat(path).st_mode & 0o111 else 0o644
        if job.get("writable"):  # a copy that a formatter is to change, never a file of the tree
            mode = 0o666
        make_directory(os.path.dirname(path), made)
        write(path, base64.b64decode(encoded), mode)
    return {"ok": True}


def get(job):
    """One regular file's content as base64, at most `limit` bytes."""
    path = inside(job["path"])
    limit = job.get("limit", 1 << 20)
    if path is None or not straight(path):
        return {"error": "no such file"}
    try:
        # Another process may swap the file meanwhile: what was opened is what is looked at.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {"error": "no such file"}
    with open(fd, "rb") as stream:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return {"error": "no such file"}
        data = stream.read(limit + 1)
    if len(data) > limit:
        return {"error": "file too large"}
    content = base64.b64encode(data).decode()
    if job.get("remove"):
        os.unlink(path)
    return {"content": content}


# --------------------------------------------------------------------------------------------- processes


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


def run(job, on_events=None):
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
    _alive.pop(process.pid, None)
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


# ---------------------------------------------------------------------------------------------- warm jobs


class Warm:
    """The fork server's process and the table of what it was asked."""

    def __init__(self, job):
        ask_read, self.ask_write = os.pipe()
        self.answer_read, answer_write = os.pipe()
        spec = dict(job["spec"], ask_fd=ask_read, report_fd=answer_write)
        path = "%s/serve.json" % HERE
        with open(path, "w") as stream:
            json.dump(spec, stream)
        os.chmod(path, 0o644)
        argv = [PYTHON, HERE + "/tryline_inside/runner.py", "@" + path]
        limits = {"file": int(job.get("file_mb", 64)) << 20}
        self.waiting = {}
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.dead = ""
        self.out = Tail(64 << 10)
        fds = (ask_read, answer_write)
        self.process = start(argv, environment(job.get("env")), limits, fds, busy=lambda: bool(self.waiting))
        os.close(ask_read)
        os.close(answer_write)
        threading.Thread(target=self.drain, daemon=True).start()
        threading.Thread(target=self.listen, daemon=True).start()

    def drain(self):
        while True:
            data = self.process.stdout.read1(1 << 16)
            if not data:
                return
            self.out.add(data)

    def listen(self):
        try:
            self.read_answers()
        finally:
            os.close(self.answer_read)
            with self.lock:
                self.dead = "the fork server ended"
                left = list(self.waiting)
            for job in left:
                self.settle(job, {"error": self.dead, "output": self.out.text()[-4000:]})

    def read_answers(self):
        """Passes answers on until the server ends, or says something endless."""
        buffer = bytearray()
        while len(buffer) <= MAX_ANSWER:
            data = os.read(self.answer_read, 1 << 20)
            if not data:
                return
            buffer += data
            if b"\n" not in data:
                continue
            lines = buffer.split(b"\n")
            buffer = lines.pop()
            for line in lines:
                try:
                    message = json.loads(line.decode("utf-8", "replace"))
                    job = message.pop("job", None) if isinstance(message, dict) else None
                    if isinstance(job, int):
                        self.settle(job, message)
                except (ValueError, RecursionError):
                    continue

    def settle(self, job, message):
        with self.lock:
            known = self.waiting.pop(job, None)
        if known is not None:
            reply(dict(message, id=job))

    def ask(self, job_id, message):
        with self.lock:
            if not self.dead:
                self.waiting[job_id] = True
        if self.dead:
            reply({"id": job_id, "error": self.dead, "output": self.out.text()[-4000:]})
            return
        data = (json.dumps(dict(message, job=job_id)) + "\n").encode()
        try:
            with self.writing:  # not the lock that answers need: the server may be busy sending one
                view = memoryview(data)
                while view:
                    view = view[os.write(self.ask_write, view) :]
        except OSError:
            self.settle(job_id, {"error": "the fork server ended", "output": self.out.text()[-4000:]})

    def stop(self):
        kill_all(self.process.pid)
        self.process.wait()
        sweep(self.process.pid)
        _alive.pop(self.process.pid, None)
        with self.writing:
            os.close(self.ask_write)


# -------------------------------------------------------------------------------------------------- loop


def handle(kind, job):
    if kind == "run":
        return run(job)
    if kind == "put":
        return put(job)
    if kind == "get":
        return get(job)
    if kind == "hello":
        return {"python": list(sys.version_info[:3]), "cpus": os.cpu_count()}
    return {"error": "unknown job %r" % kind}


def answer(job):
    try:
        result = handle(job["kind"], job)
    except Exception as problem:  # reported to the host, which decides; the agent itself must go on
        result = {"error": "%s: %s" % (type(problem).__name__, problem)}
    reply(dict(result, id=job.get("id")))


def main():
    """Serves until stdin ends."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    stream = sys.stdin.buffer
    warm = None
    while True:
        data = read_frame(stream)
        if data is None:
            os._exit(0)
        job = json.loads(data.decode())
        kind = job["kind"]
        if kind == "tree":
            body = read_frame(stream)
            if body is None:
                os._exit(0)
            try:
                reply({"id": job["id"], "files": extract(body)})
            except (OSError, tarfile.TarError) as problem:
                reply({"id": job["id"], "error": "cannot unpack the repository: %s" % problem})
        elif kind == "warm":
            if warm is not None:
                warm.stop()
            warm = Warm(job)
            warm.ask(job["id"], {"kind": "hello"})
        elif kind == "trial":
            if warm is None:
                reply({"id": job["id"], "error": "no fork server"})
            else:
                warm.ask(job["id"], job["message"])
        else:
            threading.Thread(target=answer, args=(job,), daemon=True).start()
