"""The fork server: the tests are collected once, then each candidate runs in a forked child.

Takes JSON lines on `ask_fd`, answers on the report pipe, each answer with the number of its job. A child gets
limits of its own, reports on a pipe of its own, and is killed with its process group at its deadline. What a
child says is guidance: a verdict never rests on it.
"""

import gc
import json
import os
import resource
import select
import signal
import time

import pytest

from tryline_inside import calls, instrument, plugin, recorder, swap, timing

MAX_REPORT = 4 << 20
TOLD = ("status", "message", "rows", "steps", "pairs", "trace", "outcomes", "complete")
"""What a child may say; the rest of an answer is the server's own observation."""
STREAMED = ("call", "measure")
"""Jobs whose children tell rows as JSON lines while they work, so that one that is killed has told what it did."""


class _Events(list):
    """Takes events in a child instead of the agent's pipe."""

    def send(self, **event):
        """Keeps one event."""
        self.append(event)


class _Child:
    """A forked child as the server sees it."""

    def __init__(self, pid, fd, job, deadline, kind):
        self.streamed = kind in STREAMED
        self.alone = kind == "measure"
        self.pid = pid
        self.fd = fd
        self.job = job
        self.deadline = deadline
        self.data = bytearray()
        self.closed = False
        self.killed = False
        self.status = None
        self.usage = None

    def take(self):
        """Reads what is there; False when it says too much."""
        while not self.closed and select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 1 << 20)
            self.data += data
            self.closed = not data
            if len(self.data) > MAX_REPORT:
                return False
        return True

    def ended(self, patience=0.0):
        """Whether the process is over; it may take `patience` seconds to get there."""
        until = time.monotonic() + patience
        while self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.status, self.usage = status, usage
            elif time.monotonic() >= until:
                return False
            else:
                time.sleep(0.0005)
        return True

    def told(self):
        """The keys that a child may report, as far as it reported them in JSON."""
        try:
            said = self.rows() if self.streamed else json.loads(self.data.decode("utf-8", "replace"))
            if not isinstance(said, dict):
                return {}
            said = {key: said[key] for key in TOLD if key in said}
            json.dumps(said)  # what can be read can still be too deep to be written
            return said
        except (ValueError, RecursionError):
            return {}

    def rows(self):
        """What was told line by line: rows, and at the end how it ended."""
        said = {"rows": []}
        for line in bytes(self.data).split(b"\n")[:-1]:
            row = json.loads(line.decode("utf-8", "replace"))
            if isinstance(row, dict) and "status" in row:
                said.update(row)
            else:
                said["rows"].append(row)
        return said


