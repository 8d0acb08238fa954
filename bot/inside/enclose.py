"""The first program in a sandbox without an engine: finishes the walls, then becomes the agent.

Called as `python -I -S -c SOURCE PLAN`, PLAN being JSON:

    {"inside": "/run/tryline", "remount": {"/tmp": ["nr_inodes=20000", false], ...}, "keep": [5, 6, 7],
     "limits": {"RLIMIT_NPROC": 256, ...}}

Nothing of the repository's is there yet when it runs. It mounts what bubblewrap's arguments have no words for: how
many files a work area may hold, a folder that cannot be run from, our own files read-only (where all run as one
user, nothing else keeps repository code from them). Then every capability goes but those to keep.
"""

import ctypes
import io
import json
import os
import resource
import struct
import sys
import tarfile

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
CAPABILITY_VERSION = 0x20080522
BORROWED = (8, 21)
"""CAP_SETPCAP and CAP_SYS_ADMIN, over namespaces of our own."""

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    """Raises OSError where a call of the C library failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def mount(source, target, flags, data=""):
    """mount(2); flags that bubblewrap has set may not be taken back, so they are said again."""
    flags |= MS_NOSUID | MS_NODEV
    checked(libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), data.encode()))


def give_up(keep):
    """Keeps these capabilities, and no way to others."""
    for capability in BORROWED:
        checked(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
    mask = sum(1 << capability for capability in keep)
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    checked(libc.capset(header, struct.pack("=6I", mask, mask, 0, 0, 0, 0)))


def main(plan):
    """Takes the agent's files from standard input, closes the walls, serves."""
    inside = plan["inside"]
    for name, value in plan["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    for path, (options, runnable) in plan["remount"].items():
        mount("tmpfs", path, MS_REMOUNT | (0 if runnable else MS_NOEXEC), options)
    stream = sys.stdin.buffer
    size = struct.unpack(">I", stream.read(4))[0]
    with tarfile.open(fileobj=io.BytesIO(stream.read(size))) as archive:
        archive.extractall(inside)
    ours = os.path.join(inside, "tryline_inside")
    mount(ours, ours, MS_BIND)
    mount(ours, ours, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC)
    give_up(plan["keep"])
    sys.path.insert(0, inside)
    from tryline_inside import agent  # its files have only now arrived

    # Nothing is looked for there any more: where all run as one user, repository code may put files beside it.
    sys.path.remove(inside)
    agent.main()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
