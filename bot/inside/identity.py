"""Who repository code is: an id of its own for each candidate, no capability, a private place, and its marks.

The agent is root and gives ids; the fork server runs as a user that may become one of its candidates' ids and
nobody else (fence.becoming). What one user left, processes and files, another (janitor.py) can remove as that
user. Where ids cannot be had (no ctypes, an agent that is not root, ids that are not mapped), `lacking` says why,
and everything runs under one.
"""

import os
import pwd
import random
import resource
import struct
import tempfile

from tryline_inside import fence

try:
    import ctypes
except ImportError:  # an interpreter that was built without it
    ctypes = None

LIBC = None
"""Made once: a candidate's process has it from the server that it is forked from."""
if ctypes is not None:
    LIBC = ctypes.CDLL(None, use_errno=True)
    LIBC.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4

NOBODY = 65534
"""Group of everything of the repository's, and the user with a name: what sees it in a list of users finds it."""
RUNS = (10000, 19999)
"""Ids of processes that the agent starts; below 65536, for many user namespaces map no others."""
CANDIDATES = (20000, 59999)
"""Ids of the fork servers' children."""
BLOCKS = 8
"""Fork servers of one container that get ids of their own."""
ROOM = "/tmp/w"
"""Holds the private places."""
SHARED = ("/tmp", ROOM, "/dev/shm", "/dev/mqueue")
"""Folders outside the repository in which everybody may make files."""
TREE = "/repo"
SETUID = 7
KEEP_CAPABILITIES, DUMPABLE, AMBIENT, IS_SET, RAISE = 8, 4, 47, 1, 2
"""Of prctl: PR_SET_KEEPCAPS, PR_SET_DUMPABLE, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, PR_CAP_AMBIENT_RAISE."""
VERSION = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3."""

_listdir, _unlink, _rmdir, _rename, _open, _close = os.listdir, os.unlink, os.rmdir, os.rename, os.open, os.close
_stat, _fchmod = os.stat, os.fchmod
"""As they were before repository code could put others in their place."""


def prctl(option, first, second=0):
    """One request to the kernel about this process. Raises OSError."""
    if LIBC.prctl(option, first, second, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def capabilities(mask):
    """Sets the effective, permitted and inheritable capabilities, all three to the same. Raises OSError."""
    head = ctypes.create_string_buffer(struct.pack("=Ii", VERSION, 0))
    data = ctypes.create_string_buffer(struct.pack("=IIIIII", mask, mask, mask, 0, 0, 0))
    if LIBC.capset(head, data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def lacking():
    """Why processes cannot get ids of their own here; '' where they can. For the agent."""
    if ctypes is None:
        return "the interpreter has no ctypes"
    why = fence.lacking()
    if why:
        return why
    if os.getuid() != 0:
        return "the agent is not root"
    try:
        with open("/proc/self/status") as stream:
            mask = next(int(line.split()[1], 16) for line in stream if line.startswith("CapEff:"))
        with open("/proc/self/uid_map") as stream:
            mapped = [[int(number) for number in line.split()] for line in stream]
    except (OSError, ValueError, StopIteration) as problem:
        return "the kernel does not tell: %s" % problem
    if not mask & 1 << SETUID:
        return "the agent may not become another user"
    try:
        prctl(AMBIENT, IS_SET, SETUID)
    except OSError:
        return "this kernel has no ambient capabilities"  # gVisor's, for one
    if not any(first <= RUNS[0] and first + count > CANDIDATES[1] for first, _, count in mapped):
        return "the container's ids are not mapped"
    return ""


def become_server(uid, lowest, highest):
    """This process, root so far, becomes a user that can become one of others, also in what it starts.

    To be called between fork and exec. Raises OSError.
    """
    prctl(KEEP_CAPABILITIES, 1)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(uid, uid, uid)
    capabilities(1 << SETUID)
    prctl(AMBIENT, RAISE, SETUID)
    fence.put(fence.becoming(os.uname().machine, lowest, highest))


def become(uid):
    """This process becomes a candidate, for good: another user, without any capability. Raises OSError."""
    os.setresuid(uid, uid, uid)
    capabilities(0)
    prctl(DUMPABLE, 1)  # another user's process could not see its own /proc/self otherwise


class Block:
    """The ids of one fork server: from a place by chance on, so that containers of one kernel, which counts a
    user's processes over all of them, seldom meet."""

    def __init__(self, lowest, highest):
        self.lowest = lowest
        self.highest = highest
        self.guard = lowest
        """Belongs to no candidate: who removes what they left, and must not be found by their signals."""
        self.left = highest - lowest
        self.last = lowest + random.SystemRandom().randrange(self.left)

    def next(self):
        """An id that nobody had. Raises OSError when there is none left."""
        if not self.left:
            raise OSError("all ids of this container were given")
        self.left -= 1
        self.last = self.last + 1 if self.last < self.highest else self.lowest + 1
        return self.last


def blocks():
    """Fork servers' ranges of ids in one container, in an order by chance."""
    size = (CANDIDATES[1] - CANDIDATES[0] + 1) // BLOCKS
    found = [(start, start + size - 1) for start in range(CANDIDATES[0], CANDIDATES[1], size)][:BLOCKS]
    random.SystemRandom().shuffle(found)
    return found