class Server:
    """pytest plugin that takes over after collection."""

    def __init__(self, spec, reporter):
        self.spec = spec
        self.reporter = reporter
        self.ask = spec["ask_fd"]
        self.width = int(spec.get("width", 2))
        self.root = os.path.realpath(spec["root"])
        self.unit = None
        self.items = {}
        self.children = {}
        self.queue = []
        self.session = None
        self.kept = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Serves until the agent closes the pipe."""
        self.session = session
        adopt_orphans()
        self.kept = set(children())  # what the tests' collection started goes on
        self.items = {item.nodeid: item for item in session.items}
        if session.testsfailed and not session.items:
            self.reporter.send(job=None, event="collection-failed")
        buffer = b""
        while True:
            timeout = 0.02 if self.children else None
            # A child that closed its pipe and lives on is waited for by the clock alone.
            watched = [self.ask] + [fd for fd, child in self.children.items() if not child.closed]
            for fd in select.select(watched, [], [], timeout)[0]:
                if fd == self.ask:
                    data = os.read(self.ask, 1 << 20)
                    if not data:
                        os._exit(0)
                    lines = (buffer + data).split(b"\n")
                    buffer = lines.pop()
                    for line in lines:
                        self.take(json.loads(line.decode()))
            for child in list(self.children.values()):
                self.look(child)
            while self.queue and self.room(self.queue[0]):
                self.spawn(self.queue.pop(0))

    def take(self, message):
        """One request: answered at once, or queued for a child."""
        job, kind = message["job"], message["kind"]
        if kind == "hello":
            self.reporter.send(job=job, ready=True, tests=len(self.items))
        elif kind == "arm":
            gc.unfreeze()  # what an earlier unit froze must be found again
            self.unit = swap.Unit(message["unit"], self.root)
            gc.collect()
            gc.freeze()
            self.reporter.send(job=job, functions=len(self.unit.functions))
        else:
            self.queue.append(message)

    def room(self, message):
        """Whether a request may start now: what takes times runs alone, among our own at least."""
        if message["kind"] == "measure" or any(child.alone for child in self.children.values()):
            return not self.children
        return len(self.children) < self.width

    def spawn(self, message):
        """Forks the child for a request."""
        read_fd, write_fd = os.pipe()
        seconds = float(message.get("seconds", 5))
        try:
            pid = os.fork()
        except OSError as problem:  # what earlier candidates started fills the container
            os.close(read_fd)
            os.close(write_fd)
            self.reporter.send(job=message["job"], error="no process can be started: %s" % problem)
            return
        if pid == 0:
            code = 1
            try:
                os.close(read_fd)
                code = self.child(message, write_fd, seconds)
            finally:
                os._exit(code)
        os.close(write_fd)
        until = time.monotonic() + 2 * seconds + 1
        self.children[read_fd] = _Child(pid, read_fd, message["job"], until, message["kind"])

    def look(self, child):
        """Takes what a child wrote; sends its answer when it ended, says too much, or is past its deadline."""
        modest = child.take()
        # A process that a test started may hold the pipe open, and a child may close it and live on.
        over = child.ended(patience=0.05 if child.closed else 0.0)
        if over and modest:
            modest = child.take()
        elif not over and (time.monotonic() > child.deadline or not modest):
            child.killed = modest
            self.kill(child.pid)
            child.ended(patience=60)
        if child.status is None:
            return
        try:
            os.killpg(child.pid, signal.SIGKILL)  # what it left in its process group
        except OSError:
            pass
        os.close(child.fd)
        del self.children[child.fd]
        if not self.children:
            self.sweep()
        status = child.status
        answer = child.told() if modest else {}
        answer["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        answer["exit"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        answer["killed"] = child.killed
        answer["cpu"] = round(child.usage.ru_utime + child.usage.ru_stime, 6)
        answer["memory_kb"] = child.usage.ru_maxrss
        self.reporter.send(job=child.job, **answer)

    def sweep(self):
        """Kills what candidates left behind: called when none runs, for whose an orphan is cannot be told."""
        for _ in range(20):
            left = [pid for pid in children() if pid not in self.kept]
            if not left:
                return
            for pid in left:
                self.kill(pid)
                os.waitpid(pid, 0)

    @staticmethod
    def kill(pid):
        for send in (os.killpg, os.kill):
            try:
                send(pid, signal.SIGKILL)
            except OSError:
                pass

    # -- in the child

    def child(self, message, fd, seconds):
        """The whole life of a child; returns its exit code."""
        os.setpgid(0, 0)
        # Showing values takes CPU, too; so does making arguments, of which no clock of a measurement knows.
        more = 1 if message.get("trace") or message["kind"] == "call" else 4 * (message["kind"] == "measure")
        limit = max(1, int(seconds + 0.999)) + more
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        for other in list(self.children) + [self.ask, self.reporter.fd]:
            os.close(other)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        send = calls.sender(fd)
        if message["kind"] in STREAMED:
            streaming = self.measure if message["kind"] == "measure" else self.calls
            send(streaming(message, send))
        else:
            work = self.replay if message["kind"] == "replay" else self.trial
            send(work(message))
        return 0

    def compile(self, message, book, record=""):
        """Puts the candidate in place; returns None, or the answer that says why not."""
        instrument.publish(book)
        if message.get("source") is None:
            return None
        try:
            if not self.unit.functions:
                raise swap.Unswappable("no live function has this code")
            code, defaults = self.unit.compile(message["source"], bool(book.trace_limit), record)
        except swap.Unswappable as problem:
            return {"status": "unswappable", "message": str(problem)}
        except (SyntaxError, ValueError, RecursionError) as problem:
            return {"status": "syntax", "message": str(problem)}
        self.add_imports(message.get("imports") or ())
        self.unit.install(code, defaults)
        return None

    def add_imports(self, statements):
        """Runs import statements where the live functions look for names."""
        for statement in statements:
            for function in self.unit.functions:
                exec(compile(statement, self.unit.file, "exec"), function.__globals__)

    def trial(self, message):
        """Runs the guide tests on a candidate."""
        book = recorder.Recorder(
            per_test=int(message.get("per_test", 40)),
            total=int(message.get("pairs", 0)),
            step_limit=int(message.get("step_limit", 10**9)),
            trace_limit=int(message.get("trace", 0)),
            pairs=True,
        )
        refused = self.compile(message, book, "target" if message.get("pairs") or book.trace_limit else "")
        if refused is not None:
            return refused
        reporting = next(
            p for p in self.session.config.pluginmanager.get_plugins() if isinstance(p, plugin.Plugin)
        )
        events = reporting.reporter = _Events()
        reporting.main = os.getpid()
        reporting.recorder = None
        shorten()
        limits = message.get("step_limits") or {}
        wanted = [self.items[test] for test in message["tests"] if test in self.items]
        rows = []
        hook = self.session.config.hook
        total = 0
        for index, item in enumerate(wanted):
            book.steps = book.overrun = 0
            book.counts.clear()
            book.step_limit = int(limits.get(item.nodeid) or message.get("step_limit", 10**9))
            del events[:]
            following = wanted[index + 1] if index + 1 < len(wanted) else None
            self.session.shouldfail = self.session.shouldstop = False
            try:
                hook.pytest_runtest_protocol(item=item, nextitem=following)
            except BaseException as problem:  # pytest.exit, SystemExit in a hook: the candidate's doing
                rows.append(
                    [item.nodeid, "crashed", type(problem).__name__, type(problem).__name__, 0, 0.0, book.steps, 0]
                )
                break
            end = next((event for event in events if event["event"] == "end"), None)
            total += book.steps
            if end is None:
                rows.append([item.nodeid, "crashed", "no outcome was reported", "", 0, 0.0, book.steps, 0])
                break
            word = end["outcome"]
            if book.overrun or end["exception"] == "StepLimit":
                word = "timeout"
            line = progress = 0
            for path, number, _ in end["frames"]:
                if path == self.unit.spec["file"]:
                    line = number
                if not progress and path == item.nodeid.split("::")[0]:
                    progress = number
            row = [item.nodeid, word, end["message"][:300], end["exception"], line, end["seconds"]]
            rows.append([*row, book.steps, progress])
            if message.get("stop_first") and word not in ("passed", "xfailed"):
                break
        return {"status": "ran", "rows": rows, "steps": total, "pairs": book.pairs, "trace": book.trace}

    def replay(self, message):
        """Calls the function itself on recorded and derived arguments, for the referee: outcomes alone."""
        book = recorder.Recorder(step_limit=int(message["step_limit"]))
        refused = self.compile(message, book)
        if refused is not None:
            return refused
        kinds = [tuple(pair) for pair in message["parameters"]]
        caller = calls.Caller(self.unit.functions[0], kinds, book)
        outcomes = []
        began = time.monotonic()
        for number, encoded in enumerate(message["inputs"]):
            for variant in range(int(message.get("derive", 0)) + 1):
                if time.monotonic() - began > float(message["seconds"]) * 0.8:
                    return {"status": "ran", "outcomes": outcomes, "complete": False}
                values = caller.values({"pickled": encoded}, variant, message.get("seed", 0), number)
                outcomes.append(["unusable", "", ""] if values is None else caller.replay(values))
        return {"status": "ran", "outcomes": outcomes, "complete": True}

    def calls(self, message, send):
        """Calls the function itself on any arguments, and tells all that can be told of each call."""
        book = recorder.Recorder(step_limit=int(message["step_limit"]))
        if message.get("source") is None and self.unit.functions:
            # The function as it stands has no probes: its own text with them takes its place, where that can be.
            self.compile(dict(message, source=self.unit.spec["source"]), book)
        refused = self.compile(message, book)
        if refused is not None:
            return refused
        if not self.unit.functions:
            return {"status": "unswappable", "message": "no live function has this code"}
        return {"status": "ran", "complete": calls.run(message, self.unit.functions[0], book, send)}

    def versions(self, asked):
        """Versions to be timed, as code for the live functions; where decorators differ from one to the next, each
        as a function of its own, with its decorators around it. Raises SyntaxError, Unswappable."""
        own = self.unit.spec["source"]
        texts = [wanted.get("source") or own for wanted in asked]
        alike = all(self.unit.plainly(text) for text in texts if text != own)
        made = []
        for wanted, text in zip(asked, texts):
            original = timing.Version.of(self.unit.functions[0])
            if not alike:
                self.add_imports(wanted.get("imports") or ())
                original.made = self.unit.decorated(text)
                made.append(original)
            elif wanted.get("source") is None:
                made.append(original)
            else:
                code, defaults = self.unit.compile(text, probes=False)
                self.add_imports(wanted.get("imports") or ())
                made.append(timing.Version(code, defaults if defaults is not None else original.defaults))
        return made

    def measure(self, message, send):
        """Takes times of several versions, in turns."""
        if not self.unit.functions:
            return {"status": "unswappable", "message": "no live function has this code"}
        try:
            versions = self.versions(message["versions"])
        except swap.Unswappable as problem:
            return {"status": "unswappable", "message": str(problem)}
        except (SyntaxError, ValueError, RecursionError) as problem:
            return {"status": "syntax", "message": str(problem)}
        kinds = [tuple(pair) for pair in message["parameters"]]
        timing.run(message, timing.Bench(self.unit, versions, kinds, message.get("seed", 0)), send)
        return {"status": "ran"}


def adopt_orphans():
    """Makes this process the parent of what its children leave behind, where the system can (Linux, ctypes)."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (ImportError, OSError, AttributeError):
        pass


def children():
    """Ids of this process's own children."""
    me = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as stream:
                    parent = int(stream.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == me:
                found.append(int(name))
    return found


def shorten():
    """Failure texts of the child's tests are the exception's own words: pytest's take seven times the CPU."""
    from _pytest import nodes, python

    def text(self, excinfo, style=None):
        return plugin.brief(excinfo)

    nodes.Node._repr_failure_py = text
    nodes.Node.repr_failure = text
    python.Function.repr_failure = text
