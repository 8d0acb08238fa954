"""Ends what a user left: a small process, made before there is anything large, that becomes that user and kills.

A process that was forked ahead waits for each request, so that there is one also when a fork bomb has taken all
numbers. It takes the user's id as its effective one alone: it may then signal that user's processes, all at one
blow that no fork outruns, while none of them may signal it.
"""

import json
import os
import select
import signal
import threading
import time

from tryline_inside import identity

PATIENCE = 60
"""Seconds for one request; the machine may be busy."""
TRIES = 5


class Janitor:
    """The process, as the one sees it that asks. Made while there is one thread and no repository code."""

    def __init__(self, guard, lists=None):
        """`guard` is the id that it takes meanwhile; `lists`: descriptors of folders that users cannot list."""
        ask, self.asking = os.pipe()
        self.telling, told = os.pipe()
        self.lock = threading.Lock()
        self.number = 0
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.asking)
                os.close(self.telling)
                serve(ask, told, guard, lists or {})
            finally:
                os._exit(1)
        os.close(ask)
        os.close(told)

    def descriptors(self):
        """What a forked child must close."""
        return [self.asking, self.telling]

    def ask(self, uid, kill=False, places=(), sweep=False):
        """Kills a user's processes, removes its private places, and what it has in the folders of all.

        Returns when that is done. Raises OSError when it cannot be done: nothing may be run beside it then.
        """
        with self.lock:
            for _ in range(TRIES):
                self.number += 1
                request = {"n": self.number, "uid": uid, "kill": kill, "places": list(places), "sweep": sweep}
                os.write(self.asking, json.dumps(request).encode() + b"\n")
                said = self.answer()
                if said is not None:
                    return said
        raise OSError("what user %d left cannot be removed" % uid)

    def answer(self):
        """What it told to the last request; None when it died of it."""
        until = time.monotonic() + PATIENCE
        while True:
            if not select.select([self.telling], [], [], max(0.0, until - time.monotonic()))[0]:
                raise OSError("what users left is not removed in time")
            line = os.read(self.telling, 64)
            if not line:
                raise OSError("nobody is there any more to remove what users left")
            for word in line.split(b"\n"):
                if word == b"died":
                    return None
                number, _, done = word.partition(b" ")
                if number == b"%d" % self.number:
                    return done == b"1"


def serve(ask, told, guard, lists):
    """The small process: one waiting child after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if identity.ctypes is not None:
        identity.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not a moment longer than who asks
    while True:
        try:
            pid = os.fork()
        except OSError:  # no number is free: whoever was killed is still to be taken note of
            time.sleep(0.002)
            continue
        if pid == 0:
            code = 1
            try:
                code = work(ask, told, guard, lists)
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 2:
            return
        if status:
            os.write(told, b"died\n")


def work(ask, told, guard, lists):
    """One request, in a child that waited for it; returns its exit code."""
    data = os.read(ask, 1 << 16)
    if not data:
        return 2
    request = json.loads(data.decode())
    uid = int(request["uid"])
    os.setresuid(guard, uid, guard)
    if request["kill"]:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
    left = [place for place in request["places"] if not identity.leave(place) and os.path.lexists(place)]
    if request["sweep"]:
        for folder in identity.SHARED:
            identity.sweep(uid, folder, lists.get(folder))
        identity.sweep(uid, identity.TREE)
        identity.remove_ipc(uid)
    os.write(told, b"%d %d\n" % (request["n"], not left))
    return 0
