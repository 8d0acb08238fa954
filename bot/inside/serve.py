"""The fork server: the tests are collected once, then each candidate runs in a forked child.

Takes JSON lines on `ask_fd`, answers on the report pipe, each answer with the number of its job. A child gets an
id and limits of its own, reports on a pipe of its own, and is killed at its deadline with all that has its id.
What a child says is guidance: a verdict never rests on it.
"""

import gc
import json
import os
import resource
import select
import signal
import time

import pytest

from tryline_inside import calls, children, identity, oracle, swap, trials


class Server:
    """pytest plugin that takes over after collection."""

    def __init__(self, spec, reporter, house):
        self.spec = spec
        self.house = house
        self.tenants = {}
        """{process: (its id, its private place)} of children that live."""
        self.tried = False
        self.reporter = reporter
        self.ask = spec["ask_fd"]
        self.width = int(spec.get("width", 2))
        self.root = os.path.realpath(spec["root"])
        self.work = trials.Work()
        self.children = {}
        self.queue = []
        self.kept = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Serves until the agent closes the pipe."""
        self.work.start(session)
        children.adopt_orphans()
        self.kept = set(children.children())  # what the tests' collection started goes on
        self.house.open()
        if session.testsfailed and not session.items:
            self.reporter.send(job=None, event="collection-failed")
        buffer = b""
        while True:
            watched = [self.ask] + [fd for child in self.children.values() for fd in child.watched()]
            for fd in select.select(watched, [], [], self.patience())[0]:
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

    def patience(self):
        """Seconds until a child must be looked at even though nothing is heard of it; None where there is none."""
        if not self.children:
            return None
        if any(child.over is None for child in self.children.values()):
            return 0.02
        return max(0.0, min(child.deadline for child in self.children.values()) - time.monotonic())

    def take(self, message):
        """One request: answered at once, or queued for a child."""
        job, kind = message["job"], message["kind"]
        if kind == "hello":
            self.reporter.send(job=job, ready=True, tests=len(self.work.items), own=self.house.own)
        elif kind == "arm":
            gc.unfreeze()  # what an earlier unit froze must be found again
            unit = self.work.unit = swap.Unit(message["unit"], self.root)
            gc.collect()
            gc.freeze()
            self.reporter.send(job=job, functions=len(unit.functions))
        elif kind == "share":
            self.house.shared = bool(message["on"])
            self.reporter.send(job=job, own=self.house.own and not self.house.shared)
        elif kind == "cancel":
            self.cancel(set(message["jobs"]))
        else:
            self.queue.append(message)

    def cancel(self, jobs):
        """Nobody waits for these any more: those in the queue are dropped, those that run are ended, and each is
        answered all the same."""
        for message in [one for one in self.queue if one["job"] in jobs]:
            self.queue.remove(message)
            self.reporter.send(job=message["job"], error="cancelled")
        for child in self.children.values():
            if child.job in jobs:
                child.deadline = 0.0

    def room(self, message):
        """Whether a request may start now: what takes times runs alone, among our own at least."""
        if message["kind"] == "measure" or any(child.alone for child in self.children.values()):
            return not self.children
        # The first one shows whether the tests leave files where other candidates' tests make theirs.
        alone = self.house.own and not self.house.shared and (self.house.public or not self.tried)
        return len(self.children) < (1 if alone else self.width)

    def spawn(self, message):
        """Forks the child for a request, or two where the function is to have a process of its own."""
        why = oracle.unfit(self.work.unit) if message.get("apart") else ""
        if why:
            self.reporter.send(job=message["job"], status="not-plain", message=why)
            return
        seconds = float(message.get("seconds", 5))
        mate = None
        read_fd, write_fd = os.pipe()
        mark_read, mark_write = os.pipe()
        try:
            taken = {place for _, place in self.tenants.values()}
            tenant = self.house.admit(taken)
            if message.get("apart"):
                self.work.part(self.root)
                other = self.house.admit(taken | {tenant[1]})
                mate = oracle.split(lambda channel: self.far_child(message, channel, seconds, other))
                self.tenants[mate.pid] = other
            pid = os.fork()
        except OSError as problem:  # what earlier candidates started fills the container
            for fd in (read_fd, write_fd, mark_read, mark_write):
                os.close(fd)
            if mate is not None:
                mate.near.close()
                mate.end(self.kill)
                self.clear(mate.pid)
            self.reporter.send(job=message["job"], error="no process can be started: %s" % problem)
            return
        if pid == 0:
            code = 1
            try:
                os.close(read_fd)
                os.close(mark_write)
                code = self.child(message, write_fd, mark_read, seconds, tenant, mate)
            finally:
                os._exit(code)
        os.close(write_fd)
        os.close(mark_read)
        until = time.monotonic() + 2 * seconds + 1
        child = children.Child(pid, read_fd, message["job"], until, message["kind"])
        child.own = tenant[0] is not None
        child.mark = children.give_mark(mark_write)
        self.children[read_fd] = child
        self.tenants[pid] = tenant
        if mate is not None:
            mate.near.close()
            child.mate = mate

    def look(self, child):
        """Takes what a child wrote; sends its answer when it ended, says too much, or is past its deadline."""
        modest = child.take()
        # A process that a test started may hold the pipe open, and a child may close it and live on.
        over = child.ended(patience=0.05 if child.closed and child.over is None else 0.0)
        if over and modest:
            modest = child.take()
        elif not over and (time.monotonic() > child.deadline or not modest):
            child.killed = modest
            self.kill(child.pid)
            child.ended(patience=60)
        if child.status is None:
            return
        mate = child.mate
        own = mate.end(self.kill) if mate is not None else {}
        child.close()
        del self.children[child.fd]
        self.clear(child.pid)
        if mate is not None:
            self.clear(mate.pid)
        status = child.status
        answer = child.told() if modest else {}
        answer["signal"] = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        answer["exit"] = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        answer["killed"] = child.killed
        answer["cpu"] = round(child.usage.ru_utime + child.usage.ru_stime, 6)
        answer["memory_kb"] = child.usage.ru_maxrss
        answer["own"] = child.own
        if mate is not None:
            answer.update({} if answer["signal"] or answer["exit"] else own, apart=True)
            answer["cpu"] = round(answer["cpu"] + mate.usage.ru_utime + mate.usage.ru_stime, 6)
            answer["memory_kb"] += mate.usage.ru_maxrss
        self.reporter.send(job=child.job, **answer)

    def clear(self, pid):
        """Removes what a child left: with an id of its own, all of it; else its process group, and orphans when
        no child runs, for whose an orphan is cannot be told."""
        self.tried = True
        uid, place = self.tenants.pop(pid)
        if uid is not None:
            alive = [other for other, _ in self.tenants.values() if other is not None]
            self.house.depart(uid, place, alive, self.kept.union(self.tenants))
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass
        for _ in range(0 if self.tenants else 20):
            left = [one for one in children.children() if one not in self.kept]
            if not left:
                return
            for one in left:
                self.kill(one)
                os.waitpid(one, 0)

    def kill(self, pid):
        """Ends a child, and what it started: all that has its id, or where it has none of its own its group."""
        uid = self.tenants.get(pid, (None, ""))[0]
        if uid is not None:
            self.house.kill(uid)
            return
        for send in (os.killpg, os.kill):
            try:
                send(pid, signal.SIGKILL)
            except OSError:
                pass

    # -- in the child

    def far_child(self, message, channel, seconds, tenant):
        """The whole life of a process that has the function to itself."""
        self.enclose(message, seconds)
        self.house.arrive(*tenant)
        oracle.close_all_but(channel.fileno())
        self.work.answer(message, channel)

    def child(self, message, fd, mark, seconds, tenant, mate=None):
        """The whole life of a child; returns its exit code."""
        self.enclose(message, seconds)
        for other in self.children.values():
            other.close()
        for other in (self.ask, self.reporter.fd):
            os.close(other)
        self.children.clear()  # and with them the marks of others
        place = self.house.arrive(*tenant)
        send = calls.sender(fd, children.take_mark(mark))
        if mate is not None:
            if not place and not oracle.shield():
                send({"status": "not-plain", "message": "the tests' process cannot be shielded"})
                return 0
            self.work.near = oracle.Near(mate.near, self.work.landmarks)
        self.work.do(message, send)
        if place:
            identity.leave(place)  # what this leaves, another process removes: it costs a fork
        return 0

    @staticmethod
    def enclose(message, seconds):
        """Gives a child its group, its limits and no standard streams."""
        os.setpgid(0, 0)
        # Showing values takes CPU, too; so does making arguments, of which no clock of a measurement knows.
        more = 1 if message.get("trace") or message["kind"] == "call" else 4 * (message["kind"] == "measure")
        limit = max(1, int(seconds + 0.999)) + more
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
