"""Forked children of the fork server as it sees them: what they say, how they end, and what they leave behind."""

import json
import os
import select
import time

MAX_REPORT = 4 << 20
"""Bytes that a child may say."""
TOLD = ("status", "message", "rows", "steps", "pairs", "trace", "lines", "outcomes", "complete")
"""What a child may say; the rest of an answer is the server's own observation."""
STREAMED = ("call", "measure")
"""Jobs whose children tell rows as JSON lines while they work, so that one that is killed has told what it did."""
FORGED = {"message": "its report holds lines that somebody else wrote"}
"""What is told of a child whose report cannot be believed: no status, which is that of a crash."""
MARK = 16
"""Characters that begin each line of a child's report, drawn after the fork: what was written ahead, or by another
process, does not have them."""


def give_mark(fd):
    """Draws a mark and writes it to a pipe, whose end is closed; returns it."""
    mark = os.urandom(MARK // 2).hex().encode()
    os.write(fd, mark)
    os.close(fd)
    return mark


def take_mark(fd):
    """The mark, read by whom it is for."""
    mark = os.read(fd, MARK).decode()
    os.close(fd)
    return mark


class Child:
    """A forked child as the server sees it."""

    def __init__(self, pid, fd, job, deadline, kind):
        self.streamed = kind in STREAMED
        self.alone = kind == "measure"
        self.pid = pid
        self.fd = fd
        self.mark = b""
        self.job = job
        self.deadline = deadline
        self.data = bytearray()
        self.closed = False
        self.over = end_of(pid)
        self.killed = False
        self.status = None
        self.usage = None
        self.own = False
        """Whether it has an id of its own."""
        self.mate = None
        """The process that has the function to itself, where there is one."""

    def watched(self):
        """Descriptors that can be read when there is something to be looked at."""
        return ([] if self.closed else [self.fd]) + ([] if self.over is None else [self.over])

    def close(self):
        """Closes its descriptors."""
        os.close(self.fd)
        if self.over is not None:
            os.close(self.over)

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
        lines = bytes(self.data).split(b"\n")[:-1]
        if not all(line.startswith(self.mark) for line in lines):
            return dict(FORGED)
        texts = [line[len(self.mark) :].decode("utf-8", "replace") for line in lines]
        try:
            said = self.rows(texts) if self.streamed else json.loads("\n".join(texts))
            if not isinstance(said, dict):
                return {}
            said = {key: said[key] for key in TOLD if key in said}
            json.dumps(said)  # what can be read can still be too deep to be written
            return said
        except (ValueError, RecursionError):
            return {}

    @staticmethod
    def rows(lines):
        """What was told line by line: rows, and at the end how it ended."""
        said = {"rows": []}
        for line in lines:
            row = json.loads(line)
            if isinstance(row, dict) and "status" in row:
                said.update(row)
            else:
                said["rows"].append(row)
        return said


def end_of(pid):
    """A descriptor that can be read when a process is over; None where there is none (Python 3.8, old kernels).

    Asking again and again instead costs most where the machine is busy, and children take long.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


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
    try:
        found = []
        for thread in os.listdir("/proc/self/task"):
            with open("/proc/self/task/%s/children" % thread) as stream:
                found += [int(pid) for pid in stream.read().split()]
        return found
    except OSError:  # not every kernel tells it this way
        return [pid for pid in processes() if field(pid, "PPid:") == me]


def processes():
    """Ids of all processes that can be seen."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def user(pid):
    """The (real) user of a process; None when it is gone."""
    return field(pid, "Uid:")


def field(pid, name):
    """The first number behind a name in what the kernel tells of a process; None when it is gone."""
    try:
        with open("/proc/%d/status" % pid, errors="replace") as stream:
            for line in stream:
                if line.startswith(name):
                    return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None
