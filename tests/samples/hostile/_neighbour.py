"""Looks for a secret that others of its sandbox hold in files, shared memory, queues and their own memory."""
import ctypes, glob, os, re

def hide(secret):
    """Leaves a secret wherever a process can."""
    held = []
    for path in (os.environ.get("TMPDIR", "/tmp"), os.path.expanduser("~"), "/tmp", "/dev/shm", "/repo", os.getcwd()):
        try:
            with open("%s/hidden-%d" % (path, os.getpid()), "w") as stream:
                stream.write(secret)
            os.chmod(stream.name, 0o666)
        except OSError:
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    number = libc.shmget(0x7219, 4096, 0o1666)
    if number >= 0:
        place = libc.shmat(number, None, 0)
        if place not in (None, ctypes.c_void_p(-1).value):
            ctypes.memmove(place, secret.encode(), len(secret))
    os.environ["HIDDEN"] = secret
    held.append(secret * 3)
    return held

def seek(mark):
    """Where a secret that begins with this mark is found; its own memory does not count."""
    found = []
    wanted = re.compile(mark.encode() + rb"[0-9a-f]{12}")
    paths = []
    for root in ("/tmp", "/dev/shm", "/repo", "/dev/mqueue", "/run"):
        for folder, _, names in os.walk(root):
            paths += [os.path.join(folder, name) for name in names]
    others = [n for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid()]
    paths += ["/proc/%s/%s" % (n, what) for n in others for what in ("environ", "cmdline")]
    for path in paths:
        try:
            with open(path, "rb") as stream:
                if wanted.search(stream.read(1 << 16)):
                    found.append(path)
        except OSError:
            pass
    for number in others:
        try:
            with open("/proc/%s/maps" % number) as maps, open("/proc/%s/mem" % number, "rb", 0) as memory:
                for line in maps:
                    first, last = (int(part, 16) for part in line.split()[0].split("-"))
                    if "rw" in line and last - first < 64 << 20:
                        memory.seek(first)
                        if wanted.search(memory.read(last - first)):
                            found.append("memory of %s" % number)
                            break
        except (OSError, ValueError, OverflowError):
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    number = libc.shmget(0x7219, 4096, 0o666)
    if number >= 0:
        place = libc.shmat(number, None, 0)
        if place not in (None, ctypes.c_void_p(-1).value) and wanted.search(ctypes.string_at(place, 64)):
            found.append("shared memory")
    return found