def limits(processes):
    """Limits that a user of its own can bear: of processes, which are counted for each user. 0 for none."""
    if processes:
        most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        most = processes if most == resource.RLIM_INFINITY else min(processes, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def allowed():
    """How many processes the container may have; 0 where that is not known."""
    for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
        try:
            with open(path) as stream:
                return int(stream.read())
        except (OSError, ValueError):  # `max`, or another kind of machine
            continue
    return 0


# ---------------------------------------------------------------------------------------------- private places


def take_place(path):
    """Makes a private place for temporary files, with a home in it. Raises OSError."""
    os.mkdir(path, 0o700)
    os.mkdir(path + "/home", 0o700)


def move_in(path):
    """What this process looks up about itself leads to its private place and to its id from now on."""
    os.environ["TMPDIR"] = path
    os.environ["HOME"] = path + "/home"
    tempfile.tempdir = None
    name_me()


def name_me():
    """Gives the id of this process the name of `nobody`, where the container's list of users has no such id.

    Programs that a test starts look it up themselves and find none.
    """
    me = os.getuid()
    lookup = pwd.getpwuid
    try:
        lookup(me)
        return
    except KeyError:
        pass

    def getpwuid(uid, /):
        if uid == me:
            home = os.environ.get("HOME", "/")
            return pwd.struct_passwd(("nobody", "x", me, NOBODY, "nobody", home, "/bin/sh"))
        return lookup(uid)

    pwd.getpwuid = getpwuid


class Marks:
    """What tells at the price of some system calls whether anybody left something in the folders of all."""

    def __init__(self, places):
        self.places = places
        self.take()

    def look(self):
        """How many there are, as far as a folder's state tells."""
        found: list = []
        for path in self.places:
            try:
                state = os.stat(path)
                found.append((state.st_mtime_ns, state.st_size))
            except OSError:
                found.append(None)
        try:
            found.append(os.statvfs(TREE).f_ffree)
        except OSError:
            found.append(None)
        for kind in ("shm", "sem", "msg"):
            try:
                with open("/proc/sysvipc/" + kind) as stream:
                    found.append(stream.read().count("\n"))
            except OSError:
                found.append(None)
        return found

    def take(self):
        """From now on, this is how it is when nobody left anything."""
        self.seen = self.look()

    def moved(self):
        """Whether somebody made or removed something since."""
        return self.look() != self.seen


# --------------------------------------------------------------------------------------------------- clearing


def clear(folder):
    """Removes what is in a folder of one's own, however deep; returns whether all is gone.

    Nested folders are moved up before they are looked into: a path can be made longer than the kernel takes.
    """
    try:
        top = _open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    number = 0
    try:
        while True:
            names = _listdir(top)
            if not names:
                return True
            before = number
            gone = 0
            for name in names:
                try:
                    _unlink(name, dir_fd=top)
                    gone += 1
                    continue
                except OSError:
                    pass
                try:
                    _rmdir(name, dir_fd=top)
                    gone += 1
                    continue
                except OSError:
                    pass
                number = emptied(top, name, number)
            if number == before and not gone:
                return False
    finally:
        _close(top)


def emptied(top, name, number):
    """Takes everything out of a folder within `top`: files are removed, folders moved to `top`."""
    try:
        inner = _open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
    except OSError:
        try:  # its owner may have taken its own right to read it
            os.chmod(name, 0o700, dir_fd=top)
            inner = _open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        except OSError:
            return number
    try:
        _fchmod(inner, 0o700)
        for each in _listdir(inner):
            try:
                _unlink(each, dir_fd=inner)
                continue
            except OSError:
                pass
            try:
                os.chmod(each, 0o700, dir_fd=inner)
                _rename(each, ".tryline-%d-%d" % (os.getpid(), number + 1), src_dir_fd=inner, dst_dir_fd=top)
                number += 1
            except OSError:
                continue
    except OSError:
        pass
    finally:
        _close(inner)
    return number


def leave(path):
    """Removes one's private place; returns whether it is gone."""
    try:
        os.chmod(path, 0o700)
        clear(path)
        _rmdir(path)
    except OSError:
        return False
    return True


def sweep(uid, folder, opened=None):
    """Removes what a user has in a folder of all and below it. To be called as that user, when it has no process.

    `opened` is the folder's descriptor, where that user cannot list it.
    """
    todo = [(folder, opened)]
    while todo:
        above, descriptor = todo.pop()
        try:
            names = _listdir(above if descriptor is None else descriptor)
        except OSError:
            continue
        for name in names:
            path = above + "/" + name
            try:
                state = _stat(path, follow_symlinks=False)
                folderish = state.st_mode & 0o170000 == 0o040000
                if state.st_uid == uid:
                    leave(path) if folderish else _unlink(path)
                elif folderish:
                    todo.append((path, None))
            except OSError:
                continue


def remove_ipc(uid):
    """Removes a user's System V memory, semaphores and queues. To be called as that user."""
    if ctypes is None:
        return
    libc = ctypes.CDLL(None)
    calls = {
        "shm": lambda number: libc.shmctl(number, 0, None),
        "sem": lambda number: libc.semctl(number, 0, 0),
        "msg": lambda number: libc.msgctl(number, 0, None),
    }
    for kind, remove in calls.items():
        try:
            with open("/proc/sysvipc/" + kind) as stream:
                lines = stream.read().split("\n")
        except OSError:
            continue
        names = lines[0].split()
        for line in lines[1:]:
            row = dict(zip(names, line.split()))
            if str(uid) in (row.get("uid"), row.get("cuid")):
                remove(int(row["msqid" if kind == "msg" else kind + "id"]))
